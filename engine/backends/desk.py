"""Where an agent's engine brings everything that costs or changes something: model turns, tool calls, finished tasks.

Each is recorded once in the life of the run, under keys that do not depend on the order of arrival, and replayed ever
after; so a crew killed in the middle goes on without paying twice. A second try takes over what the first one has and
goes on at the call that failed: its tools have worked already. The engines know nothing of the journal.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from engine import llm, tools
from engine.backends import budget
from engine.backends.context import TRIES, Context, digest
from engine.backends.run import Run
from engine.errors import NodeError, Paused
from engine.events import EventType, NewEvent
from engine.node import Brief, Effect, Member, NodeConfig, Question, ToolUse
from engine.values import is_object

REPAIRED = 2
"""The answers that a try ends with which does not fit: the first, and the one that was to be better."""
SHOWN = 200_000
"""Characters of a tool's answer that a model gets to read."""


@dataclass(frozen=True, slots=True)
class Hand:
    """A tool in an agent's hands: how it may be used, and what the model is told of it."""

    use: ToolUse
    kind: tools.ToolType
    config: NodeConfig
    offer: tools.Offer


class Desk:
    """For one visit of an agent or crew step. All of it belongs to the run's event loop."""

    def __init__(self, run: Run, ctx: Context, brief: Brief) -> None:
        self.brief = brief
        self.turns: Counter[str] = Counter()
        self.usage = llm.Usage()
        self.model_name = ""
        self._run, self._ctx = run, ctx
        self._branches: Counter[str] = Counter()
        """How often each task went another way than it is recorded."""
        self._asked_at: deque[float] = deque()
        self._homes = [f"{ctx.key}/retry:{n}" if n else ctx.key for n in range(len(ctx.failures()) + 1)]
        """Of each try; the last is this one's."""
        self._home = self._homes[-1]
        self._spoilt = _spoilt(run, ctx)
        self._used, self._turned = llm.Usage(), 0
        """Usage and turns since the latest task ended."""

    # Model turns -------------------------------------------------------------------------------------------------

    async def model(
        self, task: str, agent: str, request: llm.Request, provider: str, repairs: bool = False
    ) -> llm.Reply:
        """One turn; one that `repairs` the last answer may be one too many. Raises NodeError when a limit is passed,
        Paused when a person has to allow more."""
        place = f"{task}/{agent}"
        turn = self.turns[place]
        self.turns[place] += 1
        if self.left(task, agent) < -repairs:
            raise self._endless()
        await self._within_limits()
        emit = self._emitter(f"{place}/model:{turn}")

        async def ask() -> dict[str, Any]:
            await budget.within_run(self._run, self._home, self._ctx.ask)
            await self._pace()
            began = time.monotonic()
            reply = await llm.turn(request, provider, emit, self._run.preferences)
            return {**reply.to_json(), "agent": agent, "task": task, "ms": _ms(began)}

        said = llm.Reply.of(await self._once("model_called", f"{place}/model:{turn}", request.identity(provider), ask))
        self.usage += said.usage
        self._used, self._turned = self._used + said.usage, self._turned + 1
        self.model_name = said.model
        if said.tool_calls and self.left(task, agent) <= 0:
            raise self._endless()  # what nobody would read is not done any more
        return said

    def left(self, task: str, agent: str) -> int:
        """Turns that this agent may still take in this task."""
        return self.brief.max_turns - self.turns[f"{task}/{agent}"]

    def _endless(self) -> NodeError:
        return NodeError(
            f"The agent was not done after {self.brief.max_turns} turns.", code="too_many_turns",
            hint="Raise its turns, give it a smaller task, or fewer tools.",
        )  # fmt: skip

    async def _within_limits(self) -> None:
        brief = self.brief
        used = self.usage.input_tokens + self.usage.output_tokens
        if brief.max_tokens_total is not None and used >= brief.max_tokens_total:
            raise NodeError(
                f"{used:,} tokens were used; {brief.max_tokens_total:,} is the limit.", code="token_limit",
                hint="Raise the limit, or make the task smaller.",
            )  # fmt: skip
        if brief.max_cost_usd is not None:
            own = budget.Budget(brief.max_cost_usd)
            await budget.within(own, self.usage.cost, self._run, self._ctx.key, self._ctx.ask)

    async def _pace(self) -> None:
        """Not more requests a minute than the brief allows; replayed ones do not count."""
        most, at = self.brief.max_rpm, time.monotonic()
        if most and len(self._asked_at) >= most:
            at = max(at, self._asked_at[-most] + 60)
        self._asked_at.append(at)
        await asyncio.sleep(at - time.monotonic())

    # Tool calls --------------------------------------------------------------------------------------------------

    async def hands(self, member: Member) -> dict[str, Hand]:
        """What this agent may call, by the name that its model sees; what an outside server offers is recorded."""
        found: dict[str, Hand] = {}
        for use in member.tools:
            kind = tools.registry()[use.name]
            config = kind.Config.model_validate(use.config)
            for offer in await self._offers(use, kind, config):
                if offer.name in found:
                    raise NodeError(f"Two tools are called {offer.name}.", code="bad_value", hint="Remove one of them.")
                found[offer.name] = Hand(use, kind, config, offer)
        return found

    async def _offers(self, use: ToolUse, kind: tools.ToolType, config: NodeConfig) -> list[tools.Offer]:
        if not kind.opens:
            return [tools.Offer(kind.name, kind.help, kind.parameters)]
        request = {"tool": use.name, "config": use.config}
        place = f"offers:{digest(request)[:12]}"

        async def ask() -> dict[str, Any]:
            offers = await kind.offers(config, self._tool_context(self._key(place)))
            return {"tool": use.name, "args": {}, "result": [offer.to_json() for offer in offers]}

        return [tools.Offer(**offer) for offer in (await self._once("tool_called", place, request, ask))["result"]]

    async def tools(self, task: str, agent: str, calls: Sequence[llm.ToolCall], hands: Mapping[str, Hand]) -> list[str]:
        """All calls of one turn, side by side, answered in their order; a question to a person stops after the rest."""
        wanted = (self.tool(task, agent, call, hands, index) for index, call in enumerate(calls))
        ends = await asyncio.gather(*wanted, return_exceptions=True)
        for end in ends:
            if isinstance(end, BaseException):
                raise end
        return cast("list[str]", ends)

    async def tool(self, task: str, agent: str, call: llm.ToolCall, hands: Mapping[str, Hand], index: int = 0) -> str:
        """The answer for the model. What is wrong with the call, or goes wrong in it, the model is told."""
        hand = hands.get(call.name)
        if hand is None:
            return f"Error: there is no tool {call.name!r}. Yours are: {', '.join(hands) or 'none'}."
        if call.arguments is None:
            return f"Error: the arguments of {call.name} are no JSON object."
        if wrong := tools.against(hand.offer, call.arguments):
            return f"Error: {tools.bad_arguments(call.name, wrong).message}"
        place = f"{task}/{agent}/tool:{self.turns[f'{task}/{agent}']}.{index}"
        arguments = call.arguments
        if hand.use.approve:
            who = next((m.role for m in self.brief.members if m.id == agent), agent)
            shown = {"tool": call.name, "arguments": arguments}
            text = f"Let {who} use “{hand.kind.title}”?"
            answer = await self._asked(place, Question(text, shown, hand.offer.parameters, arguments, type="tool"))
            if answer["decision"] != "approved":
                return f"Error: a person refused this call. {answer.get('comment') or ''}".strip()
            arguments = answer["data"] if is_object(answer.get("data")) else arguments
        return await self._called(place, hand, call.name, arguments)

    async def _called(self, place: str, hand: Hand, name: str, arguments: dict[str, Any]) -> str:
        key = self._key(place)
        journal = self._run.journal
        if journal.in_doubt(key):
            self._run.reviews[key] = (self._ctx.node_id, "unsafe_effect")
            raise Paused
        resolved = journal.resolved.get(key)
        said = {"tool": name, "args": arguments}

        async def do() -> dict[str, Any]:
            if resolved is not None and resolved.payload["action"] != "repeat":
                return {**said, "result": resolved.payload.get("output", "A person decided that this call failed.")}
            return {**said, **await self._do(key, hand, name, arguments)}

        done = await self._once("tool_called", place, said, do)
        return f"Error: {done['error']['message']}" if "error" in done else _text(done["result"])

    async def _do(self, key: str, hand: Hand, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        args = hand.kind.arguments(name, arguments)
        unsafe = hand.kind.effect(hand.config, args) is Effect.UNSAFE
        if unsafe:
            self._run.effects.add(key)
            await self._say("effect_intended", key, {"request": {"tool": name, "args": arguments}})
        began = time.monotonic()
        try:
            result = await hand.kind.call(args, hand.config, self._tool_context(key))
            return {"result": result, "ms": _ms(began)}
        except NodeError as error:
            if unsafe and error.sent:
                self._run.reviews[key] = (self._ctx.node_id, "unsafe_effect")
                raise Paused from None
            return {"error": error.to_json(), "ms": _ms(began)}
        finally:
            self._run.effects.discard(key)

    def _tool_context(self, key: str) -> tools.ToolContext:
        outside = digest(f"{self._run.effect_run_id}:{TRIES.sub('', key)}")
        return tools.ToolContext(
            self._run.run_id, self._run.workspace_id, outside, self._ctx.secret, self._run.knowledge
        )

    # Tasks -------------------------------------------------------------------------------------------------------

    def finished(self, task: str) -> dict[str, Any] | None:
        """{text, data?} of a task that an earlier attempt or try finished; what it took is counted."""
        for home in reversed(self._homes):
            done = self._run.journal.calls.get(f"{home}/{task}")
            if done is not None:
                took = done.payload["took"]
                self.usage += llm.Usage.of(took["usage"])
                self.turns[task] += took["turns"]
                self.model_name = took["model"]
                return done.payload
        return None

    async def task_done(self, task: str, text: str, data: Any = None) -> None:
        key = f"{self._home}/{task}"
        took = {"usage": self._used.to_json(), "turns": self._turned, "model": self.model_name}
        self._used, self._turned = llm.Usage(), 0
        if key not in self._run.journal.calls:
            said = {"task": task, "text": text, **({} if data is None else {"data": data}), "took": took}
            await self._say("task_completed", key, said)

    # The journal -------------------------------------------------------------------------------------------------

    async def _once(
        self, kind: EventType, place: str, request: dict[str, Any], fn: Callable[[], Awaitable[dict[str, Any]]]
    ) -> dict[str, Any]:
        wanted, calls = digest(request), self._run.journal.calls
        recorded = calls.get(self._key(place))
        if recorded is not None and recorded.payload["request_hash"] != wanted:
            await self._diverge(place, wanted, recorded.payload["request_hash"])
            recorded = calls.get(self._key(place))
        if recorded is not None:
            return recorded.payload
        return await self._say(kind, self._key(place), {"request_hash": wanted, **await fn()})

    async def _diverge(self, place: str, wanted: str, recorded: str) -> None:
        """The engine asked something else than last time: what follows is new. After an unsafe effect a person has to
        say so."""
        key = self._key(place)
        if (key, wanted) not in self._run.journal.diverged:
            if self._unsafe():
                self._run.reviews[self._ctx.key] = (self._ctx.node_id, "diverged")
                raise Paused
            await self._say("diverged", key, {"request_hash": wanted, "recorded_hash": recorded})
        self._branches[_task_of(place)] += 1

    def _unsafe(self) -> bool:
        """Whether an unsafe effect was begun here since a person last looked at this step."""
        journal = self._run.journal
        seen = journal.resolved.get(self._ctx.key)
        begun = (seq for intent, seq in journal.intents.items() if intent.startswith(f"{self._ctx.key}/"))
        return any(seen is None or seq > seen.seq for seq in begun)

    async def _asked(self, place: str, question: Question) -> dict[str, Any]:
        return await self._ctx.ask(question, self._key(place))

    async def _say(self, kind: EventType, key: str, payload: dict[str, Any]) -> dict[str, Any]:
        (event,) = await self._run.journal.append(NewEvent(kind, payload, self._ctx.node_id, key))
        return event.payload

    def _key(self, place: str) -> str:
        """Where this try keeps it, or the latest one before that came this far."""
        journal = self._run.journal
        if branch := self._branches[_task_of(place)]:
            return f"{self._home}/{place}~{branch}"
        for key in (f"{home}/{place}" for home in reversed(self._homes)):
            begun = key in journal.calls or key in journal.questions or key in journal.intents
            if begun and key not in self._spoilt:
                return key
        return f"{self._home}/{place}"

    def _emitter(self, place: str) -> llm.Emit:
        async def emit(text: str) -> None:
            if not self._run.stopped.is_set():
                await self._run.emit(self._ctx.node_id, self._key(place), text)

        return emit


def _spoilt(run: Run, ctx: Context) -> set[str]:
    """Answers that made a try fail, since they did not fit or said nothing: the next try asks for others."""
    found: set[str] = set()
    since = -1
    for failure in ctx.failures():
        said = [
            event for key, event in run.journal.calls.items()
            if event.type == "model_called" and key.startswith(f"{ctx.key}/") and since < event.seq < failure.seq
        ]  # fmt: skip
        if failure.payload["error"]["code"] == "model_bad_output":
            found |= {event.key or "" for event in said[-REPAIRED:]}
        found |= {e.key or "" for e in said if not e.payload["answer"] and not e.payload.get("tool_calls")}
        since = failure.seq
    return found


def _task_of(place: str) -> str:
    """`task/agent/model:0` is the task's own; what belongs to no task, such as `offers:…`, stands alone."""
    return place.split("/")[0]


def _ms(began: float) -> int:
    return round((time.monotonic() - began) * 1000)


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN else text[:SHOWN] + " … (cut)"
