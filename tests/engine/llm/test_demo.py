"""The demo model: the same every time, sensible, and always valid against a schema."""

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import llm
from engine.llm import demo_text, scripted
from engine.llm.demo import answer
from engine.schema import check, errors

SCHEMAS = [
    {"type": "object"},
    {"type": "object", "properties": {"score": {"type": "number", "minimum": 0, "maximum": 1}}, "required": ["score"]},
    {"type": "object", "properties": {"a": {"type": "integer", "minimum": 3, "exclusiveMaximum": 4}}},
    {"type": "object", "required": ["free"], "additionalProperties": {"type": "boolean"}},
    {"type": "object", "properties": {"a": {"$ref": "#/$defs/n"}}, "$defs": {"n": {"type": "array", "minItems": 2}}},
    {"$ref": "#/$defs/tree", "$defs": {"tree": {"type": "object", "properties": {"next": {"$ref": "#/$defs/tree"}}}}},
    {"type": "array", "items": {"type": "string", "minLength": 40, "maxLength": 50}, "uniqueItems": True},
    {"type": "array", "prefixItems": [{"type": "integer"}, {"const": "x"}], "items": False, "minItems": 2},
    {"type": "array", "items": {"enum": ["a", "b", "c"]}, "uniqueItems": True, "minItems": 3, "maxItems": 3},
    {"enum": ["bees", "wasps"]},
    {"const": {"a": [1]}},
    {"type": ["null", "integer"], "multipleOf": 7, "minimum": 15, "maximum": 22},
    {"type": "number", "multipleOf": 0.25, "minimum": 0.3},
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.001},
    {"type": "integer", "maximum": -5},
    {"anyOf": [{"type": "null"}, {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}]},
    {"oneOf": [{"type": "string", "maxLength": 3}, {"type": "integer"}]},
    {"allOf": [{"properties": {"a": {"type": "integer"}}, "required": ["a"]}, {"required": ["b"]}], "type": "object"},
    {"type": "string", "pattern": "^[A-Z]{3}-\\d{4}$"},
    {"type": "string", "pattern": "^(yes|no)$"},
    {"type": "string", "pattern": "^[^a]+@[a-z]+\\.(com|org)$", "minLength": 12},
    {"type": "string", "maxLength": 0},
    {"type": "boolean"},
    {"type": "null"},
    *({"type": "string", "format": name} for name in (
        "date-time", "date", "time", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid", "regex",
        "json-pointer", "uri-reference",
    )),
]  # fmt: skip


def ask(prompt: str, **more: object) -> str:
    return answer(llm.Request.of(prompt, **more))


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: json.dumps(schema)[:60])
def test_the_answer_fits_its_schema(schema: dict) -> None:
    assert check(schema) == []
    assert errors(schema, json.loads(ask("Write about bees", output_schema=schema))) == []


def test_a_score_is_a_good_one() -> None:
    schema = {"type": "object", "properties": {"score": {"type": "number", "minimum": 0, "maximum": 1}}}
    assert json.loads(ask("Judge this", output_schema=schema))["score"] > 0.8


@given(prompt=st.text(max_size=300))
def test_every_prompt_has_an_answer_and_always_the_same(prompt: str) -> None:
    assert ask(prompt)
    assert ask(prompt) == ask(prompt)


@pytest.mark.parametrize(
    ("prompt", "kind", "topic"),
    [
        ("Write an article about solar power.\n\nUse only these facts: 1, 2", "draft", "solar power"),
        ("List five facts about: honey bees", "list", "honey bees"),
        ("Research the topic: electric buses", "research", "electric buses"),
        ('Judge "The sea" strictly.', "review", "The sea"),
        ("Say hello in one sentence.", "greeting", "hello"),
        ("Summarise the following text:\n\nThe council met. It went on.", "summary", "The council met"),
        ("What is a cat?", "answer", "the question “What is a cat?”"),
    ],
)
def test_kind_and_topic_are_found_in_the_prompt(prompt: str, kind: str, topic: str) -> None:
    assert (demo_text.kind(prompt), demo_text.topic(prompt)) == (kind, topic)


