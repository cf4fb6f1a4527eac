"""`nexod`, as a person and a script use it: what it prints, where, and how it exits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine import cli

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "engine" / "templates"


@pytest.fixture
def nexod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Any:
    """Runs a command in this process: exit code, stdout, stderr."""
    monkeypatch.setenv("NEXOD_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)

    def run(*args: str) -> tuple[int, str, str]:
        capfdbinary.readouterr()
        try:
            code = cli.main(list(args))
        except SystemExit as exit_:
            code = int(exit_.code or 0)
        out, err = capfdbinary.readouterr()
        return code, out.decode(), err.decode()

    return run


def file(tmp_path: Path, content: Any) -> str:
    path = tmp_path / "flow.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def flow(*nodes: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"nexod": 1, "name": "Test", "nodes": list(nodes), **more}


STEP = {"id": "a", "kind": "template", "config": {"text": "hello {{ input.who }}"}}
WHO = {"type": "object", "properties": {"who": {"type": "string"}}, "required": ["who"]}
GREET = flow(STEP, inputs=WHO, outputs={"text": "{{ a.text }}"})


def test_a_sound_file_is_fine_and_warnings_do_not_count(nexod, tmp_path):
    assert nexod("validate", str(TEMPLATES / "1-research-review-publish.json"))[0] == 0
    warned = flow({"id": "a", "kind": "llm", "config": {"prompt": "x", "provider": "openai"}})
    code, out, _ = nexod("validate", file(tmp_path, warned), "--json")
    assert code == 0 and [problem["code"] for problem in json.loads(out)] == ["missing_key"]
    assert not (tmp_path / "data" / "nexod.db").exists(), "checking a file needs no database"


def test_errors_are_listed_on_stdout_and_exit_1(nexod, tmp_path):
    bad = file(tmp_path, flow({"id": "a", "kind": "nonsense", "config": {}}))
    code, out, err = nexod("validate", bad)
    assert code == 1 and "unknown_kind" in out and not err
    code, out, _ = nexod("validate", bad, "--json")
    assert code == 1 and json.loads(out)[0].keys() == {"code", "severity", "node_id", "field", "message", "hint"}


@pytest.mark.parametrize("content", ["", "{", '{"a": NaN}', '{"a": 1, "a": 2}', "[1, 2"])
def test_what_is_no_json_exits_2(nexod, tmp_path, content):
    for command in ("validate", "import", "run"):
        code, out, err = nexod(command, file(tmp_path, content))
        assert (code, out) == (2, "") and "nexod:" in err, command


def test_a_json_that_is_no_workflow_exits_1(nexod, tmp_path):
    for content in ("[]", "1", "{}", "[" * 5000 + "]" * 5000, json.dumps({"x": "y" * 6_000_000})):
        assert nexod("validate", file(tmp_path, content))[0] == 1


def test_bad_arguments_exit_2(nexod, tmp_path):
    for args in (
        (), ("nonsense",), ("validate",), ("validate", "no-such-file"), ("keys", "create"), ("run", "no-such-id"),
        ("keys", "create", "--name", "x", "--scope", "root"), ("export", "no-such-id"), ("import", "no-such-file"),
        ("run", file(tmp_path, GREET), "--input", "who"), ("run", file(tmp_path, GREET)),
        ("run", file(tmp_path, GREET), "--input", "who=x", "--input", "more=1"), ("code", "no-such-file"),
        ("code", file(tmp_path, GREET), "--target", "nonsense"),
    ):  # fmt: skip
        code, out, err = nexod(*args)
        assert (code, out) == (2, "") and err, args


def test_a_file_becomes_python_for_either_target(nexod, tmp_path):
    words = {(): "StateGraph", ("--target", "langgraph"): "StateGraph", ("--target", "crewai"): "Flow["}
    for args, word in words.items():
        code, out, err = nexod("code", file(tmp_path, GREET), *args)
        assert (code, err) == (0, "") and word in out and compile(out, "greet.py", "exec")
    assert not (tmp_path / "data" / "nexod.db").exists(), "writing code needs no database"


def test_what_cannot_become_python_is_told_with_its_place(nexod, tmp_path):
    unknown = flow({**STEP, "config": {"text": "{{ type(input.who) }}"}}, inputs=WHO)
    for content in (unknown, flow(), flow({"id": "a", "kind": "nonsense", "config": {}}), {"nexod": 1}):
        code, out, err = nexod("code", file(tmp_path, content))
        assert (code, out) == (1, "") and "error: " in err, content
    assert nexod("code", file(tmp_path, unknown))[2].splitlines()[1].startswith("error: a.config.text: a: type()")


def test_a_file_goes_in_and_comes_out(nexod, tmp_path):
    code, first, _ = nexod("import", str(TEMPLATES / "3-check-a-page.json"))
    assert code == 0 and len(first.strip()) == 36 and first.count("\n") == 1
    code, exported, _ = nexod("export", first.strip())
    assert code == 0
    second = nexod("import", file(tmp_path, exported))[1]
    assert second != first and nexod("export", second.strip())[1] == exported
    assert nexod("import", file(tmp_path, flow({"id": "a", "kind": "x", "config": {}})))[0] == 1


def test_keys_and_links_are_printed_alone(nexod):
    code, out, _ = nexod("keys", "create", "--name", "ci", "--scope", "read", "--scope", "run")
    assert code == 0 and out.startswith("nxd_") and len(out) == 41
    code, out, _ = nexod("login-link")
    assert code == 0 and out.startswith("http://127.0.0.1:8000/login?token=") and out.count("\n") == 1


def test_a_run_without_waiting_prints_its_id_and_stores_a_file_once(nexod, tmp_path):
    runs = [nexod("run", file(tmp_path, GREET), "--input", "who=you") for _ in range(2)]
    assert all(code == 0 and len(out) == 37 for code, out, _ in runs)
    from engine.services import workflows

    with cli._workspace() as ws:
        assert len(workflows.list_(ws)["items"]) == 1


def test_typed_inputs_follow_their_declaration():
    declared = {"properties": {"n": {"type": "integer"}, "s": {"type": "string"}, "l": {"type": "array"}, "any": {}}}
    texts = {"n": "3", "s": "3", "l": '["a"]', "any": "3", "odd": "{"}
    assert cli._typed(declared, texts) == {"n": 3, "s": "3", "l": ["a"], "any": "3", "odd": "{"}


@pytest.mark.parametrize(
    ("spec", "code", "status"),
    [
        (GREET, 0, "completed"),
        (flow({"id": "f", "kind": "fail", "config": {"message": "no"}}, inputs=WHO), 1, "failed"),
        (flow({"id": "q", "kind": "approval", "config": {"question": "Well?"}}, inputs=WHO), 3, "waiting"),
    ],
)
def test_waiting_prints_the_run_and_exits_by_how_it_went(tmp_path, spec, code, status):
    """With no worker running, one is lent for as long as it takes."""
    environment = os.environ | {"NEXOD_DATA": str(tmp_path / "data"), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "engine", "run", file(tmp_path, spec), "--input", "who=you", "--wait"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == code, done.stderr
    run = json.loads(done.stdout)
    assert run["status"] == status
    if status == "completed":
        assert run["outputs"] == {"text": "hello you"}


def test_files_go_into_a_collection_and_are_searched(nexod, tmp_path):
    good, bad = tmp_path / "otters.md", tmp_path / "bad.pdf"
    good.write_text("# Otters\n\nOtters hold hands.")
    bad.write_bytes(b"%PDF-1.4 nothing")
    code, out, err = nexod("ingest", str(good), str(bad), "--collection", "Books", "--wait")
    assert code == 1 and len(out.split()) == 2 and "bad.pdf" in err
    code, again, _ = nexod("ingest", str(good), "--collection", "Books", "--wait")
    assert code == 0 and again.split() == out.split()[:1]
    assert nexod("ingest", str(tmp_path / "none.txt"), "--collection", "Books")[0] == 2


def test_the_reference_of_the_steps_is_printed(nexod):
    code, out, _ = nexod("nodes")
    assert code == 0 and out.startswith("# Steps") and "## template" in out


def test_checking_a_file_loads_neither_database_nor_web():
    code = (
        "import sys; from engine import cli; "
        f"cli.main(['validate', {str(TEMPLATES / '2-one-model-call.json')!r}]); "
        "print([n for n in ('sqlalchemy', 'fastapi', 'reflex', 'huey', 'langgraph', 'openai') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]", done.stdout + done.stderr
