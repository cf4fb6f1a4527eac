"""Faults of shape as problems: a pydantic error, or a value too large or too deep, with its place and its cure."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from engine.errors import Problem
from engine.values import is_list, is_object

MAX_DEPTH = 32
MAX_FIELD = 64 * 1024
MAX_VALUES = 250_000

WRONG_TYPE = {
    "string_type": "text", "int_type": "a whole number", "float_type": "a number", "bool_type": "true or false",
    "dict_type": "an object", "list_type": "a list", "model_type": "an object", "int_from_float": "a whole number",
    "model_attributes_type": "an object", "tuple_type": "a list", "int_parsing": "a whole number",
    "float_parsing": "a number", "bool_parsing": "true or false", "none_required": "null", "enum": "one of the names",
}  # fmt: skip

BOUNDS = {
    "greater_than": "above",
    "greater_than_equal": "at least",
    "less_than": "below",
    "less_than_equal": "at most",
}


def at(raw: Any, *path: str | int) -> Any:
    """The value at `path`, or None."""
    for step in path:
        if is_object(raw):
            raw = raw.get(str(step))
        elif is_list(raw) and isinstance(step, int) and 0 <= step < len(raw):
            raw = raw[step]
        else:
            return None
    return raw


def shape_problems(error: ValidationError, raw: Any, inside: str = "") -> list[Problem]:
    """The faults of a whole flow. `inside`: the subflow step that holds it."""
    found = [_of_flow(e, raw, inside) for e in error.errors(include_url=False, include_context=True)]
    return list(dict.fromkeys(found))


def _of_flow(error: ErrorDetails, raw: Any, inside: str) -> Problem:
    loc = place(error, raw)
    if len(loc) > 2 and loc[0] == "nodes" and loc[2] != "id":
        _, n, *rest = loc
        node_id, title = at(raw, "nodes", n, "id"), at(raw, "nodes", n, "title")
        if isinstance(node_id, str):
            shown = title if isinstance(title, str) and title else node_id
            return to_problem(error, tuple(rest), node_id=_inside(inside, node_id), title=shown)
    return to_problem(error, ("config", "flow", *loc) if inside else loc, node_id=inside or None)


def config_problems(
    error: ValidationError, raw: Any, node_id: str, title: str, labels: Mapping[str, str]
) -> list[Problem]:
    """The faults of one step's config. `labels`: what people call its fields."""
    found: dict[tuple[Any, ...], Problem] = {}
    for e in error.errors(include_url=False, include_context=True):
        loc = place(e, raw)
        label = labels.get(str(loc[0]), "") if len(loc) == 1 else ""
        problem = to_problem(e, ("config", *loc), node_id=node_id, title=title, label=label)
        found.setdefault((loc, problem.code == "unknown_field"), problem)
    return list(found.values())


def place(error: ErrorDetails, raw: Any) -> tuple[str | int, ...]:
    """The place in the data: pydantic also puts the names of union members into its path."""
    found: list[str | int] = []
    steps = error["loc"]
    for n, step in enumerate(steps):
        if (is_object(raw) and step in raw) or (is_list(raw) and isinstance(step, int) and step < len(raw)):
            raw = at(raw, step)
        elif not (n == len(steps) - 1 and error["type"] == "missing"):
            continue
        found.append(step)
    return tuple(found)


def to_problem(
    error: ErrorDetails, loc: tuple[str | int, ...], *, node_id: str | None = None, title: str = "", label: str = ""
) -> Problem:
    """`label` is what people call the field; without one it is its path."""
    context = error.get("ctx", {})
    if context.get("field"):
        loc = (*loc, context["field"])
    path = ".".join(map(str, loc))
    code, fault, cure = _words(error["type"], label or (f"the field {path}" if path else "the file"), error, context)
    fault = f"{title}: {fault}" if title else fault[:1].upper() + fault[1:]
    return Problem(code, fault, cure, node_id=node_id, field=path or None)


