"""What each kind of step does, as the body of a function: some lines, and the code of what it makes."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.export.names import class_name
from engine.export.python import ATOM, CHOICE, Piece, Root, Shape, is_number, quoted
from engine.export.sheet import FlowSheet
from engine.export.texts import Body
from engine.export.tree import Unwritable
from engine.expressions import is_secret
from engine.llm import PRESETS
from engine.plan import PlannedNode
from engine.values import is_object

WORK = "<work>"


@dataclass
class Made:
    """`lines` come first, then `value` is what the step made; none: it raises. `WORK` in the value is where `work`
    is awaited, which may fail in a way that another try helps. Lines that wait for a person stand `after` all that."""

    value: str
    lines: list[str] = field(default_factory=list[str])
    work: str = ""
    after: list[str] = field(default_factory=list[str])


@dataclass
class Step:
    """One step being written."""

    flow: FlowSheet
    node: PlannedNode
    body: Body

    @property
    def config(self) -> Any:
        return self.node.config

    def text(self, value: str, place: str, *, prompt: bool = False, more: Sequence[tuple[str, str]] = ()) -> str:
        return self._told(place, lambda: self.body.text(value, place, prompt=prompt, more=more), '""')

    def plain(self, text: str) -> str:
        """Text that holds no segments, cut into lines."""
        return self.body.literal(text)

    def value(self, value: Any, place: str) -> Piece:
        return self._told(place, lambda: self.body.value(value, place), Piece("None"))

    def expression(self, source: str, place: str) -> Piece:
        return self._told(place, lambda: self.body.expression(source, place), Piece("None"))

    def form(self, schema: dict[str, Any], name: str, place: str) -> str:
        self.flow.sheet.bring("pydantic:BaseModel")
        return self._told(place, lambda: self.flow.sheet.classes.type_of(schema, name), "Any")

    def refuse(self, place: str, fault: str, cure: str = "") -> None:
        self.flow.fault(self.node, f"config.{place}", Unwritable(fault, cure))

    def _told(self, place: str, write: Callable[[], Any], instead: Any) -> Any:
        try:
            return write()
        except Unwritable as unwritable:
            self.flow.fault(self.node, f"config.{place}", unwritable)
            return instead


HERE = {
    "ingest": "it adds to a collection of this workspace, which a file alone does not have",
    "remember": "it keeps a fact in the memory of this workspace, which a file alone does not have",
    "recall": "it reads the memory of this workspace, which a file alone does not have",
}
"""Kinds that are nothing without what Nexod keeps."""


def write(step: Step) -> Made:
    """The body of a step. What cannot be written is told as a problem."""
    writer = WRITERS.get(step.node.kind)
    if writer is None:
        why = HERE.get(step.node.kind) or f"{step.node.type.title} cannot be written as code"
        step.flow.fault(step.node, "kind", Unwritable(why))
        return Made("None")
    for name, what in (("thread", "a thread"), ("learn", "what people decided")):
        if getattr(step.config, name, None):
            step.refuse(name, f"{what} is kept in the memory of this workspace, which a file alone does not have")
    return writer(step)


def call(name: str, /, *args: str, **options: str) -> str:
    return f"{name}({', '.join([*args, *(f'{key}={value}' for key, value in options.items())])})"


def aside(step: Step, name: str, code: str) -> str:
    """A text of several lines stands before what is done with it."""
    return step.body.local(name, code) if code.startswith("(") else code


# The kinds ---------------------------------------------------------------------------------------------------


def _template(step: Step) -> Made:
    if step.config.text is None:
        return Made(step.value(step.config.json_, "json").code)
    return Made(f'{{"text": {step.text(step.config.text, "text")}}}')


def _llm(step: Step) -> Made:
    config = step.config
    options: dict[str, str] = {}
    if config.system.strip():
        options["system"] = aside(step, "system", step.text(config.system, "system", prompt=True))
    options |= model_options(step, config.provider, config.model)
    if config.temperature is not None:
        options["temperature"] = f"{config.temperature:g}"
    if config.max_tokens is not None:
        options["max_completion_tokens"] = str(config.max_tokens)
    if step.node.timeout_s != 300:
        options["timeout"] = f"{step.node.timeout_s:g}"
    prompt = aside(step, "prompt", step.text(config.prompt, "prompt", prompt=True))
    if config.output_schema is None:
        step.flow.sheet.use("ask_model")
        return Made(WORK, work=call("ask_model", prompt, **options))
    step.flow.sheet.use("ask_for_data")
    form = step.form(config.output_schema, class_name(f"{step.flow.prefix}{step.node.id}"), "output_schema")
    return Made(WORK, work=call("ask_for_data", prompt, form, **options))


def model_options(step: Step, provider: str, model: str, place: str = "provider") -> dict[str, str]:
    """What says which model answers, if it is not the file's own."""
    options = {"model": quoted(model)} if model else {}
    if provider in ("auto", "openai"):
        return options
    who = PRESETS[provider]
    if who.protocol == "demo":
        step.refuse(place, "the demo model is in Nexod only", "Choose another provider.")
        return options
    step.flow.sheet.use("model_turn_anywhere")
    step.flow.sheet.bring("os")
    home = f"{who.home}/v1/" if who.protocol == "anthropic" else who.home
    variable = f"{provider.upper()}_BASE_URL"
    options["base_url"] = quoted(home) if home else f"os.environ[{quoted(variable)}]"
    if who.key:
        step.flow.sheet.secrets.add(who.variable)
        options["api_key"] = f"os.environ[{quoted(who.variable)}]"
    else:
        step.flow.sheet.secrets.add(variable)
    if not model:
        name = who.default_model()
        if not name:
            step.refuse("model", f"no model of {who.title} is named", "Name one.")
        options = {"model": quoted(name), **options}
    return options


