"""The framework's style sheet without the rules of components that no page has.

Radix brings the styles of all its components; a browser tries many of those rules on every element of a page, which
is what a drawing of a thousand steps waits for.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

MENU = ("BaseMenu", "DropdownMenu", "PopperContent", "ScrollArea")
STYLES: dict[str, tuple[str, ...]] = {
    "Theme": (),
    "Flex": ("Flex",),
    "Dialog": ("BaseDialog", "Dialog", "Heading", "Text"),
    "AlertDialog": ("BaseDialog", "AlertDialog", "Heading", "Text"),
    "DropdownMenu": MENU,
}
"""What a component of Radix is drawn with: the beginnings of its class names, after `rt-`."""

VERSION = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]
"""Of these rules."""

_IMPORT = re.compile(r"import \{([^}]*)\} from \"@radix-ui/themes\"")
_CLASS = re.compile(r"\.rt-([A-Z]\w*)")
_HOLDS_RULES = ("@media", "@supports", "@layer", "@container")


def check(sources: Iterable[Path]) -> None:
    """Raises for a component that compiled pages import and whose styles are not told above."""
    imports = [some for file in sources for some in _IMPORT.findall(file.read_text())]
    if unknown := {name.split()[0] for some in imports for name in some.split(",")} - STYLES.keys():
        raise RuntimeError(f"components/slim.py: say in STYLES what {', '.join(sorted(unknown))} is drawn with")


def pruned(css: str) -> str:
    """`css` without selectors of components that STYLES does not name."""
    return _pruned(css, tuple(family for families in STYLES.values() for family in families))


def _pruned(css: str, families: tuple[str, ...]) -> str:
    kept: list[str] = []
    for head, body in _rules(css):
        if body is None:
            kept.append(f"{head};")
        elif head.startswith(_HOLDS_RULES):
            inner = _pruned(body, families)
            kept += [f"{head}{{{inner}}}"] if inner else []
        elif head.startswith("@") or "{" in body:
            kept.append(f"{head}{{{body}}}")
        elif wanted := [one for one in _selectors(head) if _ours(one, families)]:
            kept.append(f"{','.join(wanted)}{{{body}}}")
    return "".join(kept)


def _ours(selector: str, families: tuple[str, ...]) -> bool:
    return all(name.startswith(families) for name in _CLASS.findall(selector))


def _rules(css: str) -> Iterator[tuple[str, str | None]]:
    """Head and body of each rule at the top; None for a statement without one."""
    depth = start = opened = 0
    for at, sign in _signs(css):
        if sign == "{":
            opened = opened if depth else at
            depth += 1
        elif sign == "}":
            depth -= 1
            if depth == 0:
                yield css[start:opened].strip(), css[opened + 1 : at]
                start = at + 1
        elif sign == ";" and depth == 0:
            if head := css[start:at].strip():
                yield head, None
            start = at + 1


_SIGN = re.compile(r"""\\.|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|/\*.*?\*/|url\([^"')]*\)|[{};(),\[\]]""", re.S)


def _signs(css: str) -> Iterator[tuple[int, str]]:
    """Where the text has signs that mean something, outside of strings, comments and addresses."""
    return ((hit.start(), hit[0]) for hit in _SIGN.finditer(css) if len(hit[0]) == 1)


def _selectors(head: str) -> Iterator[str]:
    """The parts between the commas that stand in no bracket."""
    depth = start = 0
    for at, sign in _signs(head):
        depth += (sign in "([") - (sign in ")]")
        if sign == "," and depth == 0:
            yield head[start:at]
            start = at + 1
    yield head[start:]