def _words(kind: str, label: str, error: ErrorDetails, context: dict[str, Any]) -> tuple[str, str, str]:
    """Code, fault and cure."""
    if kind == "missing":
        return "missing_field", f"{label} is missing.", "Fill it in."
    if kind == "extra_forbidden":
        return "unknown_field", f"{label} is unknown here.", "Remove it, or check its spelling."
    if kind in WRONG_TYPE:
        return "wrong_type", f"{label} is not {WRONG_TYPE[kind]}.", f"Write {WRONG_TYPE[kind]}."
    if kind in ("too_short", "string_too_short"):
        return "bad_value", f"{label} is empty.", "Fill it in."
    if kind in ("too_long", "string_too_long"):
        return "too_large", f"{label} is too long.", f"Keep it within {context.get('max_length')}."
    if kind == "string_pattern_mismatch":
        return "bad_value", f"{label} is no name.", "Use lower-case letters, digits and _, a letter first."
    if kind == "reserved":
        return "bad_value", f"{label} is the reserved word {context['name']}.", "Choose another id."
    if kind == "literal_error":
        return "bad_value", f"{label} is not {context['expected']}.", f"Choose {context['expected']}."
    if kind in BOUNDS:
        bound = f"{BOUNDS[kind]} {next(iter(context.values()), '')}"
        return "bad_value", f"{label} is not {bound}.", f"Write a number {bound}."
    if kind == "advice":
        return context["code"], context["fault"], context["cure"]
    said = error["msg"].removeprefix("Input ").removeprefix("Value error, ").rstrip(".")
    return "bad_value", f"{label} {said}.", "Change it."


def size_problems(raw: Any) -> list[Problem]:
    """Too much to be judged any further, or fields over 64 KB."""
    return walk_problems(raw) or list(_large_fields(raw, ""))


def walk_problems(raw: Any) -> list[Problem]:
    """Nested too deep, too many values, or text that cannot be stored: not even a draft may hold that.
    Walks without recursion."""
    level, depth, count = [raw], 0, 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            return [Problem("too_deep", f"The workflow nests deeper than {MAX_DEPTH} levels.", "Flatten it.")]
        values = [child for value in level for child in _children(value)]
        count += len(values)
        if count > MAX_VALUES:
            return [Problem("too_large", f"The workflow holds over {MAX_VALUES} values.", "Split it.")]
        for value in values:
            if isinstance(value, str) and not _storable(value):
                return [Problem("bad_value", f"The text {value[:40]!a} holds a broken character.", "Type it again.")]
        level = [value for value in values if is_object(value) or is_list(value)]
    return []


def flow_size_problems(raw: Any, path: str) -> list[Problem]:
    """Fields over 64 KB in the flow of the subflow step `path`."""
    return list(_large_fields(raw, path))


def _children(value: Any) -> list[Any]:
    if is_object(value):
        return [*value, *value.values()]
    return value if is_list(value) else []


def _storable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\x00" not in text


def _large_fields(raw: Any, path: str) -> Iterator[Problem]:
    """The flow of a subflow is no field: its own fields are looked at when it is planned."""
    for name in ("inputs", "outputs", "description"):
        if _weight(at(raw, name)) > MAX_FIELD:
            field = f"config.flow.{name}" if path else name
            yield Problem("too_large", f"{name} is over 64 KB.", "Shorten it.", path or None, field)
    nodes = at(raw, "nodes")
    for n, node in enumerate(nodes if is_list(nodes) else []):
        config, node_id = at(node, "config"), at(node, "id")
        for name, value in config.items() if is_object(config) else ():
            if name != "flow" and _weight(value) > MAX_FIELD:
                said = f"{at(node, 'title') or node_id or f'Step {n + 1}'}: {name} is over 64 KB."
                owner = _inside(path, node_id) if isinstance(node_id, str) else None
                yield Problem("too_large", said, "Shorten it.", owner, f"config.{name}")


def _inside(path: str, node_id: str) -> str:
    return f"{path}/{node_id}" if path else node_id


def _weight(value: Any) -> int:
    if isinstance(value, str):
        return len(value.encode())
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str).encode())
