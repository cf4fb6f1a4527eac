"""The agent library: who is in it, and that everything it gives is a whole, sound step."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from engine import agents, schema, tools
from engine.agents import Preset, Specialist, Team, registry
from engine.plan import problems
from engine.services import catalog
from tests.engine.flows import made, workflow

HOME = Path(agents.__file__).parent
OURS = sorted(name for name, one in registry().items() if type(one).__module__.startswith("engine.agents."))
PROMISED = {
    "Researcher", "Data Analyst", "Technical Writer", "Fact Checker", "Auditor", "Validator", "PII Reviewer", "Editor",
    "Planner", "SQL Analyst", "Support Triage", "Translator", "Summariser", "Classifier", "Extractor",
    "Web Navigator", "Code Reviewer",
}  # fmt: skip


@pytest.fixture(params=OURS)
def one(request: pytest.FixtureRequest) -> Preset:
    return registry()[request.param]


def test_everybody_promised_is_there():
    assert {one.title for one in registry().values() if isinstance(one, Specialist)} >= PROMISED
    assert {"research", "review"} <= {name for name, one in registry().items() if isinstance(one, Team)}


def test_every_file_brings_one_of_its_name():
    assert [f.stem for f in sorted(HOME.glob("[a-z]*.py"))] == OURS


def test_it_is_a_whole_step_without_a_problem(one: Preset):
    assert problems(workflow(made("it", one.kind, **one.config()))) == []
    assert json.loads(json.dumps(one.config())) == one.config()


def test_its_task_reads_just_the_inputs_that_it_names(one: Preset):
    assert set(re.findall(r"input\.(\w+)", json.dumps(one.config()))) == set(one.inputs)


def test_it_is_short_specific_and_explained(one: Preset):
    assert 20 < len(one.help) < 200
    if isinstance(one, Specialist):
        assert len(one.backstory) > 150
        assert len(one.config()["task"]) + len(one.backstory) + len(one.goal) < 1500
        assert one.expected_output
        assert one.output_schema is None or schema.check(one.output_schema) == []


def test_its_tools_exist_and_take_their_settings(one: Preset):
    members = one.config().get("members", [one.config()])
    for tool in (tool for member in members for tool in member["tools"]):
        assert tools.configured(tool["name"], tool["config"])


def test_members_of_a_crew_are_those_of_the_library():
    config = registry()["research"].config()
    assert [member["id"] for member in config["members"]] == ["researcher", "data_analyst", "technical_writer"]
    assert config["members"][0]["backstory"] == registry()["researcher"].config()["backstory"]


def test_a_name_is_taken_once():
    class Mine(Specialist):
        """Another editor."""

        name, title = "editor", "Mine"

    with pytest.raises(ValueError, match="taken"):
        agents.preset(Mine)


def test_the_catalog_lists_agents_before_crews():
    listed = catalog.agent_library()
    assert [one["kind"] for one in listed] == sorted(one["kind"] for one in listed)
    assert {one["name"] for one in listed} == set(registry())
    listed[0]["config"]["role"] = "Pirate"
    assert catalog.agent_library()[0]["config"]["role"] != "Pirate"


def test_the_catalog_lists_every_tool():
    listed = {tool["name"]: tool for tool in catalog.tools()}
    assert listed.keys() == tools.registry().keys()
    assert listed["search"]["parameters"]["required"] == ["query"]
    assert listed["calculate"]["effect"] == "pure"
    assert listed["mcp"]["effect"] == "varies"
