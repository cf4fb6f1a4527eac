"""Pinecone's REST protocol, version 2026-07, played by a local server: one for indexes, one more for each index.

    with Service() as service:
        …  Client(api_key=service.key, host=service.origin)  …

Written from the service's documentation and its client, apart from the adapter: it keeps the service's limits, answers
what the service answers, and shows a write only `lag_s` later. `fail`, `delay_s`, `lag_s`, `positions` make it hard.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np

from tests.world.server import Handler, World, main

MAX_BODY = 2 * 1024 * 1024
MAX_ADDRESS = 8000
MAX_METADATA = 40 * 1024
Record = tuple[np.ndarray, dict[str, Any]]


@dataclass
class Fault:
    """An answer instead of the right one; None as `status`: hang up."""

    status: int | None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    path: str = ""
    times: int = 1


class Refused(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        self.status, self.code, self.message = status, code, message


class Plane(World):
    """What both kinds of server share: the key, the faults, and a list of what was asked."""

    def __init__(self, service: Service | None, port: int = 0) -> None:
        super().__init__(port)
        self.service = service

    def answer(self, call: Handler) -> None:
        service = self.service
        assert service
        parts = urlsplit(call.path)
        with self.lock:
            service.asked.append((call.command, parts.path, dict(call.headers.items()), call.body))
        if service.delay_s and parts.path.startswith(service.delay_path):
            self.wait(service.delay_s)
        fault = service.take(parts.path)
        if fault:
            if fault.status is None:
                return call.hang_up()
            body = {"code": fault.status, "message": "as told"} if fault.body is None else fault.body
            return send(call, fault.status, body, fault.headers)
        try:
            if call.headers.get("Api-Key") != service.key:
                raise Refused(401, "UNAUTHENTICATED", "Invalid API Key")
            if not call.headers.get("X-Pinecone-Api-Version"):
                raise Refused(400, "INVALID_ARGUMENT", "The API version is missing")
            query = parse_qs(parts.query, keep_blank_values=True)
            status, value, headers = self.reply_to(call, call.command, parts.path, query)
        except Refused as refused:
            status, headers = refused.status, {}
            value = {"error": {"code": refused.code, "message": refused.message}, "status": status}
        return send(call, status, value, headers)

    def reply_to(
        self, call: Handler, method: str, path: str, query: dict[str, list[str]]
    ) -> tuple[int, Any, dict[str, str]]:
        raise NotImplementedError


def send(call: Handler, status: int, value: Any, headers: Mapping[str, str]) -> None:
    """Headers and body in one write: two would cost the client 40 ms."""
    kept, call.wfile = call.wfile, _Parts()
    try:
        call.reply(status, value, dict(headers))
        whole = b"".join(call.wfile.parts)
    finally:
        call.wfile = kept
    call.wfile.write(whole)


class _Parts:
    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.parts.append(bytes(data))

    def flush(self) -> None:
        pass


class Service(Plane):
    """Indexes are made here; each gets a server of its own, as each has a host of its own at Pinecone."""

    key = "pc-local-key"

    def __init__(self, port: int = 0) -> None:
        super().__init__(None, port)
        self.service = self
        self.indexes: dict[str, Index] = {}
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        """Every request: method, path, headers, body."""
        self.faults: list[Fault] = []
        self.delay_s = 0.0
        self.delay_path = "/"
        self.lag_s = 0.0
        """How long a write stays unseen."""
        self.reads_lag = True
        """Whether reading by id and listing are as late as searching."""
        self.positions = True
        """Whether answers tell how far the index has come."""
        self.ready_after_s = 0.0
        self.strict_namespaces = False
        """Refuse to read a namespace that nobody has written into."""
        self.foreign_host = ""
        """Tell clients that every index lives there."""

    def fail(self, status: int | None, times: int = 1, path: str = "", headers: Any = None, body: Any = None) -> None:
        """Answer the next requests whose path begins so with this; None hangs up."""
        with self.lock:
            self.faults.append(Fault(status, headers or {}, body, path, times))

    def take(self, path: str) -> Fault | None:
        with self.lock:
            for fault in self.faults:
                if fault.times and path.startswith(fault.path):
                    fault.times -= 1
                    return fault
        return None

    def paths(self) -> list[str]:
        with self.lock:
            return [f"{method} {path}" for method, path, _, _ in self.asked]

    def reply_to(
        self, call: Handler, method: str, path: str, query: dict[str, list[str]]
    ) -> tuple[int, Any, dict[str, str]]:
        name = unquote(path.removeprefix("/indexes").strip("/"))
        if method == "POST" and path == "/indexes":
            return 201, self._make(call.json()), {}
        if method == "GET" and path == "/indexes":
            return 200, {"indexes": [index.told() for index in self.indexes.values()]}, {}
        if name not in self.indexes:
            raise Refused(404, "NOT_FOUND", f"Resource {name} not found")
        if method == "DELETE":
            self.delete(name)
            return 202, {}, {}
        return 200, self.indexes[name].told(), {}

    def delete(self, name: str) -> None:
        """Who still has a connection to it is told that it is gone."""
        index = self.indexes.pop(name)
        index.is_gone = True
        index.close()

    def _make(self, body: Mapping[str, Any]) -> Any:
        name, (fields,) = body["name"], [body["schema"]["fields"]]
        with self.lock:
            if name in self.indexes:
                raise Refused(409, "ALREADY_EXISTS", "Resource already exists")
            index = Index(self, name, fields["_values"]["dimension"], fields["_values"]["metric"], body["deployment"])
            self.indexes[name] = index
        index.__enter__()
        return index.told()

    def close(self) -> None:
        for index in self.indexes.values():
            index.close()
        super().close()


class Index(Plane):
    """The records of one index. Writes wait in `pending` until they may be seen."""

    def __init__(self, service: Service, name: str, dimension: int, metric: str, deployment: Any) -> None:
        super().__init__(service)
        self.name, self.dimension, self.metric, self.deployment = name, dimension, metric, deployment
        self.made = time.monotonic()
        self.namespaces: dict[str, dict[str, Record]] = {}
        self.early: dict[str, dict[str, Record]] = {}
        self.pending: list[tuple[float, int, Callable[[], object]]] = []
        self.committed = self.indexed = 0
        self.is_gone = False

    def told(self) -> dict[str, Any]:
        assert self.service
        ready = time.monotonic() - self.made >= self.service.ready_after_s
        return {
            "name": self.name, "host": self.service.foreign_host or self.origin, "deletion_protection": "disabled",
            "schema": {"fields": {"_values": {
                "type": "dense_vector", "dimension": self.dimension, "metric": self.metric}}},
            "deployment": {**self.deployment, "environment": "local"},
            "status": {"ready": ready, "state": "Ready" if ready else "Initializing"}, "tags": None,
        }  # fmt: skip

    def reply_to(
        self, call: Handler, method: str, path: str, query: dict[str, list[str]]
    ) -> tuple[int, Any, dict[str, str]]:
        routes: dict[tuple[str, str], Callable[[Any], Any]] = {
            ("POST", "/vectors/upsert"): self._upsert,
            ("POST", "/vectors/delete"): self._delete,
            ("POST", "/query"): self._query,
            ("GET", "/vectors/fetch"): self._fetch,
            ("GET", "/vectors/list"): self._list,
            ("POST", "/describe_index_stats"): self._stats,
        }
        if self.is_gone or (method, path) not in routes:
            raise Refused(404, "NOT_FOUND", f"{method} {path}")
        if len(call.path) > MAX_ADDRESS:
            raise Refused(414, "INVALID_ARGUMENT", f"The address exceeds {MAX_ADDRESS} characters")
        if len(call.body) > MAX_BODY:
            raise Refused(413, "PAYLOAD_TOO_LARGE", f"The request exceeds {MAX_BODY} bytes")
        with self.lock:
            self._settle()
            value = routes[method, path](call.json() if method == "POST" else query)
            headers: dict[str, str] = {}
            assert self.service
            if self.service.positions and path.startswith(("/vectors/upsert", "/vectors/delete")):
                headers = {"x-pinecone-request-lsn": str(self.committed)}
            elif self.service.positions and path == "/query":
                headers = {"x-pinecone-max-indexed-lsn": str(self.indexed)}
        return 200, value, headers

    def _settle(self) -> None:
        now = time.monotonic()
        while self.pending and self.pending[0][0] <= now:
            _, position, write = self.pending.pop(0)
            write()
            self.indexed = position

    def _commit(self, write: Callable[[dict[str, Record]], object], name: str) -> None:
        assert self.service
        write(self.early.setdefault(name, {}))
        self.committed += 1
        self.pending.append((time.monotonic() + self.service.lag_s, self.committed, lambda: write(self._space(name))))
        self._settle()

    def _known(self, name: str) -> dict[str, Record]:
        assert self.service
        if self.service.strict_namespaces and name not in self.namespaces:
            raise Refused(404, "NOT_FOUND", "Namespace not found")
        return self._space(name)

    def _read(self, name: str) -> dict[str, Record]:
        assert self.service
        known = self._known(name)
        return known if self.service.reads_lag else self.early.get(name, {})

    def _space(self, name: str) -> dict[str, Record]:
        return self.namespaces.setdefault(name, {})

    def _upsert(self, body: Any) -> Any:
        vectors = body["vectors"]
        if not 0 < len(vectors) <= 1000:
            raise Refused(400, "INVALID_ARGUMENT", "Up to 1000 vectors can be upserted at once")
        records = {vector["id"]: self._record(vector) for vector in vectors}
        self._commit(lambda space: space.update(records), body.get("namespace", ""))
        return {"upsertedCount": len(vectors)}

    def _record(self, vector: Any) -> Record:
        _check_id(vector["id"])
        metadata = vector.get("metadata") or {}
        for name, value in metadata.items():
            texts = isinstance(value, list) and all(isinstance(one, str) for one in value)
            if name.startswith("$") or not (texts or isinstance(value, str | int | float | bool)):
                raise Refused(400, "INVALID_ARGUMENT", f"Metadata value must be a string, number, boolean: {name}")
        if len(str(metadata).encode()) > MAX_METADATA:
            raise Refused(400, "INVALID_ARGUMENT", "Metadata size exceeds the limit of 40960 bytes per vector")
        # Its numbers are doubles.
        plain = {k: float(v) if type(v) is int else v for k, v in metadata.items()}
        return self._vector(vector["values"]), plain

    def _vector(self, values: Sequence[float]) -> np.ndarray:
        if len(values) != self.dimension:
            message = f"Vector dimension {len(values)} does not match the dimension of the index {self.dimension}"
            raise Refused(400, "INVALID_ARGUMENT", message)
        vector = np.array(values, np.float32)
        if not vector.any():
            raise Refused(400, "INVALID_ARGUMENT", "Dense vectors must contain at least one non-zero value")
        return vector

    def _delete(self, body: Any) -> Any:
        name = body.get("namespace", "")
        self._known(name)
        if len(body.get("ids", ())) > 1000:
            raise Refused(400, "INVALID_ARGUMENT", "Up to 1000 ids can be deleted at once")
        if body.get("deleteAll"):
            self._commit(lambda space: space.clear(), name)
        else:
            self._commit(lambda space: [space.pop(id, None) for id in body["ids"]], name)
        return {}

    def _query(self, body: Any) -> Any:
        if not 1 <= body["topK"] <= 10_000:
            raise Refused(400, "INVALID_ARGUMENT", "topK")
        space, query = self._known(body.get("namespace", "")), self._vector(body["vector"])
        found = [
            (float(vector @ query / (np.linalg.norm(vector) * np.linalg.norm(query))), id)
            for id, (vector, metadata) in space.items()
            if holds(body.get("filter") or {}, metadata)
        ]
        matches: list[dict[str, Any]] = []
        for score, id in sorted(found, key=lambda one: (-one[0], one[1]))[: body["topK"]]:
            values, metadata = space[id]
            match: dict[str, Any] = {"id": id, "score": score}
            if body.get("includeMetadata"):
                match["metadata"] = metadata
            if body.get("includeValues"):
                match["values"] = values.tolist()
            matches.append(match)
        return {"matches": matches, "namespace": body.get("namespace", ""), "usage": {"readUnits": 1}}

    def _fetch(self, query: dict[str, list[str]]) -> Any:
        (namespace,) = query.get("namespace", [""])
        space, ids = self._read(namespace), query.get("ids", [])
        for id in ids:
            _check_id(id)
        vectors = {
            id: {"id": id, "values": space[id][0].tolist(), "metadata": space[id][1]} for id in ids if id in space
        }
        return {"vectors": vectors, "namespace": namespace, "usage": {"readUnits": 1}}

    def _list(self, query: dict[str, list[str]]) -> Any:
        (namespace,), (prefix,) = query.get("namespace", [""]), query.get("prefix", [""])
        limit, after = int(query.get("limit", ["100"])[0]), query.get("paginationToken", [""])[0]
        if not 1 <= limit <= 100:
            raise Refused(400, "INVALID_ARGUMENT", "limit")
        ids = (id for id in sorted(self._read(namespace)) if id.startswith(prefix) and id > after)
        page = list(islice(ids, limit))
        answer: dict[str, Any] = {"vectors": [{"id": id} for id in page], "namespace": namespace}
        return {**answer, "pagination": {"next": page[-1]}} if len(page) == limit else answer

    def _stats(self, _: Any) -> Any:
        counts = {name: {"vectorCount": len(space)} for name, space in self.namespaces.items()}
        total = sum(count["vectorCount"] for count in counts.values())
        return {"namespaces": counts, "dimension": self.dimension, "totalVectorCount": total, "metric": self.metric}


def _check_id(id: str) -> None:
    if not id or len(id) > 512 or not id.isascii():
        raise Refused(400, "INVALID_ARGUMENT", f"Vector ID must be ASCII and 1 to 512 characters, but got {id!r}")


def holds(filter: Any, metadata: Mapping[str, Any]) -> bool:
    """The documented meaning; where the documentation is silent (`$ne` of what is not there), the stricter one."""
    if not isinstance(filter, dict):
        raise Refused(400, "INVALID_ARGUMENT", "Invalid filter")
    for key, value in filter.items():
        if key in ("$and", "$or"):
            if not isinstance(value, list) or not value or not all(value):
                raise Refused(400, "INVALID_ARGUMENT", f"{key} must be a non-empty list of filters")
            found = [holds(part, metadata) for part in value]
            if not (all(found) if key == "$and" else any(found)):
                return False
        elif key.startswith("$"):
            raise Refused(400, "INVALID_ARGUMENT", f"{key} is not a valid operator")
        else:
            tests = value if isinstance(value, dict) else {"$eq": value}
            if not tests or not all(_holds(name, wanted, metadata.get(key)) for name, wanted in tests.items()):
                return False
    return True


def _holds(name: str, wanted: Any, has: Any) -> bool:
    numeric = isinstance(has, int | float) and not isinstance(has, bool)
    if name in ("$gt", "$gte", "$lt", "$lte"):
        if isinstance(wanted, bool | str | list):
            raise Refused(400, "INVALID_ARGUMENT", f"{name} must be followed by a number")
        return numeric and {
            "$gt": lambda: has > wanted, "$gte": lambda: has >= wanted,
            "$lt": lambda: has < wanted, "$lte": lambda: has <= wanted,
        }[name]()  # fmt: skip
    if name == "$exists":
        return (has is not None) is wanted
    if name in ("$in", "$nin"):
        if not isinstance(wanted, list) or any(isinstance(one, bool) for one in wanted):
            raise Refused(400, "INVALID_ARGUMENT", f"{name} must be followed by a list of strings or numbers")
    elif name not in ("$eq", "$ne") or isinstance(wanted, list):
        raise Refused(400, "INVALID_ARGUMENT", f"{name} is not a valid operator")
    if has is None:
        return False
    several = wanted if isinstance(wanted, list) else [wanted]
    found = any(_equal(one, other) for one in (has if isinstance(has, list) else [has]) for other in several)
    return found is (name in ("$eq", "$in"))


def _equal(one: Any, other: Any) -> bool:
    kinds = [bool if isinstance(x, bool) else str if isinstance(x, str) else float for x in (one, other)]
    return kinds[0] is kinds[1] and one == other


if __name__ == "__main__":
    main(Service, __doc__ or "")
