"""template: text or data put together from what earlier steps made."""

from typing import Any, ClassVar

from pydantic import Field, model_validator

from engine.advice import advice
from engine.node import Group, Inputs, NodeConfig, RunContext, Step, Text, Values, node


@node
class Template(Step):
    """Puts text or data together from what earlier steps made. Nothing leaves the machine, nothing can go wrong
    but a missing value.

    Fill in **one** of the two fields:

    - **Text** becomes `{ "text": … }`. Write `{{ draft.text }}` where a value belongs; numbers and lists are
      written as JSON, an empty value as nothing.
    - **JSON** becomes the value itself. A string that is one lone `{{ … }}` keeps the type of its value, so lists
      stay lists and numbers stay numbers.

    ```json
    {"title": "{{ input.topic }}", "score": "{{ review.data.score }}", "tags": ["news"]}
    ```

    The next step reads the title as `{{ <id>.title }}`, and a text as `{{ <id>.text }}`.
    """

    kind, title, group, icon = "template", "Template", Group.DATA, "template"
    deterministic = True
    summary = "{text}"

    class Config(NodeConfig):
        text: Text | None = Field(
            None,
            title="Text",
            description="Plain text with {{ expressions }} in it.",
            json_schema_extra={"widget": "textarea"},
        )
        json_: Values = Field(
            None,
            alias="json",
            title="JSON",
            description="Any JSON; its strings may hold {{ expressions }}.",
            json_schema_extra={"widget": "json"},
        )

        @model_validator(mode="after")
        def one_of_two(self) -> "Template.Config":
            given = self.model_fields_set & {"text", "json_"}
            if "json_" in given and self.text is None:
                return self
            if "json_" in given:
                raise advice("bad_value", "text and json are both filled in.", "Keep one of them.", "json")
            if self.text is None:
                raise advice("missing_field", "text is missing.", "Fill in Text, or JSON instead.", "text")
            return self

    sample: ClassVar[dict[str, Any]] = {"text": "Hello"}

    async def run(self, config: Config, inputs: Inputs, ctx: RunContext) -> Any:
        return inputs["json"] if config.text is None else {"text": inputs["text"]}
