"""The canvas' operations, applied to the raw JSON of a draft. Pure; a draft may become wrong, never unreadable."""

from __future__ import annotations

import copy
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from engine.errors import Invalid, Problem
from engine.shapes import walk_problems
from engine.values import is_list, is_object

_OWN = ("name", "description", "target", "inputs", "outputs")
"""The fields of the workflow itself that an operation may set."""
MAX_OPS = 5_000


def apply(draft: dict[str, Any], ops: Any) -> dict[str, Any]:
    """The draft after `ops`. Raises Invalid and changes nothing when one of them cannot be applied."""
    if not is_list(ops) or len(ops) > MAX_OPS:
        raise _refused("ops", f"A list of at most {MAX_OPS} operations is expected.")
    made = copy.deepcopy(draft)
    for index, op in enumerate(ops):
        try:
            kind = op.get("op") if is_object(op) else None
            _APPLY[kind](made, op)
        except (KeyError, IndexError, TypeError, ValueError) as fault:
            raise _refused(f"ops.{index}", f"This operation cannot be applied: {_reason(fault)}") from fault
    if problems := walk_problems(made):
        raise Invalid.of(problems, "The operations cannot be applied.")
    return made


def _refused(field: str, message: str) -> Invalid:
    hint = "Load the workflow again and repeat the change."
    return Invalid.of([Problem("bad_value", message, hint, field=field)], "The operations cannot be applied.")


def _reason(fault: Exception) -> str:
    return f"{fault.args[0]!r} is missing or unknown." if isinstance(fault, KeyError) else f"{fault}."


def _add(draft: dict[str, Any], op: dict[str, Any]) -> None:
    _only(op, "nodes", "edges")
    draft["nodes"].extend(_objects(op.get("nodes", [])))
    draft.setdefault("edges", []).extend(_objects(op.get("edges", [])))


def _remove(draft: dict[str, Any], op: dict[str, Any]) -> None:
    _only(op, "nodes", "edges")
    gone = {_text(node_id) for node_id in _list(op.get("nodes", []))}
    cut = {_wire(edge) for edge in _objects(op.get("edges", []))}
    draft["nodes"] = [node for node in draft["nodes"] if node.get("id") not in gone]
    draft["edges"] = [
        edge
        for edge in draft.get("edges", [])
        if _wire(edge) not in cut and edge.get("source") not in gone and edge.get("target") not in gone
    ]


def _move(draft: dict[str, Any], op: dict[str, Any]) -> None:
    _only(op, "items")
    places = {_text(item["id"]): (_number(item["x"]), _number(item["y"])) for item in _objects(op["items"])}
    for node in draft["nodes"]:
        if node.get("id") in places:
            x, y = places.pop(node["id"])
            node["position"] = {"x": x, "y": y}
    if places:
        raise KeyError(next(iter(places)))


def _set(draft: dict[str, Any], op: dict[str, Any]) -> None:
    _only(op, "id", "path", "value")
    path = _list(op["path"])
    if not 0 < len(path) <= 32:
        raise ValueError("the path has no or too many parts")
    if op.get("id") is None and path[0] not in _OWN:
        raise KeyError(path[0])
    root = draft if op.get("id") is None else _node(draft, _text(op["id"]))
    if "value" in op:
        _put(root, path, op["value"])
    else:
        _unset(root, path)


_APPLY: dict[Any, Callable[[dict[str, Any], dict[str, Any]], None]] = {
    "add": _add, "remove": _remove, "move": _move, "set": _set,
}  # fmt: skip


def _node(draft: dict[str, Any], node_id: str) -> dict[str, Any]:
    for node in draft["nodes"]:
        if node.get("id") == node_id:
            return node
    raise KeyError(node_id)


def _put(root: Any, path: list[Any], value: Any) -> None:
    here = root
    for part, following in pairwise(path):
        here = _step(here, part, [] if _is_index(following) else {})
    if is_list(here):
        index = _index(path[-1], len(here))
        here[index : index + 1] = [value]
    else:
        here[_text(path[-1])] = value


def _step(here: Any, part: Any, empty: Any) -> Any:
    """One level down; what is missing there is made."""
    if is_list(here):
        index = _index(part, len(here))
        if index == len(here):
            here.append(empty)
        return _container(here[index])
    name = _text(part)
    if here.get(name) is None:
        here[name] = empty
    return _container(here[name])


def _unset(root: Any, path: list[Any]) -> None:
    here = root
    for part in path[:-1]:
        here = _container(here[_index(part, len(here) - 1)] if is_list(here) else here.get(_text(part), {}))
    if is_list(here):
        del here[_index(path[-1], len(here) - 1)]
    else:
        here.pop(_text(path[-1]), None)


def _container(value: Any) -> Any:
    if not is_object(value) and not is_list(value):
        raise TypeError("the path leads through a plain value")
    return value


def _is_index(part: Any) -> bool:
    return isinstance(part, int) and not isinstance(part, bool)


def _index(part: Any, most: int) -> int:
    index = int(part)
    if not 0 <= index <= most:
        raise IndexError(f"there is no place {index} in the list")
    return index


def _only(op: dict[str, Any], *names: str) -> None:
    for name in op:
        if name != "op" and name not in names:
            raise KeyError(name)


def _list(value: Any) -> list[Any]:
    if not is_list(value):
        raise TypeError("a list is expected")
    return value


def _objects(value: Any) -> list[dict[str, Any]]:
    if not all(isinstance(item, dict) for item in _list(value)):
        raise TypeError("a list of objects is expected")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a name is expected")
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 10_000_000:
        raise TypeError("a coordinate is expected")
    return value


def _wire(edge: dict[str, Any]) -> tuple[Any, ...]:
    return edge.get("source"), edge.get("port", "out"), edge.get("target")
