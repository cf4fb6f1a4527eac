"""Expressions as Python that a person would write, with what is known of their type.

A shape is a JSON Schema: what a value surely is. Where nothing is known the code asks at run time, by a helper.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from engine.export.helpers import HELPERS
from engine.export.names import RESERVED
from engine.export.tree import (
    Binary,
    Call,
    Choice,
    Item,
    Listed,
    Literal,
    Mapped,
    Member,
    Name,
    Tree,
    Unary,
    Unwritable,
)
from engine.values import is_object

LITERAL = re.compile(r'None|True|False|[0-9.e+]+|"(?:\\.|[^"\\])*"')
Shape = Mapping[str, Any]
ANY: Shape = {}
CHOICE, OR, AND, NOT, COMPARE, SUM, PRODUCT, SIGN, ATOM = range(9)
STRING: Shape = {"type": "string"}
INTEGER: Shape = {"type": "integer"}
NUMBER: Shape = {"type": "number"}
BOOLEAN: Shape = {"type": "boolean"}
ARRAY: Shape = {"type": "array"}
NULL: Shape = {"type": "null"}


@dataclass(frozen=True, slots=True)
class Piece:
    """Code, how tightly it binds, and what it is."""

    code: str
    level: int = ATOM
    shape: Shape = field(default_factory=dict[str, Any])

    @property
    def kind(self) -> str:
        kind = self.shape.get("type")
        return kind if isinstance(kind, str) else ""

    def at(self, level: int) -> str:
        return self.code if self.level >= level else f"({self.code})"


@dataclass(frozen=True, slots=True)
class Root:
    """A name that expressions may read. `maybe` is the code that does without it; `there` asks for it."""

    code: str
    shape: Shape
    maybe: str = ""
    there: str = ""


class Scope(Protocol):
    def root(self, name: str) -> Root | None: ...
    def needs(self, helper: str) -> None: ...


def quoted(text: str) -> str:
    """A string literal in double quotes."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\x7f")


def within(shape: Shape, name: str) -> Shape:
    properties = shape.get("properties")
    inner = properties.get(name) if is_object(properties) else None
    return inner if is_object(inner) else ANY


def surely(shape: Shape, name: str) -> bool:
    return name in (shape.get("required") or ())


def kinds(shape: Shape) -> set[str]:
    given = shape.get("type")
    return {given} if isinstance(given, str) else set(given or ())


def is_text(shape: Shape) -> bool:
    """Whether it is text for sure."""
    if "enum" in shape:
        return all(isinstance(value, str) for value in shape["enum"])
    return isinstance(shape.get("const"), str) or kinds(shape) == {"string"}


def is_number(shape: Shape) -> bool:
    return bool(kinds(shape)) and kinds(shape) <= {"integer", "number"}


