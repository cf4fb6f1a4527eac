"""An environment that holds what the headers of exported files name, with what that needs itself, and nothing else.

The packages are those that are installed here, linked file by file: it takes no network and a second or two.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement


def named(texts: Iterable[str]) -> set[str]:
    """The pinned requirements in the headers."""
    heads = [text.partition('"""')[0] for text in texts]
    return {pin for head in heads for pin in re.findall(r'^#   "([^"]+)",$', head, re.M)}


def environment(folder: Path, pins: Iterable[str]) -> str:
    """Its Python."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (home,) = folder.glob("lib/python*/site-packages")
    for package in needed(pins):
        for file in package.files or ():
            if ".." not in file.parts:
                link = home / file
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(Path(str(package.locate_file(file))))
    return str(folder / "bin" / "python")


def needed(pins: Iterable[str]) -> list[Distribution]:
    """The packages themselves, and those that they require on this machine."""
    found: dict[str, Distribution] = {}
    seen: set[tuple[str, str]] = set()
    work = [(requirement, extra) for requirement in map(Requirement, pins) for extra in ("", *requirement.extras)]
    while work:
        requirement, extra = work.pop()
        package = distribution(requirement.name)
        assert requirement.specifier.contains(package.version, prereleases=True), (requirement, package.version)
        found[package.name.lower().replace("_", "-")] = package
        if (package.name, extra) in seen:
            continue
        seen.add((package.name, extra))
        for text in package.requires or ():
            inner = Requirement(text)
            if inner.marker is None or inner.marker.evaluate({"extra": extra}):
                work += [(inner, more) for more in ("", *inner.extras)]
    return list(found.values())
