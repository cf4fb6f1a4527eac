"""From the services' JSON to what the pages of collections draw. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nexod_app.words import count

STORES = {"embedded": "Here", "pgvector": "PostgreSQL", "pinecone": "Pinecone"}
KINDS = {
    "pdf": "PDF", "docx": "Word", "html": "HTML", "markdown": "Markdown", "csv": "CSV", "json": "JSON", "text": "Text",
}  # fmt: skip
ORIGINS = {"file": "file", "url": "link", "text": "note", "run": "flow"}
STAGES = {
    "": "Waiting its turn", "queued": "Waiting its turn", "fetching": "Fetching the page", "reading": "Reading",
    "embedding": "Making it searchable", "storing": "Storing",
}  # fmt: skip
AT_WORK = ("pending", "ingesting")


@dataclass
class Choice:
    """A store or an embedding that can be chosen, or why it cannot."""

    name: str
    title: str
    text: str
    ready: bool = True


@dataclass
class Row:
    """One collection of the list."""

    id: str = ""
    name: str = ""
    store: str = ""
    how: str = ""
    documents: str = ""
    passages: str = ""
    state: str = ""
    changed: str = ""


@dataclass
class Doc:
    """One document of a collection's list. `status` is a word of the status chips; `percent` while it is in work."""

    id: str = ""
    title: str = ""
    source: str = ""
    url: str = ""
    sign: str = "file"
    about: str = ""
    status: str = "pending"
    word: str = ""
    percent: int = 0
    busy: bool = False
    passages: str = ""
    error: str = ""
    cure: str = ""
    code: str = ""
    warnings: str = ""
    changed: str = ""
    original: bool = False


@dataclass
class Passage:
    """One passage of a document as it is kept."""

    n: int
    place: str
    text: str
    size: str


@dataclass
class Head:
    """The collection that is open."""

    id: str = ""
    name: str = ""
    store: str = ""
    place: str = ""
    """Its store, in words."""
    embedding: str = ""
    how: str = ""
    documents: int = 0
    passages: str = ""
    chunk_size: int = 1000
    chunk_overlap: int = 150
    moving: str = ""
    """What is being copied where, in words."""
    moved: int = 0
    """How much of it, in percent."""
    fault: str = ""


@dataclass
class Progress:
    """How far all documents of a collection are."""

    words: str = ""
    percent: int = 100
    busy: bool = False
    ready: int = 0
    failed: int = 0


def row(one: Mapping[str, Any]) -> Row:
    return Row(
        id=one["id"],
        name=one["name"],
        store=STORES.get(one["store"], one["store"]),
        how=how(one["embedding"]),
        documents=f"{one['documents']:,}",
        passages=f"{one['chunks']:,}",
        state="Moving" if one.get("moving") and not one["moving"].get("error") else "",
        changed=one["updated_at"] or "",
    )


def how(embedding: str) -> str:
    """What an embedding finds, in plain words."""
    match embedding.partition("/")[0]:
        case "hashing":
            return "Finds words, not meanings"
        case "minilm":
            return "Finds meanings, on this machine"
        case "openai":
            return f"Finds meanings, with {embedding.partition('/')[2] or 'OpenAI'}"
        case other:
            return f"Finds meanings, with {other}"


def head(one: Mapping[str, Any]) -> Head:
    moving = one.get("moving") or {}
    return Head(
        id=one["id"],
        name=one["name"],
        store=one["store"],
        place="Kept here" if one["store"] == "embedded" else f"Kept in {STORES.get(one['store'], one['store'])}",
        embedding=one["embedding"],
        how=how(one["embedding"]),
        documents=one["documents"],
        passages=count(one["chunks"], "passage"),
        chunk_size=one["chunk_size"],
        chunk_overlap=one["chunk_overlap"],
        moving=_moving(one, moving) if moving and not moving.get("error") else "",
        moved=_percent(moving.get("done", 0) / max(moving.get("of") or 1, 1)),
        fault=_fault(moving.get("error")),
    )


def _moving(one: Mapping[str, Any], moving: Mapping[str, Any]) -> str:
    store = moving.get("store") or one["store"]
    if store != one["store"]:
        return f"Copying to {STORES.get(store, store)}, {moving.get('done', 0):,} of {moving.get('of', 0):,}"
    return f"Making it searchable anew, {moving.get('done', 0):,} of {moving.get('of', 0):,}"


