"""llm: one question to a model."""

from typing import Any, ClassVar

from pydantic import Field

from engine import conversation, llm
from engine.node import Group, Inputs, NodeConfig, RunContext, Step, Text, node


def thread_field() -> Any:
    return Field(
        "",
        title="Thread",
        description="Remember what is said under this name, and go on from there. May hold {{ expressions }}.",
        json_schema_extra={"widget": "line"},
    )


def learn_field() -> Any:
    return Field(
        False,
        title="Learn from decisions",
        description="Tell the model what people changed or refused in this workflow before.",
        json_schema_extra={"widget": "switch"},
    )


@node
class Llm(Step):
    """Asks a model once and goes on with its answer.

    - **Prompt** is the question. `{{ input.topic }}` or `{{ draft.text }}` puts in what is known by then.
    - **Instructions** say how to answer, in every call the same: `You write short articles in plain words.`
    - **Provider** *auto* takes whom the workspace chose under Settings; before that, OpenAI if a key or a base URL is
      set, else Anthropic, else the demo model, which needs no key. A named provider without its key is a warning in
      the editor, and no run starts with it.
    - **Output schema** makes the answer data: a JSON Schema that `{{ <id>.data }}` is sure to fit. An answer that
      does not fit is shown to the model once for repair; then the step fails with `model_bad_output`.

    The next step reads the answer as `{{ <id>.text }}`, the schema's fields as `{{ <id>.data.score }}`, and what it
    took as `{{ <id>.usage.output_tokens }}`.

    **To remember what was said**, name a **Thread** under *Memory*: `customer/{{ input.customer }}`. What was asked and
    answered in it before goes along with the prompt, also in other runs, and this question and its answer are added
    once. A thread that grows long is summed up. **Learn from decisions** tells the model what people changed or
    refused in this workflow before. Both can be read, changed and deleted under *Memory* in the menu.

    **When a model does not answer**, the step fails with its own code: `model_unauthorized`, `model_rate_limited`,
    `model_unavailable`, `model_timeout`, `model_bad_answer`, `model_refused`. Set more tries under *Reliability* to
    have all but wrong keys and refused requests tried again, not before the time that the provider asked for. Half
    an answer is never used.

    **To rehearse a workflow**, script the demo model anywhere in the prompt: `x-demo: ["first draft", "second"]` is
    the answer of the first visit and of all later ones. Other providers never get to see the line.
    """

    kind, title, group, icon = "llm", "Model", Group.AI, "sparkles"
    summary = "{prompt}"

    class Config(NodeConfig):
        prompt: Text = Field(
            title="Prompt",
            description="What the model is asked. May hold {{ expressions }}.",
            min_length=1,
            json_schema_extra={"widget": "textarea"},
        )
        system: Text = Field(
            "",
            title="Instructions",
            description="How to answer: role, tone, limits.",
            json_schema_extra={"widget": "textarea"},
        )
        provider: llm.Name = Field(
            "auto",
            title="Provider",
            description="auto takes the one chosen under Settings, else the first with a key, else the demo model.",
            json_schema_extra={"widget": "select"},
        )
        model: str = Field(
            "",
            title="Model",
            description="The provider's name of it; empty for its default.",
            max_length=200,
            json_schema_extra={"widget": "text"},
        )
        temperature: float | None = Field(
            None,
            title="Temperature",
            description="0 keeps to the likeliest words, 2 is the wildest.",
            ge=0,
            le=2,
            json_schema_extra={"widget": "number"},
        )
        max_tokens: int | None = Field(
            None,
            title="Longest answer",
            description="In tokens, about three quarters of a word each.",
            ge=1,
            le=1_000_000,
            json_schema_extra={"widget": "number", "unit": "tokens"},
        )
        output_schema: dict[str, Any] | None = Field(
            None,
            title="Output schema",
            description="A JSON Schema that the answer has to fit.",
            json_schema_extra={"widget": "schema"},
        )
        thread: Text = thread_field()
        learn: bool = learn_field()

    sample: ClassVar[dict[str, Any]] = {"prompt": "Say hello in one sentence."}

    async def run(self, config: Config, inputs: Inputs, ctx: RunContext) -> dict[str, Any]:
        request = llm.Request.of(
            inputs["prompt"],
            model=config.model,
            system=inputs["system"],
            temperature=config.temperature,
            max_tokens=config.max_tokens,
            output_schema=config.output_schema,
            visit=ctx.visit,
        )
        thread, question = inputs["thread"], inputs["prompt"]
        past = await conversation.past(ctx, thread, config.learn, question, config.provider, config.model)
        told = past.request(request)
        answer = await llm.complete(told, config.provider, ctx.emit, ctx.model_call, ctx.preferences)
        await conversation.tell(ctx, thread, question, answer.text)
        output = {"text": answer.text, "model": answer.model, "usage": answer.usage.to_json()}
        return output if config.output_schema is None else {**output, "data": answer.data}
