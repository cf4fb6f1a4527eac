"""What a tool is: one typed async function whose types and docstring are its schema; and the registry of them.

A model calls a tool by its schema, a `tool` step by its config. Built-ins are the files of this folder, plugins come
by the entry points `nexod.tools`.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
import pkgutil
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from engine import plugins, schema, shapes, signature
from engine.advice import advice
from engine.errors import NexodError, NodeError
from engine.node import NO_KNOWLEDGE, Effect, Knowledge, NodeConfig
from engine.values import is_list, is_object

log = logging.getLogger(__name__)
GIVEN = ("config", "ctx")
CAP = 200_000
TIMEOUT_S = 60.0
EffectOf = Callable[[Any, Mapping[str, Any] | None], Effect]


@dataclass(frozen=True, slots=True)
class ToolContext:
    """What a tool may know of the run it works for. `idempotency_key` is the same in every attempt of this very call;
    `secret` gives the value behind `{"$secret": NAME}` or raises NodeError(code="missing_secret")."""

    run_id: str
    workspace_id: str
    idempotency_key: str
    secret: Callable[[Mapping[str, str]], str]
    knowledge: Knowledge = NO_KNOWLEDGE
    """Collections and memory of the run's workspace."""


class NoConfig(NodeConfig):
    """A tool with nothing to set."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a model is told about a tool. Plain data: an engine records the offers of a tool that `opens`."""

    name: str
    description: str
    parameters: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "description": self.description, "parameters": self.parameters}


@dataclass(frozen=True, slots=True)
class ToolType:
    """One tool. `cap`: the largest output, in bytes of JSON."""

    name: str
    title: str
    icon: str
    signature: signature.Signature
    function: Callable[..., Awaitable[Any]]
    effects: Effect | EffectOf
    Config: type[NodeConfig] = NoConfig
    cap: int = CAP
    timeout_s: float = TIMEOUT_S
    open: Callable[[Any, ToolContext], Awaitable[list[Offer]]] | None = None
    """Asks somebody outside what there is, as an MCP server's tools: record what it answers."""

    def effect(self, config: NodeConfig, args: Mapping[str, Any] | None = None) -> Effect:
        """Of the call with `args`, else the worst that the config allows. The caller records the intent of an
        unsafe one before it calls."""
        return self.effects(config, args) if callable(self.effects) else self.effects

    @property
    def help(self) -> str:
        return self.signature.help

    @property
    def parameters(self) -> dict[str, Any]:
        return self.signature.schema()

    @property
    def opens(self) -> bool:
        return self.open is not None

    async def offers(self, config: NodeConfig, ctx: ToolContext) -> list[Offer]:
        """What a model may call with this config: itself, or what `open` found."""
        if self.open is None:
            return [Offer(self.name, self.help, self.parameters)]
        return cast("list[Offer]", await self._guarded(self.open(config, ctx)))

    def arguments(self, offer: str, args: dict[str, Any]) -> dict[str, Any]:
        """The arguments of `call` when a model called the offer of that name."""
        return {"tool": offer, "arguments": args} if self.opens else args

    def check(self, args: Any) -> list[dict[str, str]]:
        """Where `args` does not fit: `[{"field": "a.0.b", "message": …}]`. Nothing is called."""
        try:
            self.signature.model.model_validate_json(json.dumps(args), strict=True)
        except ValidationError as error:
            return [{"field": ".".join(map(str, e["loc"])), "message": _said(e)} for e in error.errors()]
        return []

    async def call(self, args: dict[str, Any], config: NodeConfig, ctx: ToolContext) -> Any:
        """The output, as JSON. Raises NodeError: bad_arguments, tool_output_too_large, tool_failed, timeout or the
        tool's own."""
        if wrong := self.check(args):
            raise bad_arguments(self.name, wrong)
        given = {"config": config, "ctx": ctx}
        checked = self.signature.model.model_validate_json(json.dumps(args), strict=True)
        taken = {name: getattr(checked, name) for name in type(checked).model_fields}
        taken |= {name: given[name] for name in self.signature.given}
        value = await self._guarded(self.function(**taken), unsafe=self.effect(config, args) is Effect.UNSAFE)
        return self._capped(value)

    async def _guarded(self, work: Awaitable[Any], *, unsafe: bool = False) -> Any:
        try:
            async with asyncio.timeout(self.timeout_s):
                return await work
        except NodeError:
            raise
        except TimeoutError:
            said = f"{self.title} took longer than {self.timeout_s:g} s."
            raise NodeError(said, code="timeout", retryable=True, sent=unsafe) from None
        except NexodError as error:
            raise NodeError(error.message, code=error.code, hint=error.hint) from error
        except Exception as error:
            log.exception("tool %s raised", self.name)
            said = f"{self.title} broke: {type(error).__name__}."
            raise NodeError(said, code="tool_failed", sent=unsafe) from error

    def _capped(self, value: Any) -> Any:
        try:
            text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        except (TypeError, ValueError, RecursionError):
            raise NodeError(f"{self.title} answered something that is no JSON.", code="tool_failed") from None
        size = len(text.encode(errors="replace"))
        if size > self.cap:
            said = f"{self.title} answered {size:,} bytes; at most {self.cap:,} are taken."
            raise NodeError(said, code="tool_output_too_large", hint="Ask for less.")
        return json.loads(text)


