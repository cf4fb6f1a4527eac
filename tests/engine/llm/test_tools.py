"""Tools in a conversation: what is asked and what comes back, the same on every provider."""

import asyncio
import json
from collections.abc import Iterator

import pytest

from engine import llm
from engine.errors import NodeError
from tests.world.models import ModelServer

PROVIDERS = ("openai", "anthropic")
SEARCH = llm.ToolSpec(
    "search",
    "Finds pages.",
    {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]},
)
NOW = llm.ToolSpec("now", "Tells the time.", {"type": "object", "properties": {}})
BEES = {"name": "search", "arguments": {"query": "bees"}}


@pytest.fixture(autouse=True)
def models(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    with ModelServer() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.origin)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "test-key-anthropic")
        monkeypatch.setenv("NEXOD_MODEL_FIRST_S", "0.5")
        monkeypatch.setenv("NEXOD_MODEL_IDLE_S", "0.3")
        yield server


async def _emit(text: str) -> None: ...


def turn(provider: str, *messages: llm.Message, prompt: str = "Find bees", **more: object) -> llm.Reply:
    said = (llm.Message("user", prompt), *messages)
    request = llm.Request(said, **{"tools": (SEARCH, NOW), **more})  # type: ignore[arg-type]
    return asyncio.run(llm.turn(request, provider, _emit))


def answered(reply: llm.Reply, *results: str) -> list[llm.Message]:
    tools = [
        llm.Message("tool", text, tool_call_id=call.id) for call, text in zip(reply.tool_calls, results, strict=True)
    ]
    return [reply.message(), *tools]


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("whole", [False, True])
def test_calls_come_back_in_their_order(models: ModelServer, provider: str, whole: bool) -> None:
    if whole and provider == "anthropic":
        return  # always streams
    models.play({"tool_calls": [BEES, {"name": "now"}], "whole": whole})
    reply = turn(provider)
    assert [(c.name, c.arguments) for c in reply.tool_calls] == [("search", {"query": "bees"}), ("now", {})]
    assert len({c.id for c in reply.tool_calls}) == 2
    assert reply.text == ""
    assert reply.usage.output_tokens > 0


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_text_may_come_with_calls(models: ModelServer, provider: str) -> None:
    models.play({"text": "Let me look.", "tool_calls": [BEES]})
    reply = turn(provider)
    assert (reply.text, reply.tool_calls[0].name) == ("Let me look.", "search")


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("raw", ["{broken", "[1, 2]", '"text"', '{"n": NaN}'])
def test_arguments_that_are_no_object_are_kept_as_written(models: ModelServer, provider: str, raw: str) -> None:
    models.play({"tool_calls": [{"name": "search", "arguments": raw}]}, {"text": "done"})
    reply = turn(provider)
    assert (reply.tool_calls[0].arguments, reply.tool_calls[0].raw) == (None, raw)
    assert turn(provider, *answered(reply, "no JSON")).text == "done"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_conversation_goes_on_with_what_the_tools_brought(models: ModelServer, provider: str) -> None:
    models.play({"tool_calls": [BEES, BEES]}, {"text": "Bees fly."})
    first = turn(provider)
    assert turn(provider, *answered(first, "They fly.", "")).text == "Bees fly."
    said = models.requests[1]["body"]["messages"]
    if provider == "openai":
        assert [m["role"] for m in said] == ["user", "assistant", "tool", "tool"]
        assert [m["tool_call_id"] for m in said[2:]] == [c["id"] for c in said[1]["tool_calls"]]
        assert json.loads(said[1]["tool_calls"][0]["function"]["arguments"]) == {"query": "bees"}
    else:
        assert [m["role"] for m in said] == ["user", "assistant", "user"]
        assert [b["tool_use_id"] for b in said[2]["content"]] == [b["id"] for b in said[1]["content"]]
        assert said[1]["content"][0]["input"] == {"query": "bees"}


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_tools_are_told_with_their_schema(models: ModelServer, provider: str) -> None:
    models.play({"text": "no need"})
    turn(provider)
    told = models.requests[0]["body"]["tools"]
    if provider == "openai":
        assert told[0]["function"] == SEARCH.to_json()
    else:
        assert told[0] == {"name": "search", "description": "Finds pages.", "input_schema": SEARCH.parameters}


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("stall", "model_timeout"),
        ("cut", "model_bad_answer"),
        ("cut_clean", "model_bad_answer"),
        ("broken_json", "model_bad_answer"),
        ("rate_limited", "model_rate_limited"),
        ("huge_arguments", "model_bad_answer"),
    ],
)
def test_half_a_call_is_never_used(models: ModelServer, provider: str, fault: str, code: str) -> None:
    step = {"fault": fault, "tool_calls": [BEES], "retry_after": 7}
    if fault == "huge_arguments":
        step = {"tool_calls": [{"name": "search", "arguments": json.dumps({"query": "x" * 3_000_000})}]}
    models.play(step)
    with pytest.raises(NodeError) as caught:
        turn(provider)
    assert caught.value.code == code
    assert caught.value.retry_after == (7 if fault == "rate_limited" else None)


