"""The repository as a stranger gets it."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OURS = """
    engine components nexod_app alembic assets docs tests bench scripts reflex.lock .ci .github
    Makefile README.md CONTRIBUTING.md CHANGELOG.md rxconfig.py alembic.ini pyproject.toml
    requirements.in requirements.txt requirements-dev.in requirements-dev.txt .gitignore .pre-commit-config.yaml
"""


def ours() -> Iterator[Path]:
    """Every file of the project; the checkout may come without git."""
    for part in OURS.split():
        for file in [ROOT / part] if (ROOT / part).is_file() else (ROOT / part).rglob("*"):
            if file.is_file() and not {"__pycache__", "external"} & set(file.parts):
                yield file


def text_of(file: Path) -> str:
    return file.read_bytes().decode("utf-8", "replace")


def plain(name: str) -> str:
    """A distribution's name as the registry compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-dev.txt"])
def test_every_package_is_pinned_and_hashed(lock: str):
    stanzas = re.split(r"\n(?=[^\s#])", text_of(ROOT / lock))
    loose = [
        s.splitlines()[0] for s in stanzas if not s.startswith("#") and ("==" not in s or "--hash=sha256:" not in s)
    ]
    assert len(stanzas) > 5
    assert not loose


@pytest.mark.parametrize("lock", ["requirements", "requirements-dev"])
def test_what_is_asked_for_is_locked(lock: str):
    asked = re.findall(r"^([A-Za-z][\w.-]*)", text_of(ROOT / f"{lock}.in"), re.M)
    locked = {plain(name) for name in re.findall(r"^([\w.-]+)==", text_of(ROOT / f"{lock}.txt"), re.M)}
    assert not [name for name in asked if plain(name) not in locked], "run `make lock`"


def test_no_lock_names_an_index():
    locks = [ROOT / "requirements.txt", ROOT / "requirements-dev.txt", *ROOT.glob("reflex.lock/*")]
    named = [
        f"{file.name}: {hit}" for file in locks for hit in re.findall(r'"resolved":.*|.*index-url.*', text_of(file))
    ]
    assert not named, "a lock that names an index works on one machine only"


def test_nothing_names_the_machine_it_was_written_on():
    pattern = re.compile("/" + r"(?:work|home|root|Users)/\w+")
    found = [
        f"{file.relative_to(ROOT)}: {hit}"
        for file in ours()
        if file.suffix != ".png"
        for hit in pattern.findall(text_of(file))
    ]
    assert not found


def test_no_test_is_skipped_or_expected_to_fail():
    pattern = re.compile(r"pytest\.(mark\.)?(skip|xfail|importorskip)" + r"\b")
    assert not [str(f) for f in (ROOT / "tests").rglob("*.py") if pattern.search(text_of(f))]


def test_a_newcomer_finds_the_usual_files():
    usual = (
        "README.md CONTRIBUTING.md CHANGELOG.md LICENSE Makefile .ci/run .github/workflows/ci.yml docs/architecture.md"
    )
    assert not [name for name in usual.split() if not (ROOT / name).is_file()]
    assert "Apache License" in text_of(ROOT / "LICENSE")


@pytest.mark.parametrize(
    ("folders", "locks"),
    [
        ("engine components nexod_app alembic", ["requirements.in"]),
        ("tests bench scripts", ["requirements.in", "requirements-dev.in"]),
    ],
)
def test_what_is_imported_is_asked_for(folders: str, locks: list[str]):
    """What is there only because something else needs it can go any day."""
    asked = {plain(name) for lock in locks for name in re.findall(r"^([A-Za-z][\w.-]*)", text_of(ROOT / lock), re.M)}
    asked |= {"pydantic-core", "reflex-components-core"}  # parts of pydantic and reflex
    homes = packages_distributions()
    lost = {
        f"{file.relative_to(ROOT)}: {name}"
        for folder in folders.split()
        for file in (ROOT / folder).rglob("*.py")
        for name in imported(file)
        if name in homes and name not in sys.stdlib_module_names and not asked & {plain(home) for home in homes[name]}
    }
    assert not lost


def imported(file: Path) -> set[str]:
    names = set()
    for item in ast.walk(ast.parse(text_of(file))):
        if isinstance(item, ast.Import):
            names |= {name.name.split(".")[0] for name in item.names}
        elif isinstance(item, ast.ImportFrom) and item.module:
            names.add(item.module.split(".")[0])
    return names
