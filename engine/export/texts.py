"""The texts and values of one step as code: f-strings, literals, and locals for what is too long to stand inside."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from engine.export.names import Names, identifier
from engine.export.python import (
    ANY,
    ATOM,
    NUMBER,
    OR,
    STRING,
    SUM,
    Piece,
    Root,
    Shape,
    Writer,
    is_number,
    is_text,
    quoted,
)
from engine.export.tree import Call, Literal, Member, Name, Tree, Unwritable, parse, parts_of
from engine.expressions import Expression, compile_expression, compile_template, is_secret
from engine.llm.scripted import without
from engine.values import is_list, is_object

WIDTH = 72
SHORT = 24
"""So many characters after an expression stay on its line."""
INLINE = 60
"""A longer expression within a text becomes a local before it."""


class Body:
    """What one function reads and says. `root` tells how a name is read here; `helpers`, `secrets` are the file's."""

    def __init__(
        self, root: Callable[[str], Root | None], helpers: set[str], secrets: set[str], taken: set[str]
    ) -> None:
        self._root, self.helpers, self.secrets = root, helpers, secrets
        self.names = Names(taken)
        self.lines: list[str] = []
        self.place = ""
        self.alone = False
        """Nothing can stand before it: no locals, then."""

    def root(self, name: str) -> Root | None:
        return self._root(name)

    def needs(self, helper: str) -> None:
        self.helpers.add(helper)

    def expression(self, source: str, place: str) -> Piece:
        self.place = place
        return self._write(compile_expression(source))

    def _write(self, expression: Expression) -> Piece:
        return Writer(self, expression.guarded).write(parse(expression.source))

    def text(self, source: str, place: str, *, prompt: bool = False, more: Sequence[tuple[str, str]] = ()) -> str:
        """Code for a text with segments. `prompt`: what scripts the demo model is left out. `more` is put behind:
        pairs of plain text and code."""
        self.place = place
        source = without(source).rstrip() if prompt else source
        parts = compile_template(source).parts
        if len(parts) == 1 and isinstance(only := parts[0], Expression) and not more:
            return self._as_text(self._write(only)).code
        if self.alone:
            pieces = [Piece(quoted(p)) if isinstance(p, str) else self._as_text(self._write(p)) for p in parts]
            return " + ".join(piece.at(SUM) for piece in pieces)
        pieces = [(part, "") if isinstance(part, str) else ("", self._inner(part)) for part in parts]
        return self._pieces([*pieces, *more])

    def literal(self, text: str) -> str:
        """A text that holds no segments."""
        return self._pieces([(text, "")])

    def value(self, value: Any, place: str) -> Piece:
        """Code for a JSON value; a text that is one lone segment keeps its type."""
        self.place = place
        if isinstance(value, str):
            lone = compile_template(value).lone
            return self._short(lone) if lone else Piece(self.text(value, place), ATOM, STRING)
        if is_secret(value):
            return Piece(self.secret(value), ATOM, STRING)
        if is_object(value):
            pairs = {name: self.value(inner, f"{place}.{name}") for name, inner in value.items()}
            shape = {"type": "object", "properties": {n: p.shape for n, p in pairs.items()}, "required": list(pairs)}
            return Piece("{" + ", ".join(f"{quoted(n)}: {p.code}" for n, p in pairs.items()) + "}", ATOM, shape)
        if is_list(value):
            return Piece(
                f"[{', '.join(self.value(v, f'{place}.{n}').code for n, v in enumerate(value))}]",
                ATOM,
                {"type": "array"},
            )
        return Piece(repr(value), ATOM, ANY)

    def _short(self, expression: Expression) -> Piece:
        """As it is, or as a local."""
        piece = self._write(expression)
        if self.alone or piece.level >= OR or len(piece.code) <= INLINE:
            return piece
        return Piece(self.local(wanted(parse(expression.source)), piece.code), ATOM, piece.shape)

    def secret(self, reference: dict[str, Any]) -> str:
        self.secrets.add(reference["$secret"])
        return f"os.environ[{quoted(reference['$secret'])}]"

    def local(self, wanted: str, code: str) -> str:
        """The name of a local that holds this; the same code is written once."""
        known = next((line for line in self.lines if line.partition(" = ")[2] == code), "")
        if known:
            return known.partition(" = ")[0]
        name = self.names.free(wanted)
        self.lines.append(f"{name} = {code}")
        return name

    def _as_text(self, piece: Piece) -> Piece:
        if is_text(piece.shape):
            return piece
        self.needs("as_text")
        return Piece(f"as_text({piece.code})", ATOM, STRING)

    def _inner(self, expression: Expression) -> str:
        """Code that may stand within the braces of an f-string in double quotes (3.11: no such quote, no backslash)."""
        tree = parse(expression.source)
        piece = self._write(expression)
        if piece.code.startswith("str(") and isinstance(tree, Call) and tree.name == "string":
            piece = Piece(piece.code.removeprefix("str(").removesuffix(")"), OR, NUMBER)  # braces do it themselves
        plain = is_text(piece.shape) or is_number(piece.shape)
        piece = piece if plain else self._as_text(piece)
        inner = piece.code.replace('"', "'")
        awkward = any(sign in piece.code for sign in ("'", "\\", "#", "{", "\n"))
        if awkward or piece.level < OR or len(inner) > INLINE:
            return self.local(wanted(tree), piece.code)
        return inner

    def _pieces(self, parts: list[tuple[str, str]]) -> str:
        """An f-string, cut at line ends and at about WIDTH characters."""
        made: list[str] = []
        text, formatted = "", False

        def flush() -> None:
            nonlocal text, formatted
            if text:
                plain = text if formatted else text.replace("{{", "{").replace("}}", "}")
                made.append(("f" if formatted else "") + f'"{plain}"')
            text, formatted = "", False

        for plain, code in parts:
            if code:
                if len(text) > WIDTH:
                    flush()
                text, formatted = text + "{" + code + "}", True
            for chunk in _chunks(plain):
                escaped = quoted(chunk)[1:-1].replace("{", "{{").replace("}", "}}")
                if text and len(text) + len(escaped) > WIDTH and len(plain) > SHORT:
                    flush()
                text += escaped
                if chunk.endswith("\n"):
                    flush()
        flush()
        return '""' if not made else made[0] if len(made) == 1 else f"({' '.join(made)})"


def _chunks(text: str) -> list[str]:
    """Words with the space after them; line ends stay together."""
    return re.findall(r"[^\s]*\n+|[^\n\S]*\S+[^\n\S]?|\s", text)


def wanted(tree: Tree) -> str:
    """A name for what an expression makes: after the first thing it reads."""
    for part in _members(tree):
        return "_".join(identifier(word) for word in part[-2:])
    return "part"


def _members(tree: Any) -> list[list[str]]:
    """The paths of an expression, `has()` apart."""
    if isinstance(tree, Member):
        path: list[str] = [tree.field]
        of: Any = tree.of
        while isinstance(of, Member):
            path.insert(0, of.field)
            of = of.of
        return [[of.name, *path]] if isinstance(of, Name) else _members(of)
    if isinstance(tree, Name):
        return [[tree.name]]
    if isinstance(tree, Literal) or getattr(tree, "name", "") == "has":
        return []
    return [path for part in parts_of(tree) for path in _members(part)]


__all__ = ["ANY", "Body", "Shape", "Unwritable"]
