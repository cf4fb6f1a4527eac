"""Our own browser files, under the names by which the built page imports them.

What `rx.asset(…, shared=True)` does, but told where the file is: Reflex finds out by reading the whole call stack with
its source lines, which for all our files took more than a second of every start.
"""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).parents[1]


def linked(home: str, name: str) -> str:
    """The import path of the file `name` beside `home` (the caller's `__file__`). It is linked into
    `assets/external` unless a page that was built before is only served."""
    source = Path(home).with_name(name)
    place = Path("external", *Path(home).relative_to(ROOT).with_suffix("").parts, name)
    if os.environ.get("__REFLEX_SKIP_COMPILE") != "1":
        _link(ROOT / "assets" / place, source)
    return f"$/public/{place.as_posix()}"


def _link(at: Path, source: Path) -> None:
    if not source.exists():
        raise FileNotFoundError(source)
    at.parent.mkdir(parents=True, exist_ok=True)
    if at.is_symlink() and at.resolve() == source.resolve():
        return
    fresh = at.with_name(f".{os.getpid()}.{at.name}")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(source)
    fresh.replace(at)
