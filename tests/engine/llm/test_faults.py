"""What a model endpoint may do to us, over real HTTP: one typed error for each, on every provider."""

import asyncio
from collections.abc import Iterator

import pytest

from engine import llm
from engine.errors import NodeError
from tests.world.models import ModelServer
from tests.world.server import closed_port

PROVIDERS = ("openai", "anthropic")
SCHEMA = {
    "type": "object",
    "properties": {"score": {"type": "number", "minimum": 0, "maximum": 1}},
    "required": ["score"],
    "additionalProperties": False,
}


@pytest.fixture(autouse=True)
def models(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    with ModelServer() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.origin)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "test-key-anthropic")
        monkeypatch.setenv("NEXOD_MODEL_FIRST_S", "0.5")
        monkeypatch.setenv("NEXOD_MODEL_IDLE_S", "0.3")
        yield server


class Live:
    """What the live page got to see."""

    def __init__(self) -> None:
        self.text = ""

    async def __call__(self, text: str) -> None:
        self.text += text


def ask(provider: str, prompt: str = "Hello", live: Live | None = None, **more: object) -> llm.Answer:
    return asyncio.run(llm.complete(llm.Request.of(prompt, **more), provider, live or Live()))


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(
    ("fault", "code", "retryable"),
    [
        ("unauthorized", "model_unauthorized", False),
        ("forbidden", "model_unauthorized", False),
        ("not_found", "model_refused", False),
        ("refused", "model_refused", False),
        ("rate_limited", "model_rate_limited", True),
        ("quota", "model_rate_limited", False),
        ("server_error", "model_unavailable", True),
        ("unavailable", "model_unavailable", True),
        ("drop", "model_unavailable", True),
        ("slow_first", "model_timeout", True),
        ("pings", "model_timeout", True),
        ("stall", "model_timeout", True),
        ("cut", "model_bad_answer", True),
        ("cut_clean", "model_bad_answer", True),
        ("broken_json", "model_bad_answer", True),
        ("error_body", "model_bad_answer", True),
        ("empty", "model_bad_answer", True),
        ("huge", "model_bad_answer", False),
    ],
)
def test_each_fault_is_its_own_typed_error_after_one_request(
    models: ModelServer, provider: str, fault: str, code: str, retryable: bool
) -> None:
    models.play({"fault": fault})
    with pytest.raises(NodeError) as caught:
        ask(provider)
    assert (caught.value.code, caught.value.retryable) == (code, retryable)
    assert caught.value.hint
    assert len(models.requests) == 1


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_error_inside_the_stream_may_be_retried(models: ModelServer, provider: str) -> None:
    models.play({"fault": "error_event"})
    with pytest.raises(NodeError) as caught:
        ask(provider)
    assert caught.value.code in ("model_bad_answer", "model_unavailable")
    assert caught.value.retryable


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("fault", ["rate_limited", "unavailable"])
def test_retry_after_reaches_the_retry_policy(models: ModelServer, provider: str, fault: str) -> None:
    models.play({"fault": fault, "retry_after": 7})
    with pytest.raises(NodeError) as caught:
        ask(provider)
    assert caught.value.retry_after == 7


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_endpoint_that_is_not_there_is_unavailable(monkeypatch: pytest.MonkeyPatch, provider: str) -> None:
    monkeypatch.setenv(f"{provider.upper()}_BASE_URL", f"http://127.0.0.1:{closed_port()}")
    with pytest.raises(NodeError) as caught:
        ask(provider)
    assert (caught.value.code, caught.value.retryable) == ("model_unavailable", True)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_slow_but_steady_stream_is_waited_for(models: ModelServer, provider: str) -> None:
    models.play({"text": "one two three four five", "chunk_delay_s": 0.15})
    assert ask(provider).text == "one two three four five"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_answer_is_streamed_counted_and_whole(models: ModelServer, provider: str) -> None:
    models.play({"text": "Hello big world", "usage": {"input_tokens": 11, "output_tokens": 7}})
    live = Live()
    answer = ask(provider, live=live, system="Be kind.")
    assert answer.text == live.text == "Hello big world"
    assert answer.provider == provider
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (11, 7)
    assert answer.usage.cost > 0
    assert models.requests[0]["body"]["stream"] is True


