"""An exported file gives the outputs that the platform gives, for the same answers of models and people."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.export.cases import TARGETS, TEMPLATES, Case, as_a_script, on_the_platform, says
from tests.world.models import ModelServer

RESEARCH, ONE_CALL, CHECK, MANY, THREE, MAIL = (path for path in TEMPLATES if path.name[0] in "123456")
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
    "many": Case.of(
        MANY,
        says("Leaves.", asked="what makes Tea"), says("Beans.", asked="what makes Coffee"),
        says("Cups.", asked="what makes Mugs"), says("All is drunk.", asked='{"text":"Beans."'),
        inputs={"topics": ["Tea", "Coffee", "Mugs"]},
    ),
    "three": Case.of(
        THREE, says("New people.", asked="best reason"), says("Cost.", asked="greatest risk"),
        says("Forty.", asked="figure that decides"), says("Yes.", asked="For: New people.\nAgainst: Cost.\nFigures: Forty."),
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
}  # fmt: skip


@pytest.fixture(scope="module")
def models() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", CASES)
async def test_a_template_exported_answers_as_on_the_platform(
    name: str, target: str, models: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    case = CASES[name]
    models.reset()
    models.script(*case.rules)
    monkeypatch.setenv("OPENAI_BASE_URL", models.url)
    monkeypatch.setenv("OPENAI_MODEL", "world")
    wanted = await on_the_platform(case, tmp_path)
    done = as_a_script(case, case.export(target), tmp_path, models)
    assert done.returncode == 0, done.stderr
    assert masked(json.loads(done.stdout)) == masked(wanted)


def masked(outputs: dict) -> dict:
    """How a fault of the model is worded is the file's own affair."""
    if isinstance(outputs.get("problem"), str):
        outputs["problem"] = outputs["problem"].partition("failed.")[0]
    return outputs
