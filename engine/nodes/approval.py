"""approval: stop until a person decides."""

from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field

from engine.advice import pairs
from engine.errors import NodeError
from engine.node import Group, Inputs, NodeConfig, Outcome, Pause, Question, RunContext, Text, Until, Values, node
from engine.values import is_object

TIMEOUT = "timeout"


@node
class Approval(Pause):
    """Stops here until a person says *approved* or *rejected*. The question shows up in the inbox; everything else
    in the workflow goes on, and a waiting run costs nothing, for a minute or a month.

    - **Question** is what the person reads first: `Publish this article?`
    - **Content** is shown word for word, such as `{"title": "{{ draft.title }}", "text": "{{ draft.text }}"}`.
    - **Form** asks for data as well: a JSON Schema; **Prefill** fills it in. What the person writes is checked
      against it and read as `{{ <id>.data.… }}`.
    - **Deadline** ends the wait by the port `timeout`. Without one it waits for ever.

    Lead `rejected` back to an earlier step to have the work done again: the comment is `{{ <id>.comment }}`.
    Only that very content is approved: if a repeated run asks something else, it asks anew.
    """

    kind, title, group, icon = "approval", "Approval", Group.PEOPLE, "approval"
    summary = "{question}"

    class Config(NodeConfig):
        question: Text = Field(
            title="Question",
            description="What the person decides.",
            min_length=1,
            json_schema_extra={"widget": "textarea"},
        )
        content: Values = Field(
            None,
            title="Content",
            description="Shown word for word beside the question: text, or JSON whose strings hold {{ expressions }}.",
            json_schema_extra={"widget": "json"},
        )
        schema_: dict[str, Any] | None = Field(
            None,
            alias="schema",
            title="Form",
            description="A JSON Schema of what the person fills in.",
            json_schema_extra={"widget": "schema"},
        )
        data: Annotated[Values, AfterValidator(pairs)] = Field(
            default_factory=dict,
            title="Prefill",
            description="What stands in the form at first.",
            json_schema_extra={"widget": "pairs"},
        )
        deadline_s: float | None = Field(
            None,
            title="Deadline",
            description="Seconds until the wait ends by itself.",
            gt=0,
            le=10 * 365 * 86_400,
            json_schema_extra={"widget": "number", "unit": "s"},
        )

    sample: ClassVar[dict[str, Any]] = {"question": "Go on?"}

    def ports(self, config: Config) -> tuple[str, ...]:
        return ("approved", "rejected", TIMEOUT) if config.deadline_s else ("approved", "rejected")

    def ask(self, config: Config, inputs: Inputs, ctx: RunContext) -> Question | Until:
        if not is_object(inputs["data"]):
            raise NodeError("Prefill is no object.", code="bad_value", hint='Write it as {"name": value}.')
        return Question(
            text=inputs["question"],
            content=inputs["content"],
            schema=config.schema_,
            data=inputs["data"],
            deadline_s=config.deadline_s,
        )

    def answer(self, config: Config, decision: dict[str, Any]) -> Outcome:
        kept = {key: decision.get(key) for key in ("decision", "data", "comment", "decided_by")}
        return Outcome(decision["decision"], kept)
