"""What a node type is: five shapes, and the registry through which all of them come in.

A node type is one class in one file: docstring = help page, `Config` = schema and form, `sample` = palette
default, docs example and test case. Backends know shapes only, never kinds.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, ClassVar, Protocol, TypeVar, cast

from pydantic import BaseModel, ConfigDict

from engine import plugins
from engine.errors import NodeError
from engine.llm import Preferences

Inputs = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Mark:
    """How a config field is read: `text` is T, `expr` is E, `values` has T in every string leaf,
    `lazy` is an E that the node evaluates itself (`ctx.evaluate`), `lazy_values` are values that it renders
    itself (`ctx.render`)."""

    kind: str


Text = Annotated[str, Mark("text")]
Expr = Annotated[str, Mark("expr")]
LazyExpr = Annotated[str, Mark("lazy")]
Values = Annotated[Any, Mark("values")]
LazyValues = Annotated[Any, Mark("lazy_values")]


class Effect(StrEnum):
    """pure: nothing outside changes. keyed: sends an idempotency key. unsafe: never silently repeated."""

    PURE = "pure"
    KEYED = "keyed"
    UNSAFE = "unsafe"


class Group(StrEnum):
    AI = "AI"
    LOGIC = "Logic"
    PEOPLE = "People"
    DATA = "Data"
    INTEGRATION = "Integration"
    CANVAS = "Canvas"


class NodeConfig(BaseModel):
    """Base of every `Config`: unknown fields are refused, values are fixed once read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class Question:
    """What a Pause asks a person. `content` is shown word for word; `data` prefills the form of `schema`."""

    text: str
    content: Any = None
    schema: dict[str, Any] | None = None
    data: dict[str, Any] = field(default_factory=dict[str, Any])
    deadline_s: float | None = None
    type: str = "approval"


@dataclass(frozen=True, slots=True)
class Until:
    """A Pause that waits for the clock: `at_ms` is absolute, milliseconds since 1970."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a step ended: the port that its token leaves by, and its output."""

    port: str
    value: Any


@dataclass(frozen=True, slots=True)
class SubFlow:
    """One nested run of a Call. `index` is None unless it is an item of a map."""

    flow: Any
    inputs: dict[str, Any]
    index: int | None = None
    item: Any = None


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A tool in somebody's hands. `approve`: a person sees the literal arguments before each call."""

    name: str
    config: dict[str, Any] = field(default_factory=dict[str, Any])
    approve: bool = False


@dataclass(frozen=True, slots=True)
class Member:
    """One agent of a crew; texts are rendered."""

    id: str
    role: str
    goal: str
    backstory: str = ""
    tools: tuple[ToolUse, ...] = ()
    provider: str = "auto"
    model: str = ""


@dataclass(frozen=True, slots=True)
class Task:
    """One piece of work. `context` names the tasks whose results it reads; `member` is empty when a manager decides."""

    id: str
    description: str
    expected_output: str = ""
    member: str = ""
    context: tuple[str, ...] = ()
    output_schema: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Brief:
    """What an Agent step wants done. `process`: sequential, or hierarchical with a `manager` (provider, model)."""

    members: tuple[Member, ...]
    tasks: tuple[Task, ...]
    process: str = "sequential"
    manager: tuple[str, str] | None = None
    max_turns: int = 10
    max_tokens_total: int | None = None
    max_cost_usd: float | None = None
    max_rpm: int | None = None
    thread: str = ""
    """The thread that the work belongs to: it is told what was said there, and its answer is added."""
    learn: bool = False
    """Whether it is told what people's decisions in this workflow taught."""


