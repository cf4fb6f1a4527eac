"""fail: end the run on purpose."""

from typing import Annotated, Any, ClassVar

from pydantic import Field, StringConstraints

from engine.errors import NodeError
from engine.node import Group, Inputs, NodeConfig, RunContext, Step, Text, node
from engine.spec import NAME


@node
class Fail(Step):
    """Ends the run as *failed*, on purpose: the input is unusable, a limit is passed, nobody may go on from here.

    **Message** says why, for the person who reads it later: `No invoice number in {{ extract.text }}`. **Code** is a
    short word for programs that read the run, such as `no_invoice`.

    Inside a subflow it fails that subflow only: wire the `error` port of the subflow step to go on elsewhere, or let
    a map collect its failures.
    """

    kind, title, group, icon = "fail", "Fail", Group.LOGIC, "fail"
    summary = "{message}"

    class Config(NodeConfig):
        message: Text = Field(
            title="Message",
            description="Why the run ends here.",
            min_length=1,
            json_schema_extra={"widget": "textarea"},
        )
        code: Annotated[str, StringConstraints(pattern=NAME, max_length=64)] = Field(
            "failed",
            title="Code",
            description="A short word for programs: lower-case letters, digits and _.",
            json_schema_extra={"widget": "text"},
        )

    sample: ClassVar[dict[str, Any]] = {"message": "This must not happen."}

    def ports(self, config: Config) -> tuple[str, ...]:
        return ()

    async def run(self, config: Config, inputs: Inputs, ctx: RunContext) -> Any:
        raise NodeError(inputs["message"], code=config.code)
