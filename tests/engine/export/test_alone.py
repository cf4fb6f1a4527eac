"""The issue's proof, in long form: two environments, one a target, with what the headers name and nothing else, in
which every exported template runs and answers as on the platform. `EXPORT_ALONE=1` runs it; it installs both.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.engine.export.cases import TARGETS, Played, as_scripts, on_the_platform
from tests.engine.export.test_runs import CASES, masked, prepared
from tests.world.models import ModelServer

pytestmark = pytest.mark.skipif(not os.environ.get("EXPORT_ALONE"), reason="long: set EXPORT_ALONE=1")


def named(texts: list[str]) -> list[str]:
    return sorted(
        {pin for text in texts for pin in re.findall(r'^#   "([^"]+)",$', text.partition("# ///\n\n")[0], re.M)}
    )


def environment(folder: Path, pins: list[str]) -> str:
    """A Python with these packages, made by uv."""
    uv = Path(sysconfig.get_path("scripts")) / "uv"
    subprocess.run([uv, "venv", "-q", "-p", sys.executable, folder], check=True)
    python = str(folder / "bin" / "python")
    subprocess.run([uv, "pip", "install", "-q", "-p", python, *pins], check=True)
    assert subprocess.run([python, "-c", "import reflex"], capture_output=True).returncode, (
        "nothing of Nexod's is there"
    )
    return python


@pytest.mark.usefixtures("sink")
@pytest.mark.parametrize("target", TARGETS)
async def test_exported_templates_run_where_nothing_else_is(
    target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    texts = {name: case.export(target) for name, case in CASES.items()}
    python = environment(tmp_path / "env", named(list(texts.values())))
    with ExitStack() as stack:
        jobs = []
        for name, case in CASES.items():
            models = stack.enter_context(ModelServer())
            models.script(*case.rules)
            jobs.append((case, texts[name], models))
        done: list[Played] = as_scripts(jobs, tmp_path, python)
        for (name, case), (_, _, models), played in zip(CASES.items(), jobs, done, strict=True):
            prepared(monkeypatch, case, models)
            (folder := tmp_path / str(len(name)) / re.sub(r"\W", "_", name)).mkdir(parents=True)
            wanted = await on_the_platform(case, folder, target)
            assert played.code == 0, (name, played.err)
            assert masked(json.loads(played.out)) == masked(wanted), name
