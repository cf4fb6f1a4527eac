"""calculate: arithmetic that is right, within bounds that keep it quick."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable
from typing import Any

from engine.errors import NodeError
from engine.tools import tool

MAX_TEXT, MAX_PARTS, MAX_BITS = 2000, 400, 4096
MAX_PLACES = 2000
"""More than any number within these bounds has, before the point or after it."""
DIGITS = 15
"""What a float holds for sure, so that 0.1 + 0.2 is 0.3."""

Number = int | float
SIGNS: dict[type[ast.unaryop], Callable[[Any], Any]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}
OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: lambda a, b: a / b,
    ast.FloorDiv: lambda a, b: a // b, ast.Mod: operator.mod,
}  # fmt: skip
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": abs, "round": lambda *n: _rounded(*n), "min": min, "max": max, "floor": math.floor, "ceil": math.ceil,
    "sqrt": math.sqrt,
    "exp": math.exp, "ln": math.log, "log": math.log, "log10": math.log10, "log2": math.log2, "sin": math.sin,
    "cos": math.cos, "tan": math.tan, "asin": math.asin, "acos": math.acos, "atan": math.atan,
    "radians": math.radians, "degrees": math.degrees, "hypot": math.hypot,
    "sum": lambda *n: sum(n), "mean": lambda *n: sum(n) / len(n),
}  # fmt: skip
CONSTANTS = {"pi": math.pi, "e": math.e}


@tool(title="Calculator", icon="tool")
async def calculate(expression: str) -> Number:
    """Works out an arithmetic expression and answers the number.

    Beside + - * / // % ** and brackets there are pi and e, and abs, round, min, max, sum, mean, floor, ceil, sqrt,
    exp, ln, log, log2, log10, sin, cos, tan, asin, acos, atan, radians, degrees and hypot.

    expression: such as `round(1200 * 1.077 ** 3, 2)`.
    """
    if len(expression) > MAX_TEXT:
        raise _wrong(f"it is longer than {MAX_TEXT} characters")
    try:
        tree = ast.parse(expression.strip(), mode="eval").body
        if sum(1 for _ in ast.walk(tree)) > MAX_PARTS:
            raise _wrong(f"it has more than {MAX_PARTS} parts")
        return _plain(_value(tree))
    except SyntaxError as fault:
        raise _wrong(f"it cannot be read at character {fault.offset or 1}") from None
    except (RecursionError, MemoryError):
        raise _wrong("it nests too deep") from None
    except ZeroDivisionError:
        raise _wrong("it divides by zero") from None
    except OverflowError:
        raise _wrong("its result is too large") from None
    except (ValueError, TypeError) as fault:
        raise _wrong(str(fault) or "a function takes no such number") from None


def _value(part: ast.expr) -> Number:
    match part:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return _bounded(value)
        case ast.Name(id=name) if name in CONSTANTS:
            return CONSTANTS[name]
        case ast.UnaryOp(op=op, operand=operand) if type(op) in SIGNS:
            return SIGNS[type(op)](_value(operand))
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return _power(_value(left), _value(right))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
            return _bounded(OPERATORS[type(op)](_value(left), _value(right)))
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in FUNCTIONS:
            return _bounded(FUNCTIONS[name](*(_value(one) for one in _listed(args))))
        case _:
            raise _wrong(f"`{ast.unparse(part)[:60]}` is no arithmetic")


def _listed(args: list[ast.expr]) -> list[ast.expr]:
    """`sum([1, 2])` reads like `sum(1, 2)`."""
    only = args[0] if len(args) == 1 else None
    return only.elts if isinstance(only, ast.List | ast.Tuple) else args


def _power(base: Number, exponent: Number) -> Number:
    if isinstance(base, int) and isinstance(exponent, int) and base.bit_length() * abs(exponent) > MAX_BITS:
        raise OverflowError
    return _bounded(base**exponent)


def _rounded(value: Number, places: Any = None) -> Number:
    """Python works out 10 ** -places of whole numbers, whatever places are."""
    if isinstance(places, int):
        places = max(-MAX_PLACES, min(MAX_PLACES, places))
    return round(value, places)


def _bounded(value: Any) -> Number:
    if not isinstance(value, int | float):
        raise ValueError("the result is no real number")
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        raise OverflowError
    return value


def _plain(value: Number) -> Number:
    if isinstance(value, int):
        return value
    if not math.isfinite(value):
        raise OverflowError
    return float(f"{value:.{DIGITS}g}")


def _wrong(fault: str) -> NodeError:
    return NodeError(f"The expression: {fault}.", code="bad_arguments", field="expression")
