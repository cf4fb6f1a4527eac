"""The flow inside a step: opened on the canvas, edited there, and back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.e2e.test_editor import LONG, at, edge, fill, node, saved, show, step_of
from tests.running import Nexod


@pytest.fixture(scope="module")
def api(nexod: Nexod) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {nexod.key()}"}
    with httpx.Client(base_url=f"{nexod.url}/api/v1", headers=headers, timeout=60) as client:
        yield client


def flow() -> dict[str, Any]:
    return {
        "inputs": {"type": "object", "properties": {"word": {"type": "string"}}},
        "nodes": [
            node("template", "one", text="{{ input.word }}"),
            node("template", "two", 124, text="{{ one.text }}!"),
        ],
        "edges": [edge("one", "two")],
        "outputs": {"text": "{{ two.text }}"},
    }  # fmt: skip


def make(api: httpx.Client) -> str:
    nodes = [node("subflow", "sub", flow=flow(), **{"with": {"word": "Hello"}}), node("template", "end", 124, text="x")]
    spec = {"nexod": 1, "name": "Around", "nodes": nodes, "edges": [edge("sub", "end")],
            "outputs": {"text": "{{ sub.text }}"}}  # fmt: skip
    answer = api.post("/workflows", json=spec)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def inner(api: httpx.Client, workflow: str) -> dict[str, Any]:
    return step_of(api, workflow, "sub")["config"]["flow"]


def test_a_flow_inside_is_edited_like_the_workflow_itself(page: Page, api: httpx.Client) -> None:
    workflow = make(api)
    show(page, workflow)
    at(page, "node-sub").click()
    at(page, "enter-button").click()
    expect(at(page, "node-sub")).to_have_count(0)
    expect(at(page, "edge-one-out-two")).to_have_count(1)
    expect(at(page, "field-name")).to_have_count(0)

    at(page, "node-two").click()
    fill(page, text="{{ one.text }}?")
    page.keyboard.press("Escape")
    at(page, "node-two").click()
    page.keyboard.press("a")
    page.keyboard.type("template")
    page.keyboard.press("Enter")
    expect(at(page, "edge-two-out-template")).to_have_count(1)
    fill(page, text="{{ two.text }} {{ nobody.text }}")
    saved(page)
    found = inner(api, workflow)
    assert [n["id"] for n in found["nodes"]] == ["one", "two", "template"]
    assert found["nodes"][1]["config"]["text"] == "{{ one.text }}?"
    assert found["inputs"] == flow()["inputs"]
    assert api.get(f"/workflows/{workflow}").json()["problems"][0]["node_id"] == "sub/template"
    expect(at(page, "inspector").get_by_text("there is no step nobody")).to_be_visible()

    # Back outside, the problem leads in again; undo goes to where it undoes.
    at(page, "leave-button").click()
    expect(at(page, "node-end")).to_be_visible()
    page.keyboard.press("Escape")
    at(page, "problem-row").get_by_role("button").click()
    expect(at(page, "field-text")).to_be_focused()
    expect(at(page, "field-text")).to_have_value("{{ two.text }} {{ nobody.text }}")
    at(page, "leave-button").click()
    for _ in range(2):
        at(page, "undo-button").click()
    expect(at(page, "node-template")).to_have_count(0)
    expect(at(page, "node-one")).to_be_visible()
    saved(page)
    assert [n["id"] for n in inner(api, workflow)["nodes"]] == ["one", "two"]
    assert api.get(f"/workflows/{workflow}").json()["problems"] == []


def test_two_tabs_inside_one_flow_never_bury_each_other(context: BrowserContext, page: Page, api: httpx.Client) -> None:
    workflow = make(api)
    other = context.new_page()
    for tab in (page, other):
        show(tab, workflow)
        at(tab, "node-sub").dblclick()
        at(tab, "node-two").click()
    fill(page, text="from here")
    saved(page)
    fill(other, text="from there")
    expect(at(other, "save-state")).to_have_attribute("data-state", "conflict", timeout=LONG)
    assert inner(api, workflow)["nodes"][1]["config"]["text"] == "from here"
    at(other, "save-state").get_by_role("button", name="Reload").click()
    saved(other)
    at(other, "node-two").click()
    expect(at(other, "field-text")).to_have_value("from here")
    fill(page, text="again from here")
    saved(page)
    assert inner(api, workflow)["nodes"][1]["config"]["text"] == "again from here"


def test_a_run_is_watched_inside(page: Page, api: httpx.Client) -> None:
    workflow = make(api)
    run = api.post(f"/workflows/{workflow}/runs", json={"inputs": {}}, params={"wait": 30}).json()
    assert run["outputs"] == {"text": "Hello!"}
    page.goto(f"/runs/{run['id']}")
    expect(at(page, "node-sub")).to_have_attribute("data-status", "completed", timeout=LONG)
    at(page, "node-sub").dblclick()
    expect(at(page, "node-two")).to_have_attribute("data-status", "completed")
    at(page, "node-two").click()
    expect(at(page, "node-output")).to_contain_text("Hello!")
    page.locator("[data-testid=timeline-row][data-node=end]").click()
    expect(at(page, "node-end")).to_be_visible()
