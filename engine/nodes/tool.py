"""tool: one tool, called with the arguments that the step gives."""

from typing import Any, ClassVar

from pydantic import Field, model_validator

from engine import tools
from engine.credentials import Pairs
from engine.errors import NodeError
from engine.node import Effect, Group, Inputs, NodeConfig, Question, RunContext, Step, node
from engine.nodes.agent import tool_choice
from engine.values import is_object


def _one_tool(field: dict[str, Any]) -> None:
    tool_choice(field)
    field["widget"] = "tool"


@node
class Tool(Step):
    """Calls one tool with the arguments that you give it: the same tools that agents use, without a model.

    - **Tool** is one of the library: `search`, `browse`, `calculate`, `database_query`, …
    - **Arguments** may hold `{{ expressions }}`; one that is a lone expression keeps its type.
    - **Settings** are the tool's own: the hosts of `api_call`, the connection of `database_query`. They cannot be
      changed by what comes in from outside.
    - **Ask first** shows the literal arguments to a person, who approves, edits or rejects them. A rejection fails the
      step with `rejected`.

    The result is what the tool answers, as `{{ <id>.… }}`; anything but an object is in `{{ <id>.value }}`. Arguments
    off the tool's schema are `bad_arguments`, an answer over its limit is `tool_output_too_large`.
    """

    kind, title, group, icon = "tool", "Tool", Group.INTEGRATION, "tool"
    summary = "{tool}"
    timeout_s = 120

    class Config(NodeConfig):
        tool: str = Field(title="Tool", description="One of the library.", min_length=1, json_schema_extra=_one_tool)
        args: Pairs = Field(
            default_factory=dict,
            title="Arguments",
            description="What the tool is given. May hold {{ expressions }}.",
            json_schema_extra={"widget": "tool_arguments"},
        )
        config: dict[str, Any] = Field(
            default_factory=dict,
            title="Settings",
            description="What the tool may do; see the library.",
            json_schema_extra={"widget": "tool_settings"},
        )
        approve: bool = Field(
            False,
            title="Ask first",
            description="A person sees each call first.",
            json_schema_extra={"widget": "switch"},
        )

        @model_validator(mode="after")
        def sound(self) -> "Tool.Config":
            tools.known(self.tool, "tool")
            tools.configured(self.tool, self.config)
            tools.check_constants(self.tool, self.args)
            return self

    sample: ClassVar[dict[str, Any]] = {"tool": "calculate", "args": {"expression": "round(1200 * 1.077 ** 3, 2)"}}

    def effect(self, config: Config) -> Effect:
        return tools.known(config.tool).effect(tools.configured(config.tool, config.config))

    async def run(self, config: Config, inputs: Inputs, ctx: RunContext) -> dict[str, Any]:
        kind = tools.known(config.tool)
        settings = tools.configured(config.tool, config.config)
        args = inputs["args"]
        if wrong := kind.check(args):
            raise tools.bad_arguments(config.tool, wrong)
        if config.approve:
            args = await _approved(kind, args, ctx)
        if kind.effect(settings, args) is Effect.UNSAFE:
            await ctx.intend({"tool": config.tool, "args": args})
        given = tools.ToolContext(ctx.run_id, ctx.workspace_id, ctx.idempotency_key, ctx.secret, ctx.knowledge)
        value = await kind.call(args, settings, given)
        return value if is_object(value) else {"value": value}


async def _approved(kind: tools.ToolType, args: dict[str, Any], ctx: RunContext) -> dict[str, Any]:
    """The arguments that a person let through, edited or not."""
    shown = {"tool": kind.name, "arguments": args}
    said = await ctx.ask(Question(f"Use “{kind.title}”?", shown, kind.parameters, args, type="tool"))
    if said["decision"] != "approved":
        comment = said.get("comment") or ""
        raise NodeError(f"A person refused this call. {comment}".strip(), code="rejected", comment=comment)
    return said["data"] if is_object(said.get("data")) else args
