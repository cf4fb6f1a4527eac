"""The walls: who may import whom, and which vendor lives where. docs/architecture.md says why."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = {
    "engine": set(),
    "components": set(),
    "nexod_app": {"engine", "components"},
    "alembic": {"engine"},
}
KNOWS = {
    "errors": "",
    "settings": "errors",
    "failpoint": "errors",
    "lean": "",
    "values": "",
    "advice": "values",
    "addresses": "",
    "retry_after": "",
    "schema": "errors values",
    "shapes": "errors values",
    "spec": "shapes schema",
    "secrets": "settings values",
    "egress": "addresses settings secrets",
    "requests": "egress retry_after",
    "expressions": "spec",
    "llm": "spec egress retry_after",
    "vectors": "settings values retry_after",
    "embeddings": "llm requests",
    "documents": "settings values",
    "signature": "",
    "plugins": "",
    "node": "expressions llm plugins",
    "credentials": "node advice",
    "conversation": "node",
    "passages": "llm",
    "tools": "credentials signature requests store passages documents",
    "nodes": "tools conversation",
    "agents": "node",
    "plan": "nodes",
    "tokens": "plan",
    "events": "spec",
    "fold": "events",
    "journal": "events failpoint secrets",
    "backends": "tokens journal",
    "store": "journal fold settings vectors",
    "knowledge": "store vectors embeddings documents llm node requests passages",
    "bell": "store",
    "queue": "store lean",
    "writer": "store",
    "live": "store secrets",
    "runner": "backends store bell writer live knowledge",
    "worker": "runner queue bell",
    "export": "plan",
    "services": "knowledge store plan queue bell fold export secrets agents",
    "limiter": "settings",
    "web": "settings lean",
    "up": "services web worker",
    "cli": "services up web worker",
}
"""Inside `engine`: a module may know these, and whatever these may know."""

SCANS = {("node", "nodes")}
"""The registry opens the folder of the node types by name."""

HOMES = {
    "langgraph": ("engine/backends/langgraph.py",),
    "langchain_core": ("engine/backends/langgraph.py",),
    "crewai": ("engine/backends/crewai/",),
    "huey": ("engine/queue.py",),
    "redis": ("engine/queue.py", "engine/bell.py", "engine/limiter.py"),
    "pinecone": ("engine/vectors/pinecone/",),
    "sqlalchemy": ("engine/store/", "alembic/"),
    "sqlmodel": ("engine/store/", "alembic/"),
    "alembic": ("engine/store/", "alembic/"),
    "psycopg": ("engine/store/",),
    "mcp": ("engine/tools/mcp.py",),
    "trafilatura": ("engine/documents/",),
    "openai": ("engine/llm/",),
    "anthropic": ("engine/llm/",),
    "jsonschema_rs": ("engine/schema.py",),
    "cel": ("engine/expressions/",),
    "httpx2": ("engine/llm/",),
    "httpx": ("engine/egress.py", "engine/requests.py", "engine/llm/"),
    "pypdfium2": ("engine/documents/",),
    "docx": ("engine/documents/",),
    "obstore": ("engine/documents/",),
    "tokenizers": ("engine/embeddings/",),
    "reflex": ("components/", "nexod_app/"),
}
HEAVY = ("langgraph", "langchain_core", "crewai", "litellm", "chromadb")


def imports(file: Path) -> Iterator[tuple[str, int]]:
    """Every dotted name a file imports, also inside functions; `from a import b` counts as `a.b`."""
    for item in ast.walk(ast.parse(file.read_text())):
        if isinstance(item, ast.Import):
            yield from ((name.name, item.lineno) for name in item.names)
        elif isinstance(item, ast.ImportFrom) and item.module and not item.level:
            yield from ((f"{item.module}.{name.name}", item.lineno) for name in item.names)


def sources() -> list[Path]:
    return [file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py"))]


def unit(parts: tuple[str, ...]) -> str:
    """`engine/store/ledger.py` and `engine.store.ledger` both belong to `store`."""
    return "cli" if parts[1] == "__main__" else parts[1]


def known(name: str) -> set[str]:
    return {name}.union(*(known(other) for other in KNOWS[name].split()))


def arrows() -> Iterator[tuple[Path, str, int]]:
    for file in sources():
        for name, line in imports(file):
            yield file.relative_to(ROOT), name, line


def is_ours(name: str, package: str) -> bool:
    """The folder `alembic` is no package: the name means the library."""
    return name.split(".")[0] == package and package != "alembic"


def test_packages_point_one_way():
    wrong = [
        f"{file}:{line}  {file.parts[0]} ──▶ {name}"
        for file, name, line in arrows()
        for package in PACKAGES
        if is_ours(name, package) and package != file.parts[0] and package not in PACKAGES[file.parts[0]]
    ]
    assert not wrong, "\n" + "\n".join(wrong)


def test_migrations_know_only_the_store():
    allowed = ("engine.store", "engine.settings")
    wrong = [
        f"{file}:{line}  alembic ──▶ {name}"
        for file, name, line in arrows()
        if file.parts[0] == "alembic" and is_ours(name, "engine") and not name.startswith(allowed)
    ]
    assert not wrong, "\n" + "\n".join(wrong)


def test_inside_the_engine_nothing_knows_what_stands_to_its_right():
    list(TopologicalSorter({name: KNOWS[name].split() for name in KNOWS}).static_order())  # no circle
    wrong = []
    for file, name, line in arrows():
        if file.parts[0] != "engine" or not is_ours(name, "engine") or file.parts == ("engine", "__init__.py"):
            continue
        mine, other = unit((*file.parts[:1], Path(file.parts[1]).stem)), unit(tuple(name.split(".")))
        if mine not in KNOWS:
            wrong.append(f"{file}: draw {mine!r} in KNOWS and in docs/architecture.md")
        elif other not in known(mine) and (mine, other) not in SCANS:
            wrong.append(f"{file}:{line}  {mine} ──▶ {other}")
    assert not wrong, "\n" + "\n".join(sorted(set(wrong)))


def test_every_vendor_has_one_home():
    wrong = [
        f"{file}:{line}  {name}  belongs in {' or '.join(HOMES[vendor])}"
        for file, name, line in arrows()
        if (vendor := name.split(".")[0]) in HOMES and not str(file).startswith(HOMES[vendor])
    ]
    assert not wrong, "\n" + "\n".join(wrong)


def test_the_web_side_never_names_what_executes_runs():
    executes = ("engine.backends", "engine.runner", "engine.worker", "engine.journal", "engine.tokens")
    wrong = [
        f"{file}:{line}  nexod_app ──▶ {name}"
        for file, name, line in arrows()
        if file.parts[0] == "nexod_app" and name.startswith(executes)
    ]
    assert not wrong, "\n" + "\n".join(wrong)


@pytest.mark.parametrize("module", ["nexod_app.nexod_app", "engine.services.runs", "engine.cli"])
def test_a_web_process_starts_without_the_engines(module: str):
    code = f"import sys, {module}; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def test_every_module_says_what_it_is_for():
    silent = [
        str(f.relative_to(ROOT))
        for f in sources()
        if f.stat().st_size and not ast.get_docstring(ast.parse(f.read_text()))
    ]
    assert not silent, f"no docstring: {silent}"
