"""The command line: stdout carries only the result, the exit code says how it went."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from engine.cli import main
from tests.contracts.client import Client, is_problem
from tests.contracts.flows import asking, flow, inputs, node, value
from tests.running import ROOT, Nexod

FINE, FAILED, UNREADABLE, WAITS = 0, 1, 2, 3


@dataclass
class Done:
    returncode: int
    stdout: bytes
    stderr: bytes


Cli = Callable[..., Done]


@pytest.fixture
def cli(capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Cli:
    """`nexod ARGS` within this process, which spares each call a second of imports."""

    def call(nexod: Nexod, *args: str, **env: str) -> Done:
        capfdbinary.readouterr()
        with monkeypatch.context() as patch:
            for name, text in ({"NEXOD_DATA": str(nexod.data), "PORT": str(nexod.port)} | nexod.env | env).items():
                patch.setenv(name, text)
            try:
                code = main(list(args))
            except SystemExit as end:
                code = int(end.code or 0)
        return Done(code, *capfdbinary.readouterr())

    return call


def process(nexod: Nexod, *args: str) -> subprocess.CompletedProcess[bytes]:
    """The same as people call it."""
    return subprocess.run(
        [sys.executable, "-m", "engine", *args], cwd=ROOT, env=nexod.environment, capture_output=True, check=False
    )


def write(file: Path, spec: Any) -> str:
    file.write_bytes(spec if isinstance(spec, bytes) else json.dumps(spec).encode())
    return str(file)


# validate ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (value("1"), FINE),
        (flow(node("n", "llm", prompt="x", provider="anthropic")), FINE),
        (flow(node("n", "nonsense")), FAILED),
        ([], FAILED),
        (None, FAILED),
        (b"[" * 100_000 + b"]" * 100_000, FAILED),
        (b"x" * 6_000_000, FAILED),
        (b"", UNREADABLE),
        (b"{", UNREADABLE),
        (b'{"a": NaN}', UNREADABLE),
        (b'{"a": 1, "a": 1}', UNREADABLE),
        (b"\xff\xfe", UNREADABLE),
    ],
)
def test_validate_says_by_its_exit_how_the_file_is(cli: Cli, bare: Nexod, file: Path, content: Any, code: int) -> None:
    done = cli(bare, "validate", write(file, content), "--json")
    assert done.returncode == code, done.stderr
    if code == UNREADABLE:
        assert not done.stdout and done.stderr
    else:
        problems = json.loads(done.stdout)
        assert isinstance(problems, list) and not done.stderr
        for problem in problems:
            is_problem(problem)
        assert any(p["severity"] == "error" for p in problems) == (code == FAILED)


def test_validate_finds_what_rest_finds(cli: Cli, bare: Nexod, bare_api: Client, file: Path) -> None:
    spec = flow(
        node("a", text="{{ nobody }}"), node("b", "llm", prompt="x", provider="openai"), node("c"),
        wires=("a > ghost", "a.side > c")
    )  # fmt: skip
    done = cli(bare, "validate", write(file, spec), "--json")
    assert json.loads(done.stdout) == bare_api.post("/workflows", spec, 422)["error"]["details"]


def test_the_process_exits_as_the_command_says(bare: Nexod, file: Path) -> None:
    for content, code in ((value("1"), FINE), (flow(node("n", "nonsense")), FAILED), (b"{", UNREADABLE)):
        done = process(bare, "validate", write(file, content))
        assert done.returncode == code and bool(done.stdout) == (code != UNREADABLE), done


def test_a_file_that_is_not_there_is_unreadable(cli: Cli, bare: Nexod, tmp_path: Path) -> None:
    for args in (
        ("validate", str(tmp_path / "none.json")),
        ("validate", str(tmp_path)),
        ("import", str(tmp_path / "none.json")),
    ):
        done = cli(bare, *args)
        assert done.returncode == UNREADABLE and not done.stdout and done.stderr and b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    "args",
    [(), ("nonsense",), ("validate",), ("run",), ("keys",), ("keys", "create"),
        ("keys", "create", "--name", "x", "--scope", "y"),
     ("keys", "create", "--name", ""), ("keys", "create", "--name", "a\nb"),
     ("export",), ("up", "--what"), ("run", "x", "--input"), ("code", "x", "--target", "moon")],
)  # fmt: skip
def test_bad_arguments_exit_with_two(cli: Cli, bare: Nexod, args: tuple[str, ...]) -> None:
    done = cli(bare, *args)
    assert done.returncode == UNREADABLE and not done.stdout and done.stderr


# import, export, run -----------------------------------------------------------------------------------------


def test_import_and_export_carry_a_file_byte_for_byte(cli: Cli, bare: Nexod, bare_api: Client, file: Path) -> None:
    spec = value("'ä😀'", name="Größe", description="x\ny")
    done = cli(bare, "import", write(file, spec))
    assert done.returncode == FINE, done.stderr
    workflow_id = done.stdout.decode().strip()
    assert done.stdout.decode() == workflow_id + "\n"
    assert bare_api.get(f"/workflows/{workflow_id}")["name"] == "Größe"
    out = cli(bare, "export", workflow_id)
    assert out.returncode == FINE
    assert out.stdout == bare_api.raw("GET", f"/workflows/{workflow_id}/export").content
    again = cli(bare, "import", write(file, out.stdout))
    assert again.stdout.decode().strip() != workflow_id
    assert cli(bare, "export", again.stdout.decode().strip()).stdout == out.stdout


def test_import_refuses_what_rest_refuses(cli: Cli, bare: Nexod, file: Path) -> None:
    for spec, code in (
        (flow(node("n", "nonsense")), FAILED), ({**value("1"), "inputs": {"type": "string"}}, FAILED),
        ({**value("1"), "inputs": 5}, FAILED), (b"{", UNREADABLE), (b"x" * 6_000_000, FAILED),
    ):  # fmt: skip
        done = cli(bare, "import", write(file, spec))
        assert done.returncode == code and not done.stdout and done.stderr, done
    assert cli(bare, "export", "nope").returncode == UNREADABLE


def test_run_waits_and_tells_by_its_exit_how_it_went(cli: Cli, bare: Nexod, file: Path) -> None:
    spec = value("input.t + string(input.n + 1) + string(input.b)", inputs=inputs(t="string", n="integer", b="boolean"))
    done = cli(bare, "run", write(file, spec), "--input", "t=a=b", "--input", "n=41", "--input", "b=true", "--wait")
    assert done.returncode == FINE, done.stderr
    run = json.loads(done.stdout)
    assert run["status"] == "completed" and run["outputs"] == {"v": "a=b42true"}
    failed = cli(bare, "run", write(file, flow(node("f", "fail", message="x"))), "--wait")
    assert failed.returncode == FAILED and json.loads(failed.stdout)["status"] == "failed"
    waits = cli(bare, "run", write(file, asking()), "--wait")
    assert waits.returncode == WAITS and json.loads(waits.stdout)["status"] == "waiting"


def test_run_without_waiting_prints_the_id(cli: Cli, bare: Nexod, bare_api: Client, file: Path) -> None:
    done = cli(bare, "run", write(file, value("1")))
    assert done.returncode == FINE
    run_id = done.stdout.decode().strip()
    workflow_id = bare_api.done(run_id)["workflow_id"]
    by_id = cli(bare, "run", workflow_id, "--wait")
    assert by_id.returncode == FINE and json.loads(by_id.stdout)["workflow_id"] == workflow_id


def test_what_cannot_run_is_told_apart(cli: Cli, bare: Nexod, file: Path) -> None:
    topic = value("input.topic", inputs=inputs(topic="string"))
    for spec, args, code in (
        (topic, (), UNREADABLE), (topic, ("--input", "other=1"), UNREADABLE), (topic, ("--input", "topic"), UNREADABLE),
        ({**topic, "inputs": {"type": "object", "minProperties": 1}}, (), UNREADABLE),
        ({**topic, "inputs": {"type": "strange"}}, (), FAILED),
        (flow(node("n", "nonsense")), (), FAILED), (flow(), (), FAILED), (b"{", (), UNREADABLE),
        (flow(node("n", "llm", prompt="x", provider="openai")), ("--wait",), FAILED),
    ):  # fmt: skip
        done = cli(bare, "run", write(file, spec), *args)
        assert done.returncode == code and not done.stdout and b"Traceback" not in done.stderr, (spec, done)
    assert cli(bare, "run", "no-such-id").returncode == UNREADABLE


# Keys, links, reference --------------------------------------------------------------------------------------


def test_a_key_is_printed_once_and_alone(cli: Cli, bare: Nexod) -> None:
    done = cli(bare, "keys", "create", "--name", "ci", "--scope", "read", "--scope", "run")
    key = done.stdout.decode().strip()
    assert done.returncode == FINE and key.startswith("nxd_") and done.stdout.decode() == key + "\n"
    with Client(bare.url, key) as client:
        client.get("/workflows")
        client.post("/workflows", value("1"), 403)
    assert key.encode() not in b"".join(p.read_bytes() for p in bare.data.rglob("*") if p.is_file())


def test_a_login_link_is_printed_alone_and_works_once(cli: Cli, bare: Nexod) -> None:
    done = cli(bare, "login-link")
    link = done.stdout.decode().strip()
    assert done.returncode == FINE and link.startswith(f"{bare.url}/login?token=")
    assert bare.sign_in.startswith(f"{bare.url}/login?token=") and bare.sign_in != link


def test_every_command_that_needs_the_database_migrates_it(cli: Cli, tmp_path: Path, file: Path) -> None:
    fresh = Nexod(data=tmp_path / "fresh")
    done = cli(fresh, "import", write(file, value("1")))
    assert done.returncode == FINE and len(done.stdout.split()) == 1
    assert cli(fresh, "migrate").returncode == FINE
    assert (tmp_path / "fresh").stat().st_mode & 0o777 == 0o700


def test_a_run_without_any_server_lends_itself_a_worker(tmp_path: Path, file: Path) -> None:
    fresh = Nexod(data=tmp_path / "fresh")
    done = process(fresh, "run", write(file, value("6 * 7")), "--wait")
    assert done.returncode == FINE and json.loads(done.stdout)["outputs"] == {"v": 42}


def test_validate_needs_no_database(cli: Cli, tmp_path: Path, file: Path) -> None:
    fresh = Nexod(data=tmp_path / "none", env={"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"})
    assert cli(fresh, "validate", write(file, value("1"))).returncode == FINE
    assert cli(fresh, "nodes").returncode == FINE
    assert not (tmp_path / "none").exists()
    done = cli(fresh, "export", "x")
    assert done.returncode == UNREADABLE and b"Traceback" not in done.stderr and not done.stdout


def test_nodes_is_the_reference_of_all_kinds(cli: Cli, bare: Nexod) -> None:
    text = cli(bare, "nodes").stdout.decode()
    assert all(
        f"`{kind}`" in text
        for kind in ("template", "llm", "http", "condition", "approval", "wait", "subflow", "fail", "note")
    )


def test_a_bad_setting_is_named(cli: Cli, bare: Nexod) -> None:
    for name, wrong in (
        ("PORT", "x"),
        ("NEXOD_LEASE_S", "soon"),
        ("DATABASE_URL", "mysql://x"),
        ("DATABASE_URL", "sqlite://"),
        ("DATABASE_URL", "sqlite:///:memory:"),
        ("DATABASE_URL", "postgresql://u:hunter2@h:port/d"),
        ("REDIS_URL", "redis://:hunter2@h:port"),
        ("NEXOD_URL", "nonsense"),
        ("NEXOD_WORKERS", "-1"),
    ):
        done = cli(bare, "migrate", **{name: wrong})
        assert done.returncode == UNREADABLE and name.encode() in done.stderr and b"Traceback" not in done.stderr
        assert b"hunter2" not in done.stderr


def test_a_file_that_is_no_database_is_told(cli: Cli, bare: Nexod, file: Path) -> None:
    url = f"sqlite:///{write(file, b'only words, and no database ' * 100)}"
    for args in (("migrate",), ("export", "nope")):
        done = cli(bare, *args, DATABASE_URL=url)
        assert done.returncode == UNREADABLE and not done.stdout and b"not a database" in done.stderr, done
