"""/session and /keys: signing in and out, and the keys that programs use."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request, Response

from engine.errors import Forbidden, Unauthorized
from engine.services import identity
from nexod_app.api.calls import PREFIX, answer, in_thread, needs, read_fields, site_of, takes
from nexod_app.auth import Caller, cookie_name, cookie_of, own_origin

router = APIRouter(prefix=PREFIX, tags=["identity"])
Anybody = Annotated[Caller, needs(None)]
Admin = Annotated[Caller, needs("admin")]


@router.post("/session", openapi_extra=takes("token", token="string"))
async def sign_in(request: Request) -> Response:
    """`{"token"}` of a sign-in link, once, for a cookie. Open to all, so vain attempts are counted."""
    site = site_of(request)
    if not own_origin(request.headers, site.settings):
        raise Forbidden("The request comes from another site.", hint="Open the link itself.")
    who = ("sign-in", request.client.host if request.client else "")
    await in_thread(site.sign_ins.check, *who)
    body = await read_fields(request, "token")
    try:
        value = await in_thread(identity.sign_in, site.db, body.get("token"))
    except Unauthorized:
        await in_thread(site.sign_ins.failed, *who)
        raise
    response = answer({"name": identity.PERSON, "scopes": list(identity.SCOPES)})
    secure = site.settings.url.startswith("https://")
    response.set_cookie(
        cookie_name(site.settings), value, max_age=identity.SESSION_MS // 1000, path="/", httponly=True,
        samesite="lax", secure=secure,
    )  # fmt: skip
    return response


@router.get("/session")
async def who_am_i(who: Anybody) -> Response:
    """Name and scopes of whoever asks."""
    return answer({"name": who.name, "kind": who.actor.kind, "scopes": sorted(who.actor.scopes)})


@router.delete("/session", status_code=204)
async def sign_out(who: Anybody, request: Request) -> Response:
    """Ends the session on the server; the cookie is worth nothing afterwards."""
    site = site_of(request)
    if cookie := cookie_of(request.headers.get("cookie", ""), site.settings):
        await in_thread(identity.sign_out, site.db, cookie)
    response = Response(status_code=204)
    response.delete_cookie(
        cookie_name(site.settings), path="/", httponly=True, samesite="lax",
        secure=site.settings.url.startswith("https://"),
    )  # fmt: skip
    return response


@router.get("/keys")
async def list_keys(who: Admin) -> Response:
    """The live ones, without their secrets."""
    return answer({"items": await in_thread(identity.list_keys, who.ws), "next": None})


@router.post("/keys", status_code=201, openapi_extra=takes("name", name="string", scopes="array"))
async def create_key(who: Admin, request: Request) -> Response:
    """`{"name", "scopes"?}`. The answer holds `key`, this once. Without `scopes` it may do everything."""
    body = await read_fields(request, "name", "scopes")
    return answer(await in_thread(identity.create_key, who.ws, body.get("name"), body.get("scopes")), 201)


@router.delete("/keys/{key_id}", status_code=204)
async def revoke_key(who: Admin, key_id: str) -> Response:
    """From now on the key is refused."""
    await in_thread(identity.revoke_key, who.ws, key_id)
    return Response(status_code=204)
