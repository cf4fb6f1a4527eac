"""The editor by hand: forms, lists, keys, clipboard, conflicts, dialogs; and the page of a run."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from engine.plan.checks import MANY_FOR_CREWAI
from tests.running import Nexod

LONG = 30_000
Spec = dict[str, Any]
Make = Callable[..., str]


def at(page: Page, testid: str) -> Locator:
    return page.get_by_test_id(testid)


def saved(page: Page) -> None:
    expect(at(page, "save-state")).to_have_attribute("data-state", "saved", timeout=LONG)


def node(kind: str, id_: str, y: int = 0, x: int = 0, **config: Any) -> Spec:
    return {"id": id_, "kind": kind, "title": id_.title(), "position": {"x": x, "y": y}, "config": config}


def edge(source: str, target: str, port: str = "out") -> Spec:
    return {"source": source, "port": port, "target": target}


def chain() -> Spec:
    nodes = [node("template", "one", text="1"), node("template", "two", 124, text="{{ one.text }}")]
    return {"nodes": nodes, "edges": [edge("one", "two")]}


@pytest.fixture(scope="module")
def api(nexod: Nexod) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {nexod.key()}"}
    with httpx.Client(base_url=f"{nexod.url}/api/v1", headers=headers, timeout=60) as client:
        yield client


@pytest.fixture
def make(api: httpx.Client) -> Make:
    """A stored workflow of these parts; answers its id."""

    def create(**parts: Any) -> str:
        answer = api.post("/workflows", json={"nexod": 1, "name": "Drawn", "nodes": [], **parts})
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    return create


def spec_of(api: httpx.Client, workflow: str) -> Spec:
    return api.get(f"/workflows/{workflow}").json()["spec"]


def step_of(api: httpx.Client, workflow: str, id_: str) -> Spec:
    return next(n for n in spec_of(api, workflow)["nodes"] if n["id"] == id_)


def show(page: Page, workflow: str) -> None:
    page.goto(f"/workflows/{workflow}")
    at(page, "inspector").get_by_test_id("field-name").wait_for()


def fill(page: Page, **fields: str) -> None:
    """Names with dots are written with two underscores."""
    for name, value in fields.items():
        field = at(page, f"field-{name.replace('__', '.')}")
        field.fill(value)
        field.blur()


def test_a_form_writes_the_config_of_its_step(page: Page, make: Make, api: httpx.Client) -> None:
    workflow = make(nodes=[node("http", "call", url="https://example.com")])
    show(page, workflow)
    at(page, "node-call").click()
    at(page, "field-method").select_option("POST")
    fill(page, url="https://example.com/x", headers__0__name="Accept", headers__0__value="text/plain")
    fill(page, headers__1__name="X-Two", headers__1__value="{{ input.a }}", body='{"a": [1]}', max_bytes="5000")
    at(page, "field-auth.type").select_option("bearer")
    fill(page, auth__token="cms token")
    at(page, "field-fail_on_status").click()
    saved(page)
    assert step_of(api, workflow, "call")["config"] == {
        "url": "https://example.com/x", "method": "POST", "body": {"a": [1]}, "max_bytes": 5000,
        "fail_on_status": False,
        "headers": {"Accept": "text/plain", "X-Two": "{{ input.a }}"},
        "auth": {"type": "bearer", "token": {"$secret": "CMSTOKEN"}},
    }  # fmt: skip
    page.get_by_role("tab", name="Reliability").click()
    fill(page, retry__attempts="3", timeout_s="12")
    saved(page)
    assert step_of(api, workflow, "call")["retry"]["attempts"] == 3
    assert step_of(api, workflow, "call")["timeout_s"] == 12


def test_json_that_is_none_yet_says_where_and_is_not_saved(page: Page, make: Make, api: httpx.Client) -> None:
    workflow = make(nodes=[node("llm", "ask", prompt="?")])
    show(page, workflow)
    at(page, "node-ask").click()
    fill(page, output_schema='{"type": }')
    expect(at(page, "inspector").get_by_text("This is no JSON yet")).to_be_visible()
    assert "output_schema" not in step_of(api, workflow, "ask")["config"]
    fill(page, output_schema='{"type": "object"}')
    saved(page)
    assert step_of(api, workflow, "ask")["config"]["output_schema"] == {"type": "object"}


def test_typing_is_one_step_of_undo(page: Page, make: Make, api: httpx.Client) -> None:
    workflow = make(**chain())
    show(page, workflow)
    at(page, "node-one").click()
    at(page, "field-text").press_sequentially(" and more words", delay=60)
    at(page, "field-title").fill("Renamed")
    at(page, "undo-button").click()
    expect(at(page, "field-title")).to_have_value("One")
    at(page, "undo-button").click()
    expect(at(page, "field-text")).to_have_value("1")
    expect(at(page, "undo-button")).to_be_disabled()
    saved(page)
    assert step_of(api, workflow, "one")["config"] == {"text": "1"}


def test_a_renamed_way_out_keeps_its_edge(page: Page, make: Make, api: httpx.Client) -> None:
    gate = node("condition", "gate", cases=[{"port": "yes", "when": "true"}])
    workflow = make(nodes=[gate, node("template", "end", 138, text="x")], edges=[edge("gate", "end", "yes")])
    show(page, workflow)
    at(page, "node-gate").click()
    fill(page, cases__0__port="good", cases__1__port="bad", cases__1__when="false")
    expect(at(page, "edge-gate-good-end")).to_have_count(1)
    expect(at(page, "port-gate-bad")).to_have_count(1)
    saved(page)
    assert spec_of(api, workflow)["edges"] == [edge("gate", "end", "good")]


def test_a_renamed_step_is_renamed_where_it_is_read(page: Page, make: Make, api: httpx.Client) -> None:
    workflow = make(**chain(), outputs={"text": "{{ one.text }}"})
    show(page, workflow)
    at(page, "node-one").click()
    at(page, "step-id").click()
    at(page, "field-id").fill("two")
    at(page, "field-id").press("Enter")
    expect(page.get_by_text("Another step is called two")).to_be_visible()
    at(page, "step-id").click()
    at(page, "field-id").fill("greeting")
    at(page, "field-id").press("Enter")
    expect(at(page, "edge-greeting-out-two")).to_have_count(1)
    saved(page)
    assert step_of(api, workflow, "two")["config"] == {"text": "{{ greeting.text }}"}
    assert spec_of(api, workflow)["outputs"] == {"text": "{{ greeting.text }}"}
    at(page, "undo-button").click()
    expect(at(page, "edge-one-out-two")).to_have_count(1)
    saved(page)
    assert step_of(api, workflow, "two")["config"] == {"text": "{{ one.text }}"}


def test_inputs_and_outputs_are_declared_in_the_inspector(page: Page, make: Make, api: httpx.Client) -> None:
    workflow = make(**chain())
    show(page, workflow)
    fill(page, inputs__0__name="topic")
    fill(page, inputs__0__title="Topic", inputs__0__default="Tea", inputs__1__name="count")
    at(page, "field-inputs.1.type").select_option("integer")
    fill(page, outputs__0__name="text", outputs__0__value="{{ two.text }}", name="Declared")
    saved(page)
    spec = spec_of(api, workflow)
    assert spec["name"] == "Declared"
    assert spec["inputs"]["properties"]["topic"] == {"type": "string", "title": "Topic", "default": "Tea"}
    assert spec["inputs"]["properties"]["count"] == {"type": "integer"}
    assert spec["outputs"] == {"text": "{{ two.text }}"}

    # The run dialog asks for just these, and says what it refuses beside the field.
    at(page, "run-button").click()
    expect(at(page, "run-input-topic")).to_have_value("Tea")
    at(page, "run-input-count").fill("many")
    at(page, "run-submit").click()
    expect(page.locator("dialog .err")).to_be_visible()
    at(page, "run-input-count").fill("3")
    at(page, "run-submit").click()
    expect(at(page, "run-status")).to_have_attribute("data-status", "completed", timeout=LONG)
    expect(at(page, "run-outputs")).to_contain_text("1")
    at(page, "node-two").click()
    expect(at(page, "node-output")).to_contain_text("1")


def test_a_problem_leads_to_its_field(page: Page, make: Make) -> None:
    show(page, make(**chain()))
    at(page, "node-two").click()
    fill(page, text="{{ nobody.text }}")
    saved(page)
    page.keyboard.press("Escape")
    row = at(page, "problem-row").first
    expect(row).to_contain_text("Two")
    row.get_by_role("button").click()
    expect(at(page, "field-text")).to_be_focused()


def test_a_target_that_does_not_suit_is_told_when_it_is_chosen_and_leads_back(page: Page, make: Make) -> None:
    nodes = [node("template", f"n{i}", 124 * (i // 40), 260 * (i % 40), text="x") for i in range(MANY_FOR_CREWAI + 1)]
    show(page, make(nodes=nodes))
    at(page, "target-switch").get_by_role("radio", name="CrewAI").click()
    row = at(page, "problem-row").filter(has_text="slow on crewai")
    row.get_by_role("button", name="Show").click()
    expect(at(page, "target-switch").get_by_role("radio", name="CrewAI")).to_be_focused()


def test_steps_are_added_by_keys_and_wired_to_the_selected_one(page: Page, make: Make, api: httpx.Client) -> None:
    workflow = make(**chain())
    show(page, workflow)
    at(page, "node-two").click()
    page.keyboard.press("/")
    page.keyboard.type("condi")
    page.keyboard.press("Enter")
    expect(at(page, "edge-two-out-condition")).to_have_count(1)
    page.keyboard.press("a")
    page.keyboard.type("wait")
    page.keyboard.press("Enter")
    expect(at(page, "edge-condition-yes-wait")).to_have_count(1)
    at(page, "node-wait").focus()
    page.keyboard.press("ArrowUp")
    expect(at(page, "node-condition")).to_be_focused()
    page.keyboard.press("Shift+ArrowRight")
    saved(page)
    assert step_of(api, workflow, "condition")["position"]["x"] == 20
    page.keyboard.press("Delete")
    expect(at(page, "node-condition")).to_have_count(0)
    saved(page)
    assert spec_of(api, workflow)["edges"] == [edge("one", "two")]


def test_steps_are_walked_and_wired_by_keys(page: Page, make: Make, api: httpx.Client) -> None:
    case = node("condition", "which", 248, cases=[{"port": "good", "when": "true"}])
    nodes = [case, node("template", "two", 124, text="2"), node("template", "one", text="1")]
    workflow = make(nodes=nodes, edges=[edge("one", "two"), edge("two", "which")])
    show(page, workflow)
    at(page, "canvas").focus()
    for name in ("one", "two", "which"):
        page.keyboard.press("Tab")
        expect(at(page, f"node-{name}")).to_be_focused()
    page.keyboard.press("c")
    page.keyboard.press("ArrowRight")
    page.keyboard.type("one")
    page.keyboard.press("Enter")
    expect(at(page, "edge-which-else-one")).to_have_count(1)
    expect(at(page, "node-which")).to_be_focused()
    page.keyboard.press("c")
    page.keyboard.press("Escape")
    expect(at(page, "node-which")).to_be_focused()
    saved(page)
    assert edge("which", "one", "else") in spec_of(api, workflow)["edges"]


def test_an_edge_that_ends_in_the_open_asks_for_the_next_step(page: Page, make: Make, api: httpx.Client) -> None:
    workflow = make(**chain())
    show(page, workflow)
    port = at(page, "port-two-out").bounding_box()
    assert port
    page.mouse.move(port["x"] + 12, port["y"] + 12)
    page.mouse.down()
    page.mouse.move(port["x"] + 90, port["y"] + 130, steps=5)
    page.mouse.up()
    page.keyboard.type("wait")
    page.keyboard.press("Enter")
    expect(at(page, "edge-two-out-wait")).to_have_count(1)
    saved(page)
    assert step_of(api, workflow, "wait")["position"]["y"] > step_of(api, workflow, "two")["position"]["y"] + 72


def test_a_copy_goes_to_another_workflow(context: BrowserContext, page: Page, make: Make, api: httpx.Client) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    first, second = make(**chain()), make(nodes=[node("template", "one", text="mine")])
    show(page, first)
    at(page, "canvas").focus()
    page.keyboard.press("Control+a")
    page.keyboard.press("Control+c")
    show(page, second)
    at(page, "canvas").focus()
    page.keyboard.press("Control+v")
    expect(at(page, "node-one_2")).to_be_visible()
    saved(page)
    assert step_of(api, second, "two")["config"] == {"text": "{{ one_2.text }}"}
    assert edge("one_2", "two") in spec_of(api, second)["edges"]


def test_a_drop_on_a_card_connects_and_an_edge_takes_a_step_in(page: Page, make: Make, api: httpx.Client) -> None:
    workflow = make(nodes=[node("template", "one", text="1"), node("template", "two", 124, text="2")])
    show(page, workflow)
    at(page, "port-one-out").drag_to(at(page, "node-two"))
    expect(at(page, "edge-one-out-two")).to_be_visible()
    at(page, "edge-one-out-two").click()
    page.get_by_role("button", name="Insert a step here").click()
    page.get_by_role("listbox").get_by_role("option", name="Wait").click()
    expect(at(page, "edge-one-out-wait")).to_have_count(1)
    expect(at(page, "edge-wait-out-two")).to_have_count(1)
    saved(page)
    assert step_of(api, workflow, "two")["position"]["y"] > 124


def test_tidy_up_lays_the_steps_out_downward(page: Page, make: Make, api: httpx.Client) -> None:
    nodes = [node("template", name, text="x") for name in ("one", "two", "three")]
    workflow = make(nodes=nodes, edges=[edge("one", "two"), edge("one", "three")])
    show(page, workflow)
    page.get_by_role("button", name="Tidy up").click()
    saved(page)
    place = {n["id"]: n["position"] for n in spec_of(api, workflow)["nodes"]}
    assert place["two"]["y"] == place["three"]["y"] == place["one"]["y"] + 124
    assert abs(place["two"]["x"] - place["three"]["x"]) == 260


def test_only_a_loop_is_called_a_loop(page: Page, make: Make) -> None:
    beside = [node("template", f"n{i}", x=i * 300, text="x") for i in range(2)]
    show(page, make(nodes=beside, edges=[edge("n0", "n1")]))
    expect(at(page, "edge-n0-out-n1")).to_be_attached()
    expect(page.get_by_text(re.compile(r"up to \d+×"))).to_have_count(0)
    again = [node("template", "n0", text="x"), node("template", "draft", 140, text="x")]
    again += [node("approval", "ask", 280, question="Good?")]
    show(page, make(nodes=again, edges=[edge("n0", "draft"), edge("draft", "ask"), edge("ask", "draft", "rejected")]))
    expect(page.get_by_text(re.compile(r"up to \d+×"))).to_have_count(1)


def test_two_tabs_keep_both_changes_and_say_when_they_cannot(
    context: BrowserContext, page: Page, make: Make, api: httpx.Client
) -> None:
    workflow = make(**chain())
    other = context.new_page()
    show(page, workflow)
    show(other, workflow)
    at(page, "node-one").click()
    fill(page, title="From here")
    saved(page)
    at(other, "node-two").click()
    fill(other, title="From there")
    saved(other)
    assert {n["title"] for n in spec_of(api, workflow)["nodes"]} == {"From here", "From there"}
    expect(at(other, "node-one")).to_contain_text("From here")
    at(other, "node-two").click()
    other.keyboard.press("Delete")
    saved(other)
    at(page, "node-two").click()
    fill(page, title="Too late")
    expect(at(page, "save-state")).to_have_attribute("data-state", "conflict")
    at(page, "save-state").get_by_role("button", name="Reload").click()
    saved(page)
    expect(at(page, "node-two")).to_have_count(0)


def test_what_was_typed_offline_is_saved_once_the_server_is_back(page: Page, make: Make, api: httpx.Client) -> None:
    workflow = make(**chain())
    show(page, workflow)
    page.route("**/ops", lambda route: route.abort())
    at(page, "node-one").click()
    fill(page, text="offline")
    expect(at(page, "save-state")).to_have_attribute("data-state", "unsaved")
    page.unroute("**/ops")
    page.reload()
    saved(page)
    at(page, "node-one").click()
    expect(at(page, "field-text")).to_have_value("offline")
    assert step_of(api, workflow, "one")["config"] == {"text": "offline"}


def test_a_run_is_forked_retried_and_cancelled_on_its_page(page: Page, make: Make, api: httpx.Client) -> None:
    nodes = [
        node("template", "one", text="first"),
        node("approval", "ask", 124, question="Go on with {{ one.text }}?"),
        node("fail", "end", 262, message="No: {{ one.text }}"),
    ]
    workflow = make(nodes=nodes, edges=[edge("one", "ask"), edge("ask", "end", "approved")])
    run = api.post(f"/workflows/{workflow}/runs", json={"inputs": {}}).json()["run_id"]
    page.goto(f"/runs/{run}")
    expect(at(page, "node-ask")).to_have_attribute("data-status", "waiting", timeout=LONG)
    question = next(q for q in api.get("/approvals").json()["items"] if q["run_id"] == run)
    api.post(f"/approvals/{question['id']}", json={"decision": "approve", "hash": question["hash"]})
    expect(at(page, "run-status")).to_have_attribute("data-status", "failed", timeout=LONG)
    row = page.locator("[data-testid=timeline-row][data-node=end]")
    expect(row).to_have_attribute("data-type", "node_failed")
    row.click()
    expect(at(page, "node-output")).to_contain_text("No: first")

    at(page, "retry-button").click()
    page.wait_for_url(lambda url: run not in url)
    expect(at(page, "run-status")).to_have_attribute("data-status", "failed", timeout=LONG)
    again = page.url

    at(page, "node-one").click()
    at(page, "fork-button").click()
    at(page, "field-output").fill('{"text": "second"}')
    at(page, "dialog-submit").click()
    page.wait_for_url(lambda url: url != again)
    expect(page.get_by_text("Ask asks: Go on with second?")).to_be_visible(timeout=LONG)
    at(page, "cancel-button").click()
    expect(at(page, "run-status")).to_have_attribute("data-status", "cancelled", timeout=LONG)
    expect(at(page, "node-end")).to_have_attribute("data-status", "skipped")
    page.get_by_role("tab", name="Events").click()
    expect(at(page, "timeline-row").last).to_have_attribute("data-type", "run_cancelled")


def test_a_thousand_steps_can_be_dragged(page: Page, make: Make, api: httpx.Client) -> None:
    nodes = [node("template", f"n{i}", (i // 25) * 124, (i % 25) * 260, text="x") for i in range(1000)]
    workflow = make(nodes=nodes, edges=[edge(f"n{i - 25}", f"n{i}") for i in range(25, 1000)])
    page.goto(f"/workflows/{workflow}")
    at(page, "node-n999").wait_for(state="attached", timeout=LONG)
    expect(at(page, "canvas").locator("[data-testid^=node-]")).to_have_count(1000)
    sent: list[int] = []
    page.on("request", lambda request: sent.append(len(request.post_data or "")))
    box = at(page, "node-n512").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 60, box["y"] + 40, steps=10)
    page.mouse.up()
    saved(page)
    assert len(sent) == 1
    assert sent[0] < 2_000
    assert step_of(api, workflow, "n512")["position"] != nodes[512]["position"]


def test_nothing_that_is_not_there_is_shown(page: Page) -> None:
    page.goto("/workflows/nothing")
    expect(page.get_by_text("There is nothing here")).to_be_visible()
    page.goto("/runs/nothing")
    expect(page.get_by_text(re.compile("nothing here"))).to_be_visible()
