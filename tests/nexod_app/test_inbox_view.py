"""What the inbox makes of a question, its drawing and its run."""

from __future__ import annotations

from typing import Any

from engine.events import rfc3339
from nexod_app.inbox import graph, view

NOW = 1_700_000_000_000
FLOW: dict[str, Any] = {
    "name": "Publish",
    "nodes": [
        {"id": "draft", "kind": "llm", "title": "Write the draft", "config": {}},
        {"id": "ask", "kind": "approval", "title": "Editor's review", "config": {}},
        {"id": "send", "kind": "http", "title": "Publish it", "config": {"method": "POST"}},
        {
            "id": "many", "kind": "subflow", "title": "For each", "config": {
                "flow": {
                    "nodes": [{"id": "inner", "kind": "approval", "title": "Inner question", "config": {}}],
                    "edges": [],
                }
            },
        },
    ],
    "edges": [
        {"source": "draft", "port": "out", "target": "ask"},
        {"source": "ask", "port": "approved", "target": "send"},
        {"source": "ask", "port": "rejected", "target": "draft"},
    ],
}  # fmt: skip


def approval(**more: Any) -> dict[str, Any]:
    return {
        "id": "a1", "type": "approval", "run_id": "r1", "workflow_id": "w1", "node_id": "ask", "status": "pending",
        "question": "Publish?", "content": "# Text", "schema": None, "data": {}, "hash": "9f2c41ab" * 8,
        "created_at": rfc3339(NOW), "deadline_at": None, "decision": None, "comment": None, "decided_by": None,
        "decided_at": None, **more,
    }  # fmt: skip


def event(seq: int, type_: str, node_id: str, at: int, **payload: Any) -> dict[str, Any]:
    return {
        "seq": seq, "type": type_, "node_id": node_id, "key": f"{node_id}#1", "at": rfc3339(NOW + at),
        "payload": payload,
    }  # fmt: skip


def test_the_most_urgent_question_comes_first() -> None:
    late, soon, never = (
        approval(id=name, deadline_at=at and rfc3339(NOW + at))
        for name, at in (("late", 48 * 3600_000), ("soon", 60_000), ("never", 0))
    )
    never["deadline_at"] = None
    found = view.waiting([never, late, soon], NOW)
    assert [(one["id"], heading) for one, heading in found] == [("soon", "Due soon"), ("late", "Later"), ("never", "")]


def test_a_card_says_what_each_answer_leads_to() -> None:
    approve, reject, silence = graph.leads(FLOW, "ask", deadline=True)
    assert "Publish it" in approve.text
    assert "sends to another system" in approve.text
    assert (reject.icon, "asked again" in reject.text) == ("loop", True)
    assert silence.text == "and this branch of the run ends."


def test_a_tool_that_asks_first_says_what_happens_to_its_call() -> None:
    flow = {"nodes": [{"id": "post", "kind": "tool", "config": {}}, {"id": "writer", "kind": "agent", "config": {}}]}
    (step, refused), (_, told) = (graph.asked_by(flow, name, "tool") for name in ("post", "writer"))
    assert "call is made" in step.text
    assert "step fails" in refused.text
    assert "agent is told" in told.text
    assert view.card(approval(type="budget", node_id="writer"), flow, [], {}).leads[1].text == "and the step fails."


def test_a_question_inside_a_map_has_its_own_name() -> None:
    assert graph.title(FLOW, "many[2]/inner") == "Inner question"
    assert view.item(approval(node_id="many[2]/inner"), FLOW).place == "Publish · Inner question"


def test_the_way_here_counts_passes_retries_and_time() -> None:
    events = [
        event(1, "node_started", "draft", 0),
        event(2, "node_completed", "draft", 900, output={"text": "one two"}, port="out"),
        event(3, "node_started", "draft", 1000),
        event(4, "node_retry", "draft", 1500),
        event(5, "node_completed", "draft", 3200, output={"text": "one two three"}, port="out"),
    ]
    (step,) = graph.way(FLOW, events, {"llm": {"icon": "llm", "group": "AI"}})
    assert (step.title, step.fact, step.took) == ("Write the draft", "2 passes, after 1 retry, 3 words", "2.2 s")
    assert (step.icon, step.group) == ("llm", "ai")


def test_text_of_the_demo_model_is_labelled() -> None:
    called = event(1, "model_called", "draft", 0, provider="demo")
    assert view.card(approval(), FLOW, [called], {}).demo
    assert not view.card(approval(), FLOW, [], {}).demo


def test_the_form_has_a_field_for_each_property() -> None:
    schema = {
        "type": "object",
        "required": ["headline"],
        "properties": {
            "headline": {"type": "string", "title": "Headline"},
            "copies": {"type": "integer"},
            "when": {"type": "string", "enum": ["now", "later"]},
            "express": {"type": "boolean"},
            "body": {"type": "string", "maxLength": 5000},
            "extra": {"type": "object"},
        },
    }
    found = {one["name"]: one for one in view.fields(schema, {"headline": "Old", "copies": 2})}
    kinds = {name: one["kind"] for name, one in found.items()}
    assert kinds == {
        "headline": "text", "copies": "integer", "when": "choice", "express": "boolean", "body": "long",
        "extra": "json",
    }  # fmt: skip
    assert (found["headline"]["was"], found["headline"]["required"]) == ("Old", True)
    assert found["when"]["options"] == ["now", "later"]


def test_a_question_without_a_form_has_no_fields() -> None:
    assert view.fields(None, {"any": 1}) == []


def test_an_answered_card_shows_who_and_what() -> None:
    schema = {"type": "object", "properties": {"express": {"type": "boolean", "title": "Express"}}}
    card = view.card(
        approval(status="approved", decided_by="Jonas", schema=schema, data={"express": True}), FLOW, [], {}
    )
    assert (card.by, card.word, card.given) == ("by Jonas", "Approved", [("Express", "Yes")])


def test_a_fault_is_told_at_its_field() -> None:
    assert view.faults([{"field": "data.headline", "message": "too short"}]) == {"headline": "too short"}
