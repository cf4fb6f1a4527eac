"""The tables. Schema changes go through Alembic only; times are milliseconds since 1970, JSON is text.

Every row belongs to a workspace, and every unique rule leads with it, so that none tells of another's names.
"""

# SQLModel declares `__tablename__` as something else than what it documents.
# pyright: reportIncompatibleVariableOverride=false, reportUnknownVariableType=false

import json
import os
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Column, Index, LargeBinary, Text, UniqueConstraint
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel
from uuid_utils import reseed_rng, uuid7

# A forked process must not draw the same ids as its siblings.
os.register_at_fork(after_in_child=reseed_rng)
DEFAULT_WORKSPACE = "00000000-0000-7000-8000-000000000001"


def new_id() -> str:
    """A UUIDv7: ids sort by the time they were made."""
    return str(uuid7())


class Json(TypeDecorator[Any]):
    """A JSON value in a text column, the same on every database."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Any) -> str | None:
        return None if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    def process_result_value(self, value: str | None, dialect: Any) -> Any:
        return None if value is None else json.loads(value)


def _ms(nullable: bool = False) -> Any:
    return Field(default=None if nullable else ..., sa_type=BigInteger, nullable=nullable)


def _json(nullable: bool = True) -> Any:
    return Field(default=None if nullable else ..., sa_type=Json, nullable=nullable)


def _text(nullable: bool = True) -> Any:
    return Field(default=None if nullable else ..., sa_type=Text, nullable=nullable)


class Owned(SQLModel):
    """Base of every table but the workspaces themselves."""

    workspace_id: str = Field(primary_key=True)


class WorkspaceRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "workspace"
    id: str = Field(primary_key=True)
    name: str
    created_at: int = _ms()


class SignInToken(Owned, table=True):
    """A one-time sign-in link, kept hashed."""

    __tablename__: ClassVar[str] = "sign_in_token"
    hash: str = Field(primary_key=True, index=True)
    created_at: int = _ms()
    expires_at: int = _ms()
    used_at: int | None = _ms(nullable=True)


class SessionRow(Owned, table=True):
    """A signed-in browser; `hash` is of the cookie's value."""

    __tablename__: ClassVar[str] = "session"
    hash: str = Field(primary_key=True, index=True)
    name: str
    scopes: list[str] = _json(nullable=False)
    created_at: int = _ms()
    last_seen_at: int = _ms()
    expires_at: int = _ms()


class ApiKey(Owned, table=True):
    __tablename__: ClassVar[str] = "api_key"
    id: str = Field(primary_key=True, default_factory=new_id)
    name: str
    prefix: str
    hash: str = Field(index=True)
    scopes: list[str] = _json(nullable=False)
    created_at: int = _ms()
    last_used_at: int | None = _ms(nullable=True)
    revoked_at: int | None = _ms(nullable=True)


class Workflow(Owned, table=True):
    """One draft: `rev` counts its changes, `problems` is what is wrong with it now."""

    __tablename__: ClassVar[str] = "workflow"
    __table_args__ = (Index("ix_workflow_updated", "workspace_id", "updated_at"),)
    id: str = Field(primary_key=True, default_factory=new_id)
    name: str
    rev: int = 1
    spec: dict[str, Any] = _json(nullable=False)
    problems: list[dict[str, Any]] = _json(nullable=False)
    version_id: str | None = None
    """The version minted last."""
    version: int = 0
    created_at: int = _ms()
    updated_at: int = _ms()
    deleted_at: int | None = _ms(nullable=True)


class WorkflowVersion(Owned, table=True):
    """A spec that never changes; a run pins one."""

    __tablename__: ClassVar[str] = "workflow_version"
    __table_args__ = (
        UniqueConstraint("workspace_id", "workflow_id", "hash", name="uq_workflow_version_hash"),
        UniqueConstraint("workspace_id", "workflow_id", "number", name="uq_workflow_version_number"),
    )
    id: str = Field(primary_key=True, default_factory=new_id)
    workflow_id: str
    number: int
    hash: str
    spec: dict[str, Any] = _json(nullable=False)
    created_at: int = _ms()