def _fault(error: Any) -> str:
    if isinstance(error, Mapping):
        return f"{error.get('message', '')} {error.get('hint', '')}".strip()
    return str(error or "")


def _percent(part: float) -> int:
    return round(100 * min(max(part, 0), 1))


def choice(one: Mapping[str, Any]) -> Choice:
    """A store or an embedding as the services name it; what is not ready says what it needs."""
    wants = "" if one["ready"] else one.get("hint", "")
    return Choice(one["name"], one["title"], f"{one['help']} {wants}".replace("`", "").strip(), one["ready"])


def doc(one: Mapping[str, Any]) -> Doc:
    details, error = one.get("details") or {}, one.get("error") or {}
    status, word = _state(one, error)
    source, busy = one["source"] or "", one["status"] in AT_WORK
    return Doc(
        id=one["id"],
        title=one["title"] or source or "Untitled",
        source=source if source != one["title"] else "",
        url=source if source.startswith(("http://", "https://")) else "",
        sign=ORIGINS.get(one.get("origin") or "file", "file"),
        about=about(one, details),
        status=status,
        word=stage(one, error) if busy else word,
        percent=_percent(one["progress"] or 0),
        busy=busy,
        passages=count(one["chunks"], "passage") if one["chunks"] else "",
        error="" if status == "cancelled" else error.get("message", ""),
        cure=error.get("hint") or "",
        code=error.get("code", ""),
        warnings=" ".join(details.get("warnings") or []),
        changed=one["updated_at"] or one.get("created_at") or "",
        original=one.get("origin") in ("file", "text") and bool(one.get("size")),
    )


def stage(one: Mapping[str, Any], error: Mapping[str, Any]) -> str:
    """What is being done with it; one that waits after a fault is tried again."""
    return (
        "Will be tried again" if error and one["status"] == "pending" else STAGES.get(one.get("stage") or "", "In work")
    )


def _state(one: Mapping[str, Any], error: Mapping[str, Any]) -> tuple[str, str]:
    """Which chip it wears, and its word."""
    if error.get("code") == "cancelled":
        return "cancelled", "Cancelled"
    if one["status"] == "failed" and one.get("searchable"):
        return "failed", "Older text searchable"
    return STATUS.get(one["status"], ("idle", one["status"]))


STATUS = {
    "pending": ("pending", "Waiting"),
    "ingesting": ("running", "In work"),
    "ready": ("completed", "Searchable"),
    "failed": ("failed", "Not searchable"),
}


def about(one: Mapping[str, Any], details: Mapping[str, Any]) -> str:
    """`PDF · 12 pages · 1.2 MB`."""
    pages = details.get("pages")
    parts = [kind(one, details), count(pages, "page") if pages else "", size(one.get("size") or 0)]
    return " · ".join(part for part in parts if part)


def kind(one: Mapping[str, Any], details: Mapping[str, Any]) -> str:
    if known := details.get("kind"):
        return KINDS.get(known, str(known))
    ending = (one["source"] or "").rpartition(".")[2].upper()
    return ending if 0 < len(ending) <= 5 and ending.isalnum() and one.get("origin") == "file" else ""


def size(number: int) -> str:
    if not number:
        return ""
    if number < 1024:
        return f"{number} B"
    return f"{number / 1024:.0f} KB" if number < 2**20 else f"{number / 2**20:.1f} MB"


def progress(total: int, unready: Sequence[Mapping[str, Any]]) -> Progress:
    """All of them together: each counts the same, one that failed as done. `unready` are those in work or failed."""
    if not total:
        return Progress()
    failed = sum(one["status"] == "failed" for one in unready)
    busy = [one for one in unready if one["status"] in AT_WORK]
    ready = max(total - failed - len(busy), 0)
    done = total - len(busy) + sum(one["progress"] or 0 for one in busy)
    words = f"{ready:,} of {count(total, 'document')} searchable"
    if failed:
        words += f", {failed:,} failed"
    return Progress(words, _percent(done / total), bool(busy), ready, failed)


def passage(one: Mapping[str, Any]) -> Passage:
    found = one.get("metadata") or {}
    return Passage(
        n=one.get("n", found.get("n", 0)) + 1,
        place=place({**found, **one}),
        text=one["text"],
        size=count(len(one["text"]), "character"),
    )


def place(one: Mapping[str, Any]) -> str:
    """`Chapter › Part · page 3`."""
    parts = [one.get("heading") or "", f"page {one['page']}" if one.get("page") else ""]
    return " · ".join(part for part in parts if part)