@pytest.mark.parametrize("provider", PROVIDERS)
def test_data_that_fits_its_schema_takes_one_turn(models: ModelServer, provider: str) -> None:
    models.play({"json": {"score": 0.5}})
    assert ask(provider, output_schema=SCHEMA).data == {"score": 0.5}
    assert len(models.requests) == 1


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("first", [{"text": "I think it is good."}, {"json": {"score": 3}}, {"text": '{"score": NaN}'}])
def test_data_that_does_not_fit_is_shown_its_fault_once(models: ModelServer, provider: str, first: dict) -> None:
    usage = {"input_tokens": 10, "output_tokens": 5}
    models.play({**first, "usage": usage}, {"text": '```json\n{"score": 0.5}\n```', "usage": usage})
    answer = ask(provider, output_schema=SCHEMA)
    assert answer.data == {"score": 0.5}
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (20, 10)
    said = models.requests[1]["body"]["messages"]
    assert [m["role"] for m in said if m["role"] != "system"] == ["user", "assistant", "user"]
    assert "does not fit" in said[-1]["content"]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_data_that_does_not_fit_twice_is_bad_output(models: ModelServer, provider: str) -> None:
    models.play({"text": "no"}, {"text": "still no"}, {"json": {"score": 0.5}})
    with pytest.raises(NodeError) as caught:
        ask(provider, output_schema=SCHEMA)
    assert caught.value.code == "model_bad_output"
    assert len(models.requests) == 2


def test_an_answer_of_nothing_but_line_ends_is_read_at_once(models: ModelServer) -> None:
    models.play({"text": "```json" + "\n" * 400_000}, {"text": '```json  \r\n{"score": 0.5}\n```'})
    assert ask("openai", output_schema=SCHEMA).data == {"score": 0.5}


@pytest.mark.parametrize("fault", ["no_schema", "no_json", "no_usage"])
def test_an_endpoint_that_knows_less_is_asked_more_simply(models: ModelServer, fault: str) -> None:
    models.play({"fault": fault, "json": {"score": 0.5}})
    assert ask("openai", output_schema=SCHEMA).data == {"score": 0.5}
    assert "response_format" not in models.requests[-1]["body"] or fault != "no_json"


def test_an_endpoint_that_does_not_stream_is_understood(models: ModelServer) -> None:
    models.play({"whole": True, "text": "All at once"})
    assert ask("openai").text == "All at once"


@pytest.mark.parametrize(("asked", "got"), [("", "my-default"), ("my-model", "my-model")])
def test_settings_reach_the_endpoint(
    models: ModelServer, monkeypatch: pytest.MonkeyPatch, asked: str, got: str
) -> None:
    monkeypatch.setenv("OPENAI_MODEL", "my-default")
    ask("openai", model=asked, system="Be kind.", temperature=0.2, max_tokens=50)
    body = models.requests[0]["body"]
    assert body["messages"][0] == {"role": "system", "content": "Be kind."}
    assert (body["model"], body["temperature"], body["max_tokens"]) == (got, 0.2, 50)


def test_the_script_for_the_demo_model_never_leaves(models: ModelServer) -> None:
    ask("openai", 'Write about bees.\nx-demo: ["a draft", "another"]\nBriefly.', system='x-demo: ["b"] Be kind.')
    sent = str(models.requests[0]["body"])
    assert "x-demo" not in sent
    assert "another" not in sent
    assert "Write about bees.\\nBriefly." in sent


def test_a_named_provider_without_its_key_is_unauthorized(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    assert llm.missing_key("anthropic")
    with pytest.raises(NodeError) as caught:
        ask("anthropic")
    assert caught.value.code == "model_unauthorized"


def test_a_base_url_of_the_operator_opens_that_host_for_models_only(models: ModelServer) -> None:
    from engine import egress

    async def fetch() -> None:
        async with egress.client("node") as client:
            await client.get(f"{models.origin}/v1/models")

    assert ask("openai").text
    with pytest.raises(egress.Refused):
        asyncio.run(fetch())


def test_a_package_that_speaks_httpx2_gets_no_further_than_any_other() -> None:
    from engine import egress
    from engine.llm import bridge

    async def fetch(url: str) -> None:
        async with bridge.client(1000, 1, 1) as client:
            await client.get(url)

    for url in ("http://10.0.0.1/", "http://127.0.0.1:22/", "ftp://example.com/", "http://169.254.169.254/latest"):
        with pytest.raises(egress.Refused):
            asyncio.run(fetch(url))
