"""Expressions of CEL as Python: the same value for every one that is written, and a clear word for the others."""

from __future__ import annotations

import ast
import math
import re
from decimal import Decimal
from typing import Any

import pytest

from engine import expressions
from engine.export import helpers
from engine.export.python import ANY, Root, Writer
from engine.export.tree import Unwritable, parse

A: dict[str, Any] = {
    "n": 3, "m": -7, "f": 1.5, "z": 2.0, "s": "hello WORLD", "u": "Éa", "e": "", "l": [3, 1, 2],
    "w": ["b", "a"], "t": True,
    "none": None, "o": {"k": 1, "b": {"c": [1, {"d": "x"}]}}, "q": 'a"b\\c\n',
    "items": [{"id": 1, "ok": True}, {"id": 2, "ok": False}],
}  # fmt: skip
SHAPES = {
    "known": {
        "type": "object",
        "properties": {
            "n": {"type": "integer"}, "f": {"type": "number"}, "s": {"type": "string"}, "l": {"type": "array"},
            "t": {"type": "boolean"}, "m": {"type": "integer"}, "o": {"type": "object"},
        },
    },
    "unknown": ANY,
}  # fmt: skip
SAME = r"""
citations("Yes [2], as [1, 3-5] say [1]; l[x] and [9")
citations("【1】 [2†source] ［３］ [^4] [ 5 ] [Source 6] [passages 7 and 8] [9, p. 3] [10; 11] [12—13] [99999] [[14]]")
citations("[Sources: 1, 2] [3](http://x.y) [#4] [^5^] [6: a handbook]")
citations("(1) [Figure 2] [S3] [4 days] [see 5] [] [a] [6")
citations(a.s)
citations("[3-1] [0]").all(n, n >= 1)
1 + 2 * 3 - 4 / 2
(1 + 2) * 3
-7 / 2
-7 % 3
a.m / a.n
a.m % a.n
-a.n
- -1
2 - (3 - 4)
8 / (4 / 2)
1 == 1.0
a.n == 3
a.n != 4
a.n > 2.5
a.s < "z"
a.l == [3, 1, 2]
a.o == {"k": 1, "b": a.o.b}
a.none == null
a.t == true
a.t != false
null != a.n
'x' == "x"
a.n in a.l
"k" in a.o
!("q" in a.o)
!(a.n in [1, 2])
a.t && a.n > 1 || false
!a.t || a.n == 3
!(a.t && false)
a.t ? 1 : 2
a.n > 5 ? "x" : a.n > 2 ? "y" : "z"
(a.t ? a.l : a.w).size()
has(a.n)
has(a.nope)
has(a.o.b)
has(a.o.x)
!has(a.x)
has(a.x) ? a.x : 0
has(a.x) ? a.x : null
has(a.n) ? a.n : 0
has(b.x) ? b.x : "-"
has(b.x) ? b : null
b
size(a.s)
a.s.size()
size(a.l)
size(a.o)
string(a.n)
string(a.f)
string(a.z)
string(1e20)
string(1e-7)
string(a.s)
int("12")
int(-3.7)
int(a.f)
double("1.5")
double(a.n)
dyn(a.n)
a.s.contains("llo")
a.s.startsWith("h")
a.s.endsWith("D")
a.s.matches("l+o")
a.s.matches("^W")
a.s.lowerAscii()
a.s.upperAscii()
a.u.lowerAscii()
a.u.upperAscii()
" x ".trim()
a.s.replace("l", "_")
"a,b".split(",")
a.w.join("-")
["x"].join()
a.s.indexOf("l")
a.s.lastIndexOf("l")
a.s.substring(1)
a.s.substring(1, 3)
a.l.slice(0, 2)
a.l.reverse()
a.l.sort()
sort(a.w)
[1, 1, 2].distinct()
[[1], [2]].flatten()
max(1, 2)
max(a.l)
a.l.min()
a.l.sum()
abs(a.m)
round(2.5)
round(-2.5)
floor(a.f)
ceil(a.f)
a.l.map(x, x * 2)
a.l.filter(x, x > 1)
a.l.map(x, x > 1, x + 1)
a.l.exists(x, x == 2)
a.l.all(x, x > 0)
a.l.exists_one(x, x == 2)
a.items.filter(i, i.ok).map(i, i.id)
a.items.map(i, a.l.map(x, x + i.id))
a.items.exists(i, i.id == 2 && !i.ok)
a.o.b.c[1].d
a.o["k"]
a["n"]
a.l[0] + a.l[1]
a.items[0].id
[a.n, a.s]
{"k": a.n, "b": [a.t]}
"a" + "b" + a.s
[1] + [2]
"x" + string(a.n) + "y"
a.q + 'it\'s "q"'
r"a\d"
'''x"y'''
"\u00e9\x41\101\n"
0x1F
1e3
1.5e-3
5u
true
false
null
"""
CASES = SAME.strip().splitlines()


class Names:
    """Reads `a` and `b` of a dict called `state`; `b` has not run."""

    def __init__(self, shape: Any) -> None:
        self.shape, self.helpers = shape, set[str]()

    def root(self, name: str) -> Root | None:
        known = Root('state["a"]', self.shape)
        absent = Root('state["b"]', ANY, 'state.get("b", {})', '"b" in state')
        return {"a": known, "b": absent}.get(name)

    def needs(self, helper: str) -> None:
        self.helpers.add(helper)


def as_python(source: str, shape: Any) -> Any:
    names, compiled = Names(shape), expressions.compile_expression(source)
    piece = Writer(names, compiled.guarded).write(parse(compiled.source))
    scope: dict[str, Any] = {"re": re, "math": math, "Any": Any, "Decimal": Decimal, "state": {"a": A}}
    for helper in names.helpers - {"re", "math"}:
        exec(helpers.source(helper), scope)
    ast.parse(piece.code, mode="eval")
    return eval(piece.code, scope)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("source", CASES)
def test_an_expression_has_the_same_value(source: str, shape: str):
    wanted = expressions.evaluate(source, {"a": A, "b": {}})
    made = as_python(source, SHAPES[shape])
    assert (made, type(made)) == (wanted, type(wanted))


@pytest.mark.parametrize(
    ("source", "word"),
    [
        ('timestamp("2026-01-01T00:00:00Z")', "timestamp()"), ('duration("2h")', "duration()"),
        ("type(a.n) == int", "type()"), ('b"abc"', "bytes"), ("run.id", "inside Nexod"), ("bool('true')", "bool()"),
        ("'a'.charAt(0)", "charAt()"), ("'a,b'.split(',', 1)", "split() is not called like this"),
    ],
)  # fmt: skip
def test_what_has_no_plain_python_is_told(source: str, word: str):
    with pytest.raises(Unwritable, match=re.escape(word)):
        as_python(source, ANY)
