"""The repository as a stranger gets it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def tracked() -> list[Path]:
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in names.split("\0") if name and (ROOT / name).is_file()]


def text_of(file: Path) -> str:
    return file.read_bytes().decode("utf-8", "replace")


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
    locked = {
        name.lower().replace("_", "-") for name in re.findall(r"^([\w.-]+)==", text_of(ROOT / f"{lock}.txt"), re.M)
    }
    assert not [name for name in asked if name.lower() not in locked], "run `make lock`"


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
        for file in tracked()
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