def _http(step: Step) -> Made:
    config = step.config
    step.flow.sheet.use("http_request")
    options: dict[str, str] = {}
    headers = dict(config.headers)
    if config.query:
        options["params"] = step.value(config.query, "query").code
    _sign_in(step, options, headers)
    given = {name: step.value(value, f"headers.{name}") for name, value in headers.items()}
    pairs = {name: piece.code if piece.kind == "string" else _header(step, piece) for name, piece in given.items()}
    if config.auth is not None and config.auth.type == "bearer":
        secret = step.body.secret({"$secret": config.auth.token.name})
        pairs["Authorization"] = f"""f"Bearer {{{secret.replace('"', "'")}}}\""""
    if step.node.type.effect(config).value != "pure" and not any(name.lower() == "idempotency-key" for name in pairs):
        step.flow.sheet.bring("uuid:uuid4")
        step.body.lines.append("key = str(uuid4())")
        pairs["Idempotency-Key"] = "key"
    if pairs:
        options["headers"] = "{" + ", ".join(f"{quoted(name)}: {code}" for name, code in pairs.items()) + "}"
    if config.body is not None:
        piece = step.value(config.body, "body")
        options["content" if isinstance(config.body, str) and piece.kind == "string" else "json"] = piece.code
    if not config.fail_on_status:
        options["fail_on_status"] = "False"
    if config.max_bytes != 1_000_000:
        options["max_bytes"] = f"{config.max_bytes:_}"
    if step.node.timeout_s != 60:
        options["timeout"] = f"{step.node.timeout_s:g}"
    url = step.text(config.url, "url")
    return Made(WORK, work=call("http_request", quoted(config.method), url, **options))


def _sign_in(step: Step, options: dict[str, str], headers: dict[str, Any]) -> None:
    auth = step.config.auth
    if auth is not None:
        step.flow.sheet.bring("os")
    if auth is not None and auth.type == "basic":
        password = step.body.secret({"$secret": auth.password.name})
        options["auth"] = f"({step.text(auth.username, 'auth.username')}, {password})"
    if any(is_secret(value) for value in headers.values()):
        step.flow.sheet.bring("os")


def _header(step: Step, piece: Piece) -> str:
    step.flow.sheet.use("as_text")
    return f"as_text({piece.code})"