def test_the_text_speaks_of_the_topic_and_says_whose_it_is() -> None:
    text = ask("Write about honey bees")
    assert "honey bees" in text
    assert text.endswith(demo_text.LABEL)


def test_its_own_label_is_no_topic() -> None:
    assert demo_text.LABEL not in ask(f"Say in one sentence:\n{ask('Write about bees')}")


@pytest.mark.parametrize(
    ("count", "prompt"), [(2, "Explain bees in two sentences. Why?"), (3, "Explain tides in 3 short sentences")]
)
def test_as_many_sentences_come_as_were_asked_for(count: int, prompt: str) -> None:
    assert ask(prompt).count(". ") + 1 == count


@pytest.mark.parametrize(
    ("message", "label"), [("I want a refund!", "refund"), ("Where are you?", "question"), ("Hm", "other")]
)
def test_one_of_the_listed_options_is_chosen(message: str, label: str) -> None:
    assert ask(f"Sort this message: refund, question or other.\n\n{message}") == label


def test_a_script_answers_visit_by_visit() -> None:
    prompt = 'Write.\nx-demo: ["first", {"n": 2}]\nMore.'
    assert [ask(prompt, visit=n) for n in (1, 2, 3)] == ["first", '{"n": 2}', '{"n": 2}']
    assert ask("Write.", system='x-demo: ["from the system"]') == "from the system"


def test_a_script_for_a_schema_is_read_as_json_if_it_is_json() -> None:
    schema = {"type": "object", "properties": {"verdict": {"type": "string"}}, "required": ["verdict"]}
    assert ask('x-demo: ["{\\"verdict\\": \\"poor\\"}"]', output_schema=schema) == '{"verdict": "poor"}'
    assert ask('x-demo: [{"verdict": "poor"}]', output_schema=schema) == '{"verdict": "poor"}'
    assert json.loads(ask('x-demo: ["no JSON"]', output_schema=schema)) == {"verdict": "No JSON"}


def test_a_scripted_value_that_does_not_fit_is_bad_output() -> None:
    async def emit(text: str) -> None: ...

    request = llm.Request.of('x-demo: ["{}"]', output_schema={"type": "object", "required": ["a"]})
    with pytest.raises(llm.NodeError) as caught:
        asyncio.run(llm.complete(request, "demo", emit))
    assert caught.value.code == "model_bad_output"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('a\nx-demo: ["x"]\nb', "a\nb"),
        ('a x-demo: ["x", ["]"]] b', "a b"),
        ('x-demo: ["x"]', ""),
        ('x-demo: ["x"]\nx-demo: ["y"]\nz', "z"),
        ("x-demo: [broken", "x-demo: [broken"),
        ("nothing here", "nothing here"),
    ],
)
def test_markers_are_cut_out_cleanly(text: str, left: str) -> None:
    assert scripted.without(text) == left


def test_it_streams_word_by_word_and_counts() -> None:
    pieces: list[str] = []

    async def emit(text: str) -> None:
        pieces.append(text)

    made = asyncio.run(llm.complete(llm.Request.of("Write about bees"), "demo", emit))
    assert "".join(pieces) == made.text
    assert len(pieces) > 20
    assert made.usage.output_tokens > 20
    assert made.usage.cost == 0


def test_who_answers_is_decided_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert llm.choose("auto") == "demo"
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    assert llm.choose("auto") == "anthropic"
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    assert llm.choose("auto") == "openai"
    assert llm.choose("demo") == "demo"
    assert [llm.missing_key(name) for name in ("openai", "anthropic", "demo", "auto")] == [False] * 4


def test_the_settings_page_learns_who_is_ready_and_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    rows = {row["name"]: row for row in llm.providers()}
    assert (rows["openai"]["ready"], rows["anthropic"]["ready"], rows["demo"]["ready"]) == (True, False, True)
    assert rows["openai"]["auto"]
    assert "sk-very-secret" not in json.dumps(list(rows.values()))
