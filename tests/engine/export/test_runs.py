"""An exported file gives the outputs that the platform gives, for the same answers of models and people.

Files run in two environments, one a target, which hold what their headers name and nothing else.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.engine.export.cases import TARGETS, TEMPLATES, Case, Played, as_scripts, on_the_platform, says
from tests.engine.export.odd import WORKFLOWS
from tests.world.models import ModelServer
from tests.world.sink import Sink

RESEARCH, ONE_CALL, CHECK, MANY, THREE, MAIL, CREW, REVIEW, _ = TEMPLATES
ABOUT = {"approved": False, "reason": "It promises too much.", "to_do": ["Drop the promise."]}
SINK = Sink()
LOW, HIGH = {"score": 0.5, "feedback": "Too short."}, {"score": 0.9, "feedback": "Clear."}
CASES = {
    "research: revised once by the review, once by the editor": Case.of(
        RESEARCH,
        says("1. Tea came by ship.", asked="List five facts"),
        says("A draft with \"quotes\" and {braces}.", asked="Write an article"),
        says("A third text.", asked="Too short, says the editor"),
        says("A better text.", asked="Revise this article"),
        says(LOW, asked="Article:\nA draft"),
        says(HIGH, asked="Judge this article"),
        lines=("reject Too short, says the editor", "approve"),
    ),
    "research: the model is away": Case.of(
        RESEARCH, {"when": {"asked": "List five"}, "then": {"fault": "unauthorized", "text": "no"}}
    ),
    "one model call": Case.of(ONE_CALL, says("Because of Rayleigh.", asked="Why is the sky"), inputs={}),
    "check: up": Case.of(CHECK, inputs={"url": f"{SINK.origin}/page"}),
    "check: broken": Case.of(CHECK, inputs={"url": f"{SINK.origin}/page?status=503"}),
    "check: away": Case.of(CHECK, inputs={"url": "http://127.0.0.1:9/"}),
    "many": Case.of(
        MANY,
        says("Leaves.", asked="what makes Tea"), says("Beans.", asked="what makes Coffee"),
        says("Cups.", asked="what makes Mugs"), says("All is drunk.", asked='{"text":"Beans."'),
        inputs={"topics": ["Tea", "Coffee", "Mugs"]},
    ),
    "three": Case.of(
        THREE, says("New people.", asked="best reason"), says("Cost.", asked="greatest risk"),
        says("Forty.", asked="figure that decides"),
        says("Yes.", asked="For: New people.\nAgainst: Cost.\nFigures: Forty."),
    ),
    "mail: paid back, another amount": Case.of(
        MAIL, says({"desk": "refund", "amount": 40}, asked="Sort this"), lines=('approve {"amount": 12.5}',)
    ),
    "mail: refused": Case.of(
        MAIL, says({"desk": "refund"}, asked="Sort this"), lines=("reject The kettle was dropped.",)
    ),
    "mail: a question": Case.of(
        MAIL, says({"desk": "question"}, asked="Sort this"), says("Dear friend.", asked="three friendly")
    ),
    "mail: neither": Case.of(MAIL, says({"desk": "other"}, asked="Sort this"), inputs={"message": "Hello\n\"you\""}),
    "mail: the answer is repaired": Case.of(
        MAIL, says('```json\n{"desk": "other"}\n```', asked="does not fit"), says("I think refund", asked="Sort this")
    ),
    "research crew: published": Case.of(
        CREW,
        {"when": {"asked": "Find out what is known", "results": 0},
         "then": {"tool_calls": [{"name": "calculate", "arguments": {"expression": "2 ** 3"}}]}},
        says("1. Heat moves.", asked="Find out what is known"),
        {"when": {"asked": "Work out what the findings", "results": 0},
         "then": {"tool_calls": [{"name": "calculate", "arguments": {"expression": "round(2 / 3, 2)"}}]}},
        says("It matters: {results}", asked="Work out what the findings"),
        says("# Heat pumps", asked="Write a text about"),
        lines=('approve {"text": "# Heat pumps, edited"}',),
    ),
    "research crew: rejected": Case.of(
        CREW, says("1.", asked="Find out"), says("2.", asked="Work out what"), says("3.", asked="Write a text about"),
        lines=("reject Not now.",), inputs={"topic": "Tea"},
    ),
    "review crew: good at once": Case.of(
        REVIEW, says("No finding.", asked="Audit this work"), says({**ABOUT, "approved": True}, asked="Decide from"),
    ),
    "review crew: refused, repaired, let through": Case.of(
        REVIEW, says("Rule 2.", asked="Audit this work"), says(ABOUT, asked="not fit"),
        says("I refuse.", asked="Decide from"), lines=("approve",),
    ),
    "review crew: refused": Case.of(
        REVIEW, says("Rule 2.", asked="Audit this work"), says(ABOUT, asked="Decide from"), lines=("reject no",),
    ),
    "every kind": Case(
        WORKFLOWS["every_kind"], lines=["approve", "reject Enough."], inputs={"names": ["Ann", "Bo"], "limit": 3},
        env={"POST_KEY": "k", "TOKEN": "t", "PASS": "p"},
    ),
    "names": Case(
        WORKFLOWS["names"], [says({"n": 1.5}, asked="Count"), says("Noted.", asked="Note 1.5"),
                             says({"n": 2}, asked="Tell it")],
        inputs={"names": ["Ann", "Bo"], "limit": 2},
    ),
    "joins: one way": Case(WORKFLOWS["joins"], inputs={"names": [], "limit": 2}),
    "joins: the other way": Case(WORKFLOWS["joins"], inputs={"names": ["x"], "limit": 1, "from": "there"}),
}  # fmt: skip


@pytest.fixture(scope="module")
def worlds(sink: None) -> Iterator[dict[str, ModelServer]]:
    """A model server for each case."""
    with ExitStack() as stack:
        servers = {name: stack.enter_context(ModelServer()) for name in CASES}
        for name, server in servers.items():
            server.script(*CASES[name].rules)
        yield servers


@pytest.fixture(scope="module", params=TARGETS)
def target(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def played(target: str, worlds: dict, alone: dict, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Played]:
    jobs = [(case, case.export(target), worlds[name]) for name, case in CASES.items()]
    return dict(zip(CASES, as_scripts(jobs, tmp_path_factory.mktemp(target), alone[target]), strict=True))


def test_where_they_run_is_nothing_of_ours(target: str, alone: dict[str, str]):
    ours = ("engine", "nexod_app", "reflex", "huey", "sqlmodel", "granian", "anthropic", "pytest")
    asked = f"from importlib.util import find_spec; print([n for n in {ours} if find_spec(n)])"
    done = subprocess.run([alone[target], "-P", "-I", "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", CASES)
async def test_a_template_exported_answers_as_on_the_platform(
    name: str, target: str, played: dict[str, Played], worlds: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    case, done = CASES[name], played[name]
    prepared(monkeypatch, case, worlds[name])
    wanted = await on_the_platform(case, tmp_path, target)
    assert done.code == 0, done.err
    assert masked(json.loads(done.out)) == masked(wanted)


def prepared(monkeypatch: pytest.MonkeyPatch, case: Case, models: ModelServer) -> None:
    """What the platform needs for the same: its model, the sink, and secrets by their names there."""
    monkeypatch.setenv("OPENAI_BASE_URL", models.url)
    monkeypatch.setenv("OPENAI_MODEL", "world")
    monkeypatch.setenv("NEXOD_EGRESS_ALLOW", "127.0.0.1")
    for name, value in case.env.items():
        monkeypatch.setenv(f"NEXOD_SECRET_{name}", value)
        monkeypatch.setenv(f"NEXOD_SECRET_{name}_HOSTS", "127.0.0.1")


def masked(value: Any) -> Any:
    """How a fault of the model is worded, and which step of an item failed, are the platform's own."""
    if isinstance(value, list):
        return [masked(one) for one in value]
    if not isinstance(value, dict):
        return value.partition(" failed.")[0] if isinstance(value, str) else value
    return {name: masked(one) for name, one in value.items() if name != "node_id"}