def _retrieve(step: Step) -> Made:
    """The documents stay where they are: the file asks for passages over REST."""
    config = step.config
    if config.rerank:
        step.refuse("rerank", "only Nexod lets a model sort what was found", "Switch it off.")
    options = {"top_k": str(config.top_k), "mode": quoted(config.mode)}
    if config.min_score is not None:
        options["min_score"] = f"{config.min_score:g}"
    if config.filter is not None:
        options["filter"] = step.value(config.filter, "filter").code
    if step.node.timeout_s != 60:
        options["timeout"] = f"{step.node.timeout_s:g}"
    step.flow.sheet.use("find_passages")
    collection = step.text(config.collection, "collection")
    return Made(WORK, work=call("find_passages", collection, step.text(config.query, "query"), **options))


def _condition(step: Step) -> Made:
    cases = [(case.port, step.expression(case.when, f"cases.{n}.when")) for n, case in enumerate(step.config.cases)]
    if len(cases) == 1:
        ((port, when),) = cases
        return Made('{"port": port}', [f'port = {quoted(port)} if {when.at(CHOICE + 1)} else "else"'])
    lines: list[str] = []
    for port, when in cases:
        lines += [f"{'elif' if lines else 'if'} {when.code}:", f"    port = {quoted(port)}"]
    return Made('{"port": port}', [*lines, "else:", '    port = "else"'])


def _approval(step: Step) -> Made:
    config = step.config
    parts = {"question": step.text(config.question, "question")}
    if config.content is not None:
        parts["content"] = step.value(config.content, "content").code
    parts["data"] = step.value(config.data, "data").code
    if config.deadline_s:
        parts["deadline_s"] = f"{config.deadline_s:g}"
        step.flow.sheet.use("ask_person_in_time")
    step.flow.sheet.use("ask_person")
    question = "{" + ", ".join(f"{quoted(name)}: {code}" for name, code in parts.items()) + "}"
    step.body.lines.append(f"question = {question}")
    asked = asking(step, "question")
    lines = [f"answer = {asked}"]
    if config.schema_:
        step.flow.sheet.use("misfit")
        name = class_name(f"{step.flow.prefix}{step.node.id}")
        form = step.form(config.schema_, f"{name}Form", "schema")
        again = asking(step, '{**question, "fault": wrong}')
        lines += [f"while wrong := misfit(answer, {form}):", f"    answer = {again}"]
    return Made("answer", after=lines)


def asking(step: Step, question: str) -> str:
    """LangGraph stops at an approval of the workflow itself; elsewhere the terminal is asked from where it stands."""
    if step.flow.sheet.target == "langgraph" and step.flow.top:
        step.flow.sheet.bring("langgraph.types:interrupt")
        return f"interrupt({question})"
    step.flow.sheet.bring("asyncio")
    return f"await asyncio.to_thread(ask_person, {question})"


def _wait(step: Step) -> Made:
    config = step.config
    step.flow.sheet.use("wait_until")
    step.flow.sheet.bring("datetime:datetime")
    if config.until is not None:
        until = step.expression(config.until, "until")
        return Made(f"await wait_until(datetime.fromisoformat({until.code}))")
    if isinstance(config.seconds, str):
        piece = step.expression(config.seconds, "seconds")
        seconds = piece.code
    else:
        seconds = f"{config.seconds:g}"
    step.flow.sheet.bring("datetime:UTC", "datetime:timedelta")
    return Made(f"await wait_until(datetime.now(UTC) + timedelta(seconds={seconds}))")


def _fail(step: Step) -> Made:
    step.flow.sheet.use("StepError")
    code = [] if step.config.code == "failed" else [quoted(step.config.code)]
    return Made("", after=[], lines=[f"raise {call('StepError', step.text(step.config.message, 'message'), *code)}"])


def _tool(step: Step) -> Made:
    from engine.export import crews  # it builds on this module

    return crews.called(step)


def _agent(step: Step) -> Made:
    from engine.export import crews

    return crews.agent(step)


def _crew(step: Step) -> Made:
    from engine.export import crews

    return crews.crew(step)


WRITERS: dict[str, Callable[[Step], Made]] = {
    "template": _template,
    "llm": _llm,
    "http": _http,
    "retrieve": _retrieve,
    "condition": _condition,
    "approval": _approval,
    "wait": _wait,
    "fail": _fail,
    "tool": _tool,
    "agent": _agent,
    "crew": _crew,
}

__all__ = ["ATOM", "Made", "Root", "Shape", "Step", "call", "is_number", "is_object", "json", "write"]
