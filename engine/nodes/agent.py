"""agent: a model with a role and tools, working on one task."""

from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field, GetJsonSchemaHandler, field_validator, model_validator
from pydantic_core import CoreSchema

from engine import llm, tools
from engine.advice import advice
from engine.node import Agent, Brief, Group, Inputs, Member, NodeConfig, RunContext, Task, Text, ToolUse, node
from engine.nodes.llm import learn_field, thread_field


def tool_choice(field: dict[str, Any]) -> None:
    """The form offers the tools that there are, plugins included."""
    field.update(widget="select", options=["", *tools.registry()])


class ToolConfig(NodeConfig):
    """A tool that an agent may use."""

    name: str = Field(title="Tool", json_schema_extra=tool_choice)
    config: dict[str, Any] = Field(default_factory=dict, title="Settings", json_schema_extra={"widget": "json"})
    approve: bool = Field(
        False, title="Ask first", description="A person sees each call first.", json_schema_extra={"widget": "switch"}
    )

    @model_validator(mode="after")
    def sound(self) -> "ToolConfig":
        tools.known(self.name, "name")
        tools.configured(self.name, self.config)
        return self

    def use(self) -> ToolUse:
        return ToolUse(self.name, self.config, self.approve)


def _told_apart(uses: list[ToolConfig]) -> list[ToolConfig]:
    """A model knows a tool by its name. What a server offers has names of its own."""
    names = [use.name for use in uses if not tools.known(use.name).opens]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise advice("duplicate_id", f"The tool {twice!r} is there twice.", "Remove one of them.")
    return uses


Tools = Annotated[list[ToolConfig], AfterValidator(_told_apart)]


class Limits(NodeConfig):
    """What an agent or crew may take."""

    max_turns: int = Field(
        10,
        title="Turns at most",
        description="Model turns of one agent in one task; the last has no tools.",
        ge=1,
        le=200,
        json_schema_extra={"widget": "number"},
    )
    max_tokens_total: int | None = Field(
        None,
        title="Tokens at most",
        description="Over all turns; passing it fails the step.",
        ge=1,
        json_schema_extra={"widget": "number", "unit": "tokens"},
    )
    max_cost_usd: float | None = Field(
        None,
        title="Cost at most",
        description="In dollars; when it is used up, a person is asked for more.",
        gt=0,
        json_schema_extra={"widget": "number", "unit": "$"},
    )

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """A form asks for the limits last."""
        schema = handler.resolve_ref_schema(handler(core))
        fields: dict[str, Any] = schema.get("properties", {})
        limits = {name: fields[name] for name in Limits.model_fields if name in fields}
        schema["properties"] = {name: part for name, part in fields.items() if name not in limits} | limits
        return schema


def provider_field() -> Any:
    return Field(
        "auto",
        title="Provider",
        description="auto takes whom the workspace chose under Settings; before that, the first with a key, else demo.",
        json_schema_extra={"widget": "select", "options": ["auto", *llm.NAMES]},
    )


def known_provider(name: str) -> str:
    if name not in ("auto", *llm.NAMES):
        raise advice("bad_value", f"There is no provider {name!r}.", f"Choose auto, {', '.join(llm.NAMES)}.")
    return name


MODEL: Any = Field(
    "",
    title="Model",
    description="The provider's name of it; empty for its default.",
    max_length=200,
    json_schema_extra={"widget": "text"},
)


@node
class AgentNode(Agent):
    """A model with a role, a goal and tools that works on one task, turn by turn, until it is done.

    - **Task** says what is to be done; `{{ input.topic }}` or `{{ draft.text }}` puts in what is known by then.
    - **Role**, **Goal** and **Backstory** say who does it: `Staff writer`, `A draft whose claims name their
      sources`.
    - **Tools** are what it may use. *Ask first* shows each call to a person, word for word, who approves, changes or
      refuses it.
    - **Turns**, **Tokens** and **Cost at most** end what would not end. A used-up budget asks a person for more.

    - **Thread** is a name to remember under, such as `customer/{{ input.customer }}`: the agent is told what was asked
      and answered there before, and this task and its answer are added. **Learn from decisions** tells it what people
      changed or refused in this workflow. With the tools `remember` and `recall` it keeps and finds facts by itself,
      with `knowledge_search` it reads your collections.

    Every model turn and tool call is recorded: after a crash the agent goes on where it was, and nothing that was
    paid for is paid again. What goes wrong in a tool is told to the model, which may try another way.

    The answer is `{{ <id>.text }}`, with an output schema also `{{ <id>.data }}`, and `{{ <id>.turns }}` says how
    many turns it took.
    """

    kind, title, group, icon = "agent", "Agent", Group.AI, "agent"
    summary = "{role}"

    class Config(Limits):
        role: str = Field(
            title="Role", description="Who it is: Staff writer.", min_length=1, json_schema_extra={"widget": "text"}
        )
        goal: str = Field(
            title="Goal", description="What a good result is.", min_length=1, json_schema_extra={"widget": "text"}
        )
        task: Text = Field(
            title="Task",
            description="What is to be done now. May hold {{ expressions }}.",
            min_length=1,
            json_schema_extra={"widget": "textarea"},
        )
        backstory: str = Field(
            "", title="Backstory", description="What it knows and minds.", json_schema_extra={"widget": "textarea"}
        )
        expected_output: str = Field(
            "", title="Expected", description="What the answer looks like.", json_schema_extra={"widget": "text"}
        )
        tools: Tools = Field(default_factory=list[ToolConfig], title="Tools", json_schema_extra={"widget": "tools"})
        provider: str = provider_field()
        model: str = MODEL
        output_schema: dict[str, Any] | None = Field(
            None,
            title="Output schema",
            description="A JSON Schema that the answer has to fit.",
            json_schema_extra={"widget": "schema"},
        )
        thread: Text = thread_field()
        learn: bool = learn_field()

        _provider = field_validator("provider")(known_provider)

    sample: ClassVar[dict[str, Any]] = {
        "role": "Researcher",
        "goal": "Short answers that say what is known",
        "task": "Explain in three sentences what a heat pump does.",
    }

    def brief(self, config: Config, inputs: Inputs, ctx: RunContext) -> Brief:
        member = Member(
            "agent", config.role, config.goal, config.backstory, tuple(tool.use() for tool in config.tools),
            config.provider, config.model,
        )  # fmt: skip
        task = Task("task", inputs["task"], config.expected_output, "agent", output_schema=config.output_schema)
        return Brief(
            (member,), (task,), max_turns=config.max_turns, max_tokens_total=config.max_tokens_total,
            max_cost_usd=config.max_cost_usd, thread=inputs["thread"], learn=config.learn,
        )  # fmt: skip

    def output(self, config: Config, result: dict[str, Any]) -> dict[str, Any]:
        names = ("text", "data", "model", "usage", "turns")
        return {name: result[name] for name in names if name in result}