class CanvasOp(Owned, table=True):
    """One acknowledged batch of the canvas, so that a repeated one is answered and not applied."""

    __tablename__: ClassVar[str] = "canvas_op"
    workflow_id: str = Field(primary_key=True)
    client: str = Field(primary_key=True)
    seq: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    rev: int
    ops: list[dict[str, Any]] = _json(nullable=False)
    answer: dict[str, Any] | None = _json()
    at: int = _ms()


class Run(Owned, table=True):
    """What lists and headers show; derived from the journal, in its transactions."""

    __tablename__: ClassVar[str] = "run"
    __table_args__ = (
        Index("ix_run_workflow", "workspace_id", "workflow_id", "id"),
        Index("ix_run_status", "workspace_id", "status", "id"),
    )
    id: str = Field(primary_key=True, default_factory=new_id)
    workflow_id: str
    version_id: str
    version: int
    target: str
    status: str = "pending"
    reason: str | None = None
    inputs: dict[str, Any] = _json(nullable=False)
    outputs: dict[str, Any] | None = _json()
    error: dict[str, Any] | None = _json()
    waiting_for: list[str] = _json(nullable=False)
    usage: dict[str, Any] | None = _json()
    forked_from_run_id: str | None = None
    forked_from_seq: int | None = None
    effect_run_id: str
    """The run whose id idempotency keys are made of: itself, or the one that it retries."""
    created_at: int = _ms()
    started_at: int | None = _ms(nullable=True)
    completed_at: int | None = _ms(nullable=True)


class RunQueue(SQLModel, table=True):
    """All that workers claim from. `state`: queued, running, waiting, review, ended.

    `next_seq` hands out places in the journal, `epoch` numbers the attempts, `size` counts the journal's bytes.
    The only key without a workspace: workers serve all of them, and a run id is unique by itself."""

    __tablename__: ClassVar[str] = "run_queue"
    __table_args__ = (Index("ix_run_queue_state", "state", "queued_at"),)
    run_id: str = Field(primary_key=True)
    workspace_id: str
    state: str
    engine: str = Field(default="langgraph", sa_column_kwargs={"server_default": "langgraph"})
    """The heaviest engine that the run needs."""
    queued_at: int = _ms()
    epoch: int = 0
    owner: str | None = None
    lease_until: int | None = _ms(nullable=True)
    next_seq: int
    lost_in_a_row: int = 0
    cancel_requested: int = 0
    size: int = Field(default=0, sa_type=BigInteger)


class RunEvent(Owned, table=True):
    """The journal."""

    __tablename__: ClassVar[str] = "run_event"
    run_id: str = Field(primary_key=True)
    seq: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    type: str
    node_id: str | None = _text()
    key: str | None = _text()
    payload: dict[str, Any] = _json(nullable=False)
    at: int = _ms()


class Blob(Owned, table=True):
    """A large value of a journal, under the hash of its content."""

    __tablename__: ClassVar[str] = "blob"
    hash: str = Field(primary_key=True)
    data: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created_at: int = _ms()


class Approval(Owned, table=True):
    __tablename__: ClassVar[str] = "approval"
    __table_args__ = (
        Index("ix_approval_status", "workspace_id", "status", "id"),
        Index("ix_approval_run", "run_id"),
        Index("ix_approval_deadline", "status", "deadline_at"),
    )
    id: str = Field(primary_key=True, default_factory=new_id)
    run_id: str
    workflow_id: str
    node_id: str = _text(nullable=False)
    key: str = _text(nullable=False)
    type: str = "approval"
    status: str = "pending"
    question: str = _text(nullable=False)
    content: Any = _json()
    schema_: dict[str, Any] | None = Field(default=None, sa_column=Column("schema", Json, nullable=True))
    data: Any = _json()
    """The prefill while pending, then what the person sent."""
    hash: str
    created_at: int = _ms()
    deadline_at: int | None = _ms(nullable=True)
    decision: str | None = None
    comment: str | None = _text()
    decided_by: str | None = None
    decided_at: int | None = _ms(nullable=True)


class Timer(Owned, table=True):
    """A Pause or a retry that waits for the clock."""

    __tablename__: ClassVar[str] = "timer"
    __table_args__ = (Index("ix_timer_due", "due_at"),)
    run_id: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    node_id: str | None = _text()
    due_at: int = _ms()


