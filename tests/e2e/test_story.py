"""The whole story of a first visit, by the hooks that the contract names and nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.e2e.conftest import sign_in
from tests.running import Nexod

LONG = 30_000


def at(page: Page, testid: str) -> Locator:
    return page.get_by_test_id(testid)


def status(page: Page, node: str, wanted: str) -> None:
    expect(at(page, f"node-{node}")).to_have_attribute("data-status", wanted, timeout=LONG)


def saved(page: Page) -> None:
    expect(at(page, "save-state")).to_have_attribute("data-state", "saved", timeout=LONG)


def drag(page: Page, source: Locator, x: float, y: float) -> None:
    """As a hand does: press, move in steps, release."""
    box = source.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move((box["x"] + x) / 2, (box["y"] + y) / 2, steps=4)
    page.mouse.move(x, y, steps=6)
    page.mouse.up()


def centre(locator: Locator) -> tuple[float, float]:
    box = locator.bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def open_template(page: Page, slug: str) -> str:
    page.goto("/")
    at(page, f"template-{slug}").click()
    page.wait_for_url(re.compile(r"/workflows/[0-9a-f-]{36}"))
    at(page, "canvas").wait_for()
    return page.url.rstrip("/").rsplit("/", 1)[1]


def start_run(page: Page, **inputs: str) -> None:
    at(page, "run-button").click()
    for name, value in inputs.items():
        at(page, f"run-input-{name}").fill(value)
    at(page, "run-submit").click()


def run_state(page: Page, wanted: str) -> None:
    expect(at(page, "run-status").first).to_have_attribute("data-status", wanted, timeout=LONG)


@pytest.fixture
def api(nexod: Nexod) -> httpx.Client:
    return httpx.Client(base_url=f"{nexod.url}/api/v1", headers={"Authorization": f"Bearer {nexod.key()}"}, timeout=70)


def test_the_first_visit(page: Page, nexod: Nexod, api: httpx.Client, tmp_path: Path) -> None:
    workflow = open_template(page, "research-review-publish")
    expect(at(page, "node-draft")).to_be_visible()

    # One more step, dragged in from the palette, connected, its form filled.
    box = at(page, "canvas").bounding_box()
    assert box
    x, y = box["x"] + box["width"] - 180, box["y"] + box["height"] - 120
    at(page, "palette-search").fill("templ")
    at(page, "palette-template").drag_to(at(page, "canvas"), target_position={"x": x - box["x"], "y": y - box["y"]})
    at(page, "node-template").wait_for()
    left, top = at(page, "node-template").bounding_box()["x"], at(page, "node-template").bounding_box()["y"]
    assert left - 2 <= x <= left + 222
    assert top - 2 <= y <= top + 74
    at(page, "node-template").click()
    at(page, "field-text").fill("Published: {{ publish.title }}")
    drag(page, at(page, "port-publish-out"), *centre(at(page, "port-template-in")))
    expect(at(page, "edge-publish-out-template")).to_have_count(1)
    saved(page)

    # Run it and watch.
    start_run(page, topic="Heat pumps")
    status(page, "ask", "waiting")
    status(page, "draft", "completed")
    run_state(page, "waiting")

    # The inbox shows exactly what will be published; approve it.
    page.goto("/inbox")
    at(page, "inbox-item").first.click()
    approval = api.get("/approvals", params={"status": "pending"}).json()["items"][0]
    shown = at(page, "approval-content").inner_text()
    for words in approval["content"]["text"].split("\n\n"):
        assert words.strip() in shown
    at(page, "comment-field").fill("Good.")
    at(page, "approve-button").click()

    # The outputs, on the page of the run.
    page.goto(f"/runs/{approval['run_id']}")
    run_state(page, "completed")
    status(page, "template", "completed")
    expect(page.locator("[data-testid=timeline-row][data-node=template]").first).to_be_visible()
    run = api.get(f"/runs/{approval['run_id']}").json()
    assert run["status"] == "completed"

    # Export, delete, import, run again.
    page.goto(f"/workflows/{workflow}")
    with page.expect_download() as download:
        export(page)
    file = tmp_path / "workflow.json"
    download.value.save_as(file)
    assert file.read_bytes() == api.get(f"/workflows/{workflow}/export").content
    page.goto("/")
    row = at(page, "workflow-row").filter(has_text="Research, review, publish").first
    before = api.get("/workflows").json()["items"]
    delete(page, row)
    expect(at(page, "workflow-row")).to_have_count(len(before) - 1)
    at(page, "import-input").set_input_files(file)
    page.wait_for_url(re.compile(r"/workflows/[0-9a-f-]{36}"))
    assert workflow not in page.url
    at(page, "canvas").wait_for()
    expect(at(page, "node-template")).to_be_visible()
    start_run(page, topic="Tea")
    status(page, "ask", "waiting")


def export(page: Page) -> None:
    at(page, "export-button").first.click()


def delete(page: Page, row: Locator) -> None:
    """The row's own button, and the question whether one is sure."""
    row.hover()
    row.get_by_test_id("delete-button").click()
    page.get_by_role("alertdialog").get_by_role("button", name=re.compile("Delete", re.I)).click()


