"""Imports without what they would bring along: vendors import every optional package that they find.

`nexod up` answers within two seconds of its start, and a tenth of that would go into clients that nobody calls.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def without(*packages: str) -> Generator[None]:
    """Inside, importing one of `packages` raises ImportError, unless it was imported before."""
    hidden = [package for package in packages if package not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for package in hidden:
            del sys.modules[package]