class Outbox(Owned, table=True):
    """What must be told to somebody after a commit: `doorbell` for the queue, later webhooks."""

    __tablename__: ClassVar[str] = "outbox"
    __table_args__ = (Index("ix_outbox_due", "kind", "due_at"),)
    kind: str = Field(primary_key=True)
    ref: str = Field(primary_key=True)
    payload: dict[str, Any] | None = _json()
    attempts: int = 0
    due_at: int = _ms()


class Idempotency(Owned, table=True):
    """The answer that a repeated request gets again."""

    __tablename__: ClassVar[str] = "idempotency"
    key: str = Field(primary_key=True)
    scope: str = Field(primary_key=True)
    """What the key was sent to: keys of two routes never meet."""
    body_hash: str
    status: int
    answer: dict[str, Any] = _json(nullable=False)
    created_at: int = _ms()


class StreamToken(Owned, table=True):
    """Live model text: no journal, dropped when its step ends."""

    __tablename__: ClassVar[str] = "stream_token"
    run_id: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    n: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    node_id: str | None = _text()
    text: str = _text(nullable=False)


class SettingRow(Owned, table=True):
    """What a workspace chose for itself, by name; its service knows the shape of each."""

    __tablename__: ClassVar[str] = "setting"
    name: str = Field(primary_key=True)
    value: Any = _json(nullable=False)
    updated_at: int = _ms()


class WorkerRow(Owned, table=True):
    """When a worker process was last seen; health is read from it, nothing else."""

    __tablename__: ClassVar[str] = "worker"
    owner: str = Field(primary_key=True)
    seen_at: int = _ms()


class Collection(Owned, table=True):
    """Documents that are searched together. `embedding` and `dimension` never change while it has vectors, but by
    embedding everything anew."""

    __tablename__: ClassVar[str] = "collection"
    __table_args__ = (UniqueConstraint("workspace_id", "name", name="uq_collection_name"),)
    id: str = Field(primary_key=True, default_factory=new_id)
    name: str
    store: str = "embedded"
    embedding: str = "hashing"
    dimension: int
    chunk_size: int
    chunk_overlap: int
    space: str = Field(default_factory=new_id)
    """Its place in the store: a move writes into a new one, so that old and new never mix."""
    moving: dict[str, Any] | None = _json()
    """Where everything is being copied to, and how far that is: {store, embedding, dimension, done, of, error}."""
    created_at: int = _ms()
    updated_at: int = _ms()


class Document(Owned, table=True):
    """One text and its place in the queue of ingests. `status`: pending, ingesting, ready, failed.

    `live` is the revision that is searched (0: none), `revision` the one that is being made or was made last: a new
    text replaces the old one in one transaction. Workers claim by `owner`, `epoch`, `lease_until` as they do runs;
    while it is pending, `lease_until` is the time before which nobody may. What it leaves in store and files when it
    changes or goes is a Chore."""

    __tablename__: ClassVar[str] = "document"
    __table_args__ = (
        Index("ix_document_collection", "workspace_id", "collection_id", "id"),
        Index("ix_document_queue", "status", "lease_until"),
        Index("ix_document_source", "workspace_id", "collection_id", "source"),
    )
    id: str = Field(primary_key=True, default_factory=new_id)
    collection_id: str
    title: str = _text(nullable=False)
    source: str = _text(nullable=False)
    """File name, URL, or title of a pasted text: what a new version is recognised by."""
    origin: str
    """file, url, text or run."""
    workflow_id: str | None = None
    content_type: str = ""
    size: int = Field(default=0, sa_type=BigInteger)
    hash: str = ""
    """SHA-256 of the original; empty until a URL is fetched."""
    file_key: str | None = _text()
    status: str = "pending"
    stage: str = ""
    """What is being done: fetching, reading, embedding, storing."""
    progress: float = 0
    chunks: int = 0
    error: dict[str, Any] | None = _json()
    details: dict[str, Any] | None = _json()
    """What reading it found: {kind, pages, characters, warnings}."""
    revision: int = 1
    live: int = 0
    epoch: int = 0
    owner: str | None = None
    lease_until: int | None = _ms(nullable=True)
    lost_in_a_row: int = 0
    tries: int = 0
    """Passing faults so far, each with a longer pause before the next try."""
    created_at: int = _ms()
    updated_at: int = _ms()


