"""Agents and crews by hand: the research crew built from the palette, run on both targets, its calls approved, its
code taken away; and the forms of tools."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.e2e.test_editor import LONG, at, fill, node, saved, show, spec_of, step_of
from tests.running import Nexod

CALL = {"tool_calls": [{"name": "calculate", "arguments": {"expression": "56 * 0.75"}}]}
SHOTS = os.environ.get("SHOTS")
"""A folder for a picture of each state, in both themes."""


@pytest.fixture(scope="module")
def api(nexod: Nexod) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {nexod.key()}"}
    with httpx.Client(base_url=f"{nexod.url}/api/v1", headers=headers, timeout=60) as client:
        yield client


def make(api: httpx.Client, *nodes: dict[str, Any], **parts: Any) -> str:
    answer = api.post("/workflows", json={"nexod": 1, "name": "Drawn", "nodes": [*nodes], **parts})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def picture(page: Page, name: str) -> None:
    if not SHOTS:
        return
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        page.wait_for_timeout(250)
        page.screenshot(path=f"{SHOTS}/{name}-{theme}.png")
    page.emulate_media(color_scheme="light")


def run(page: Page, **inputs: str) -> str:
    """Starts one from the editor; answers its id."""
    at(page, "run-button").click()
    for name, value in inputs.items():
        at(page, f"run-input-{name}").fill(value)
    with page.expect_response(lambda answer: answer.request.method == "POST" and "/runs" in answer.url) as started:
        at(page, "run-submit").click()
    return started.value.json()["run_id"]


def run_state(page: Page, wanted: str) -> None:
    expect(at(page, "run-status").first).to_have_attribute("data-status", wanted, timeout=LONG)


def open_question(page: Page, api: httpx.Client, run_id: str, words: str) -> dict[str, Any]:
    """The page of the question that the run waits with."""
    waits = api.get(f"/runs/{run_id}").json()["waiting_for"]
    assert len(waits) == 1
    page.goto(f"/inbox?id={waits[0]}")
    page.get_by_role("heading", name=words).wait_for()
    return api.get(f"/approvals/{waits[0]}").json()


def build_the_crew(page: Page, api: httpx.Client) -> str:
    """From an empty drawing: the crew dragged in, an approval added by keys, forms filled."""
    page.goto("/")
    at(page, "new-workflow").click()
    page.wait_for_url(re.compile(r"/workflows/[0-9a-f-]{36}"))
    workflow = page.url.rstrip("/").rsplit("/", 1)[1]
    at(page, "canvas").wait_for()
    at(page, "palette-research").drag_to(at(page, "canvas"), target_position={"x": 360, "y": 160})
    at(page, "node-research").wait_for()
    picture(page, "1-crew-dropped")

    at(page, "field-members.1").get_by_role("button", name="Data analyst").click()
    at(page, "settings-members.1.tools.0").click()
    at(page, "field-members.1.tools.0.approve").click()
    picture(page, "2-member-with-a-tool-that-asks")
    at(page, "field-tasks.1").get_by_role("button").first.click()
    task = at(page, "field-tasks.1.description")
    task.fill(f"{task.input_value()}\nx-demo: {json.dumps([CALL, 'Three in four houses: 42.'])}")
    task.blur()

    page.keyboard.press("Escape")
    at(page, "node-research").click()
    page.keyboard.press("/")
    page.keyboard.type("approval")
    page.keyboard.press("Enter")
    expect(at(page, "edge-research-out-approval")).to_have_count(1)
    fill(page, question="Publish the text about {{ input.topic }}?", content="{{ research.text }}")
    picture(page, "3-approval-wired")
    at(page, "canvas").click(position={"x": 20, "y": 20})
    fill(page, name="Research by hand", outputs__0__name="text", outputs__0__value="{{ research.text }}")
    saved(page)
    assert api.get(f"/workflows/{workflow}").json()["problems"] == []
    return workflow


def test_the_research_crew_is_built_by_hand_run_on_both_targets_and_taken_away(
    context: BrowserContext, page: Page, api: httpx.Client, tmp_path: Path
) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    workflow = build_the_crew(page, api)
    for target, edited in (("langgraph", "56 * 0.5"), ("crewai", "")):
        if target == "crewai":
            show(page, workflow)
            at(page, "target-switch").get_by_role("radio", name="CrewAI").click()
            expect(at(page, "target-switch")).to_have_attribute("data-value", "crewai")
            saved(page)
            assert spec_of(api, workflow)["target"] == "crewai"
        run_id = run(page, topic="Heat pumps")
        expect(at(page, "node-research")).to_have_attribute("data-status", "waiting", timeout=2 * LONG)
        picture(page, f"4-{target}-waits-with-a-call")

        # The very arguments, word for word; changed once.
        asked = open_question(page, api, run_id, "Calculator")
        assert asked["type"] == "tool"
        expect(at(page, "approval-content")).to_contain_text("56 * 0.75")
        expect(at(page, "approval-field-expression")).to_have_value("56 * 0.75")
        picture(page, f"5-{target}-the-call")
        if edited:
            at(page, "approval-field-expression").fill(edited)
            expect(at(page, "approve-button")).to_contain_text("1 edit")
            picture(page, f"6-{target}-the-call-changed")
        at(page, "approve-button").click()
        page.get_by_text("You approved").or_(page.get_by_text("Approved")).first.wait_for()

        page.goto(f"/runs/{run_id}")
        expect(at(page, "node-approval")).to_have_attribute("data-status", "waiting", timeout=2 * LONG)
        picture(page, f"7-{target}-run-waits-for-the-answer")
        told = [e for e in api.get(f"/runs/{run_id}/events").json() if e["type"] == "tool_called"]
        assert [e["payload"]["args"] for e in told] == [{"expression": edited or "56 * 0.75"}]
        open_question(page, api, run_id, "Publish the text about Heat pumps?")
        picture(page, f"8-{target}-the-text")
        at(page, "approve-button").click()
        page.goto(f"/runs/{run_id}")
        run_state(page, "completed")
        picture(page, f"9-{target}-done")
        done = api.get(f"/runs/{run_id}").json()
        assert done["target"] == target
        assert done["outputs"]["text"]

    read_the_code(page, workflow, tmp_path)


def read_the_code(page: Page, workflow: str, folder: Path) -> None:
    show(page, workflow)
    at(page, "view-code").click()
    for target, title, mark in (("crewai", "CrewAI", "from crewai"), ("langgraph", "LangGraph", "StateGraph")):
        at(page, "code-target").get_by_role("radio", name=title).click()
        text = at(page, "code-text")
        expect(text).to_contain_text(mark)
        picture(page, f"10-code-{target}")
        page.locator("dialog").get_by_role("button", name="Copy").click()
        copied = page.evaluate("() => navigator.clipboard.readText()")
        with page.expect_download() as download:
            page.locator("dialog").get_by_role("button", name="Download").click()
        download.value.save_as(folder / f"{target}.py")
        taken = (folder / f"{target}.py").read_text()
        assert download.value.suggested_filename == "research_by_hand.py"
        assert taken == copied == text.text_content()
        compile(taken, target, "exec")
        assert "nexod" not in taken.replace("Nexod", "").lower()


def test_an_agent_chooses_tools_and_sets_them_up(page: Page, api: httpx.Client) -> None:
    workflow = make(api, node("agent", "a", role="Clerk", goal="Facts", task="Look it up.", tools=[{"name": "search"}]))
    show(page, workflow)
    at(page, "node-a").click()
    expect(at(page, "tool-tools.search")).to_be_checked()
    at(page, "tool-tools.database_query").click()
    expect(at(page, "field-tools.1.config.connection")).to_be_visible()
    expect(at(page, "inspector").get_by_text("Connection is missing")).to_be_visible()
    page.keyboard.press("Escape")

    # The problem leads to the very field, in a row that it opens.
    at(page, "canvas").click(position={"x": 20, "y": 20})
    at(page, "problem-row").get_by_role("button").click()
    expect(at(page, "field-tools.1.config.connection")).to_be_focused()
    fill(page, tools__1__config__connection="SHOP", tools__1__config__max_rows="50")
    at(page, "field-tools.1.approve").click()
    saved(page)
    wanted = [{"name": "search"}, {"name": "database_query", "config": {"connection": "SHOP", "max_rows": 50},
                                   "approve": True}]  # fmt: skip
    assert step_of(api, workflow, "a")["config"]["tools"] == wanted
    assert api.get(f"/workflows/{workflow}").json()["problems"] == []

    at(page, "tool-tools.search").click()
    saved(page)
    assert step_of(api, workflow, "a")["config"]["tools"] == wanted[1:]
    at(page, "undo-button").click()
    saved(page)
    assert step_of(api, workflow, "a")["config"]["tools"] == wanted


def test_a_tool_step_has_a_form_for_what_its_tool_takes(page: Page, api: httpx.Client) -> None:
    workflow = make(api, node("tool", "t", tool="calculate", args={"expression": "1 + 1"}))
    show(page, workflow)
    at(page, "node-t").click()
    expect(at(page, "field-args.expression")).to_have_value("1 + 1")
    at(page, "field-tool").select_option("browse")
    expect(at(page, "inspector").get_by_text("the argument url is missing")).to_be_visible()
    fill(page, args__url="https://example.com/{{ input.page }}", args__start="20")
    at(page, "field-args.links").click()
    saved(page)
    assert step_of(api, workflow, "t")["config"]["args"] == {
        "url": "https://example.com/{{ input.page }}", "start": 20, "links": True
    }  # fmt: skip
    page.get_by_role("button", name="Links: expression").click()
    fill(page, args__links="{{ input.links }}")
    saved(page)
    assert step_of(api, workflow, "t")["config"]["args"]["links"] == "{{ input.links }}"

    at(page, "field-tool").select_option("api_call")
    fill(page, config__hosts="api.example.com\n intranet.example.com ")
    at(page, "field-config.methods").get_by_role("button", name="POST").click()
    saved(page)
    config = step_of(api, workflow, "t")["config"]
    assert config["config"] == {"hosts": ["api.example.com", "intranet.example.com"], "methods": ["GET", "POST"]}
    assert config["args"] == {"url": "https://example.com/{{ input.page }}"}


def test_a_tool_that_is_not_known_is_edited_as_json(page: Page, api: httpx.Client) -> None:
    workflow = make(api, node("agent", "a", role="Clerk", goal="Facts", task="Look it up."))
    tools = [{"name": "gone", "config": {"a": 1}}]
    ops = [{"op": "set", "id": "a", "path": ["config", "tools"], "value": tools}]
    api.post(f"/workflows/{workflow}/ops", json={"client": "t", "seq": 1, "rev": 1, "ops": ops}).raise_for_status()
    show(page, workflow)
    at(page, "problem-row").get_by_role("button").click()
    at(page, "field-tools.0.config").wait_for()
    fill(page, tools__0__config='{"a": 2}')
    saved(page)
    assert step_of(api, workflow, "a")["config"]["tools"] == [{"name": "gone", "config": {"a": 2}}]


def members(page: Page) -> list[str]:
    return at(page, "field-members").locator("> li > .row > button[aria-expanded]").all_inner_texts()


def test_the_members_of_a_crew_are_put_in_order_by_keys_and_by_hand(page: Page, api: httpx.Client) -> None:
    known = [{"id": name, "role": name.capitalize(), "goal": "Right"} for name in ("ann", "bob", "cid")]
    tasks = [{"id": f"t_{one['id']}", "description": "Do it.", "member": one["id"]} for one in known]
    workflow = make(api, node("crew", "c", members=known, tasks=tasks))
    show(page, workflow)
    at(page, "node-c").click()
    at(page, "field-members.2").get_by_role("button", name="Cid").click()
    page.keyboard.press("Alt+ArrowUp")
    page.keyboard.press("Alt+ArrowUp")
    assert members(page) == ["Cid", "Ann", "Bob"]
    # Focus and the open form stay with the one that moved.
    expect(at(page, "field-members.0").get_by_role("button", name="Cid")).to_be_focused()
    expect(at(page, "field-members.0.role")).to_have_value("Cid")
    at(page, "field-members.1").get_by_role("button", name="Move member 2 up").click()
    assert members(page) == ["Ann", "Cid", "Bob"]
    expect(at(page, "field-members.1.role")).to_have_value("Cid")
    at(page, "field-members.1").get_by_role("button", name="Cid").click()
    at(page, "field-members.0").locator(".grip").drag_to(at(page, "field-members.2"))
    assert members(page) == ["Cid", "Bob", "Ann"]

    at(page, "add-members").click()
    expect(at(page, "field-members.3.role")).to_be_focused()
    page.keyboard.type("Dan")
    at(page, "field-members.0").get_by_role("button", name="Remove member 1").click()
    expect(at(page, "field-members.2.role")).to_have_value("Dan")
    saved(page)
    assert [one["id"] for one in step_of(api, workflow, "c")["config"]["members"]] == ["bob", "ann", "member_4"]