class Writer:
    """Writes one expression. `bound` are the names of macros around it, and how they are called here."""

    def __init__(self, scope: Scope, guarded: frozenset[str] = frozenset()) -> None:
        self.scope, self.guarded = scope, guarded
        self.bound: dict[str, Piece] = {}

    def write(self, tree: Tree) -> Piece:
        match tree:
            case Literal(value):
                return _literal(value)
            case Name(name):
                return self.name(name, whole=True)
            case Member(of, name):
                return self.member(self.path(of), name)
            case Item(of, key):
                return self.item(self.path(of), key)
            case Call():
                return self.call(tree)
            case Unary(sign, of):
                return self.unary(sign, of)
            case Binary():
                return self.binary(tree)
            case Choice(when, then, other):
                return self.choice(self.write(when), self.write(then), self.write(other))
            case Listed(items):
                return Piece(f"[{', '.join(self.write(one).code for one in items)}]", ATOM, ARRAY)
            case Mapped(pairs):
                return self.mapping(pairs)

    def path(self, tree: Tree) -> Piece:
        """Something of which a member is read: a step that may not have run is missed loudly."""
        return self.name(tree.name) if isinstance(tree, Name) else self.write(tree)

    def name(self, name: str, *, whole: bool = False) -> Piece:
        if name in self.bound:
            return self.bound[name]
        root = self.scope.root(name)
        if root is None:
            raise Unwritable(f"{name} is known inside Nexod only")
        maybe = whole and root.maybe and name not in self.guarded
        return Piece(root.maybe if maybe else root.code, ATOM, root.shape)

    def member(self, of: Piece, name: str) -> Piece:
        if name in of.shape.get("missing", ()):
            raise Unwritable(f"{name} is known inside Nexod only", "Leave it out.")
        return Piece(f"{of.at(ATOM)}[{quoted(name)}]", ATOM, within(of.shape, name))

    def item(self, of: Piece, key: Tree) -> Piece:
        at = self.write(key)
        shape = of.shape.get("items") if of.kind == "array" else None
        if isinstance(key, Literal) and isinstance(key.value, str):
            shape = within(of.shape, key.value)
        return Piece(f"{of.at(ATOM)}[{at.code}]", ATOM, shape if is_object(shape) else ANY)

    def unary(self, sign: str, tree: Tree) -> Piece:
        if sign == "-" and isinstance(tree, Unary) and tree.sign == "-":
            return self.write(tree.of)
        of = self.write(tree)
        if sign == "!":
            return Piece(f"not {of.at(NOT)}", NOT, BOOLEAN)
        return Piece(f"-{of.at(SIGN)}", SIGN, of.shape if is_number(of.shape) else ANY)

    def choice(self, when: Piece, then: Piece, other: Piece) -> Piece:
        if (got := _got(when, then, other)) is not None:
            return got
        code = f"{then.at(OR)} if {when.at(OR)} else {other.at(CHOICE)}"
        return Piece(code, CHOICE, _common(then.shape, other.shape))

    def mapping(self, pairs: tuple[tuple[Tree, Tree], ...]) -> Piece:
        inner = [(self.write(key), self.write(value)) for key, value in pairs]
        return Piece(
            "{" + ", ".join(f"{key.code}: {value.code}" for key, value in inner) + "}", ATOM, {"type": "object"}
        )

    def binary(self, tree: Binary) -> Piece:
        sign = tree.sign
        left, right = self.write(tree.left), self.write(tree.right)
        if sign in ("&&", "||"):
            word, level = ("and", AND) if sign == "&&" else ("or", OR)
            return Piece(f"{left.at(level)} {word} {right.at(level + 1)}", level, BOOLEAN)
        if sign in ("==", "!=") and (same := self.same(tree, left, right)):
            return same
        if sign in ("==", "!=", "<", "<=", ">", ">=", "in"):
            return Piece(f"{left.at(SUM)} {sign} {right.at(SUM)}", COMPARE, BOOLEAN)
        if sign in ("/", "%"):
            return self.division(sign, left, right)
        level = PRODUCT if sign == "*" else SUM
        shape = left.shape if left.kind == right.kind and left.kind in ("string", "integer", "number", "array") else ANY
        if left.kind == right.kind == "array":
            shape = ARRAY
        return Piece(f"{left.at(level)} {sign} {right.at(level + 1)}", level, _plain(shape))

    def same(self, tree: Binary, left: Piece, right: Piece) -> Piece | None:
        """Comparing with true, false and null is a question of identity: 1 is not true."""
        for one, other, piece in ((tree.left, tree.right, left), (tree.right, tree.left, right)):
            if isinstance(other, Literal) and not isinstance(one, Literal) and isinstance(other.value, bool | None):
                word = "is" if tree.sign == "==" else "is not"
                return Piece(f"{piece.at(SUM)} {word} {other.value}", COMPARE, BOOLEAN)
        return None

    def division(self, sign: str, left: Piece, right: Piece) -> Piece:
        """Whole numbers are divided towards zero."""
        name = "divided" if sign == "/" else "remainder"
        self.scope.needs(name)
        return Piece(f"{name}({left.code}, {right.code})", ATOM, NUMBER)

    def call(self, tree: Call) -> Piece:
        if tree.name == "has" and tree.of is None:
            return self.has(tree)
        if tree.name in MACROS and tree.of is not None:
            return self.macro(tree, tree.of)
        args = ([] if tree.of is None else [tree.of]) + list(tree.args)
        made = FUNCTIONS.get(tree.name)
        if made is None:
            raise Unwritable(
                f"{tree.name}() cannot be written as Python", "Use another expression, or work it out in a step before."
            )
        try:
            return made(self, *(self.write(arg) for arg in args))
        except TypeError:
            raise Unwritable(f"{tree.name}() is not called like this") from None

    def has(self, tree: Call) -> Piece:
        asked = tree.args[0] if len(tree.args) == 1 else None
        if not isinstance(asked, Member):
            raise Unwritable("has() asks for a member, such as has(a.b)")
        of = asked.of
        root = self.scope.root(of.name) if isinstance(of, Name) and of.name not in self.bound else None
        if root is not None and root.there and surely(root.shape, asked.field):
            return Piece(root.there, COMPARE, BOOLEAN)
        whole = Piece(root.maybe or root.code) if root is not None else self.write(of)
        return Piece(f"{quoted(asked.field)} in {whole.at(SUM)}", COMPARE, BOOLEAN)

    def macro(self, tree: Call, of: Tree) -> Piece:
        whole, *rest = self.path(of), *tree.args
        if not rest or not isinstance(rest[0], Name):
            raise Unwritable(f"{tree.name}() names no variable")
        name = rest[0].name
        before = self.bound
        inner = whole.shape.get("items")
        called = f"{name}_" if name in READ or name in RESERVED or name in HELPERS else name
        self.bound = {**before, name: Piece(called, ATOM, inner if is_object(inner) else ANY)}
        name = called
        parts = [self.write(part) for part in rest[1:]]
        self.bound = before
        loop = f"for {name} in {whole.at(OR)}"
        match tree.name, parts:
            case "map", [each]:
                return Piece(f"[{each.code} {loop}]", ATOM, {"type": "array", "items": each.shape})
            case "map", [when, each]:
                return Piece(f"[{each.code} {loop} if {when.at(OR)}]", ATOM, {"type": "array", "items": each.shape})
            case "filter", [when]:
                return Piece(f"[{name} {loop} if {when.at(OR)}]", ATOM, whole.shape if whole.kind == "array" else ARRAY)
            case "exists", [when]:
                return Piece(f"any({when.code} {loop})", ATOM, BOOLEAN)
            case "all", [when]:
                return Piece(f"all({when.code} {loop})", ATOM, BOOLEAN)
            case (("exists_one" | "existsOne"), [when]):
                return Piece(f"sum({when.code} {loop}) == 1", COMPARE, BOOLEAN)
            case _:
                raise Unwritable(f"{tree.name}() is not called like this")