WORDS = {"missing": "is missing", "extra_forbidden": "is unknown"}


def _said(error: ErrorDetails) -> str:
    return WORDS.get(error["type"]) or error["msg"].removeprefix("Value error, ").rstrip(".")


def bad_arguments(tool: str, wrong: Sequence[Mapping[str, str]]) -> NodeError:
    """`wrong` as `ToolType.check` and `schema.errors` answer it."""
    shown = "; ".join(f"{e['field']}: {e['message']}" if e["field"] else e["message"] for e in wrong[:3])
    field = wrong[0]["field"]
    return NodeError(f"The arguments of {tool} do not fit: {shown}.", code="bad_arguments", field=field)


def against(offer: Offer, args: Any) -> list[dict[str, str]]:
    """Where a model's `args` do not fit the schema it was offered."""
    return schema.errors(offer.parameters, args)


Function = Callable[..., Awaitable[Any]]
_TOOLS: dict[str, ToolType] = {}


def tool(
    *,
    title: str,
    icon: str,
    effect: Effect | EffectOf = Effect.PURE,
    config: type[NodeConfig] = NoConfig,
    cap: int = CAP,
    timeout_s: float = TIMEOUT_S,
    open: Callable[[Any, ToolContext], Awaitable[list[Offer]]] | None = None,
) -> Callable[[Function], Function]:
    """Register a function as the tool of its name. Its parameters `config` and `ctx` are filled in, not offered."""

    def register(function: Function) -> Function:
        name = function.__name__
        taken = _TOOLS.get(name)
        if taken is not None and taken.function.__module__ != function.__module__:
            raise ValueError(f"tool {name!r} is taken by {taken.function.__module__}; choose another name")
        read = signature.read(function, GIVEN)
        _TOOLS[name] = ToolType(name, title, icon, read, function, effect, config, cap, timeout_s, open)
        return function

    return register


@cache
def registry() -> Mapping[str, ToolType]:
    """Every tool: the files of this folder, then the entry points `nexod.tools`."""
    for module in sorted(m.name for m in pkgutil.iter_modules(__path__)):
        importlib.import_module(f"{__name__}.{module}")
    plugins.load("nexod.tools")
    return _TOOLS


def known(name: str, field: str = "") -> ToolType:
    """The tool of that name; for validators: what it raises is a problem with its field and cure."""
    found = registry().get(name)
    if found is None:
        cure = f"Choose one of {', '.join(sorted(registry()))}."
        raise advice("bad_value", f"there is no tool {name[:80]!r}.", cure, field)
    return found


def configured(name: str, config: Any) -> NodeConfig:
    """The config of a tool as its own type. Raises as `known` does."""
    kind = known(name)
    try:
        return kind.Config.model_validate_json(json.dumps(config), strict=True)
    except ValidationError as error:
        faults = error.errors(include_url=False)
        # What must not be said is worse than what was left out.
        raise _advice(kind, next((one for one in faults if one["type"] != "missing"), faults[0])) from None


def check_constants(name: str, args: dict[str, Any]) -> None:
    """Raises the advice for arguments that cannot fit whatever their expressions become."""
    for wrong in known(name).check(args):
        field = wrong["field"].split(".")[0]
        if field not in args or not _rendered(args[field]):
            fault = (
                f"the argument {field} {wrong['message'].removeprefix('Input ')}." if field else f"{wrong['message']}."
            )
            raise advice("bad_value", fault, "See the tool in the library.", f"args.{wrong['field']}".rstrip("."))


def _rendered(value: Any) -> bool:
    """Whether some text in it is filled in later."""
    if isinstance(value, str):
        return "{{" in value
    parts = list(value.values()) if is_object(value) else value if is_list(value) else []
    return any(_rendered(part) for part in parts)


def _advice(kind: ToolType, error: ErrorDetails) -> Exception:
    context = error.get("ctx", {})
    steps = [*map(str, error["loc"]), context.get("field", "")]
    place = ".".join(step for step in steps if step)
    field = f"config.{place}" if place else "config"
    if error["type"] == "advice":
        return advice(context["code"], f"{kind.title}: {context['fault']}", context["cure"], field)
    info = kind.Config.model_fields.get(str(steps[0])) if len(error["loc"]) == 1 else None
    label = f"{kind.title}: {info.title if info and info.title else f'the setting {place}'}"
    problem = shapes.to_problem(error, (), label=label)
    cure = problem.hint
    if error["type"] == "string_pattern_mismatch":
        cure = f"Write the {info.description}" if info and info.description else "See the tool in the library."
    return advice(problem.code, problem.message, cure, field)


def text_of(value: Any) -> str:
    """A tool's output as a model reads it."""
    if isinstance(value, str):
        return value
    if is_object(value) and value.keys() == {"text"} and isinstance(value["text"], str):
        return value["text"]
    return json.dumps(value, ensure_ascii=False)
