"""What every tool is: a typed function whose docstring and types are its schema; its faults, its limits."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from engine import schema, tools
from engine.errors import NodeError
from engine.node import Effect, NodeConfig
from engine.tools import ToolContext, ToolType, registry

CONTEXT = ToolContext("run", "workspace", "key", lambda reference: "secret")
HOME = Path(tools.__file__).parent
OURS = sorted(name for name, kind in registry().items() if kind.function.__module__.startswith("engine.tools."))


class Settings(NodeConfig):
    loud: bool = False


@tools.tool(title="Odd", icon="tool", config=Settings, cap=100, timeout_s=0.2)
async def odd(word: str, config: Settings, ctx: ToolContext, times: int = 1, marks: list[str] | None = None) -> Any:
    """Says a word in odd ways.

    It may be *loud*.

    word: what to say; with
        a second line.
    times: how often.
    """
    match word:
        case "slow":
            said = await asyncio.sleep(5)
        case "broken":
            raise KeyError("/secret/path")
        case "no json":
            said: Any = {1, 2}
        case "large":
            said = "ä" * 50
        case "own":
            raise NodeError("mine", code="own")
        case _:
            text = (word.upper() if config.loud else word) * times
            said = {"said": text, "marks": marks, "key": ctx.idempotency_key}
    return said


ODD = registry()["odd"]


async def fault(word: str) -> NodeError:
    with pytest.raises(NodeError) as raised:
        await ODD.call({"word": word}, Settings(), CONTEXT)
    return raised.value


@pytest.fixture(params=OURS)
def ours(request: pytest.FixtureRequest) -> ToolType:
    return registry()[request.param]


def test_every_file_brings_one_tool_of_its_name():
    assert [f.stem for f in sorted(HOME.glob("[a-z]*.py"))] == OURS


def test_it_explains_itself(ours: ToolType):
    assert ours.title
    assert ours.icon
    assert len(ours.help) > 30
    assert schema.check(ours.parameters) == []
    assert json.dumps(ours.Config.model_json_schema())
    assert all(part.get("description") for part in ours.parameters["properties"].values())
    assert all(part.get("title") for part in ours.Config.model_json_schema()["properties"].values())


def test_types_and_docstring_are_the_schema():
    assert ODD.help == "Says a word in odd ways.\n\nIt may be *loud*."
    parts = ODD.parameters["properties"]
    assert list(parts) == ["word", "times", "marks"]
    assert parts["word"] == {"type": "string", "title": "Word", "description": "what to say; with a second line."}
    assert parts["times"]["default"] == 1
    assert ODD.parameters["required"] == ["word"]
    assert ODD.parameters["additionalProperties"] is False


async def test_it_is_given_its_settings_and_what_it_may_know():
    said = await ODD.call({"word": "hi", "times": 2}, Settings(loud=True), CONTEXT)
    assert said == {"said": "HIHI", "marks": None, "key": "key"}


@pytest.mark.parametrize(
    ("args", "field"),
    [
        ({}, "word"), ({"word": 1}, "word"), ({"word": "x", "times": "2"}, "times"), ({"word": "x", "y": 1}, "y"),
        ({"word": "x", "marks": ["a", 2]}, "marks.1"), ({"word": "x", "config": {}}, "config"),
    ],
)  # fmt: skip
async def test_arguments_off_the_schema_name_their_field(args: dict[str, Any], field: str):
    with pytest.raises(NodeError) as raised:
        await ODD.call(args, Settings(), CONTEXT)
    assert (raised.value.code, raised.value.extra["field"]) == ("bad_arguments", field)
    assert field in raised.value.message
    offer = tools.Offer("odd", "", ODD.parameters)
    assert tools.against(offer, args)


@pytest.mark.parametrize(
    ("word", "code"),
    [("broken", "tool_failed"), ("no json", "tool_failed"), ("large", "tool_output_too_large"), ("slow", "timeout"),
     ("own", "own")],
)  # fmt: skip
async def test_what_goes_wrong_is_a_typed_error_without_insides(word: str, code: str):
    error = await fault(word)
    assert error.code == code
    assert "/secret/path" not in error.message


async def test_an_unsafe_tool_that_broke_may_have_sent():
    assert not (await fault("broken")).sent

    @tools.tool(title="Odd too", icon="tool", effect=Effect.UNSAFE)
    async def odd_too() -> None:
        """Breaks."""
        raise OSError

    with pytest.raises(NodeError) as raised:
        await registry()["odd_too"].call({}, tools.NoConfig(), CONTEXT)
    assert raised.value.sent


def test_a_name_is_taken_once():
    async def calculate() -> None:
        """Another one."""

    with pytest.raises(ValueError, match="taken"):
        tools.tool(title="Mine", icon="tool")(calculate)


async def test_an_ordinary_tool_offers_itself():
    (offer,) = await ODD.offers(Settings(), CONTEXT)
    assert (offer.name, offer.parameters) == ("odd", ODD.parameters)
    assert ODD.arguments("odd", {"word": "x"}) == {"word": "x"}


CALCULATE = registry()["calculate"]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("0.1 + 0.2", 0.3), ("2 ** 100", 2**100), ("round(1200 * 1.077 ** 3, 2)", 1499.09), ("-7 // 2", -4),
        ("sum([1, 2, 3]) / 3", 2.0), ("max(1, 2.5)", 2.5), ("sqrt(2) ** 2", 2.0), ("7 % 4", 3), ("1_000 * 3", 3000),
        ("round(2.5)", 2), ("round(15, -1)", 20), ("round(7, -10 ** 9)", 0), ("round(0.5, 10 ** 9)", 0.5),
    ],
)  # fmt: skip
async def test_sums_are_right(expression: str, value: float):
    assert await CALCULATE.call({"expression": expression}, tools.NoConfig(), CONTEXT) == value


@pytest.mark.parametrize(
    "expression",
    [
        "", "1 +", "9 ** 9 ** 9", "10 ** 5000", "1 / 0", "(-1) ** 0.5", "1e308 * 10", "__import__('os')", "a.b",
        "'x' * 9", "1 << 999", "(" * 500, "-" * 1000 + "1", "1" * 5000, "min()", "x", "lambda: 1", "[1][0]", "True",
        "sqrt(-1)", "sum(*[1])", "factorial(99999)", "nan",
    ],
)  # fmt: skip
async def test_what_is_no_sum_is_refused_at_once(expression: str):
    with pytest.raises(NodeError) as raised:
        await CALCULATE.call({"expression": expression}, tools.NoConfig(), CONTEXT)
    assert raised.value.code == "bad_arguments"


async def test_the_clock_knows_its_time_zones():
    now = registry()["now"]
    said = await now.call({"time_zone": "Asia/Kathmandu"}, tools.NoConfig(), CONTEXT)
    assert said["time"].endswith("+05:45")
    for zone in ("Mars", "../etc/passwd", ""):
        with pytest.raises(NodeError) as raised:
            await now.call({"time_zone": zone}, tools.NoConfig(), CONTEXT)
        assert raised.value.extra["field"] == "time_zone"