def _got(when: Piece, then: Piece, other: Piece) -> Piece | None:
    """`of.get("name", 0)` for `of["name"] if "name" in of else 0`."""
    name, word, of = when.code.partition(" in ")
    plain = LITERAL.fullmatch(other.code)
    if not word or then.code != f"{of}[{name}]" or not plain:
        return None
    more = "" if other.kind == "null" else f", {other.code}"
    return Piece(f"{of}.get({name}{more})", ATOM, _common(then.shape, other.shape))


def _literal(value: Any) -> Piece:
    if isinstance(value, str):
        return Piece(quoted(value), ATOM, STRING)
    if value is None or isinstance(value, bool):
        return Piece(repr(value), ATOM, NULL if value is None else BOOLEAN)
    return Piece(repr(value), ATOM, INTEGER if isinstance(value, int) else NUMBER)


def _plain(shape: Shape) -> Shape:
    """The kind alone: what is said of a part need not hold of the sum."""
    return {"type": shape["type"]} if isinstance(shape.get("type"), str) else ANY


def _common(one: Shape, other: Shape) -> Shape:
    if one == other:
        return one
    if is_text(one) and is_text(other):
        return STRING
    if is_number(one) and is_number(other):
        return NUMBER
    return _plain(one) if kinds(one) and kinds(one) == kinds(other) else ANY


Function = Callable[..., Piece]
READ = frozenset(["state", "self"])
"""By what the functions of a file read; a macro's own name must not hide it."""
MACROS = frozenset(["map", "filter", "exists", "all", "exists_one", "existsOne"])


def _method(name: str, count: int, shape: Shape) -> Function:
    def made(w: Writer, of: Piece, *args: Piece) -> Piece:
        if len(args) != count:
            raise TypeError
        return Piece(f"{of.at(ATOM)}.{name}({', '.join(arg.code for arg in args)})", ATOM, shape)

    return made


