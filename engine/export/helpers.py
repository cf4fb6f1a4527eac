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
    "as_text": Helper("json typing:Any"),
    "as_string": Helper("decimal:Decimal typing:Any"),
    "divided": Helper("typing:Any"),
    "remainder": Helper(),
    "lower_ascii": Helper(),
    "upper_ascii": Helper(),
    "wait_until": Helper("asyncio datetime:UTC datetime:datetime typing:Any"),
    "side_by_side": Helper("asyncio collections.abc:Awaitable collections.abc:Iterable typing:Any"),
    "or_fault": Helper("collections.abc:Awaitable typing:Any", "fault"),
    "ask_model": Helper("typing:Any", "answer_of complete"),
    "ask_for_data": Helper("pydantic:TypeAdapter typing:Any", "answer_of complete json_only read_data StepError"),
    "answer_of": Helper("typing:Any openai.types.chat:ChatCompletion"),
    "complete": Helper("asyncio os openai:AsyncOpenAI openai:OpenAIError openai.types.chat:ChatCompletion typing:Any",
                       "model_fault StepError MODEL"),
    "model_fault": Helper("openai:APIStatusError openai:OpenAIError", "StepError"),
    "json_only": Helper("json pydantic:TypeAdapter typing:Any"),
    "read_data": Helper("json re pydantic:TypeAdapter pydantic:ValidationError typing:Any"),
    "misfit": Helper("json typing:Any", "read_data"),
    "ask_person": Helper("json sys typing:Any", "StepError decision TERMINAL"),
    "decision": Helper("json typing:Any"),
    "read_line": Helper("queue sys threading time"),
    "fetch": Helper("asyncio httpx typing:Any", "StepError body_of"),
    "body_of": Helper("base64 httpx typing:Any"),
    "any_of": Helper("crewai.flow.flow:and_ crewai.flow.flow:or_ crewai.flow.flow_wrappers:FlowCondition"),
    "MODEL": Helper("os"),
    "TERMINAL": Helper("threading"),
}  # fmt: skip
VARIANTS = {
    "complete_anywhere": ("complete", Helper()),
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
