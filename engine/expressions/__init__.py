"""CEL in texts and fields: what a text refers to, found when it is saved; what it becomes, found when it runs.

JSON goes in and JSON comes out. Compiled programs are kept; nothing here reads a clock or leaves the process.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from operator import itemgetter
from typing import Any, cast

from engine.errors import NodeError
from engine.expressions.functions import CORRECTED, FUNCTIONS, KNOWN
from engine.expressions.library import cel
from engine.expressions.text import BadExpression, references, renamed, segments
from engine.values import is_list, is_object

MAX_TEXT = 4 * 1024 * 1024
PATH = re.compile(r"[a-z_][A-Za-z0-9_]*(\.[a-zA-Z_][A-Za-z0-9_]*)*")
FAILED = re.compile(r"Function '(?P<name>\w+?)_?' error: Python function call failed: \w+: (?P<what>.*)")
SYNTAX = re.compile(r"<input>:\d+:(?P<place>\d+): (?P<what>.*)")


@dataclass(frozen=True, slots=True)
class Expression:
    """`names`: what it reads; `guarded`: those of them asked for with `has()`."""

    source: str
    program: Any
    names: frozenset[str]
    guarded: frozenset[str]
    examples: dict[str, str]
    functions: dict[str, Any]
    path: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Template:
    """Plain text and expressions by turns."""

    parts: tuple[str | Expression, ...]

    @property
    def references(self) -> frozenset[str]:
        return frozenset(n for p in self.parts if isinstance(p, Expression) for n in p.names)

    @property
    def unguarded(self) -> frozenset[str]:
        """Names that some expression reads without asking for them with `has()`."""
        return frozenset(n for p in self.parts if isinstance(p, Expression) for n in p.names - p.guarded)

    def example(self, name: str) -> str:
        """A member of `name` that is read here, such as `draft.text`."""
        return next((p.examples[name] for p in self.parts if isinstance(p, Expression) and name in p.examples), name)

    @property
    def lone(self) -> Expression | None:
        """The one expression that is the whole text."""
        only = self.parts[0] if len(self.parts) == 1 else None
        return only if isinstance(only, Expression) else None


@lru_cache(maxsize=4096)
def compile_expression(text: str) -> Expression:
    """Raises BadExpression."""
    source = text.strip()
    found = references(source)
    try:
        program = cel.compile(source)
        called = program.functions()
    except ValueError as e:
        raise BadExpression(_syntax(str(e)), "Check brackets, quotes and commas.") from None
    unknown = next((f for f in called if f not in KNOWN), None)
    if unknown:
        raise BadExpression(f"there is no function {unknown}", "Use the functions of CEL; there is no clock here.")
    if not CORRECTED.keys().isdisjoint(called):
        program = cel.compile(renamed(source, CORRECTED))
        called = program.functions()
    path = tuple(source.split(".")) if PATH.fullmatch(source) and found.names else None
    ours = {name: FUNCTIONS[name] for name in called if name in FUNCTIONS}
    return Expression(source, program, found.names, found.guarded, found.examples, ours, path)


def _syntax(said: str) -> str:
    """The first fault the parser names, without its list of everything that might have stood there."""
    line = next((part for part in said.split("ERROR: ")[1:]), said).splitlines()[0]
    found = SYNTAX.match(line)
    if not found:
        return line[:200]
    place, what = found["place"], found["what"]
    if "<EOF>" in what:
        return "it ends too early"
    return f"{what.removeprefix('Syntax error: ').split(' expecting ')[0][:160]} at character {place}"


@lru_cache(maxsize=4096)
def compile_template(text: str) -> Template:
    """Raises BadExpression."""
    return Template(tuple(p if isinstance(p, str) else compile_expression(p.source) for p in segments(text)))


def evaluate(text: str, scope: Mapping[str, Any]) -> Any:
    """The value of a bare expression. Raises NodeError(code="bad_expression")."""
    try:
        expression = compile_expression(text)
    except BadExpression as e:
        raise _failed(text, e.fault, e.cure) from None
    return _value(expression, scope)


def render(text: str, scope: Mapping[str, Any]) -> str:
    """The text with its segments filled in: strings as they are, null empty, anything else compact JSON."""
    template = _template(text)
    made: list[str] = []
    size = 0
    for part in template.parts:
        made.append(part if isinstance(part, str) else as_text(_value(part, scope)))
        size += len(made[-1])
        if size > MAX_TEXT:
            raise NodeError("The text grew over 4 MB.", code="too_large", hint="Insert less into it.")
    return "".join(made)


def render_value(value: Any, scope: Mapping[str, Any]) -> Any:
    """`value` with every text in it rendered; a text that is one lone segment keeps the value's type."""
    if isinstance(value, str):
        lone = _template(value).lone
        return _value(lone, scope) if lone else render(value, scope)
    if is_object(value):
        return value if is_secret(value) else {k: render_value(v, scope) for k, v in value.items()}
    if is_list(value):
        return [render_value(v, scope) for v in value]
    return value


