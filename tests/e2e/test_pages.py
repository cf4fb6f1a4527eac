"""The pages around the editor, as a person uses them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.running import Nexod

SIMPLE: dict[str, Any] = {
    "nexod": 1,
    "name": "Ask before sending",
    "nodes": [
        {
            "id": "ask", "kind": "approval", "title": "Look first", "config": {
                "question": "Send **this**?",
                "content": "# Hello\n\nA <b>plain</b> letter. ![pixel](https://example.org/p.png)",
                "schema": {
                    "type": "object",
                    "properties": {"headline": {"type": "string", "minLength": 3}, "copies": {"type": "integer"}},
                    "required": ["headline"],
                },
                "data": {"headline": "Hello", "copies": 1},
            },
        }
    ],
    "outputs": {"headline": "{{ ask.data.headline }}", "copies": "{{ ask.data.copies }}"},
}  # fmt: skip


def imported(page: Page, spec: dict[str, Any]) -> str:
    """The id of the workflow that was made by importing the file."""
    page.goto("/")
    file = {"name": "file.json", "mimeType": "application/json", "buffer": json.dumps(spec).encode()}
    page.get_by_test_id("import-input").set_input_files(files=[file])
    page.wait_for_url(re.compile(r"/workflows/[^/]+"))
    return page.url.rstrip("/").rsplit("/", 1)[-1]


def started(page: Page, workflow_id: str) -> str:
    answer = page.request.post(f"/api/v1/workflows/{workflow_id}/runs", data={"inputs": {}})
    assert answer.status == 202, answer.text()
    return answer.json()["run_id"]


def ended(page: Page, run_id: str, status: str) -> dict[str, Any]:
    """The run, once it has this status."""
    for _ in range(200):
        run = page.request.get(f"/api/v1/runs/{run_id}").json()
        if run["status"] == status:
            return run
        page.wait_for_timeout(50)
    raise AssertionError(run)


def question(page: Page) -> str:
    """Asked by a run of a workflow of its own; opened in the inbox."""
    run_id = started(page, imported(page, SIMPLE))
    (approval,) = ended(page, run_id, "waiting")["waiting_for"]
    page.goto(f"/inbox/{approval}")
    page.get_by_test_id("approve-button").wait_for()
    return run_id


# Signing in --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/runs", "/inbox", "/library", "/knowledge", "/memory", "/settings"])
def test_a_stranger_is_told_how_to_sign_in(browser: Browser, nexod: Nexod, path: str) -> None:
    page = browser.new_page(base_url=nexod.url)
    page.goto(path)
    page.wait_for_url("**/login*")
    expect(page.get_by_text("Open the sign-in link from your terminal")).to_be_visible()
    page.close()


def test_opening_the_link_does_not_sign_in_and_its_button_works_once(browser: Browser, nexod: Nexod) -> None:
    link = nexod.cli("login-link").strip()
    looker, owner, late = (browser.new_context().new_page() for _ in range(3))
    looker.goto(link)
    looker.get_by_role("button", name="Sign in").wait_for()
    looker.goto(nexod.url)
    looker.wait_for_url("**/login*")
    owner.goto(link)
    owner.get_by_role("button", name="Sign in").click()
    owner.get_by_test_id("new-workflow").wait_for()
    late.goto(link)
    late.get_by_role("button", name="Sign in").click()
    expect(late.get_by_role("alert")).to_contain_text("used before")
    for page in (looker, owner, late):
        page.context.close()


# Workflows ---------------------------------------------------------------------------------------------------


def test_a_template_becomes_a_workflow_in_the_editor(page: Page) -> None:
    page.goto("/")
    page.get_by_test_id("template-one-model-call").click()
    page.wait_for_url(re.compile(r"/workflows/[^/]+"))
    page.goto("/")
    expect(page.get_by_test_id("workflow-row").filter(has_text="One model call").first).to_be_visible()


def test_a_new_workflow_opens_empty(page: Page) -> None:
    page.goto("/")
    page.get_by_test_id("new-workflow").click()
    page.wait_for_url(re.compile(r"/workflows/[^/]+"))
    made = page.request.get(f"/api/v1{page.url.removeprefix(page.url.split('/workflows')[0]).rstrip('/')}").json()
    assert made["spec"]["nodes"] == []


def test_export_and_import_keep_every_byte(page: Page, tmp_path: Path) -> None:
    workflow_id = imported(page, {**SIMPLE, "name": "Travels well"})
    first = page.request.get(f"/api/v1/workflows/{workflow_id}/export").body()
    page.goto("/")
    row = page.get_by_test_id("workflow-row").filter(has_text="Travels well").first
    row.hover()
    with page.expect_download() as download:
        row.get_by_test_id("export-button").click()
    download.value.save_as(tmp_path / "file.json")
    assert (tmp_path / "file.json").read_bytes() == first
    page.get_by_test_id("import-input").set_input_files(tmp_path / "file.json")
    page.wait_for_url(re.compile(r"/workflows/[^/]+"))
    again = page.url.rstrip("/").rsplit("/", 1)[-1]
    assert again != workflow_id
    assert page.request.get(f"/api/v1/workflows/{again}/export").body() == first


def test_a_file_with_faults_is_refused_with_their_cures(page: Page) -> None:
    page.goto("/")
    faulty = {**SIMPLE, "nodes": [{"id": "a", "kind": "llm", "config": {}}]}
    for text in (json.dumps(faulty), "no json at all"):
        file = {"name": "file.json", "mimeType": "application/json", "buffer": text.encode()}
        page.get_by_test_id("import-input").set_input_files(files=[file])
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("This file was not imported")
        if text.startswith("{"):
            expect(dialog).to_contain_text("Prompt is missing")
        page.get_by_role("button", name="Close").click()
        expect(dialog).to_be_hidden()


def test_deleting_asks_first(page: Page) -> None:
    imported(page, {**SIMPLE, "name": "Short lived"})
    page.goto("/")
    row = page.get_by_test_id("workflow-row").filter(has_text="Short lived")
    row.hover()
    row.get_by_test_id("delete-button").click()
    page.get_by_role("button", name="Keep it").click()
    expect(row).to_be_visible()
    row.hover()
    row.get_by_test_id("delete-button").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Delete").click()
    expect(row).to_have_count(0)


def test_the_search_finds_by_name(page: Page) -> None:
    imported(page, {**SIMPLE, "name": "Needle"})
    page.goto("/")
    expect(page.get_by_test_id("workflow-row").first).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("needl")
    expect(page.get_by_test_id("workflow-row")).to_have_count(1)


# Inbox -------------------------------------------------------------------------------------------------------


def test_a_question_is_answered_with_an_edit(page: Page) -> None:
    run_id = question(page)
    content = page.get_by_test_id("approval-content")
    expect(content).to_contain_text("A <b>plain</b> letter.")
    expect(content.locator("img")).to_have_count(0)
    field = page.get_by_test_id("approval-field-headline")
    expect(field).to_have_value("Hello")
    field.fill("Hello again")
    page.get_by_test_id("approval-field-copies").fill("3")
    expect(page.get_by_text("Was: Hello")).to_be_visible()
    expect(page.get_by_test_id("approve-button")).to_contain_text("Approve with 2 edits")
    page.get_by_test_id("comment-field").fill("Fine")
    page.get_by_test_id("approve-button").click()
    expect(page.get_by_text("by owner").first).to_be_visible()
    run = ended(page, run_id, "completed")
    assert run["outputs"] == {"headline": "Hello again", "copies": 3}


def test_an_edit_can_be_undone_and_a_wrong_one_is_told_at_its_field(page: Page) -> None:
    question(page)
    field = page.get_by_test_id("approval-field-headline")
    field.fill("x")
    page.get_by_test_id("approve-button").click()
    expect(page.get_by_role("alert").first).to_be_visible()
    expect(field).to_have_attribute("aria-invalid", "true")
    page.get_by_role("button", name="Undo").click()
    expect(field).to_have_value("Hello")
    expect(page.get_by_test_id("approve-button")).to_have_text(re.compile("^Approve(?! with)"))


def test_a_refusal_is_told_once_and_beside_the_buttons(page: Page) -> None:
    question(page)
    page.get_by_test_id("approval-field-headline").fill("x")
    page.get_by_test_id("approve-button").click()
    told = page.locator(".toast", has_text="The answer does not fit the form.")
    expect(told).to_be_visible()
    page.get_by_test_id("approve-button").click(trial=True)
    page.reload()
    page.get_by_test_id("approve-button").wait_for()
    expect(page.get_by_test_id("inbox-item").first).to_be_visible()
    expect(told).to_have_count(0)


def test_a_lost_race_shows_the_winners_answer_in_place(page: Page) -> None:
    question(page)
    approval = page.request.get(f"/api/v1/approvals/{page.url.rstrip('/').rsplit('/', 1)[-1]}").json()
    answer = {"decision": "reject", "comment": "Not like this", "hash": approval["hash"]}
    assert page.request.post(f"/api/v1/approvals/{approval['id']}", data=answer).ok
    page.get_by_test_id("approve-button").click(force=True, no_wait_after=True)
    expect(page.get_by_text("Not like this")).to_be_visible()
    expect(page.get_by_test_id("approve-button")).to_have_count(0)
    assert page.request.get(f"/api/v1/approvals/{approval['id']}").json()["status"] == "rejected"


def test_a_new_question_shows_up_by_itself(page: Page) -> None:
    workflow_id = imported(page, {**SIMPLE, "name": "Asks later"})
    page.goto("/inbox")
    page.get_by_role("heading", name="Inbox").wait_for()
    started(page, workflow_id)
    expect(page.get_by_test_id("inbox-item").filter(has_text="Asks later").first).to_be_visible()
    expect(page.locator(".rail .n")).to_be_visible()
    item = page.get_by_test_id("inbox-item").filter(has_text="Asks later").first
    question = item.get_attribute("data-id")
    item.click()
    page.get_by_test_id("reject-button").click()
    answered = page.locator(f"[data-id='{question}']")
    expect(answered).to_have_attribute("data-testid", "answered-item")


def test_a_phone_shows_the_list_then_the_question(page: Page) -> None:
    question(page)
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.get_by_test_id("approve-button")).to_be_visible()
    expect(page.get_by_test_id("inbox-item").first).to_be_hidden()
    page.get_by_role("link", name="Back to inbox").click()
    expect(page.get_by_test_id("inbox-item").first).to_be_visible()
    expect(page.get_by_test_id("approve-button")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


# The rest ----------------------------------------------------------------------------------------------------


def test_runs_are_listed_and_filtered(page: Page) -> None:
    run_id = started(page, imported(page, {**SIMPLE, "name": "Waits here"}))
    ended(page, run_id, "waiting")
    page.goto("/runs")
    row = page.locator(f"[data-id='{run_id}']")
    expect(row).to_have_attribute("data-status", "waiting")
    page.get_by_role("radio", name="Completed").click()
    expect(row).to_have_count(0)
    page.request.post(f"/api/v1/runs/{run_id}/cancel")
    page.get_by_role("radio", name="Cancelled").click()
    expect(row).to_have_attribute("data-status", "cancelled")


def test_the_library_explains_each_kind(page: Page) -> None:
    page.goto("/library")
    page.get_by_role("link", name=re.compile("^Condition")).click()
    expect(page.get_by_role("heading", name="Condition")).to_be_visible()
    expect(page.get_by_role("cell", name=re.compile("^cases"))).to_be_visible()
    page.goto("/library/llm")
    expect(page.get_by_role("heading", name="Model")).to_be_visible()


def test_the_library_shows_tools_and_agents(page: Page) -> None:
    page.goto("/library/tool-search")
    expect(page.get_by_role("heading", name="Web search")).to_be_visible()
    page.goto("/library/agent-researcher")
    expect(page.get_by_role("heading", name="Researcher")).to_be_visible()


def test_a_crew_of_the_library_comes_with_the_inputs_it_reads(page: Page) -> None:
    page.goto("/")
    page.get_by_test_id("new-workflow").click()
    page.get_by_test_id("palette-research").click()
    expect(page.get_by_test_id("node-research")).to_be_visible()
    expect(page.get_by_test_id("save-state")).to_have_attribute("data-state", "saved")
    stored = page.request.get(f"/api/v1/workflows/{page.url.rsplit('/', 1)[-1]}").json()
    assert stored["problems"] == []
    assert [node["kind"] for node in stored["spec"]["nodes"]] == ["crew"]
    assert stored["spec"]["inputs"]["required"] == ["topic"]


def test_a_call_that_asks_first_is_edited_in_the_inbox(page: Page) -> None:
    config = {"tool": "calculate", "args": {"expression": "6 * 7"}, "approve": True}
    node = {"id": "sum", "kind": "tool", "title": "Work it out", "config": config}
    outputs = {"value": "{{ sum.value }}"}
    run_id = started(page, imported(page, {"nexod": 1, "name": "Sum", "nodes": [node], "outputs": outputs}))
    (approval,) = ended(page, run_id, "waiting")["waiting_for"]
    page.goto(f"/inbox/{approval}")
    expect(page.get_by_test_id("approval-content")).to_contain_text("6 * 7")
    page.get_by_test_id("approval-field-expression").fill("6 * 70")
    page.get_by_test_id("approve-button").click()
    assert ended(page, run_id, "completed")["outputs"] == {"value": 420}


def test_a_key_is_shown_once_works_and_is_revoked(page: Page, nexod: Nexod) -> None:
    page.goto("/settings")
    page.get_by_role("button", name="New key").click()
    page.get_by_label("Name").fill("Robot")
    page.get_by_role("button", name="Make the key").click()
    key = page.get_by_test_id("api-key").inner_text()
    page.get_by_role("button", name="Done").click()
    expect(page.get_by_text(key)).to_have_count(0)
    with_key = {"headers": {"Authorization": f"Bearer {key}"}}
    assert page.request.get(f"{nexod.url}/api/v1/workflows", **with_key).ok
    page.locator(".kr", has_text="Robot").get_by_role("button", name="Revoke").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Revoke").click()
    expect(page.locator(".kr", has_text="Robot")).to_have_count(0)
    assert page.request.get(f"{nexod.url}/api/v1/workflows", **with_key).status == 401


def test_the_model_of_auto_and_a_price_are_chosen(page: Page) -> None:
    page.goto("/settings")
    page.get_by_test_id("settings-provider").select_option("demo")
    page.get_by_test_id("settings-save").click()
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()
    page.reload()
    expect(page.get_by_test_id("settings-provider")).to_have_value("demo")
    page.get_by_role("button", name="Add a price").click()
    for field, value in (("model", "Mine/Llama"), ("input", "1.5"), ("output", "3")):
        page.locator(f"#price-{field}").fill(value)
    page.get_by_role("button", name="Save the price").click()
    row = page.get_by_test_id("price-row").filter(has_text="mine/llama")
    expect(row).to_contain_text("$1.50")
    page.get_by_role("button", name="Take back the price of mine/llama").click()
    expect(row).to_have_count(0)


def test_the_theme_is_switched_and_kept(page: Page) -> None:
    page.goto("/")
    html = page.locator("html")
    expect(html).to_have_class(re.compile("light"))
    page.get_by_test_id("theme-toggle").click()
    expect(html).to_have_class(re.compile("dark"))
    page.reload()
    expect(html).to_have_class(re.compile("dark"))


@pytest.mark.parametrize("path", ["/", "/runs", "/inbox", "/library", "/knowledge", "/memory", "/settings", "/login"])
def test_a_page_fits_a_phone_and_names_its_parts(page: Page, path: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(path)
    page.get_by_role("heading", level=1).wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    unnamed = """[...document.querySelectorAll('button, a, input, select, textarea')].filter(e => e.offsetParent
        && !(e.innerText || e.ariaLabel || e.title || e.labels?.length)).map(e => e.outerHTML)"""
    assert page.evaluate(unnamed) == []


def test_no_page_needs_eval_or_breaks_its_policy(page: Page) -> None:
    faults: list[str] = []
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    for path in ("/", "/runs", "/inbox", "/library", "/knowledge", "/memory", "/settings"):
        page.goto(path)
        page.get_by_role("heading", level=1).wait_for()
        page.wait_for_load_state("networkidle")
    assert faults == []
