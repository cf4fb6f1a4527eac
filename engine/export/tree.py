"""CEL as a tree. The library keeps its own to itself; this one reads what the library has compiled already."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from engine.expressions.text import Token, tokens

ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
ESCAPE = re.compile(
    r"\\(?:x([0-9a-fA-F]{2})|X([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))", re.DOTALL
)
BINARY = {
    "||": 1, "&&": 2, "==": 3, "!=": 3, "<": 3, "<=": 3, ">": 3, ">=": 3, "in": 3, "+": 4, "-": 4, "*": 5, "/": 5,
    "%": 5,
}  # fmt: skip


class Unwritable(Exception):
    """What cannot become Python. `cure` says what to do."""

    def __init__(self, fault: str, cure: str = "") -> None:
        super().__init__(fault)
        self.fault, self.cure = fault, cure


@dataclass(frozen=True, slots=True)
class Literal:
    value: Any


@dataclass(frozen=True, slots=True)
class Name:
    name: str


@dataclass(frozen=True, slots=True)
class Member:
    of: Tree
    field: str


@dataclass(frozen=True, slots=True)
class Item:
    of: Tree
    key: Tree


@dataclass(frozen=True, slots=True)
class Call:
    """`of` is what a method is called on, None for a function."""

    name: str
    of: Tree | None
    args: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Unary:
    sign: str
    of: Tree


@dataclass(frozen=True, slots=True)
class Binary:
    sign: str
    left: Tree
    right: Tree


@dataclass(frozen=True, slots=True)
class Choice:
    when: Tree
    then: Tree
    other: Tree


@dataclass(frozen=True, slots=True)
class Listed:
    items: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Mapped:
    pairs: tuple[tuple[Tree, Tree], ...]


Tree = Literal | Name | Member | Item | Call | Unary | Binary | Choice | Listed | Mapped


def parts_of(tree: Any) -> list[Tree]:
    """The trees right below one."""
    found: list[Any] = []
    for slot in getattr(tree, "__slots__", ()):
        inner = getattr(tree, slot)
        found += _flat(inner) if isinstance(inner, tuple) else [inner]
    return [one for one in found if hasattr(one, "__slots__")]


def _flat(values: Any) -> list[Any]:
    return [one for value in values for one in (_flat(value) if isinstance(value, tuple) else [value])]


def parse(source: str) -> Tree:
    """The tree of an expression that compiles. Raises Unwritable for what is not read here."""
    reader = _Reader(_words(source))
    tree = reader.choice()
    if reader.here:
        raise Unwritable(f"{reader.here.text!r} is not understood here")
    return tree


def _words(source: str) -> list[Token]:
    """The tokens with their whole text, spaces and comments left out."""
    words: list[Token] = []
    place = 0
    for token in tokens(source):
        if token.kind != "space":
            words.append(Token(token.kind, source[place : token.end], token.end))
        place = token.end
    return words


class _Reader:
    def __init__(self, words: list[Token]) -> None:
        self.words, self.place = words, 0

    @property
    def here(self) -> Token | None:
        return self.words[self.place] if self.place < len(self.words) else None

    def sees(self, *texts: str) -> bool:
        word = self.here
        return word is not None and word.kind in ("mark", "name") and word.text in texts

    def take(self, *texts: str) -> Token:
        word = self.here
        if word is None or (texts and not self.sees(*texts)):
            raise Unwritable(f"{word.text if word else 'the end'!r} is not understood here")
        self.place += 1
        return word

    def skip(self, text: str) -> bool:
        if self.sees(text):
            self.place += 1
            return True
        return False

    def choice(self) -> Tree:
        when = self.binary(1)
        if not self.skip("?"):
            return when
        then = self.choice()
        self.take(":")
        return Choice(when, then, self.choice())

    def binary(self, level: int) -> Tree:
        left = self.unary()
        while (word := self.here) and word.kind != "string" and BINARY.get(word.text, 0) >= level:
            self.place += 1
            left = Binary(word.text, left, self.binary(BINARY[word.text] + 1))
        return left

    def unary(self) -> Tree:
        if self.sees("!", "-"):
            sign = self.take().text
            return Unary(sign, self.unary())
        return self.postfix(self.primary())

    def postfix(self, tree: Tree) -> Tree:
        while True:
            if self.skip("."):
                if self.sees("?"):
                    raise Unwritable("optional values are not written")
                name = self.take().text
                tree = Call(name, tree, self.rest(")")) if self.skip("(") else Member(tree, name)
            elif self.skip("["):
                tree = Item(tree, self.choice())
                self.take("]")
            else:
                return tree

    def rest(self, end: str) -> tuple[Tree, ...]:
        """The parts up to the closing bracket."""
        parts: list[Tree] = []
        while not self.skip(end):
            parts.append(self.choice())
            if not self.sees(end):
                self.take(",")
        return tuple(parts)

    def primary(self) -> Tree:
        word = self.take()
        if word.kind == "string":
            return Literal(_string(word.text))
        if word.kind == "number":
            return Literal(self.number(word.text))
        if word.kind == "name":
            return self.named(word.text)
        if word.text == "(":
            tree = self.choice()
            self.take(")")
            return tree
        if word.text == "[":
            return Listed(self.rest("]"))
        if word.text == "{":
            return self.mapping()
        raise Unwritable(f"{word.text!r} is not understood here")

    def named(self, text: str) -> Tree:
        if text in ("true", "false", "null"):
            return Literal({"true": True, "false": False, "null": None}[text])
        if self.skip("("):
            return Call(text, None, self.rest(")"))
        if self.sees("{"):
            raise Unwritable(f"{text}{{…}} is not written")
        return Name(text)

    def mapping(self) -> Tree:
        pairs: list[tuple[Tree, Tree]] = []
        while not self.skip("}"):
            key = self.choice()
            self.take(":")
            pairs.append((key, self.choice()))
            if not self.sees("}"):
                self.take(",")
        return Mapped(tuple(pairs))

    def number(self, text: str) -> int | float:
        if not text.lower().startswith("0x") and text[-1] in "eE" and self.sees("+", "-"):
            text += self.take().text + self.take().text
        text = text.rstrip("uU")
        if text.lower().startswith("0x"):
            return int(text, 16)
        return float(text) if any(sign in text for sign in ".eE") else int(text)


def _string(text: str) -> str:
    prefix = re.match(r"[rRbB]*", text)
    opening = prefix.group().lower() if prefix else ""
    if "b" in opening:
        raise Unwritable("bytes are not written")
    body = text[len(opening) :]
    quote = body[:3] if body[:3] in ('"""', "'''") else body[0]
    body = body[len(quote) : -len(quote)]
    return body if "r" in opening else ESCAPE.sub(_escaped, body)


def _escaped(found: re.Match[str]) -> str:
    *codes, octal, plain = found.groups()
    for code in codes:
        if code:
            return chr(int(code, 16))
    return chr(int(octal, 8)) if octal else ESCAPES.get(plain, plain)