def test_undo_and_redo_and_a_reload_keeps_everything(page: Page, api: httpx.Client) -> None:
    workflow = open_template(page, "one-model-call")
    count = page.locator("[data-testid^=node-]").count
    first = count()
    at(page, "palette-template").press("Enter")
    at(page, "node-template").wait_for()
    saved(page)
    at(page, "undo-button").click()
    expect(at(page, "node-template")).to_have_count(0)
    at(page, "redo-button").click()
    expect(at(page, "node-template")).to_have_count(1)
    drag(page, at(page, "node-template"), 700, 600)
    saved(page)
    page.reload()
    at(page, "node-template").wait_for()
    assert count() == first + 1
    stored = api.get(f"/workflows/{workflow}").json()["spec"]
    assert "template" in [node["id"] for node in stored["nodes"]]


def test_a_refused_connection_says_why_and_changes_nothing(page: Page, api: httpx.Client) -> None:
    workflow = open_template(page, "one-model-call")
    at(page, "palette-template").press("Enter")
    at(page, "node-template").wait_for()
    saved(page)
    rev = api.get(f"/workflows/{workflow}").json()["rev"]
    drag(page, at(page, "port-template-out"), *centre(at(page, "port-template-in")))
    expect(page.locator("[data-testid^=edge-template-out-]")).to_have_count(0)
    assert api.get(f"/workflows/{workflow}").json()["rev"] == rev


def test_two_tabs_see_the_same_run(context: BrowserContext, api: httpx.Client) -> None:
    one = context.new_page()
    open_template(one, "research-review-publish")
    start_run(one, topic="Rain")
    status(one, "ask", "waiting")
    run = api.get("/runs", params={"limit": 1}).json()["items"][0]
    two = context.new_page()
    two.goto(f"/runs/{run['id']}")
    status(two, "ask", "waiting")
    approval = api.get(f"/approvals/{run['waiting_for'][0]}").json()
    api.post(f"/approvals/{approval['id']}", json={"decision": "approve", "hash": approval["hash"]}).raise_for_status()
    for tab in (one, two):
        run_state(tab, "completed")
        status(tab, "publish", "completed")


def test_a_restart_of_the_web_process_loses_no_operation(browser: Browser, tmp_path: Path) -> None:
    with Nexod() as nexod:
        context = browser.new_context(base_url=nexod.url, storage_state=sign_in(browser, nexod))
        page = context.new_page()
        workflow = open_template(page, "one-model-call")
        saved(page)
        nexod.stop()
        at(page, "palette-template").press("Enter")
        at(page, "node-template").wait_for()
        at(page, "node-template").click()
        at(page, "field-text").fill("written while the server was away")
        at(page, "canvas").click(position={"x": 20, "y": 20})
        expect(at(page, "save-state")).not_to_have_attribute("data-state", "saved")
        nexod.start()
        saved(page)
        key = nexod.key()
        stored: dict[str, Any] = httpx.get(f"{nexod.url}/api/v1/workflows/{workflow}", headers={"Api-Key": key}).json()[
            "spec"
        ]
        texts = [json.dumps(node["config"]) for node in stored["nodes"] if node["id"] == "template"]
        assert "written while the server was away" in texts[0]
        context.close()
