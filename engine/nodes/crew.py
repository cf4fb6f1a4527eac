"""crew: several agents, several tasks, one result."""

from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from engine.advice import advice
from engine.node import Agent, Brief, Group, Inputs, Member, NodeConfig, RunContext, Task, Text, node
from engine.nodes.agent import MODEL, Limits, ToolConfig, Tools, known_provider, provider_field

ID = r"[a-z][a-z0-9_]*"


class MemberConfig(NodeConfig):
    """One agent of the crew."""

    id: str = Field(title="Id", pattern=f"^{ID}$", max_length=64, json_schema_extra={"widget": "text"})
    role: str = Field(title="Role", min_length=1, json_schema_extra={"widget": "text"})
    goal: str = Field(title="Goal", min_length=1, json_schema_extra={"widget": "text"})
    backstory: str = Field("", title="Backstory", json_schema_extra={"widget": "textarea"})
    tools: Tools = Field(default_factory=list[ToolConfig], title="Tools", json_schema_extra={"widget": "tools"})
    provider: str = provider_field()
    model: str = MODEL

    _provider = field_validator("provider")(known_provider)


class TaskConfig(NodeConfig):
    """One piece of work."""

    id: str = Field(title="Id", pattern=f"^{ID}$", max_length=64, json_schema_extra={"widget": "text"})
    description: Text = Field(title="Task", min_length=1, json_schema_extra={"widget": "textarea"})
    expected_output: str = Field("", title="Expected", json_schema_extra={"widget": "text"})
    member: str = Field("", title="Member", json_schema_extra={"widget": "row", "list": "members", "head": "role"})
    context: list[str] = Field(
        default_factory=list,
        title="Reads",
        description="Earlier tasks.",
        json_schema_extra={"widget": "earlier", "list": "tasks"},
    )
    output_schema: dict[str, Any] | None = Field(None, title="Output schema", json_schema_extra={"widget": "schema"})


class Manager(NodeConfig):
    """The model that hands out the tasks of a hierarchical crew."""

    provider: str = provider_field()
    model: str = MODEL

    _provider = field_validator("provider")(known_provider)


@node
class Crew(Agent):
    """Several agents that share the work: each task goes to a member, and may read what earlier tasks found.

    - **Members** are agents with a role, a goal and tools, as in the *Agent* step.
    - **Tasks** are done in their order. **Reads** names the earlier tasks whose results a task gets; with none it
      reads the one before it.
    - **Process** *sequential* does one task after the other, and every member has one. *hierarchical* lets a
      **manager** model decide who does what and check it.

    A crew is run by CrewAI, on either target. Finished tasks are recorded whole, model turns and tool calls one by
    one: after a crash nothing that was paid for is paid again.

    The result is the last task's: `{{ <id>.text }}`, its `{{ <id>.data }}`, and every task's in `{{ <id>.tasks }}`.
    """

    kind, title, group, icon = "crew", "Crew", Group.AI, "crew"
    summary = "{process}"
    engine = "crewai"

    class Config(Limits):
        members: list[MemberConfig] = Field(
            title="Members", min_length=1, max_length=20, json_schema_extra={"widget": "records"}
        )
        tasks: list[TaskConfig] = Field(
            title="Tasks", min_length=1, max_length=50, json_schema_extra={"widget": "records"}
        )
        process: Literal["sequential", "hierarchical"] = Field(
            "sequential", title="Process", json_schema_extra={"widget": "select"}
        )
        manager: Manager | None = Field(None, title="Manager", json_schema_extra={"widget": "part"})
        max_rpm: int | None = Field(
            None,
            title="Requests a minute",
            description="To models, by the whole crew.",
            ge=1,
            json_schema_extra={"widget": "number"},
        )

        @model_validator(mode="after")
        def sound(self) -> "Crew.Config":
            members, tasks = [m.id for m in self.members], [t.id for t in self.tasks]
            _unique("members", members)
            _unique("tasks", tasks)
            if self.process == "hierarchical" and self.manager is None:
                raise advice(
                    "missing_field", "hierarchical needs a manager.", "Name one, or switch to sequential.", "manager"
                )
            for n, task in enumerate(self.tasks):
                _sound_task(n, task, members, tasks, self.process)
            if self.process == "sequential":
                _nobody_idle(members, {task.member for task in self.tasks})
            return self

    sample: ClassVar[dict[str, Any]] = {
        "members": [
            {"id": "researcher", "role": "Researcher", "goal": "Facts with their sources"},
            {"id": "writer", "role": "Writer", "goal": "A text that anybody understands"},
        ],
        "tasks": [
            {"id": "facts", "description": "List five facts about heat pumps.", "member": "researcher"},
            {
                "id": "text",
                "description": "Write a short text from the facts.",
                "member": "writer",
                "context": ["facts"],
            },
        ],
    }

    def brief(self, config: Config, inputs: Inputs, ctx: RunContext) -> Brief:
        members = tuple(
            Member(m.id, m.role, m.goal, m.backstory, tuple(t.use() for t in m.tools), m.provider, m.model)
            for m in config.members
        )
        tasks = tuple(
            Task(t.id, told["description"], t.expected_output, t.member, tuple(t.context), t.output_schema)
            for t, told in zip(config.tasks, inputs["tasks"], strict=True)
        )
        manager = (config.manager.provider, config.manager.model) if config.manager else None
        return Brief(
            members, tasks, config.process, manager, config.max_turns, config.max_tokens_total, config.max_cost_usd,
            config.max_rpm,
        )  # fmt: skip

    def output(self, config: Config, result: dict[str, Any]) -> dict[str, Any]:
        return {name: result[name] for name in ("text", "data", "tasks", "usage") if name in result}


def _unique(name: str, ids: list[str]) -> None:
    twice = next((i for i in ids if ids.count(i) > 1), None)
    if twice:
        raise advice("duplicate_id", f"Two {name} are called {twice!r}.", "Rename one of them.", name)


def _nobody_idle(members: list[str], busy: set[str]) -> None:
    for n, member in enumerate(members):
        if member not in busy:
            raise advice("bad_value", f"Member {member!r} has no task.", "Give it one, or remove it.", f"members.{n}")


def _sound_task(n: int, task: TaskConfig, members: list[str], tasks: list[str], process: str) -> None:
    where = f"tasks.{n}"
    if not task.member and process == "sequential":
        raise advice("missing_field", f"Task {task.id!r} has no member.", "Choose who does it.", f"{where}.member")
    if task.member and task.member not in members:
        raise advice("bad_value", f"There is no member {task.member!r}.", "Choose one of the crew.", f"{where}.member")
    for other in task.context:
        if other not in tasks[:n]:
            later = "comes later or is itself" if other in tasks else "does not exist"
            raise advice("bad_value", f"Task {other!r} {later}.", "A task reads earlier ones.", f"{where}.context")
