"""condition: the first case that is true picks the way."""

from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field, StringConstraints

from engine.advice import advice
from engine.errors import NodeError
from engine.node import Group, Inputs, LazyExpr, NodeConfig, Route, RunContext, node
from engine.spec import NAME

ELSE = "else"


class Case(NodeConfig):
    port: Annotated[str, StringConstraints(pattern=NAME, max_length=64)] = Field(
        title="Way out",
        description="The name of the port: lower-case letters, digits and _.",
        json_schema_extra={"widget": "text"},
    )
    when: LazyExpr = Field(
        title="When",
        description="A CEL expression that is true or false.",
        min_length=1,
        json_schema_extra={"widget": "expression"},
    )


def _distinct(cases: list[Case]) -> list[Case]:
    ports = [c.port for c in cases]
    for n, port in enumerate(ports):
        if port in (ELSE, "error"):
            raise advice("bad_value", f"case {n + 1} takes the port {port}, which every condition has.", "Rename it.")
        if port in ports[:n]:
            raise advice("bad_value", f"two cases take the port {port}.", "Rename one, or join them with ||.")
    return cases


@node
class Condition(Route):
    """Picks the way on. The cases are asked from top to bottom and the **first one that is true** wins; when none
    is, the way is `else`.

    A case is a [CEL](https://cel.dev) expression over what earlier steps made:

    ```
    review.data.score > 0.8
    classify.data.label == "invoice" && size(classify.text) < 2000
    has(approve.comment) && approve.comment != ""
    ```

    Use `&&`, `||` and `!`. A value that may be missing is asked for first, with `has(…)`. Leading a way back to an
    earlier step makes a loop; *Max visits* of its steps bounds it. A way that leads nowhere simply ends there.
    """

    kind, title, group, icon = "condition", "Condition", Group.LOGIC, "condition"
    summary = "{cases.0.when}"

    class Config(NodeConfig):
        cases: Annotated[list[Case], AfterValidator(_distinct)] = Field(
            title="Cases",
            description="Asked from top to bottom; the first that is true wins.",
            min_length=1,
            max_length=50,
            json_schema_extra={"widget": "cases"},
        )

    sample: ClassVar[dict[str, Any]] = {"cases": [{"port": "yes", "when": "true"}]}

    def ports(self, config: Config) -> tuple[str, ...]:
        return (*(case.port for case in config.cases), ELSE)

    def choose(self, config: Config, inputs: Inputs, ctx: RunContext) -> str:
        for case in config.cases:
            answer = ctx.evaluate(case.when)
            if not isinstance(answer, bool):
                raise NodeError(
                    f"`{case.when[:80]}` is neither true nor false.",
                    code="bad_expression",
                    hint='Compare it with something, such as `… == "yes"`.',
                )
            if answer:
                return case.port
        return ELSE
