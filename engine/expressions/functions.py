"""The functions that expressions may call: CEL's own, and a few that CEL lacks. None reads a clock or the world."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from cel.stdlib import STDLIB_FUNCTIONS

MACROS = frozenset("all exists exists_one existsOne filter map has".split())
TYPES = frozenset("bool bytes double duration int list map null_type string timestamp type uint".split())
CORE = frozenset(
    "bytes contains double duration dyn endsWith getDate getDayOfMonth getDayOfWeek getDayOfYear getFullYear getHours "
    "getMilliseconds getMinutes getMonth getSeconds int matches size startsWith string timestamp type uint".split()
)
OPERATORS = frozenset(
    "!_ -_ _!=_ _%_ _&&_ _*_ _+_ _-_ _/_ _<=_ _<_ _==_ _>=_ _>_ _?_:_ _[_] _||_ @in @not_strictly_false "
    "__not_strictly_false__ _in_".split()
)
BORROWED = (
    "bool charAt distinct flatten indexOf join lastIndexOf lowerAscii max min replace reverse slice sort split "
    "substring sum trim upperAscii".split()
)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("takes a number")
    return value


FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{name: STDLIB_FUNCTIONS[name] for name in BORROWED},
    "abs": lambda x: abs(_number(x)),
    "ceil": lambda x: math.ceil(_number(x)),
    "floor": lambda x: math.floor(_number(x)),
    "round": lambda x: math.floor(_number(x) + 0.5),
}
KNOWN = CORE | OPERATORS | MACROS | frozenset(FUNCTIONS)
