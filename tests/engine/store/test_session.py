from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlmodel import select

from engine.errors import NotFound
from engine.store.models import ApiKey, Run, Workflow, WorkflowVersion, WorkspaceRow
from engine.store.session import Workspace, home_of
from tests.engine.store.world import World


@pytest.fixture
def other(world: World) -> World:
    return World(world.db, "other")


def test_a_query_sees_its_own_workspace_only(world: World, other: World):
    other.admit()
    with world.ws.read() as session:
        assert [row.id for row in session.exec(select(Workflow)).all()] == [world.workflow_id]
        assert session.exec(select(Workflow.id)).all() == [world.workflow_id]
        assert session.exec(select(sa.func.count()).select_from(Workflow)).one() == 1
        assert session.exec(select(Run)).all() == []
        assert session.exec(select(WorkspaceRow.id)).all() == [world.id]


def test_joins_aliases_and_subqueries_are_filtered_too(world: World, other: World):
    alias = sa.orm.aliased(Workflow)
    with world.ws.read() as session:
        joined = select(Workflow.id, WorkflowVersion.id).join(WorkflowVersion, sa.true())
        assert session.exec(joined).all() == [(world.workflow_id, world.version_id)]
        assert session.exec(select(alias.id)).all() == [world.workflow_id]
        inner = select(Workflow.id).where(Workflow.id == other.workflow_id)
        assert session.exec(select(Workflow.id).where(sa.exists(inner))).all() == []
        assert session.exec(sa.union_all(select(Workflow.id), inner)).all() == [(world.workflow_id,)]


def test_a_row_of_another_workspace_is_not_found_by_its_id(world: World, other: World):
    with world.ws.read() as session:
        assert session.find(Workflow, world.workflow_id).name == "Two"
        with pytest.raises(NotFound):
            session.find(Workflow, other.workflow_id)
        assert session.get(Workflow, ("other", other.workflow_id)) is None


def test_changes_reach_the_own_workspace_only(world: World, other: World):
    with world.ws.begin() as session:
        session.exec(sa.update(Workflow).values(name="mine"))
        session.exec(sa.delete(WorkflowVersion))
    with other.ws.read() as session:
        assert session.find(Workflow, other.workflow_id).name == "Two"
        assert session.find(WorkflowVersion, other.version_id)


def test_a_row_of_another_workspace_cannot_be_added(world: World):
    with pytest.raises(NotFound), world.ws.begin() as session:
        session.add(Workflow(workspace_id="other", name="x", spec={}, problems=[], created_at=0, updated_at=0))


def test_plain_sql_is_refused(world: World):
    with world.ws.read() as session, pytest.raises(TypeError):
        session.exec(sa.text("select * from workflow"))
    with world.ws.read() as session, pytest.raises(TypeError):
        session.exec(sa.select(Workflow.__table__))


def test_a_failed_transaction_leaves_nothing(world: World):
    with pytest.raises(ZeroDivisionError), world.ws.begin() as session:
        session.find(Workflow, world.workflow_id).name = "half"
        session.flush()
        _ = 1 / 0
    with world.ws.read() as session:
        assert session.find(Workflow, world.workflow_id).name == "Two"


def test_the_owner_of_a_secret_is_found_by_its_hash(world: World, other: World):
    with other.ws.begin() as session:
        session.add(ApiKey(workspace_id="other", name="k", prefix="nxd_", hash="h", scopes=["read"], created_at=1))
    assert home_of(world.db, ApiKey, "h") == "other"
    assert home_of(world.db, ApiKey, "g") is None


def test_a_workspace_is_cheap_and_holds_nothing_open(world: World):
    for _ in range(100):
        with Workspace(world.db, world.id).read() as session:
            session.find(Workflow, world.workflow_id)