class Knowledge(Protocol):
    """What steps and tools may ask of the workspace's collections and memory. Whatever writes takes a `key`: the same
    key writes once, in every attempt. All raise NodeError with a code of their own (`unknown_collection`, …)."""

    async def search(
        self,
        collection: str,
        query: str,
        *,
        top_k: int = 5,
        mode: str = "hybrid",
        filter: Mapping[str, Any] | None = None,
        min_score: float | None = None,
    ) -> list[dict[str, Any]]:
        """[{id, document_id, score, text, metadata}], best first. `collection` is a name or an id; `mode` is vector,
        keyword or hybrid."""
        ...

    async def ingest(
        self, collection: str, *, key: str, text: str = "", url: str = "", title: str = ""
    ) -> dict[str, Any]:
        """{document_id, title, status, chunks}, once the document can be searched. Exactly one of text and url."""
        ...

    async def remember(
        self, text: str, *, key: str, subject: str = "", details: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """{id, text}: a fact, kept until somebody deletes it."""
        ...

    async def recall(self, query: str, *, top_k: int = 5, subject: str = "", kind: str = "") -> list[dict[str, Any]]:
        """[{id, kind, text, subject, score, confidence, details}], best first; `kind`: fact, pattern, or both."""
        ...

    async def lessons(self, query: str, *, top_k: int = 3) -> list[dict[str, Any]]:
        """As `recall`: what people's decisions in this workflow taught that fits the query."""
        ...

    async def thread(self, thread: str, *, last: int = 20) -> list[dict[str, str]]:
        """[{id, role, text}], oldest first: what was said before this run was made, and what it said itself. A first
        message of role `summary` stands for all older ones."""
        ...

    async def say(self, thread: str, role: str, text: str, *, key: str) -> None:
        """Add one message to a thread."""
        ...

    async def tell(self, thread: str, question: str, answer: str, *, key: str) -> None:
        """Add a question and its answer, with nobody else's words between them."""
        ...


class NoKnowledge:
    """In the place of `Knowledge` where there is no workspace: whatever is asked is refused."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise NodeError("There are no collections and no memory here.", code="no_knowledge")


NO_KNOWLEDGE = cast("Knowledge", NoKnowledge())


class RunContext(Protocol):
    """What a node may do while it runs; nothing else reaches it."""

    run_id: str
    workspace_id: str
    node_id: str
    key: str
    visit: int
    idempotency_key: str
    """The same for every retry and attempt of this visit."""
    preferences: Preferences
    """What the workspace chose about models."""
    knowledge: Knowledge
    """Collections and memory of the run's workspace."""

    def evaluate(self, expression: str) -> Any:
        """A CEL expression over what this step may see. Raises NodeError(code="bad_expression")."""
        ...

    def render(self, value: Any, names: Mapping[str, Any] | None = None) -> Any:
        """`value` with every text in it rendered, over what this step may see and `names` besides."""
        ...

    def secret(self, reference: Mapping[str, str]) -> str:
        """The value behind `{"$secret": NAME}`. Raises NodeError(code="missing_secret")."""
        ...

    async def emit(self, text: str) -> None:
        """A piece of streamed model text for the live page; never in the journal."""
        ...

    async def ask(self, question: Question, key: str = "") -> dict[str, Any]:
        """A person's decision (payload of `approval_decided`) on exactly this question. Raises Paused until there is
        one: the step keeps its token and is run again. `key` tells several questions of one step apart."""
        ...

    async def intend(self, request: dict[str, Any]) -> None:
        """Commit `effect_intended` before an unsafe effect begins."""
        ...

    async def once(self, name: str, request: dict[str, Any], fn: Callable[[], Awaitable[Any]]) -> Any:
        """`fn()` once in the life of the run, recorded as a call of `name` and handed back ever after: for what may
        read otherwise in a later attempt."""
        ...

    async def model_call(self, request: dict[str, Any], fn: Callable[[], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
        """`fn()` once in the life of the run: a recorded answer of the same turn is returned instead.
        `fn` answers {provider, model, answer, usage}."""
        ...


class NodeType:
    """What every kind has; subclass one of the five shapes below, not this."""

    kind: ClassVar[str]
    title: ClassVar[str]
    group: ClassVar[Group]
    icon: ClassVar[str]
    summary: ClassVar[str] = ""
    """The second line of its card, with config fields in braces: `{method} · {url}`."""
    v: ClassVar[int] = 1
    Config: ClassVar[type[NodeConfig]]
    targets: ClassVar[frozenset[str]] = frozenset({"langgraph", "crewai"})
    engine: ClassVar[str] = ""
    """The engine that it needs on any target; empty: none but the target's own."""
    sample: ClassVar[dict[str, Any]]
    """A config that works offline: palette default, docs example, test case."""

    secret_fields: ClassVar[frozenset[str]] = frozenset()
    """Fields of JSON that may hold `{"$secret": NAME}`; the step itself fills it in, for the secret's hosts only."""

    def ports(self, config: Any) -> tuple[str, ...]:
        """The ports besides `error`, in drawing order."""
        return ("out",)

    def effect(self, config: Any) -> Effect:
        return Effect.PURE

    def upgrade(self, config: dict[str, Any], v: int) -> dict[str, Any]:
        """The config of version `v` in the words of `self.v`."""
        return config

    @property
    def help(self) -> str:
        return inspect.cleandoc(self.__doc__ or "")


class Step(NodeType):
    """Does one thing and leaves by `out`."""

    timeout_s: ClassVar[float] = 60
    deterministic: ClassVar[bool] = False
    """Nothing but its inputs decides its output: losing the record costs a recomputation, so that it may ride with
    the next commit. A Route always is."""

    async def run(self, config: Any, inputs: Inputs, ctx: RunContext) -> Any:
        raise NotImplementedError


class Route(NodeType):
    """Picks a port."""

    def choose(self, config: Any, inputs: Inputs, ctx: RunContext) -> str:
        raise NotImplementedError


class Pause(NodeType):
    """Asks and keeps its token; does nothing else."""

    def ask(self, config: Any, inputs: Inputs, ctx: RunContext) -> Question | Until:
        raise NotImplementedError

    def answer(self, config: Any, decision: dict[str, Any]) -> Outcome:
        """From the payload of `approval_decided` or `timer_fired`."""
        raise NotImplementedError


class Agent(NodeType):
    """A step whose work the backend does natively."""

    timeout_s: ClassVar[float] = 600

    def brief(self, config: Any, inputs: Inputs, ctx: RunContext) -> Brief:
        raise NotImplementedError

    def output(self, config: Any, result: dict[str, Any]) -> Any:
        """From what the engine answers: {text, data?, tasks: [{id, text, data?}], model, usage, turns}."""
        raise NotImplementedError


class Call(NodeType):
    """Runs nested plans with the same backend."""

    def calls(self, config: Any, inputs: Inputs, ctx: RunContext) -> list[SubFlow]:
        raise NotImplementedError

    def concurrency(self, config: Any) -> int:
        return 4

    def collects(self, config: Any) -> bool:
        """Whether a failed item becomes `{"error": …}` instead of failing the step."""
        return False

    def gather(self, config: Any, results: Sequence[Any]) -> Any:
        raise NotImplementedError


class Silent(NodeType):
    """Drawn, never run: a note."""

    def ports(self, config: Any) -> tuple[str, ...]:
        return ()


T = TypeVar("T", bound=NodeType)
_TYPES: dict[str, NodeType] = {}


def node(cls: type[T]) -> type[T]:
    """Register a node type. A second one of the same kind is refused."""
    if cls.kind in _TYPES and type(_TYPES[cls.kind]) is not cls:
        raise ValueError(f"kind {cls.kind!r} is taken by {type(_TYPES[cls.kind]).__qualname__}; choose another kind")
    _TYPES[cls.kind] = cls()
    return cls


@cache
def registry() -> Mapping[str, NodeType]:
    """Every kind: the files of `engine/nodes`, then the entry points `nexod.nodes`."""
    import engine.nodes as home

    for module in sorted(m.name for m in pkgutil.iter_modules(home.__path__)):
        importlib.import_module(f"{home.__name__}.{module}")
    plugins.load("nexod.nodes")
    return _TYPES
