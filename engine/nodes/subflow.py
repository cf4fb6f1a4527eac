"""subflow: a workflow inside a step, once or for each item of a list."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field

from engine.advice import pairs
from engine.errors import NodeError
from engine.node import Call, Expr, Group, Inputs, LazyValues, NodeConfig, RunContext, SubFlow, node
from engine.values import is_list, is_object

MAX_ITEMS = 10_000


@node
class Subflow(Call):
    """Runs a whole flow as one step: once, or for **each item of a list**.

    - **With** gives the flow its inputs: `{"topic": "{{ input.topic }}"}`. Inside, only these are visible, as
      `input.topic`, with the steps of the flow itself.
    - **Over** is an expression for a list, such as `search.body.results`. The flow then runs once for each item;
      inside it and in *With*, `item` is the item and `index` its place, from 0. **At once** says how many run side
      by side.
    - **When an item fails**: *fail* ends the step with that failure; *collect* goes on and puts
      `{"error": {…}}` in the place of its result.

    ```json
    {"over": "input.links", "with": {"url": "{{ item }}"}, "concurrency": 4}
    ```

    The output is what the flow's outputs say, or `{"items": […]}` in the order of the list. An approval inside
    waits like any other, and only its own item waits for it.
    """

    kind, title, group, icon = "subflow", "Subflow", Group.LOGIC, "subflow"
    summary = "{over}"

    class Config(NodeConfig):
        flow: dict[str, Any] = Field(
            title="Flow",
            description="Inputs, steps, edges and outputs of the flow inside.",
            json_schema_extra={"widget": "flow"},
        )
        with_: Annotated[LazyValues, AfterValidator(pairs)] = Field(
            default_factory=dict,
            alias="with",
            title="With",
            description="The inputs of the flow; strings may hold {{ expressions }}.",
            json_schema_extra={"widget": "pairs"},
        )
        over: Expr | None = Field(
            None,
            title="Over",
            description="An expression for a list: the flow runs once for each item.",
            min_length=1,
            json_schema_extra={"widget": "expression"},
        )
        concurrency: int = Field(
            4,
            title="At once",
            description="How many items run side by side.",
            ge=1,
            le=64,
            json_schema_extra={"widget": "number"},
        )
        on_item_error: Literal["fail", "collect"] = Field(
            "fail",
            title="When an item fails",
            description="fail ends the step; collect puts the error in the item's place.",
            json_schema_extra={"widget": "select"},
        )

    sample: ClassVar[dict[str, Any]] = {
        "flow": {
            "nodes": [{"id": "hello", "kind": "template", "config": {"text": "Hello"}}],
            "edges": [],
            "outputs": {"text": "{{ hello.text }}"},
        }
    }

    def calls(self, config: Config, inputs: Inputs, ctx: RunContext) -> list[SubFlow]:
        if config.over is None:
            return [SubFlow(config.flow, _inputs(ctx.render(config.with_)))]
        items = inputs["over"]
        if not is_list(items):
            raise NodeError("Over is no list.", code="bad_value", hint="Name a list, such as `search.body.results`.")
        if len(items) > MAX_ITEMS:
            raise NodeError(f"{len(items)} items; the most is {MAX_ITEMS}.", code="too_large", hint="Split the list.")
        return [
            SubFlow(config.flow, _inputs(ctx.render(config.with_, {"item": item, "index": n})), n, item)
            for n, item in enumerate(items)
        ]

    def concurrency(self, config: Config) -> int:
        return config.concurrency

    def collects(self, config: Config) -> bool:
        return config.over is not None and config.on_item_error == "collect"

    def gather(self, config: Config, results: Sequence[Any]) -> Any:
        return {"items": list(results)} if config.over is not None else results[0]


def _inputs(value: Any) -> dict[str, Any]:
    if not is_object(value):
        raise NodeError("With is no object.", code="bad_value", hint='Write it as {"name": value}.')
    return value
