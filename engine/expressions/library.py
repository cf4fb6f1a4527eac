"""The CEL library without its command line, whose import (prompt_toolkit, rich, typer) every process would pay for."""

from __future__ import annotations

import logging
import sys
from types import ModuleType

sys.modules.setdefault("cel.cli", ModuleType("cel.cli"))

import cel  # noqa: E402
from cel.stdlib import STDLIB_FUNCTIONS  # noqa: E402

__all__ = ["STDLIB_FUNCTIONS", "cel"]

logging.getLogger("cel").setLevel(logging.CRITICAL)  # what fails is told by the step, and may hold private data
