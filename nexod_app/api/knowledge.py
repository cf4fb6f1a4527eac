"""/collections and /documents: what is searched, what comes in, and the search itself."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Header, Query, Request, Response

from engine.knowledge.adding import invalid
from engine.services import collections, documents, search
from engine.services.pages import MOST
from nexod_app.api.calls import PREFIX, answer, in_thread, needs, read_fields, site_of, takes
from nexod_app.api.uploads import form, is_upload, uploaded
from nexod_app.auth import Caller

router = APIRouter(prefix=PREFIX, tags=["knowledge"])
Reader = Annotated[Caller, needs("read")]
Writer = Annotated[Caller, needs("write")]
Limit = Annotated[int, Query(ge=1, le=MOST)]
Key = Annotated[str | None, Header(alias="Idempotency-Key", max_length=255)]

NEW = ("name", "store", "embedding", "chunk_size", "chunk_overlap")
COLLECTION = takes(
    "name", name="string", store="string", embedding="string", chunk_size="integer", chunk_overlap="integer"
)


# Collections -------------------------------------------------------------------------------------------------


@router.get("/collections")
async def list_collections(who: Reader, limit: Limit = 50, after: str | None = None) -> Response:
    """Newest first."""
    return answer(await in_thread(collections.list_, who.ws, limit, after))


@router.post("/collections", status_code=201, openapi_extra=COLLECTION)
async def create_collection(who: Writer, request: Request) -> Response:
    """`store`: embedded (default), pinecone or pgvector; `embedding`: hashing (default) or another of
    `/collections/choices`. 409 for a name that is taken."""
    body = await read_fields(request, *NEW)
    made = await in_thread(collections.create, who.ws, site_of(request).settings, body)
    return answer(made, 201, {"Location": f"{PREFIX}/collections/{made['id']}"})


@router.get("/collections/choices")
async def list_choices(who: Reader, request: Request) -> Response:
    """Where vectors can live and how texts can become vectors here: `{"stores", "embeddings"}`."""
    settings = site_of(request).settings
    stores = await in_thread(collections.stores, who.ws, settings)
    return answer({"stores": stores, "embeddings": await in_thread(collections.embeddings, settings)})


PREVIEW = takes("text", title="string", text="string", chunk_size="integer", chunk_overlap="integer")
PREVIEW["requestBody"]["content"] |= form(chunk_size="integer", chunk_overlap="integer")


@router.post("/collections/preview", openapi_extra=PREVIEW)
async def preview_document(who: Writer, request: Request) -> Response:
    """How a file or text would be read and cut into passages. Nothing is stored."""
    settings = site_of(request).settings
    if not is_upload(request):
        body = await read_fields(request, "title", "text", "chunk_size", "chunk_overlap")
        return answer(await in_thread(documents.preview_text, settings, body))
    async with uploaded(request) as file:
        wanted = [_whole(file.fields.get(name), name) for name in ("chunk_size", "chunk_overlap")]
        data = await in_thread(file.read)
        found = await in_thread(documents.preview, settings, file.name, data, *wanted, content_type=file.content_type)
    return answer(found)


@router.get("/collections/{collection_id}")
async def get_collection(who: Reader, collection_id: str) -> Response:
    """The collection; `moving` says where it is being moved to, and how far."""
    return answer(await in_thread(collections.get, who.ws, collection_id))


@router.delete("/collections/{collection_id}", status_code=204)
async def delete_collection(who: Writer, collection_id: str) -> Response:
    """With all its documents, for good."""
    await in_thread(collections.delete, who.ws, collection_id)
    return Response(status_code=204)


@router.post(
    "/collections/{collection_id}/move", status_code=202, openapi_extra=takes(store="string", embedding="string")
)
async def move_collection(who: Writer, collection_id: str, request: Request) -> Response:
    """To another store, to another embedding, or both. It is searched where it is until everything is copied and
    checked. 409 while it is moved."""
    await in_thread(collections.get, who.ws, collection_id)
    body = await read_fields(request, "store", "embedding")
    settings = site_of(request).settings
    return answer(await in_thread(collections.move, who.ws, settings, collection_id, body), 202)


@router.delete("/collections/{collection_id}/move")
async def cancel_move(who: Writer, collection_id: str) -> Response:
    """It stays where it is."""
    return answer(await in_thread(collections.cancel_move, who.ws, collection_id))


SEARCH = takes("query", query="string", top_k="integer", mode="string", filter="object", min_score="number")


@router.post("/collections/{collection_id}/search", openapi_extra=SEARCH)
async def search_collection(who: Reader, collection_id: str, request: Request) -> Response:
    """`mode`: hybrid (default), vector or keyword. Best first."""
    await in_thread(collections.get, who.ws, collection_id)
    body = await read_fields(request, "query", "top_k", "mode", "filter", "min_score")
    return answer(await in_thread(search.search, who.ws, site_of(request).settings, collection_id, body))


# Documents ---------------------------------------------------------------------------------------------------

DOCUMENT = takes("", url="string", title="string", text="string")
DOCUMENT["requestBody"] = {"content": DOCUMENT["requestBody"]["content"] | form(), "required": True}


@router.get("/collections/{collection_id}/documents")
async def list_documents(
    who: Reader, collection_id: str, limit: Limit = 50, after: str | None = None, status: str | None = None
) -> Response:
    """Newest first; `status` may name several, with commas."""
    return answer(await in_thread(documents.list_, who.ws, collection_id, limit, after, status))


@router.post("/collections/{collection_id}/documents", status_code=202, openapi_extra=DOCUMENT)
async def add_document(who: Writer, collection_id: str, request: Request, idempotency_key: Key = None) -> Response:
    """A file of up to 25 MB, `{"url"}`, or `{"title", "text"}`. The same content again is the same document; another
    content from the same source is a new version of it."""
    settings = site_of(request).settings
    await in_thread(collections.get, who.ws, collection_id)
    if not is_upload(request):
        body = await read_fields(request, "url", "title", "text")
        return answer(await in_thread(documents.add, who.ws, settings, collection_id, body, idempotency_key), 202)
    async with uploaded(request) as file:
        data = await in_thread(file.read)
        added = await in_thread(
            documents.add_file, who.ws, settings, collection_id, file.name, file.content_type, data, idempotency_key
        )
    return answer(added, 202)


@router.get("/documents/{document_id}")
async def get_document(who: Reader, document_id: str) -> Response:
    """`status`: pending, ingesting, ready or failed. `searchable` may be true while a new version is on its way, or
    has failed."""
    return answer(await in_thread(documents.get, who.ws, document_id))


@router.delete("/documents/{document_id}", status_code=204)
async def delete_document(who: Writer, document_id: str) -> Response:
    """For good: it is not found from here on."""
    await in_thread(documents.delete, who.ws, document_id)
    return Response(status_code=204)


@router.post("/documents/{document_id}/cancel", status_code=202)
async def cancel_document(who: Writer, document_id: str) -> Response:
    """Stop reading it. 409 when nobody does."""
    return answer(await in_thread(documents.cancel, who.ws, document_id), 202)


@router.post("/documents/{document_id}/retry", status_code=202)
async def retry_document(who: Writer, document_id: str) -> Response:
    """Read a failed one again, or fetch one from the web anew. 409 otherwise."""
    return answer(await in_thread(documents.retry, who.ws, document_id), 202)


@router.get("/documents/{document_id}/original")
async def get_original(who: Reader, document_id: str, request: Request) -> Response:
    """The file as it came, to be saved: a browser never opens it as a page of ours."""
    name, data = await in_thread(documents.original, who.ws, site_of(request).settings, document_id)
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "Content-Encoding": "identity",  # as it is: packing 25 MB would hold everybody up
    }
    return Response(data, media_type="application/octet-stream", headers=headers)


@router.get("/documents/{document_id}/passages")
async def list_passages(who: Reader, document_id: str, limit: Limit = 50, after: str | None = None) -> Response:
    """What is searched of it, in its order."""
    return answer(await in_thread(documents.passages, who.ws, document_id, limit, after))


def _whole(text: str | None, field: str) -> Any:
    """A whole number of a form; None when it is left out."""
    if text is None or not text.strip():
        return None
    if not text.strip().isascii() or not text.strip().isdigit() or len(text) > 9:
        raise invalid("wrong_type", f"{field} is a whole number.", "Leave it out for the usual.", field)
    return int(text)
