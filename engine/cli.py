"""`nexod`: start the product, and do from a terminal what the page does. stdout carries only the result.

Exit: 0 fine or completed, 1 errors in the workflow or a failed run, 2 unreadable or bad arguments, 3 the run waits.
Each command imports what it needs: checking a file loads neither database nor web.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import Invalid, MalformedJson, NexodError, NotFound, TooLarge

if TYPE_CHECKING:
    from engine.settings import Settings
    from engine.store.session import Workspace

FINE, FAILED, UNREADABLE, WAITS = 0, 1, 2, 3
SCOPES = ("read", "write", "run", "approve", "admin")
Command = Callable[[argparse.Namespace], int]


def main(argv: list[str] | None = None) -> int:
    options = _parser().parse_args(argv)
    command: Command = options.command
    try:
        return command(options)
    except NexodError as fault:
        _complain(fault)
        return FAILED if _is_about_the_workflow(fault) else UNREADABLE
    except BrokenPipeError:
        # Whoever read our output has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FINE
    except KeyboardInterrupt:
        return 130


def _complain(fault: NexodError) -> None:
    print(f"nexod: {fault.message} {fault.hint}".rstrip(), file=sys.stderr)
    for problem in fault.details:
        print(_line(problem), file=sys.stderr)


def _is_about_the_workflow(fault: NexodError) -> bool:
    """Whether the file or draft is at fault, and not how the command was called."""
    from engine.services.inputs import BadInputs

    return isinstance(fault, Invalid | TooLarge) and not isinstance(fault, BadInputs)


def _line(problem: dict[str, Any]) -> str:
    place = ".".join(part for part in (problem["node_id"], problem["field"]) if part)
    return f"{problem['severity']}: {place or 'workflow'}: {problem['message']} {problem['hint']} [{problem['code']}]"


# What may be said --------------------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nexod", description="Draw AI workflows, run them durably, approve what matters."
    )
    commands = parser.add_subparsers(required=True, metavar=None)

    def add(name: str, command: Command, about: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=about, description=about[0].upper() + about[1:] + ".")
        made.set_defaults(command=command)
        return made

    add("up", _up, "start web and workers, and print the sign-in link")
    add("web", _web, "start the web process alone")
    worker = add("worker", _worker, "start one worker alone")
    worker.add_argument("--until-parent-ends", action="store_true", help=argparse.SUPPRESS)
    add("migrate", _migrate, "bring the database to this release")
    add("login-link", _login_link, "print a link that signs in once, within 15 minutes")
    keys = add("keys", _keys_create, "make API keys").add_subparsers(required=True)
    create = keys.add_parser("create", help="make a key and print it, this once")
    create.add_argument("--name", required=True, help="what it is for")
    create.add_argument("--scope", action="append", choices=SCOPES, help="may be given several times; default: all")
    validate = add("validate", _validate, "check a workflow file")
    validate.add_argument("file", metavar="FILE")
    validate.add_argument("--json", action="store_true", help="print the problems as a JSON array")
    run = add("run", _run, "start a run and print its id")
    run.add_argument("workflow", metavar="FILE|ID", help="a workflow file, or the id of a stored workflow")
    run.add_argument("--input", action="append", default=[], metavar="K=V", help="an input; may be given several times")
    run.add_argument("--wait", action="store_true", help="wait for the end, and print the whole run")
    add("import", _import, "store a workflow file and print its id").add_argument("file", metavar="FILE")
    add("export", _export, "print a stored workflow as a file").add_argument("id", metavar="ID")
    add("nodes", _nodes, "print the reference of all kinds of step")
    code = add("code", _code, "print a workflow as a Python file that runs without Nexod")
    code.add_argument("file", metavar="FILE")
    code.add_argument("--target", choices=("langgraph", "crewai"), help="default: the workflow's own")
    ingest = add("ingest", _ingest, "add files or web addresses to a collection and print the documents' ids")
    ingest.add_argument("source", metavar="FILE|URL", nargs="+")
    ingest.add_argument("--collection", required=True, metavar="NAME|ID", help="it is made if there is none")
    ingest.add_argument("--wait", action="store_true", help="wait until they can be searched; 1 if one cannot")
    return parser


# The product -------------------------------------------------------------------------------------------------


def _up(_: argparse.Namespace) -> int:
    from engine import up
    from engine.settings import Settings

    up.run(Settings.read())
    return FINE


def _web(_: argparse.Namespace) -> int:
    from setproctitle import setproctitle

    from engine import web
    from engine.settings import Settings

    setproctitle("nexod web")
    with _workspace():
        pass
    web.run(Settings.read())
    return FINE


def _worker(options: argparse.Namespace) -> int:
    from setproctitle import setproctitle

    from engine import up, worker
    from engine.settings import Settings

    setproctitle("nexod worker")
    if options.until_parent_ends:
        up.die_with(os.getppid())
    with _workspace():
        pass
    worker.run(Settings.read())
    return FINE


def _migrate(_: argparse.Namespace) -> int:
    with _workspace():
        return FINE


@contextmanager
def _workspace() -> Generator[Workspace]:
    """The workspace of whoever holds this machine, its schema up to date."""
    from engine.queue import Queue
    from engine.services import doorbell
    from engine.settings import Settings
    from engine.store.database import Database
    from engine.store.migrate import migrate
    from engine.store.models import DEFAULT_WORKSPACE
    from engine.store.session import Workspace

    settings = Settings.read()
    db = Database.open(settings.database_url)
    try:
        migrate(db)
        doorbell.hang(db, Queue.open(settings))
        yield Workspace(db, DEFAULT_WORKSPACE)
    finally:
        db.close()


# Identity ----------------------------------------------------------------------------------------------------


def _login_link(_: argparse.Namespace) -> int:
    from engine.services import identity
    from engine.settings import Settings

    with _workspace() as ws:
        print(identity.login_link(ws.db, Settings.read().url))
    return FINE


def _keys_create(options: argparse.Namespace) -> int:
    from engine.services import identity

    with _workspace() as ws:
        try:
            print(identity.create_key(ws, options.name, options.scope)["key"])
        except Invalid as fault:
            _complain(fault)
            return UNREADABLE
    return FINE


# Workflows ---------------------------------------------------------------------------------------------------


def _read(file: str) -> bytes:
    """The bytes of a file, or of stdin for `-`. Raises MalformedJson when it cannot be read."""
    from engine.spec import MAX_BYTES

    try:
        if file == "-":
            return sys.stdin.buffer.read(MAX_BYTES + 1)
        with Path(file).open("rb") as source:
            return source.read(MAX_BYTES + 1)
    except OSError as fault:
        raise MalformedJson(f"{file} cannot be read: {fault.strerror}.") from None


def _validate(options: argparse.Namespace) -> int:
    from engine.plan import problems
    from engine.spec import parse

    try:
        found = [problem.to_json() for problem in problems(parse(_read(options.file)))]
    except TooLarge as fault:
        found = [{"code": "too_large", "severity": "error", "node_id": None, "field": None, "message": fault.message,
                  "hint": fault.hint}]  # fmt: skip
    except Invalid as fault:
        found = fault.details
    if options.json:
        print(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        print("\n".join(map(_line, found)) or "No problems.")
    return FAILED if any(problem["severity"] == "error" for problem in found) else FINE


def _import(options: argparse.Namespace) -> int:
    from engine.services import workflows

    data = _read(options.file)
    with _workspace() as ws:
        print(workflows.import_(ws, data)["id"])
    return FINE


def _export(options: argparse.Namespace) -> int:
    from engine.services import workflows

    with _workspace() as ws:
        data = workflows.export(ws, options.id)
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
    return FINE


def _nodes(_: argparse.Namespace) -> int:
    from engine.services.reference import nodes

    print(nodes())
    return FINE


def _code(options: argparse.Namespace) -> int:
    from engine import export
    from engine.plan import problems
    from engine.spec import parse, read

    raw = parse(_read(options.file))
    spec, _ = read(raw)
    if spec is None:
        raise Invalid.of(problems(raw))
    print(export.code(spec, options.target), end="")
    return FINE


# Knowledge ---------------------------------------------------------------------------------------------------


def _ingest(options: argparse.Namespace) -> int:
    from engine.services import collections, documents
    from engine.settings import Settings

    settings, failed = Settings.read(), 0
    with _workspace() as ws:
        home = collections.find(ws, options.collection) or collections.create(
            ws, settings, {"name": options.collection}
        )
        for source in options.source:
            if source.startswith(("http://", "https://")):
                added = documents.add(ws, settings, home["id"], {"url": source})
            else:
                added = documents.add_file(ws, settings, home["id"], source, "", _file(source))
            print(added["document_id"], flush=True)
            failed += options.wait and not _read_by(ws, settings, source, added["document_id"])
    return FAILED if failed else FINE


def _file(path: str) -> Path:
    try:
        with Path(path).open("rb"):
            return Path(path)
    except OSError as fault:
        raise MalformedJson(f"{path} cannot be read: {fault.strerror}.") from None


def _read_by(ws: Workspace, settings: Settings, source: str, document_id: str) -> bool:
    """Whether it can be searched; done here when no worker does it."""
    from engine.knowledge import ingest

    try:
        ingest.wait(ws.db, settings, ws.id, document_id, lambda: False)
    except NexodError as fault:
        print(f"nexod: {source}: {fault.message} {fault.hint}".rstrip(), file=sys.stderr)
        return False
    return True


# Runs --------------------------------------------------------------------------------------------------------


def _run(options: argparse.Namespace) -> int:
    from engine.services import runs, workflows

    texts = dict(_pair(text) for text in options.input)
    with _workspace() as ws:
        workflow_id = _stored(ws, options.workflow)
        inputs = _typed(workflows.get(ws, workflow_id)["spec"].get("inputs"), texts)
        run_id = runs.start(ws, workflow_id, inputs)["run_id"]
        if not options.wait:
            print(run_id)
            return FINE
        run = _wait(ws, run_id)
    print(json.dumps(run, ensure_ascii=False, indent=2))
    return {"completed": FINE, "failed": FAILED, "cancelled": FAILED}.get(run["status"], WAITS)


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise MalformedJson(f"{text!r} is no input.", hint="Write --input name=value.")
    return name, value


def _typed(declared: Any, texts: dict[str, str]) -> dict[str, Any]:
    """What people typed, as the declared types: text stays text, the rest is read as JSON where it is JSON."""
    properties: dict[str, Any] = declared.get("properties", {}) if declared else {}
    return {name: _value(text, properties.get(name, {})) for name, text in texts.items()}


def _value(text: str, declared: dict[str, Any]) -> Any:
    kinds = declared.get("type", "string" if "enum" not in declared else "any")
    if kinds == "string" or (isinstance(kinds, list) and "string" in kinds):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _stored(ws: Workspace, file_or_id: str) -> str:
    """The id of a stored workflow. A file is stored first, unless one just like it is there."""
    from engine.services import workflows

    if file_or_id != "-" and not Path(file_or_id).is_file():
        try:
            return workflows.get(ws, file_or_id)["id"]
        except NotFound:
            raise NotFound(f"{file_or_id!r} is neither a file nor the id of a workflow.") from None
    return workflows.find_or_import(ws, _read(file_or_id))


def _lend() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "engine", "worker", "--until-parent-ends"], stdout=sys.stderr)


def _wait(ws: Workspace, run_id: str) -> dict[str, Any]:
    """The run once nothing more will happen by itself. Lends it a worker if there is none."""
    from engine.services import health, runs

    lent: subprocess.Popen[bytes] | None = None
    look_at = 0.0
    try:
        while not runs.is_settled(run := runs.get(ws, run_id)):
            # Again and again: a worker that has just ended still counts as there for a while.
            if lent is None and time.monotonic() >= look_at:
                lent = _lend() if health.look(ws.db)["worker"] != "ok" else None
                look_at = time.monotonic() + 1
            time.sleep(0.02)
        return run
    finally:
        if lent:
            lent.terminate()
            lent.wait()
