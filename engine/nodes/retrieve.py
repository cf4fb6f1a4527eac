"""retrieve: the passages of a collection that fit a question."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator

from engine import llm, passages
from engine.advice import advice
from engine.errors import NodeError
from engine.node import Group, Inputs, Mark, NodeConfig, RunContext, Step, Text, node
from engine.values import is_list, is_object

MOST = 100


def collection_field() -> Any:
    return Field(
        title="Collection",
        description="Its name. The one called guide, a few pages about Nexod, is there to try things with.",
        min_length=1,
        max_length=500,
        json_schema_extra={"widget": "collection"},
    )


@node
class Retrieve(Step):
    """Finds the passages of a collection that fit a question, numbered and with their sources, for a model to answer
    from.

    - **Collection** is one that you made under *Knowledge*: documents are uploaded there, fetched, or added by a step
      *Add to collection*. The collection `guide`, a few pages about Nexod itself, is made when it is first asked for.
    - **Question** is what to look for, in words: `{{ input.question }}`.
    - **Passages** says how many at most. **Least score** leaves out weaker ones, so that there may be none at all.
    - **Search** *hybrid* takes both ways together: *keyword* finds the very words, *vector* what is close by the
      collection's embedding.
    - **Filter** keeps to some documents: `{"source": "handbook.pdf"}`, `{"page": {"$gte": 10}}`.
    - **Let a model sort** asks the workspace's model which of the best passages answer the question, and puts those
      first. It costs one call; the demo model cannot do it.

    `{{ <id>.text }}` is ready for a prompt:

    ```
    [1] Staff handbook — handbook.pdf, page 12
    Everybody has 30 days of leave.
    ```

    `{{ <id>.matches }}` has each passage with `number`, `label`, `text`, `score` and `metadata`;
    `{{ size(<id>.matches) }}` is 0 when nothing was found. Ask the model to cite passages as [1], and check what it
    cites: `citations(answer.text).all(n, n >= 1 && n <= size(<id>.matches))`. The template *Answer with sources*
    does.

    A name that no collection has fails the step with `unknown_collection`, which names those there are.
    """

    kind, title, group, icon = "retrieve", "Search knowledge", Group.DATA, "retrieve"
    summary = "{collection}"

    class Config(NodeConfig):
        collection: Text = collection_field()
        query: Text = Field(
            title="Question",
            description="What to look for. May hold {{ expressions }}.",
            min_length=1,
            json_schema_extra={"widget": "textarea"},
        )
        top_k: int = Field(
            5, title="Passages", description="At most.", ge=1, le=MOST, json_schema_extra={"widget": "number"}
        )
        mode: Literal["hybrid", "vector", "keyword"] = Field(
            "hybrid",
            title="Search",
            description="hybrid: by words and by closeness.",
            json_schema_extra={"widget": "select"},
        )
        min_score: float | None = Field(
            None,
            title="Least score",
            description="0 to 1; weaker passages are left out.",
            ge=0,
            le=1,
            json_schema_extra={"widget": "number"},
        )
        filter: Annotated[dict[str, Any] | None, Mark("values")] = Field(
            None,
            title="Filter",
            description='Only passages whose details fit: {"source": "handbook.pdf"}.',
            json_schema_extra={"widget": "json"},
        )
        rerank: bool = Field(
            False,
            title="Let a model sort",
            description="A model puts the passages that answer best first.",
            json_schema_extra={"widget": "switch"},
        )

        @field_validator("filter")
        @classmethod
        def sound(cls, filter: dict[str, Any] | None) -> dict[str, Any] | None:
            if filter:
                # Not above: it loads numpy, and the web starts without.
                from engine.vectors import filters

                try:
                    filters.check(_without_expressions(filter))
                except NodeError as fault:
                    cure = fault.hint or 'Write it like {"source": "handbook.pdf"}.'
                    raise advice("bad_value", fault.message, cure) from None
            return filter

    sample: ClassVar[dict[str, Any]] = {"collection": "guide", "query": "How does a workflow wait for a person?"}

    async def run(self, config: Config, inputs: Inputs, ctx: RunContext) -> dict[str, Any]:
        wanted = min(config.top_k * passages.TIMES, passages.MOST) if config.rerank else config.top_k
        least = None if config.rerank else config.min_score
        found = await ctx.knowledge.search(
            inputs["collection"], inputs["query"], top_k=max(wanted, config.top_k), mode=config.mode,
            filter=inputs["filter"], min_score=least,
        )  # fmt: skip
        warning = ""
        if config.rerank and found:
            found, warning = await _sorted(inputs["query"], found, ctx)
            found = [one for one in found if config.min_score is None or one["score"] >= config.min_score]
        output = passages.shown(found[: config.top_k])
        return {**output, "warning": warning} if warning else output


def _without_expressions(filter: Any, operator: str = "") -> Any:
    """The filter with something that fits in the place of what is only known when the step runs."""
    if isinstance(filter, str) and "{{" in filter:
        return {"$in": [0], "$nin": [0], "$exists": True}.get(operator, 0)
    if is_object(filter):
        return {name: _without_expressions(value, name) for name, value in filter.items()}
    return [_without_expressions(one) for one in filter] if is_list(filter) else filter


async def _sorted(query: str, found: list[dict[str, Any]], ctx: RunContext) -> tuple[list[dict[str, Any]], str]:
    """In the order of a model's judgement, with its scores; or as they are, and why."""
    if llm.choose("auto", ctx.preferences) == "demo":
        return found, "The demo model cannot judge passages: this is the order of the search itself."
    request = passages.request(query, [one["text"] for one in found])
    answer = await llm.complete(request, "auto", _silently, ctx.model_call, ctx.preferences)
    order = passages.read(answer.data, len(found))
    if not order:
        return found, "The model judged none of the passages: this is the order of the search itself."
    return [_judged(found[at], score) for at, score in order], ""


def _judged(one: dict[str, Any], score: float) -> dict[str, Any]:
    scores = {**one["metadata"].get("scores", {}), "rerank": score}
    return {**one, "score": score, "metadata": {**one["metadata"], "scores": scores}}


async def _silently(_: str) -> None:
    """Nobody watches a judgement being written."""