def _named(name: str, shape: Shape) -> Function:
    def made(w: Writer, of: Piece) -> Piece:
        return Piece(f"{name}({of.code})", ATOM, shape)

    return made


def _helped(name: str, shape: Shape) -> Function:
    def made(w: Writer, of: Piece) -> Piece:
        w.scope.needs(name)
        return Piece(f"{name}({of.code})", ATOM, shape)

    return made


def _most(name: str) -> Function:
    def made(w: Writer, first: Piece, *rest: Piece) -> Piece:
        return Piece(f"{name}({', '.join(arg.code for arg in (first, *rest))})")

    return made


def _string(w: Writer, of: Piece) -> Piece:
    if is_text(of.shape):
        return of
    if of.kind == "integer":
        return Piece(f"str({of.code})", ATOM, STRING)
    w.scope.needs("as_string")
    return Piece(f"as_string({of.code})", ATOM, STRING)


def _contains(w: Writer, of: Piece, part: Piece) -> Piece:
    return Piece(f"{part.at(SUM)} in {of.at(SUM)}", COMPARE, BOOLEAN)


def _matches(w: Writer, of: Piece, pattern: Piece) -> Piece:
    w.scope.needs("re")
    return Piece(f"re.search({pattern.code}, {of.code}) is not None", COMPARE, BOOLEAN)


def _join(w: Writer, of: Piece, sign: Piece | None = None) -> Piece:
    return Piece(f"{sign.at(ATOM) if sign else quoted('')}.join({of.code})", ATOM, STRING)


def _rounded(how: str) -> Function:
    def made(w: Writer, of: Piece) -> Piece:
        w.scope.needs("math")
        half = " + 0.5" if how == "round" else ""
        return Piece(f"math.{'floor' if half else how}({of.at(SUM) if half else of.code}{half})", ATOM, INTEGER)

    return made


def _slice(w: Writer, of: Piece, start: Piece, end: Piece | None = None) -> Piece:
    shape = STRING if is_text(of.shape) else _plain(of.shape)
    return Piece(f"{of.at(ATOM)}[{start.code}:{end.code if end else ''}]", ATOM, shape)


def _distinct(w: Writer, of: Piece) -> Piece:
    return Piece(f"list(dict.fromkeys({of.code}))", ATOM, ARRAY)


def _flatten(w: Writer, of: Piece) -> Piece:
    return Piece(f"[inner for outer in {of.at(OR)} for inner in outer]", ATOM, ARRAY)


def _reversed(w: Writer, of: Piece) -> Piece:
    return Piece(f"{of.at(ATOM)}[::-1]", ATOM, _plain(of.shape))


def _dyn(w: Writer, of: Piece) -> Piece:
    return Piece(of.code, of.level)


FUNCTIONS: dict[str, Function] = {
    "size": _named("len", INTEGER),
    "string": _string,
    "int": _named("int", INTEGER),
    "uint": _named("int", INTEGER),
    "double": _named("float", NUMBER),
    "dyn": _dyn,
    "contains": _contains,
    "startsWith": _method("startswith", 1, BOOLEAN),
    "endsWith": _method("endswith", 1, BOOLEAN),
    "matches": _matches,
    "lowerAscii": _helped("lower_ascii", STRING),
    "upperAscii": _helped("upper_ascii", STRING),
    "citations": _helped("citations", {"type": "array", "items": INTEGER}),
    "trim": _method("strip", 0, STRING),
    "replace": _method("replace", 2, STRING),
    "split": _method("split", 1, {"type": "array", "items": STRING}),
    "indexOf": _method("find", 1, INTEGER),
    "lastIndexOf": _method("rfind", 1, INTEGER),
    "join": _join,
    "substring": _slice,
    "slice": _slice,
    "abs": _named("abs", NUMBER),
    "min": _most("min"),
    "max": _most("max"),
    "sum": _named("sum", NUMBER),
    "sort": _named("sorted", ARRAY),
    "round": _rounded("round"),
    "ceil": _rounded("ceil"),
    "floor": _rounded("floor"),
    "distinct": _distinct,
    "flatten": _flatten,
    "reverse": _reversed,
}
