"""/runs, and the runs of a workflow: start, wait, look at, follow, stop, take up again."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response

from engine.services import runs, workflows
from engine.services.pages import MOST
from nexod_app.api.calls import PREFIX, answer, in_thread, needs, read_fields, read_for, site_of, still_allowed, takes
from nexod_app.api.sse import stream, wants_stream
from nexod_app.auth import Caller
from nexod_app.tailer import rest

router = APIRouter(prefix=PREFIX, tags=["runs"])
Reader = Annotated[Caller, needs("read")]
Runner = Annotated[Caller, needs("run")]
Limit = Annotated[int, Query(ge=1, le=MOST)]
Wait = Annotated[float | None, Query(ge=0, le=60, description="Seconds to wait for the end of the run.")]
INPUTS = takes(inputs="object")
Key = Annotated[str | None, Header(alias="Idempotency-Key", max_length=255)]


@router.post("/workflows/{workflow_id}/runs", status_code=202, openapi_extra=INPUTS)
async def start_run(
    who: Runner, workflow_id: str, request: Request, wait: Wait = None, idempotency_key: Key = None
) -> Response:
    """Start a run of the draft as it stands: `{"inputs": {…}}`, never a graph."""
    started = await _start(who, workflow_id, request, idempotency_key)
    return answer(started, 202) if wait is None else await _waited(who, request, started["run_id"], wait)


@router.post("/agents/{workflow_id}/runs", status_code=202, openapi_extra=INPUTS)
async def start_agent(
    who: Runner, workflow_id: str, request: Request, wait: Wait = None, idempotency_key: Key = None
) -> Response:
    """The same under the name that the first specification gave it."""
    started = await _start(who, workflow_id, request, idempotency_key)
    more = {"estimated_duration": await in_thread(runs.estimate, who.ws, workflow_id, started["run_id"])}
    if wait is not None:
        return await _waited(who, request, started["run_id"], wait, more)
    return answer({**started, **more}, 202)


async def _start(who: Caller, workflow_id: str, request: Request, key: str | None) -> dict[str, Any]:
    body = await read_for(read_fields(request, "inputs", empty=True), workflows.get, who.ws, workflow_id)
    return await in_thread(runs.start, who.ws, workflow_id, body.get("inputs", {}), key)


async def _waited(
    who: Caller, request: Request, run_id: str, seconds: float, more: dict[str, Any] | None = None
) -> Response:
    """200 and the run once nothing will happen by itself, 202 and the run when time is up."""
    found: dict[str, Any] = {}

    async def settled() -> bool:
        found.update(await in_thread(runs.get, who.ws, run_id))
        return runs.is_settled(found)

    done = await rest(site_of(request).tailer, run_id, seconds, settled)
    run = found if done else await in_thread(runs.get, who.ws, run_id)
    return answer({**run, **(more or {})}, 200 if done else 202)


@router.get("/workflows/{workflow_id}/runs")
async def list_runs_of_workflow(
    who: Reader, workflow_id: str, limit: Limit = 50, after: str | None = None, status: str | None = None
) -> Response:
    """Newest first."""
    return answer(await in_thread(runs.of_workflow, who.ws, workflow_id, limit, after, status))


@router.get("/agents/{workflow_id}/runs")
async def list_runs_of_agent(
    who: Reader, workflow_id: str, limit: Limit = 50, after: str | None = None, status: str | None = None
) -> Response:
    """Newest first."""
    return answer(await in_thread(runs.of_workflow, who.ws, workflow_id, limit, after, status))


@router.get("/runs")
async def list_runs(
    who: Reader, limit: Limit = 50, after: str | None = None, status: str | None = None, workflow_id: str | None = None
) -> Response:
    """Newest first; `status` may name several, with commas."""
    return answer(await in_thread(runs.list_, who.ws, limit, after, workflow_id, status))


@router.get("/runs/{run_id}")
async def get_run(who: Reader, run_id: str, request: Request, wait: Wait = None) -> Response:
    """The run as it is; with `wait` once it has ended, needs review, or waits for a person."""
    if wait is not None:
        await in_thread(runs.get, who.ws, run_id)
        return await _waited(who, request, run_id, wait)
    return answer(await in_thread(runs.get, who.ws, run_id))


@router.get("/runs/{run_id}/graph")
async def get_graph(who: Reader, run_id: str) -> Response:
    """The workflow as it was when the run started."""
    return answer(await in_thread(runs.graph, who.ws, run_id))


@router.get("/runs/{run_id}/events")
async def get_events(
    who: Reader,
    run_id: str,
    request: Request,
    after: Annotated[int, Query(ge=-1, le=2**53)] = -1,
    last_event_id: Annotated[str | None, Header(alias="Last-Event-ID")] = None,
) -> Response:
    """The journal: an array of at most 500, or with `Accept: text/event-stream` everything as it happens."""
    if not wants_stream(request):
        return answer(await in_thread(runs.events, who.ws, run_id, after))
    await in_thread(runs.events, who.ws, run_id, -1, 1)
    if last_event_id and last_event_id.isascii() and last_event_id.isdigit():
        after = int(last_event_id[:15])
    return stream(site_of(request).tailer, who.ws.id, run_id, after, lambda: still_allowed(request, "read"))


@router.get("/runs/{run_id}/events/{seq}")
async def get_event(who: Reader, run_id: str, seq: int) -> Response:
    """One event with its large values in full."""
    return answer(await in_thread(runs.event, who.ws, run_id, seq))


@router.post("/runs/{run_id}/cancel", status_code=202)
async def cancel_run(who: Runner, run_id: str) -> Response:
    """It ends within two seconds. 409 if it has ended."""
    return answer(await in_thread(runs.cancel, who.ws, run_id, who.name), 202)


@router.post("/runs/{run_id}/retry", status_code=202)
async def retry_run(who: Runner, run_id: str) -> Response:
    """A new run with every success of this failed or cancelled one."""
    return answer(await in_thread(runs.retry, who.ws, run_id), 202)


@router.post("/runs/{run_id}/fork", status_code=202, openapi_extra=takes("seq", seq="integer", outputs="object"))
async def fork_run(who: Runner, run_id: str, request: Request) -> Response:
    """A new run with the outcomes up to and including `seq`; `outputs` may replace the one at `seq`."""
    body = await read_for(read_fields(request, "seq", "outputs"), runs.get, who.ws, run_id)
    return answer(await in_thread(runs.fork, who.ws, run_id, body.get("seq"), body.get("outputs")), 202)


RESOLUTION = takes("action", node_id="any", key="any", action="string", output="any")


@router.post("/runs/{run_id}/resolve", status_code=202, openapi_extra=RESOLUTION)
async def resolve_run(who: Runner, run_id: str, request: Request) -> Response:
    """The way out of `needs_review`: repeat the step, use an output for it, or fail."""
    reading = read_fields(request, "node_id", "key", "action", "output")
    body = await read_for(reading, runs.get, who.ws, run_id)
    return answer(await in_thread(runs.resolve, who.ws, run_id, body, who.name), 202)
