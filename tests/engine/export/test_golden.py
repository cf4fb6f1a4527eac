"""What an exported file looks like: as it was read and found good, and as ruff and pyright want it.

After a change that is meant: `EXPORT_GOLDEN=write make test ARGS=tests/engine/export/test_golden.py`, then read
the difference.
"""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from engine.export import code
from engine.export.names import RESERVED
from tests.engine.export.cases import ROOT, TARGETS, TEMPLATES, spec_of
from tests.engine.export.odd import WORKFLOWS

GOLDEN = ROOT / "tests" / "golden" / "code"
BIN = Path(sysconfig.get_path("scripts"))
FILES = {
    **{path.stem.replace("-", "_"): json.loads(path.read_text()) for path in TEMPLATES},
    **WORKFLOWS,
}  # fmt: skip


SAID = ("in nexod it may take", "what nexod does there", "nexod's rest api", "nexod_url", "nexod_api_key")
"""Where a file names Nexod: comments on what differs, and a search that asks it over REST."""


def exported(name: str, target: str) -> str:
    return code(spec_of(FILES[name]), target)


def unpinned(text: str) -> str:
    """A newer library is no change of ours."""
    return re.sub(r'^(#   "[\w-]+)==[^"]+', r"\1", text, flags=re.M)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", FILES)
def test_a_file_is_what_was_found_good(name: str, target: str):
    path, text = GOLDEN / f"{name}_{target}.py.txt", exported(name, target)
    if os.environ.get("EXPORT_GOLDEN") == "write":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(unpinned(text))
    assert unpinned(text) == path.read_text()
    assert text == exported(name, target), "the same twice"


def test_no_golden_file_is_left_over():
    assert {path.name for path in GOLDEN.iterdir()} == {f"{n}_{t}.py.txt" for n in FILES for t in TARGETS}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", FILES)
def test_a_file_says_what_it_needs_and_nothing_of_nexod(name: str, target: str):
    text = exported(name, target)
    compile(text, name, "exec")
    head, _, rest = text.partition("# ///\n")
    assert head.startswith("# /// script\n# requires-python = ") and "engine" not in text.split("import")
    assert "nexod" not in re.sub("|".join(SAID), "", text.lower())
    named = set(re.findall(r'^#   "([\w-]+)==', head, re.M))
    imported = {m.split(".")[0] for m in re.findall(r"^(?:from|import) ([\w.]+)", rest, re.M)}
    assert named == imported - set(sys.stdlib_module_names) - {"__future__"}


def test_every_file_passes_ruff_and_pyright(tmp_path: Path):
    for name in FILES:
        for target in TARGETS:
            (tmp_path / f"{name}_{target}.py").write_text(exported(name, target))
    for command in (
        ["ruff", "check", "--isolated"], ["ruff", "format", "--isolated", "--check"],
        ["pyright", "--pythonpath", sys.executable, "--level", "warning"],
    ):  # fmt: skip
        done = subprocess.run([BIN / command[0], *command[1:], "."], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-4000:]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", FILES)
def test_nothing_is_called_what_the_file_has_imported(name: str, target: str):
    """The golden files cover what the writers bring; whatever it is, no step may take its name."""
    tree = ast.parse(exported(name, target))
    brought = [one.asname or one.name for part in tree.body if isinstance(part, ast.Import | ast.ImportFrom)
               for one in part.names]  # fmt: skip
    assert {one for one in brought if one != "annotations"} <= RESERVED
    defined = [
        part.name for part in tree.body if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    ]
    assert len({*defined, *brought}) == len(defined) + len(brought)