def is_secret(value: Any) -> bool:
    return is_object(value) and value.keys() == {"$secret"}


def as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _template(text: str) -> Template:
    try:
        return compile_template(text)
    except BadExpression as e:
        raise _failed(text, e.fault, e.cure) from None


def _value(expression: Expression, scope: Mapping[str, Any]) -> Any:
    if expression.path:
        return _follow(expression, scope)
    known = {name: scope[name] for name in expression.names if name in scope}
    try:
        return plain(expression.program.execute(cel.Context(variables=known, functions=expression.functions)))
    except (KeyError, IndexError) as e:
        raise _failed(expression.source, f"there is no {str(e).strip(chr(34))}", "Ask with has() first.") from None
    except NodeError:
        raise
    except BaseException as e:
        if isinstance(e, KeyboardInterrupt | SystemExit | MemoryError):
            raise
        raise _failed(expression.source, *_why(e, expression)) from None


def _follow(expression: Expression, scope: Mapping[str, Any]) -> Any:
    """A bare path needs no CEL: it keeps large integers exact and copies nothing."""
    value: Any = scope
    for step in expression.path or ():
        if not isinstance(value, Mapping) or step not in value:
            raise _failed(expression.source, f"there is no {step!r}", "Ask with has() first.")
        value = cast("Mapping[str, Any]", value)[step]
    return value


def _why(error: BaseException, expression: Expression) -> tuple[str, str]:
    said = str(error).split(". ")[0].rstrip(".")
    if isinstance(error, TypeError):
        return said, "CEL mixes no types: convert with double(x), int(x) or string(x)."
    if found := FAILED.match(said):
        return f"{found['name']}() {found['what']}", "Check the types of what it is given."
    if said.startswith("Undefined variable or function: '"):
        name = said.split("'")[1]
        if name in KNOWN:
            return f"{name}() takes no such value", "Check the types of what it is given."
        return f"there is no {name!r}", "Ask with has() first, or check the spelling."
    return said, "Check the values it reads."


def _failed(source: str, fault: str, cure: str) -> NodeError:
    shown = source.strip()
    shown = shown if len(shown) <= 80 else shown[:79] + "…"
    return NodeError(f"`{shown}`: {fault}.", code="bad_expression", hint=cure)


def plain(value: Any) -> Any:
    """What CEL answers, as JSON: times as RFC 3339, durations as seconds, bytes as base64.
    Its maps forget the order of their keys, so that they are sorted: the same text in every attempt."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("the result is no finite number")
        return value
    if is_object(value):
        return dict(sorted(((as_text(plain(k)), plain(v)) for k, v in value.items()), key=itemgetter(0)))
    if is_list(value):
        return [plain(v) for v in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, timedelta):
        return f"{value.total_seconds():g}s"
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise ValueError(f"the result is no JSON but {type(value).__name__}")
