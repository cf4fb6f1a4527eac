"""Reading CEL as text: where a `{{ }}` segment ends, which names an expression reads, how large it is.

The library compiles but keeps its syntax tree to itself, and lists names that a macro binds among those it reads.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from engine.expressions.functions import TYPES

MAX_LENGTH = 4096
MAX_NESTING = 24
MAX_TOKENS = 1500
MAX_LIST = 500
MAX_MACROS = 3
BINDERS = frozenset(["all", "exists", "exists_one", "existsOne", "filter", "map"])
LITERALS = frozenset(["true", "false", "null", "in"])
TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*)
    |(?P<string>(?:[rR][bB]?|[bB][rR]?)?(?:\"\"\"|'''|"|'))
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<number>\d[A-Za-z0-9_.]*|\.\d[A-Za-z0-9_]*)
    |(?P<mark>&&|\|\||[<>=!]=|.)""",
    re.VERBOSE | re.DOTALL,
)


class BadExpression(Exception):
    """`fault` says what is wrong, `cure` what to do; neither is a whole sentence with its place."""

    def __init__(self, fault: str, cure: str) -> None:
        super().__init__(fault)
        self.fault, self.cure = fault, cure


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    text: str
    end: int


@dataclass(frozen=True, slots=True)
class Segment:
    source: str


@dataclass(frozen=True, slots=True)
class References:
    """`examples`: for a name the first member that is read of it, such as `draft.text`."""

    names: frozenset[str]
    guarded: frozenset[str]
    examples: dict[str, str]


def tokens(text: str, start: int = 0) -> Iterator[Token]:
    """The words of CEL from `start` on. A quote that is never closed raises BadExpression."""
    place = start
    while place < len(text):
        found = TOKEN.match(text, place)
        assert found is not None and found.lastgroup is not None
        kind, place = found.lastgroup, found.end()
        if kind == "string":
            place = _string_end(text, found.group(), place)
        yield Token(kind, found.group(), place)


def _string_end(text: str, opening: str, place: int) -> int:
    prefix = opening.rstrip("\"'").lower()
    quote = opening[len(prefix) :]
    while place < len(text):
        if text.startswith(quote, place):
            return place + len(quote)
        if len(quote) == 1 and text[place] == "\n":
            break
        place += 2 if text[place] == "\\" and "r" not in prefix else 1
    raise BadExpression("a quote is never closed", f"Close it with {quote}.")


def segments(text: str) -> list[str | Segment]:
    """The text cut at its `{{ }}`; a `}}` within a string or a map of CEL ends nothing."""
    parts: list[str | Segment] = []
    place = 0
    while (start := text.find("{{", place)) >= 0:
        if start > place:
            parts.append(text[place:start])
        end = _segment_end(text, start + 2)
        parts.append(Segment(text[start + 2 : end]))
        place = end + 2
    if place < len(text) or not parts:
        parts.append(text[place:])
    return parts


def _segment_end(text: str, start: int) -> int:
    depth, place = 0, start
    while place < len(text):
        if depth == 0 and text.startswith("}}", place):
            return place
        token = next(tokens(text, place))
        if token.text.startswith("//"):
            end = text.find("}}", place, token.end)
            place = end if end >= 0 and depth == 0 else token.end
            continue
        depth += {"{": 1, "}": -1}.get(token.text, 0) if token.kind == "mark" else 0
        place = token.end
        if place - start > MAX_LENGTH:
            raise BadExpression(f"it is longer than {MAX_LENGTH} characters", "Split it over several steps.")
    raise BadExpression("{{ is never closed", 'Close it with }}, or write {{ "{{" }} for the characters themselves.')


@dataclass(slots=True)
class Bracket:
    """An open bracket: what a macro binds inside, whether it is that of `has`, how many commas it saw."""

    opening: str
    macro: bool = False
    bound: str | None = None
    guard: bool = False
    commas: int = 0


def references(source: str) -> References:
    """The names that an expression reads, and those of them asked for with `has()`; checks its size, too."""
    if len(source) > MAX_LENGTH:
        raise BadExpression(f"it is longer than {MAX_LENGTH} characters", "Split it over several steps.")
    words = [t for t in tokens(source) if t.kind != "space"]
    if not words:
        raise BadExpression("it is empty", "Write an expression between {{ and }}.")
    if len(words) > MAX_TOKENS:
        raise BadExpression(f"it has more than {MAX_TOKENS} parts", "Split it over several steps.")
    names: set[str] = set()
    guarded: set[str] = set()
    examples: dict[str, str] = {}
    open_: list[Bracket] = []
    for n, word in enumerate(words):
        before = words[n - 1].text if n else ""
        after = words[n + 1].text if n + 1 < len(words) else ""
        if word.kind == "mark":
            _bracket(open_, words, n)
        elif word.kind == "name" and before != "." and after != "(" and word.text not in LITERALS:
            if any(b.bound == word.text for b in open_):
                continue
            names.add(word.text)
            if after == "." and words[n + 2 : n + 3] and [w.text for w in words[n + 3 : n + 4]] != ["("]:
                examples.setdefault(word.text, f"{word.text}.{words[n + 2].text}")
            if any(b.guard for b in open_):
                guarded.add(word.text)
    return References(frozenset(names), frozenset(guarded), examples)


def _bracket(open_: list[Bracket], words: list[Token], n: int) -> None:
    """Follow the brackets: what is open at each word."""
    text = words[n].text
    if text in "([{":
        caller = words[n - 1].text if n and text == "(" and words[n - 1].kind == "name" else ""
        method = n > 1 and words[n - 2].text == "."
        macro = method and caller in BINDERS
        bound = words[n + 1].text if macro and n + 1 < len(words) and words[n + 1].kind == "name" else None
        open_.append(Bracket(text, macro, bound, caller == "has" and not method))
        if len(open_) > MAX_NESTING:
            raise BadExpression(f"it nests deeper than {MAX_NESTING} brackets", "Split it over several steps.")
        if sum(b.macro for b in open_) > MAX_MACROS:
            raise BadExpression(f"more than {MAX_MACROS} loops stand inside each other", "Split it over several steps.")
    elif text in ")]}" and open_:
        open_.pop()
    elif text == "," and open_:
        open_[-1].commas += 1
        if open_[-1].commas >= MAX_LIST:
            raise BadExpression(f"a list holds more than {MAX_LIST} values", "Read it from an input instead.")


def renamed(source: str, calls: Mapping[str, str]) -> str:
    """The expression with other names for some of the functions that it calls."""
    words = list(tokens(source))
    made: list[str] = []
    for n, word in enumerate(words):
        after = next((w.text for w in words[n + 1 :] if w.kind != "space"), "")
        called = word.kind == "name" and after == "("
        text = source[words[n - 1].end if n else 0 : word.end]
        made.append(calls.get(text, text) if called else text)
    return "".join(made)


def known_type(name: str) -> bool:
    """Whether `name` alone is a type of CEL, as in `type(x) == int`."""
    return name in TYPES