def test_a_reply_is_recorded_and_read_back_whole() -> None:
    call = llm.ToolCall("call_0", "search", None, "{broken")
    reply = llm.Reply("Let me look.", "demo", "demo", llm.Usage(1, 2, 0.5), (call,))
    assert llm.Reply.of(json.loads(json.dumps(reply.to_json()))) == reply


def test_tools_are_part_of_what_a_turn_is() -> None:
    plain, armed = llm.Request.of("Hello"), llm.Request.of("Hello", tools=(SEARCH,))
    assert "tools" not in plain.identity("auto")
    assert plain.identity("auto") != armed.identity("auto")
    call = llm.ToolCall("1", "search", {}, "{}")
    more = llm.Request((llm.Message("user", "Hello"), llm.Message("assistant", "", (call,))))
    assert more.identity("auto")["messages"][1]["tool_calls"][0]["name"] == "search"


def test_the_demo_model_calls_what_its_script_says_turn_by_turn() -> None:
    script = f"Find bees\nx-demo: {json.dumps([{'tool_calls': [BEES, {'name': 'now'}]}, 'They fly.'])}"
    first = turn("demo", prompt=script)
    assert [(c.id, c.name, c.arguments) for c in first.tool_calls] == [
        ("call_0_0", "search", {"query": "bees"}),
        ("call_0_1", "now", {}),
    ]
    second = turn("demo", *answered(first, "They fly.", "12:00"), prompt=script)
    assert (second.text, second.tool_calls) == ("They fly.", ())


def test_when_its_script_is_used_up_the_demo_model_writes_what_the_tools_brought() -> None:
    script = f"Write about bees\nx-demo: {json.dumps([json.dumps({'tool_calls': [BEES]})])}"
    first = turn("demo", prompt=script)
    second = turn("demo", *answered(first, "Bees have five eyes."), prompt=script)
    assert second.tool_calls == ()
    assert "search: Bees have five eyes." in second.text
    assert "x-demo" not in second.text


def test_without_a_script_the_demo_model_calls_no_tool() -> None:
    reply = turn("demo", prompt="Write about bees")
    assert reply.tool_calls == ()
    assert "bees" in reply.text


def test_calls_scripted_without_tools_at_hand_are_a_plain_answer() -> None:
    script = 'x-demo: [{"tool_calls": []}]'
    assert turn("demo", prompt=script, tools=()).text == '{"tool_calls": []}'


def test_what_claude_thought_before_a_call_goes_back_with_it(models: ModelServer) -> None:
    models.play({"thinking": "Look it up first.", "text": "One moment.", "tool_calls": [BEES, {"name": "now"}]}, {})
    first = turn("anthropic")
    assert first.text == "One moment."
    assert llm.Reply.of(json.loads(json.dumps(first.to_json()))) == first
    turn("anthropic", *answered(first, "They fly.", "12:00"))
    said = models.requests[1]["body"]["messages"][1]["content"]
    assert [block["type"] for block in said] == ["thinking", "text", "tool_use", "tool_use"]
    assert said[0] == {"type": "thinking", "thinking": "Look it up first.", "signature": "signed"}
    assert said[2]["input"] == {"query": "bees"}


def test_a_last_turn_without_tools_is_one_that_claude_takes(models: ModelServer) -> None:
    models.play({"tool_calls": [BEES]}, {"text": "They fly."})
    first = turn("anthropic")
    assert turn("anthropic", *answered(first, "They fly."), tools=()).text == "They fly."
    sent = models.requests[1]["body"]
    assert [tool["name"] for tool in sent["tools"]] == ["search"]
    assert sent["tool_choice"] == {"type": "none"}


def test_a_model_that_takes_tools_only_without_thinking_is_asked_so_from_then_on(models: ModelServer) -> None:
    models.play({"fault": "no_thinking", "tool_calls": [BEES]}, {"text": "Done"})
    assert turn("openai", model="gpt-thinks").tool_calls
    assert turn("openai", model="gpt-thinks").text == "Done"
    assert [one["body"].get("reasoning_effort") for one in models.requests] == [None, "none", "none"]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_model_that_knows_no_temperature_is_asked_without(models: ModelServer, provider: str) -> None:
    models.play({"fault": "no_temperature", "text": "Done"})
    assert turn(provider, temperature=0.5).text == "Done"
    assert ["temperature" in one["body"] for one in models.requests] == [True, False]
