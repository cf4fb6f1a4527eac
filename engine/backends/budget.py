"""A budget that is used up: a person says how much more, for one step or for the whole run.

The answers are read from the journal, so a replay comes to the same end. Only a call that was never made is held up;
calls that are under way finish.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from engine.backends.run import Run
from engine.errors import NodeError, Paused
from engine.events import Event
from engine.node import Question

Ask = Callable[[Question, str], Awaitable[Any]]
"""`Context.ask`: puts a question under a key; raises Paused."""


@dataclass(frozen=True, slots=True)
class Unit:
    name: str
    title: str
    kind: str

    def words(self, amount: float) -> str:
        if self is TOKENS:
            return f"{amount:,.0f} tokens"
        return f"${amount:,.2f}" if amount >= 0.01 else f"${amount:.6f}".rstrip("0")


USD = Unit("usd", "Dollars more", "number")
TOKENS = Unit("tokens", "Tokens more", "integer")


@dataclass(frozen=True, slots=True)
class Budget:
    """`shared` by all steps of a run: whichever comes first asks for all of them."""

    limit: float
    unit: Unit = USD
    shared: bool = False

    @property
    def whose(self) -> str:
        return "run" if self.shared else "step"

    @property
    def place(self) -> str:
        """Names its questions in the journal."""
        return f"run_budget_{self.unit.name}" if self.shared else "budget"


async def within(budget: Budget, spent: float, run: Run, home: str, ask: Ask) -> None:
    """Returns when there is something left. Raises Paused until a person has answered, NodeError when it was a no."""
    allowed, nth = budget.limit, 1
    while spent >= allowed:
        async with run.asking:  # two steps that are stopped at once ask once
            asked = _asked(budget, run, home, nth)
            if asked is None:
                await ask(_question(budget, spent), f"{home}/{budget.place}:{nth}")
                raise Paused
        allowed, nth = _allowed(budget, asked, run), nth + 1


async def within_run(run: Run, home: str, ask: Ask) -> None:
    """Before each call of a model: what the workspace lets one run spend."""
    used, chosen = run.journal.usage, run.preferences
    if chosen.budget_usd is not None:
        await within(Budget(chosen.budget_usd, USD, shared=True), used["cost"], run, home, ask)
    if chosen.budget_tokens is not None:
        tokens = used["input_tokens"] + used["output_tokens"]
        await within(Budget(chosen.budget_tokens, TOKENS, shared=True), tokens, run, home, ask)


def _asked(budget: Budget, run: Run, home: str, nth: int) -> Event | None:
    """Its question as it was put: meanwhile more may have been spent."""
    name, questions = f"/{budget.place}:{nth}", run.journal.questions
    if not budget.shared:
        return questions.get(home + name)
    return next((asked for key, asked in questions.items() if key.endswith(name)), None)


def _allowed(budget: Budget, asked: Event, run: Run) -> float:
    """What may be spent in all after this answer."""
    decided = run.journal.decisions.get(asked.payload["approval_id"])
    if decided is None:
        raise Paused
    if decided.payload["decision"] != "approved":
        raise NodeError(
            f"The budget of the {budget.whose}, {budget.unit.words(budget.limit)}, is used up; more was refused.",
            code="budget_exceeded", hint="Raise it, or make the work smaller.",
        )  # fmt: skip
    more: dict[str, float] = decided.payload.get("data") or asked.payload["data"]
    return asked.payload["content"][f"spent_{budget.unit.name}"] + more[f"more_{budget.unit.name}"]


def _question(budget: Budget, spent: float) -> Question:
    unit = budget.unit
    more = f"more_{unit.name}"
    field = {"type": unit.kind, "title": unit.title, "exclusiveMinimum": 0}
    return Question(
        f"The budget of the {budget.whose}, {unit.words(budget.limit)}, is used up. How much more may it spend?",
        {f"spent_{unit.name}": round(spent, 6), f"limit_{unit.name}": budget.limit},
        {"type": "object", "properties": {more: field}, "required": [more], "additionalProperties": False},
        {more: budget.limit},
        type="budget",
    )
