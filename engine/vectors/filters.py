"""What a search may ask of metadata: Pinecone's filter language, the same in every store.

`{"source": "a.pdf", "page": {"$gte": 3}, "$or": [{"kind": "pdf"}, {"kind": {"$exists": false}}]}`: a bare value means
`$eq`, several fields or operators must all hold. A list in the metadata equals each of its entries. What is not there
is not equal to anything, so `$ne` and `$nin` hold for it. Only numbers have an order.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.errors import NodeError
from engine.values import is_list, is_object

ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}
OPERATORS = ("$eq", "$ne", *ORDERS, "$in", "$nin", "$exists")
MAX_DEPTH = 8
MAX_TESTS = 200
MAX_VALUES = 1000


@dataclass(frozen=True, slots=True)
class Condition:
    """One field, one operator, one value."""

    field: str
    operator: str
    value: Any

    def holds(self, has: Any) -> bool:
        """`has` is the metadata's value; None: it has no such field."""
        if self.operator == "$exists":
            return (has is not None) == self.value
        if self.operator in ORDERS:
            return _is_number(has) and ORDERS[self.operator](has, self.value)
        wanted: list[Any] = self.value if self.operator in ("$in", "$nin") else [self.value]
        found = any(_same(one, other) for one in (has if is_list(has) else [has]) for other in wanted)
        return found == (self.operator in ("$eq", "$in"))


@dataclass(frozen=True, slots=True)
class Every:
    parts: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Some:
    parts: tuple[Rule, ...]


Rule = Condition | Every | Some


def check(filter: Mapping[str, Any]) -> None:
    """Raises NodeError `bad_filter`, which names the field."""
    parse(filter)


def matches(filter: Mapping[str, Any], metadata: Mapping[str, Any]) -> bool:
    return holds(parse(filter), metadata)


def holds(rule: Rule, metadata: Mapping[str, Any]) -> bool:
    match rule:
        case Condition():
            return rule.holds(metadata.get(rule.field))
        case Every():
            return all(holds(part, metadata) for part in rule.parts)
        case Some():
            return any(holds(part, metadata) for part in rule.parts)


def parse(filter: Mapping[str, Any]) -> Rule:
    """The filter as rules; an empty one is a rule that always holds."""
    rule = _every(filter, "", 0)
    if _size(rule) > MAX_TESTS:
        raise bad("", f"It has more than {MAX_TESTS} conditions.")
    return rule


def bad(field: str, message: str, hint: str = "") -> NodeError:
    where = f"The filter of {field!r} cannot be used. " if field else "The filter cannot be used. "
    return NodeError(where + message, code="bad_filter", hint=hint, field=field)


def _every(filter: Any, where: str, depth: int) -> Every:
    if not is_object(filter):
        raise bad(where, "It is no object.", 'Like {"source": "a.pdf"}.')
    if depth > MAX_DEPTH:
        raise bad(where, f"It is nested deeper than {MAX_DEPTH}.")
    return Every(tuple(rule for key, value in filter.items() for rule in _rules(key, value, depth)))


def _rules(key: Any, value: Any, depth: int) -> list[Rule]:
    if not isinstance(key, str) or not key:
        raise bad(str(key), "A field's name is text.")
    if key in ("$and", "$or"):
        if not is_list(value) or not value or not all(value):
            raise bad(key, "It takes a list of filters.", f'Like {{"{key}": [{{"page": 1}}, {{"page": 2}}]}}.')
        parts = tuple(_every(part, key, depth + 1) for part in value)
        return [Every(parts) if key == "$and" else Some(parts)]
    if key.startswith("$"):
        raise bad(key, "There is no such operator.", "Between fields there are $and and $or.")
    if not is_object(value):
        return [_test(key, "$eq", value)]
    if not value:
        raise bad(key, "It says nothing.", f"Operators: {', '.join(OPERATORS)}.")
    return [_test(key, str(name), wanted) for name, wanted in value.items()]


def _test(field: str, name: str, value: Any) -> Condition:
    if name not in OPERATORS:
        raise bad(field, f"There is no operator {name!r}.", f"Operators: {', '.join(OPERATORS)}.")
    if name == "$exists":
        fits, what = isinstance(value, bool), "true or false"
    elif name in ORDERS:
        fits, what = _is_number(value), "a number"
    elif name in ("$in", "$nin"):
        few = is_list(value) and 0 < len(value) <= MAX_VALUES
        fits, what = (
            few and all(isinstance(one, str) or _is_number(one) for one in value),
            f"a list of 1 to {MAX_VALUES} texts or numbers",
        )
    else:
        fits, what = _is_plain(value), "a text, a number, true or false"
    if not fits:
        raise bad(field, f"{name} takes {what}.")
    return Condition(field, name, value)


def _size(rule: Rule) -> int:
    return 1 if isinstance(rule, Condition) else sum(map(_size, rule.parts))


def _is_number(value: Any) -> bool:
    """JSON's whole numbers have no end; what is larger than any double is no number here."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | bool) or _is_number(value)


def _same(one: Any, other: Any) -> bool:
    return isinstance(one, bool) == isinstance(other, bool) and one == other
