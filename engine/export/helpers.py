"""The few functions that an exported file brings along: each only when it is needed, with what it needs itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HOME = Path(__file__).parent / "parts"


@dataclass(frozen=True, slots=True)
class Helper:
    """`imports` as `module` or `module:name`; `needs` are other helpers; `variant` is the file if not its name."""

    imports: str = ""
    needs: str = ""


HELPERS = {
    "StepError": Helper(),
    "FAULTS": Helper("", "StepError"),
    "fault": Helper("typing:Any", "FAULTS"),
    "retried": Helper("asyncio collections.abc:Awaitable collections.abc:Callable typing:Any", "StepError"),
    "at_most": Helper("collections.abc:Awaitable collections.abc:Callable functools:wraps typing:Any", "StepError"),
    "count_visit": Helper("", "StepError"),
    "first_only": Helper(
        "collections.abc:Awaitable collections.abc:Callable functools:wraps langgraph.types:Command typing:Any"
    ),
    "Branches": Helper("pydantic:BaseModel"),
    "as_text": Helper("json typing:Any"),
    "as_string": Helper("decimal:Decimal typing:Any"),
    "divided": Helper("typing:Any"),
    "remainder": Helper(),
    "lower_ascii": Helper(),
    "upper_ascii": Helper(),
    "citations": Helper("re"),
    "wait_until": Helper("asyncio datetime:UTC datetime:datetime typing:Any"),
    "side_by_side": Helper("asyncio collections.abc:Awaitable collections.abc:Iterable typing:Any"),
    "or_fault": Helper("collections.abc:Awaitable typing:Any", "fault"),
    "or_none": Helper("collections.abc:Callable typing:Any"),
    "ask_model": Helper("typing:Any", "answer_of model_turn"),
    "ask_for_data": Helper("pydantic:TypeAdapter typing:Any", "answer_of model_turn json_only read_data StepError"),
    "answer_of": Helper("typing:Any openai.types.chat:ChatCompletion"),
    "model_turn": Helper("asyncio os openai:AsyncOpenAI openai:OpenAIError openai.types.chat:ChatCompletion typing:Any",
                       "model_fault StepError MODEL"),
    "model_fault": Helper("openai:APIStatusError openai:OpenAIError", "StepError"),
    "json_only": Helper("json pydantic:TypeAdapter typing:Any"),
    "read_data": Helper("json re pydantic:TypeAdapter pydantic:ValidationError typing:Any"),
    "misfit": Helper("json typing:Any", "read_data"),
    "ask_person": Helper("json sys typing:Any", "StepError answer_from TERMINAL"),
    "answer_from": Helper("json typing:Any"),
    "read_line": Helper("queue sys threading time"),
    "http_request": Helper("asyncio httpx typing:Any", "StepError body_of"),
    "body_of": Helper("base64 httpx typing:Any"),
    "find_passages": Helper("os typing:Any", "http_request StepError"),
    "any_of": Helper("crewai.flow.flow:and_ crewai.flow.flow:or_ crewai.flow.flow_wrappers:FlowCondition"),
    "Tool": Helper("collections.abc:Awaitable collections.abc:Callable typing:Any"),
    "asked_first": Helper("asyncio functools:wraps typing:Any", "Tool StepError ask_person"),
    "work_on": Helper("asyncio collections.abc:Sequence typing:Any",
                      "Tool StepError answer_of model_turn described used"),
    "work_for_data": Helper("typing:Any", "work_on json_only read_data ask_for_data"),
    "described": Helper("inspect pydantic:TypeAdapter typing:Any", "Tool"),
    "used": Helper("json collections.abc:Sequence pydantic:validate_call typing:Any", "Tool FAULTS as_text"),
    "crew_tool": Helper("crewai.tools:BaseTool crewai.tools:tool functools:wraps typing:Any", "Tool as_text"),
    "fits": Helper("collections.abc:Callable typing:Any", "json_only read_data"),
    "work_of": Helper("crewai:Crew typing:Any", "StepError read_data MODEL"),
    "now": Helper("datetime:datetime typing:Any zoneinfo:ZoneInfo"),
    "calculate": Helper("ast", "StepError worked_out"),
    "worked_out": Helper("ast collections.abc:Callable math operator typing:Any", "power"),
    "power": Helper("typing:Any"),
    "search": Helper("html re typing:Any", "http_request"),
    "browse": Helper("trafilatura typing:Any", "http_request as_text"),
    "MODEL": Helper("os"),
    "TERMINAL": Helper("threading"),
}  # fmt: skip
TOOLS = ("now", "calculate", "search", "browse")
"""Tools of agents that are written out."""
VARIANTS = {
    "model_turn_anywhere": ("model_turn", Helper()),
    "ask_person_in_time": ("ask_person", Helper("time", "read_line")),
}
"""Fuller forms of a helper, which take its place."""

ORDER = tuple(HELPERS)


def closure(wanted: Iterable[str]) -> list[str]:
    """The helpers to write, with all that they need, in reading order; a variant stands where its plain form does."""
    found: set[str] = set()
    work = list(wanted)
    while work:
        name = work.pop()
        if name in found:
            continue
        found.add(name)
        if name in VARIANTS:
            plain, more = VARIANTS[name]
            work += [plain, *more.needs.split()]
        elif name in HELPERS:
            work += HELPERS[name].needs.split()
    return [name for name in ORDER if name in found]


def variant_of(name: str, wanted: Iterable[str]) -> str:
    return next((v for v, (plain, _) in VARIANTS.items() if plain == name and v in wanted), name)


def imports_of(name: str, variant: str) -> list[str]:
    more = VARIANTS[variant][1].imports if variant in VARIANTS else ""
    return [*HELPERS[name].imports.split(), *more.split()]


@cache
def source(name: str) -> str:
    return (HOME / f"{name}.txt").read_text().strip()