class Chore(Owned, table=True):
    """Work that a change leaves behind, written in the change's own transaction and repeated until it is done.
    `kind`: forget (vectors, files), move (a collection)."""

    __tablename__: ClassVar[str] = "chore"
    __table_args__ = (Index("ix_chore_due", "due_at"),)
    id: str = Field(primary_key=True, default_factory=new_id)
    kind: str
    collection_id: str
    body: dict[str, Any] = _json(nullable=False)
    due_at: int = _ms()
    """Not before; while somebody is at it, the end of their lease."""
    owner: str | None = None
    epoch: int = 0
    tries: int = 0
    created_at: int = _ms()


class Chunk(Owned, table=True):
    """A passage of a live revision; its id is also its vector's: `<document>:<revision>:<n>`."""

    __tablename__: ClassVar[str] = "chunk"
    __table_args__ = (Index("ix_chunk_document", "workspace_id", "document_id", "n"),)
    id: str = Field(primary_key=True)
    collection_id: str
    document_id: str
    n: int
    text: str = _text(nullable=False)
    metadata_: dict[str, Any] = Field(sa_column=Column("metadata", Json, nullable=False))
    """{title, source, content_type, created, workflow?, heading?, page?, n}: what filters see."""


class VectorSpace(Owned, table=True):
    """Counts the changes of one collection's embedded vectors, so that processes know what they have not read yet."""

    __tablename__: ClassVar[str] = "vector_space"
    collection_id: str = Field(primary_key=True)
    version: int = Field(default=0, sa_type=BigInteger)
    floor: int = Field(default=0, sa_type=BigInteger)
    """Who has read less than this reads all anew: traces of what was deleted before it are gone."""
    gone: int = 0
    """Traces of deleted vectors that there are at most."""


class Vector(Owned, table=True):
    """A vector of the embedded store: float32, little-endian. Empty: deleted, until every process may know it."""

    # Not `vector`: a table is a type too in PostgreSQL, and pgvector has one of that name.
    __tablename__: ClassVar[str] = "vector_item"
    __table_args__ = (Index("ix_vector_item_version", "workspace_id", "collection_id", "version", "id"),)
    collection_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    version: int = Field(sa_type=BigInteger)
    """The change that wrote it."""
    metadata_: dict[str, Any] = Field(sa_column=Column("metadata", Json, nullable=False))
    data: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class EmbeddingRow(Owned, table=True):
    """What a model answered for a text, by the text's hash: nothing is embedded twice."""

    __tablename__: ClassVar[str] = "embedding"
    model: str = Field(primary_key=True)
    hash: str = Field(primary_key=True)
    data: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created_at: int = _ms()


class ThreadMessage(Owned, table=True):
    """Short-term memory: what was said in a thread, in order. `key` names the step that said it, so that a repeated
    step says nothing twice."""

    __tablename__: ClassVar[str] = "thread_message"
    __table_args__ = (
        UniqueConstraint("workspace_id", "thread", "key", name="uq_thread_message_key"),
        Index("ix_thread_message_thread", "workspace_id", "thread", "id"),
    )
    id: str = Field(primary_key=True, default_factory=new_id)
    thread: str = _text(nullable=False)
    key: str = _text(nullable=False)
    role: str
    text: str = _text(nullable=False)
    run_id: str | None = None
    created_at: int = _ms()


class MemoryItem(Owned, table=True):
    """Long-term memory. `kind`: fact (remembered on purpose) or pattern (learned from a person's decision)."""

    __tablename__: ClassVar[str] = "memory_item"
    __table_args__ = (
        UniqueConstraint("workspace_id", "key", name="uq_memory_item_key"),
        Index("ix_memory_item_kind", "workspace_id", "kind", "updated_at"),
        Index("ix_memory_item_subject", "workspace_id", "subject"),
    )
    id: str = Field(primary_key=True, default_factory=new_id)
    kind: str = "fact"
    text: str = _text(nullable=False)
    subject: str = ""
    """What it is about, to recall by: a customer, a project; for a pattern `<workflow>/<node>`."""
    details: dict[str, Any] | None = _json()
    """A pattern's example: {decision, question, before, after, comment}."""
    confidence: float = 1.0
    seen: int = 1
    key: str | None = None
    """The step or decision that it came from: the same one makes no second item."""
    run_id: str | None = None
    created_at: int = _ms()
    updated_at: int = _ms()
