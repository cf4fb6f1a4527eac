"""The workflow as a file: one frozen model that is JSON file, database column and API body alike.

It checks shape only. What the steps mean, and whether they make a sound graph, is for `engine.plan` to say.
"""

import hashlib
import json
import math
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic_core import PydanticCustomError

from engine.errors import Invalid, MalformedJson, Problem, TooLarge
from engine.shapes import MAX_DEPTH, MAX_VALUES, at, shape_problems, size_problems
from engine.values import is_list, is_object

FORMAT = 1
MAX_BYTES = 5 * 1024 * 1024
MAX_NODES = 2000
MAX_EDGES = 4000
NAME = r"^[a-z][a-z0-9_]*$"
CEL_WORDS = frozenset(
    [
        "as",
        "break",
        "const",
        "continue",
        "else",
        "false",
        "for",
        "function",
        "if",
        "import",
        "in",
        "let",
        "loop",
        "namespace",
        "null",
        "package",
        "return",
        "true",
        "var",
        "void",
        "while",
    ]
)
RESERVED = CEL_WORDS | {"input", "item", "index", "run"}

UPGRADES: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}
"""Step n makes a file of format n into one of format n + 1."""


def _free(value: str) -> str:
    if value in RESERVED:
        raise PydanticCustomError("reserved", "{name} is a reserved word", {"name": value})
    return value


Name = Annotated[str, StringConstraints(pattern=NAME, max_length=64)]
NodeId = Annotated[Name, AfterValidator(_free)]
Seconds = Annotated[float, Field(ge=0, le=86_400)]
Coordinate = Annotated[float, Field(ge=-10_000_000, le=10_000_000, allow_inf_nan=False)]


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Position(Model):
    x: Coordinate = 0
    y: Coordinate = 0


class Retry(Model):
    """Failure number n waits `delay_s * factor ** (n - 1)`, at most `max_delay_s`, before the next try."""

    attempts: Annotated[int, Field(ge=1, le=100)] = 1
    delay_s: Seconds = 1
    factor: Annotated[float, Field(ge=1, le=100)] = 2
    max_delay_s: Seconds = 60


class NodeSpec(Model):
    id: NodeId
    kind: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    v: Annotated[int, Field(ge=1)] = 1
    title: Annotated[str, StringConstraints(max_length=200)] = ""
    position: Position = Position()
    join: Literal["all", "any"] = "all"
    config: dict[str, Any]
    retry: Retry = Retry()
    timeout_s: Annotated[float, Field(gt=0, le=86_400)] | None = None
    max_visits: Annotated[int, Field(ge=1, le=10_000)] = 25


class EdgeSpec(Model):
    source: Name
    port: Name = "out"
    target: Name


class FlowSpec(Model):
    """A graph with its inputs and outputs: a whole workflow, or the inside of a subflow."""

    inputs: dict[str, Any] | None = None
    nodes: Annotated[list[NodeSpec], Field(max_length=MAX_NODES)]
    edges: Annotated[list[EdgeSpec], Field(max_length=MAX_EDGES)] = []
    outputs: dict[str, Any] = {}


class WorkflowSpec(FlowSpec):
    nexod: Annotated[int, Field(ge=FORMAT, le=FORMAT)]
    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    description: Annotated[str, StringConstraints(max_length=65_536)] = ""
    target: Literal["langgraph", "crewai"] = "langgraph"


def parse(data: bytes) -> Any:
    """JSON text as plain values. Duplicate keys, NaN, numbers beyond a double and broken text are refused."""
    if len(data) > MAX_BYTES:
        raise TooLarge("The file is over 5 MB.", hint="Move large texts out of the workflow, or split it.")
    if data.count(b"[") + data.count(b"{") > MAX_VALUES:
        raise Invalid.of([Problem("too_large", f"The file holds over {MAX_VALUES} lists and objects.", "Split it.")])
    try:
        return json.loads(data.decode(), object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite)
    except RecursionError:
        deep = Problem("too_deep", f"The file nests deeper than {MAX_DEPTH} levels.", "Flatten it.")
        raise Invalid.of([deep]) from None
    except UnicodeDecodeError as e:
        raise MalformedJson(f"This is no UTF-8 text: byte {e.start}.", hint="Save the file as UTF-8.") from None
    except ValueError as e:
        raise MalformedJson(f"This is no JSON: {e}.", hint="Check the file with a JSON editor.") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        seen: set[str] = set()
        double = next(k for k, _ in pairs if k in seen or seen.add(k))
        raise ValueError(f"the key {double[:80]!r} stands twice in one object")
    return made


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is no JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {text[:20]} is too large")
    return value


def read(raw: Any) -> tuple[WorkflowSpec | None, list[Problem]]:
    """The model of `raw`, or the faults of its shape; never raises."""
    if problems := _unreadable(raw):
        return None, problems
    try:
        return WorkflowSpec.model_validate(upgrade(raw)), []
    except ValidationError as e:
        return None, shape_problems(e, raw)


def read_flow(raw: Any, node_id: str) -> tuple[FlowSpec | None, list[Problem]]:
    """The same for the inline flow of the subflow step `node_id`."""
    try:
        return FlowSpec.model_validate(raw), []
    except ValidationError as e:
        return None, shape_problems(e, raw, inside=node_id)


def _unreadable(raw: Any) -> list[Problem]:
    if not is_object(raw):
        return [Problem("wrong_type", "A workflow is a JSON object.", "Start the file with {.")]
    for field, most in (("nodes", MAX_NODES), ("edges", MAX_EDGES)):
        held = at(raw, field)
        if is_list(held) and len(held) > most:
            fault = f"{len(held)} {field}; the most is {most}."
            return [Problem("too_large", fault, "Split the workflow.", field=field)]
    if problems := size_problems(raw):
        return problems
    held = raw.get("nexod")
    if isinstance(held, int) and not isinstance(held, bool) and not 1 <= held <= FORMAT:
        fault = f"Format {held} is unknown here; the newest is {FORMAT}."
        cure = "Open it with a newer Nexod." if held > FORMAT else f"Write {FORMAT}."
        return [Problem("unsupported_format", fault, cure, field="nexod")]
    return []


def upgrade(raw: dict[str, Any]) -> dict[str, Any]:
    """A file of an older format in the words of the newest."""
    held = raw.get("nexod")
    while isinstance(held, int) and held in UPGRADES:
        raw, held = UPGRADES[held](raw), held + 1
    return raw


def dump(spec: FlowSpec) -> dict[str, Any]:
    """The JSON of a spec with every default written out, absent values left out."""
    raw = spec.model_dump()
    if raw["inputs"] is None:
        del raw["inputs"]
    for node in raw["nodes"]:
        for part in (node, node["position"], node["retry"]):
            _tidy(part)
    return raw


def _tidy(part: dict[str, Any]) -> None:
    """Whole numbers without `.0`, as browsers write them; no `timeout_s: null`."""
    for key, value in list(part.items()):
        if isinstance(value, float) and value.is_integer():
            part[key] = int(value)
        elif value is None:
            del part[key]


def canonical(spec: FlowSpec) -> bytes:
    """The byte-stable text of a spec: sorted keys, two-space indent, final newline."""
    return (json.dumps(dump(spec), sort_keys=True, indent=2, ensure_ascii=False) + "\n").encode()


def content_hash(spec: FlowSpec) -> str:
    return hashlib.sha256(canonical(spec)).hexdigest()


def json_schema() -> dict[str, Any]:
    """What `GET /schema/workflow` answers."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **WorkflowSpec.model_json_schema()}
