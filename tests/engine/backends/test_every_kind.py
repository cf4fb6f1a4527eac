"""Every kind of step, on either engine: random workflows of all of them record what the oracle says."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.knowledge.desk import Desk
from engine.node import Knowledge, Silent, registry
from engine.services import collections
from engine.store.models import DEFAULT_WORKSPACE
from engine.store.session import Workspace
from tests.engine.backends.kinds import Kind, Sum, drawings, kinds
from tests.engine.backends.reference import play as oracle
from tests.engine.backends.test_one_journal import TARGETS, Stage, agree, expected, play, several
from tests.engine.harness import Bench
from tests.world.server import Handler, World


class Echo(World):
    """Answers what it is sent."""

    def answer(self, call: Handler) -> None:
        call.reply(200, call.json())


@pytest.fixture(scope="module")
def known() -> Iterator[dict[str, Kind]]:
    with Echo() as echo, pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEXOD_EGRESS_ALLOW", f"127.0.0.1:{echo.port}")
        yield kinds(echo.origin)


@pytest.fixture(scope="module")
def knowledge(tmp_path_factory: pytest.TempPathFactory) -> Knowledge:
    """A collection with the one document that steps add, and a fact to recall."""
    bench = Bench(tmp_path_factory.mktemp("kinds"))
    desk = Desk(bench.db, bench.settings, DEFAULT_WORKSPACE)
    collections.create(Workspace(bench.db, DEFAULT_WORKSPACE), bench.settings, {"name": "notes"})
    asyncio.run(desk.ingest("notes", key="first", text="Seven"))
    asyncio.run(desk.remember("7", key="first", subject="pinned"))
    return desk


def test_no_kind_is_left_out(known: dict[str, Kind]) -> None:
    ours = {name for name, kind in registry().items() if type(kind).__module__.startswith("engine.nodes.")}
    assert known.keys() == ours - {name for name in ours if isinstance(registry()[name], Silent)}


@pytest.mark.parametrize("target", TARGETS)
@several
@given(data=st.data(), seed=st.integers(0, 10**6))
def test_every_kind_records_what_the_oracle_says(
    known: dict[str, Kind], knowledge: Knowledge, target: str, data: st.DataObject, seed: int
) -> None:
    drawing = data.draw(drawings(known))
    want = expected(lambda record: oracle(Sum(drawing, record)))
    got = play(drawing.plan, target, random.Random(seed), knowledge)

    def shown(stage: Stage) -> Stage:
        status, done, asked = stage
        return status, {key: (port, drawing.shown(key, port, out)) for key, (port, out) in done.items()}, asked

    agree(want, [shown(stage) for stage in got])
