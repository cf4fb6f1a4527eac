"""What a model step is told beside its prompt: what was said in its thread, and what people's decisions taught.

All of it is read once in the life of a run, so that a later attempt asks the model the same. A thread that has grown
long is folded: its older messages become one summary, by the step's own model, or by their first lines where there is
none but the demo model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import dropwhile
from typing import Any

from engine import llm
from engine.llm.scripted import without
from engine.node import Brief, RunContext

READ = 100
"""Messages that are looked at; what is older is in the summary."""
FOLD_AT, FOLD_CHARS = 40, 24_000
"""A thread longer than either is folded."""
KEPT, KEPT_CHARS = 20, 12_000
"""What stays word for word then."""
LINE = 160
SUMMARY_CHARS = 4_000
LESSONS = 3
ROLES = ("user", "assistant")
TOLD = "What was said before, in short:"
TAUGHT = "What people decided about such work before. Take it into account:"
SPEAKERS = {"user": "Question", "assistant": "Answer", "summary": "Before that"}
Said = dict[str, str]
"""{id, role, text}"""


@dataclass(frozen=True, slots=True)
class Past:
    """`messages` are word for word, oldest first; `summary` stands for what is older."""

    thread: str = ""
    summary: str = ""
    messages: tuple[Said, ...] = ()
    lessons: tuple[str, ...] = ()

    def request(self, request: llm.Request) -> llm.Request:
        """The request after what was said, and with what is known in its instructions. Providers take no talk that
        begins with an answer: its question may have been deleted."""
        talk = dropwhile(lambda m: m["role"] == "assistant", self.messages)
        said = tuple(llm.Message("assistant" if m["role"] == "assistant" else "user", m["text"]) for m in talk)
        known = [request.system, _under(TOLD, self.summary), _under(TAUGHT, _listed(self.lessons))]
        return replace(
            request, messages=(*said, *request.messages), past=len(said),
            system="\n\n".join(part for part in known if part),
        )  # fmt: skip

    def text(self) -> str:
        """The same as one text, for whom it is told as part of a task."""
        said = "\n\n".join(f"{SPEAKERS.get(m['role'], m['role'])}: {m['text']}" for m in self.messages)
        parts = [
            _under(TOLD, self.summary),
            _under("What was said before:", said),
            _under(TAUGHT, _listed(self.lessons)),
        ]
        return "\n\n".join(part for part in parts if part)


async def past(ctx: RunContext, thread: str, learn: bool, question: str, provider: str, model: str) -> Past:
    """Raises NodeError, as the model does when it has to sum up."""
    if not thread.strip() and not learn:
        return Past()
    question = without(question)
    request = {"thread": thread, "learn": learn}

    async def read() -> dict[str, Any]:
        lessons = await ctx.knowledge.lessons(question, top_k=LESSONS) if learn else []
        said = await ctx.knowledge.thread(thread, last=READ) if thread.strip() else []
        return {"messages": said, "lessons": [one["text"] for one in lessons]}

    found = await ctx.once("memory", request, read)
    said: list[Said] = found["messages"]
    before = said.pop(0)["text"] if said and said[0]["role"] == "summary" else ""
    older, recent = _parted(said)
    if older:
        before = await _folded(ctx, before, older, provider, model)
        await ctx.knowledge.say(thread, "summary", before, key=f"summary:{older[-1]['id']}")
    return Past(thread, before, tuple(recent), tuple(found["lessons"]))


async def tell(ctx: RunContext, thread: str, question: str, answer: str) -> None:
    """Add what was asked and answered to the thread, once."""
    if thread.strip():
        await ctx.knowledge.tell(thread, without(question).strip(), answer, key=ctx.idempotency_key)


async def briefed(ctx: RunContext, brief: Brief) -> Brief:
    """The brief whose first task ends with what is known."""
    first, who = brief.tasks[0], brief.members[0]
    known = (await past(ctx, brief.thread, brief.learn, first.description, who.provider, who.model)).text()
    if not known:
        return brief
    told = replace(first, description=f"{first.description}\n\n{known}")
    return replace(brief, tasks=(told, *brief.tasks[1:]))


def _parted(said: list[Said]) -> tuple[list[Said], list[Said]]:
    """What is to be folded, and what stays word for word, which begins with a question."""
    if len(said) < FOLD_AT and sum(len(m["text"]) for m in said) <= FOLD_CHARS:
        return [], said
    at, size = len(said), 0
    while at > 0 and len(said) - at < KEPT and size + len(said[at - 1]["text"]) <= KEPT_CHARS:
        at -= 1
        size += len(said[at]["text"])
    while at < len(said) and said[at]["role"] != "user":
        at += 1
    return said[:at], said[at:]


async def _folded(ctx: RunContext, before: str, older: Sequence[Said], provider: str, model: str) -> str:
    if llm.choose(provider, ctx.preferences) == "demo":
        lines = [before, *(f"{SPEAKERS.get(m['role'], m['role'])}: {_first_line(m['text'])}" for m in older)]
        return "\n".join(line for line in lines if line)[-SUMMARY_CHARS:]
    said = "\n\n".join(f"{SPEAKERS.get(m['role'], m['role'])}: {m['text'][:2000]}" for m in older)
    prompt = (
        "Sum up this conversation for somebody who goes on with it: what was asked, what was answered, what was agreed,"
        f" names and numbers. At most 300 words.\n\n{_under('Before that:', before)}\n\n{said}"
    )
    request = llm.Request.of(prompt, model=model)
    return (await llm.complete(request, provider, _silently, ctx.model_call, ctx.preferences)).text[:SUMMARY_CHARS]


async def _silently(_: str) -> None:
    """A summary is no answer: nobody watches it being written."""


def _first_line(text: str) -> str:
    line = text.strip().partition("\n")[0]
    return line if len(line) <= LINE else line[:LINE] + " …"


def _under(head: str, text: str) -> str:
    return f"{head}\n{text}" if text.strip() else ""


def _listed(lessons: Sequence[str]) -> str:
    return "\n".join(f"- {one}" for one in lessons)
