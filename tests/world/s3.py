"""An S3 of our own: one bucket in memory, path-style addresses, and signatures (version 4) that are really checked.

`fail(...)` makes the next requests go wrong; `calls` is what came in. `python -m tests.world.s3 --port N` serves it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from tests.world.server import Handler, World, main

KEY_ID, SECRET, BUCKET, REGION = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "nexod-files", "eu-test-1"
PAGE = 3
"""Keys in one answer to a list, so that every list of a test has a second page."""
CREDENTIAL = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/aws4_request, ?"
    r"SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})"
)


@dataclass(frozen=True)
class Fault:
    """`what`: status (an error answer), slow (long silence), cut (hangs up), half (hangs up in the body)."""

    what: str
    status: int = 500
    code: str = "InternalError"
    seconds: float = 30
    location: str = ""


class S3(World):
    def __init__(self, port: int = 0, secret: str = SECRET) -> None:
        super().__init__(port)
        self.secret = secret
        self.objects: dict[str, bytes] = {}
        self.calls: list[tuple[str, str]] = []
        self.faults: deque[Fault] = deque()

    def fail(self, what: str, times: int = 1, **more: Any) -> None:
        self.faults.extend([Fault(what, **more)] * times)

    def answer(self, call: Handler) -> None:
        url = urlsplit(call.path)
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        with self.lock:
            self.calls.append((call.command, unquote(call.path)))
            fault = self.faults.popleft() if self.faults else None
        if fault is not None and self._misbehave(call, fault):
            return
        if wrong := self._signature(call, url.path, url.query):
            _error(call, 403, wrong)
            return
        bucket, _, key = unquote(url.path).lstrip("/").partition("/")
        if bucket != BUCKET:
            _error(call, 404, "NoSuchBucket")
        elif key:
            self._object(call, key, half=fault is not None and fault.what == "half")
        else:
            self._bucket(call, query)

    def _misbehave(self, call: Handler, fault: Fault) -> bool:
        if fault.what == "status" and fault.location:
            call.reply(fault.status, b"", {"Location": fault.location})
        elif fault.what == "status":
            _error(call, fault.status, fault.code)
        elif fault.what == "slow":
            self.wait(fault.seconds)
            call.hang_up()
        elif fault.what == "cut":
            call.hang_up(reset=True)
        return fault.what != "half"

    def _object(self, call: Handler, key: str, half: bool) -> None:
        with self.lock:
            if call.command == "PUT":
                self.objects[key] = call.body
            elif call.command == "DELETE":
                self.objects.pop(key, None)
            data = self.objects.get(key)
        if call.command == "DELETE":
            call.reply(204, b"")
        elif data is None:
            _error(call, 404, "NoSuchKey")
        elif call.command == "PUT":
            call.reply(200, b"", _facts(data))
        elif half:
            call.send_response(200)
            for name, value in {**_facts(data), "Content-Length": str(len(data))}.items():
                call.send_header(name, value)
            call.end_headers()
            call.wfile.write(data[: len(data) // 2])
            call.hang_up()
        else:
            _send(call, data)

    def _bucket(self, call: Handler, query: dict[str, str]) -> None:
        if call.command == "GET" and query.get("list-type") == "2":
            _xml(call, self._list(query.get("prefix", ""), query.get("continuation-token", "")))
        elif call.command == "POST" and "delete" in query:
            space = "{http://s3.amazonaws.com/doc/2006-03-01/}"
            tree = ElementTree.fromstring(call.body)
            keys = [one.text or "" for one in [*tree.iter(f"{space}Key"), *tree.iter("Key")]]
            with self.lock:
                for key in keys:
                    self.objects.pop(key, None)
            gone = "".join(f"<Deleted><Key>{escape(key)}</Key></Deleted>" for key in keys)
            _xml(call, f'<DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{gone}</DeleteResult>')
        else:
            _error(call, 501, "NotImplemented")

    def _list(self, prefix: str, after: str) -> str:
        with self.lock:
            keys = sorted(key for key in self.objects if key.startswith(prefix) and key > after)
            sizes = {key: self.objects[key] for key in keys}
        more = len(keys) > PAGE
        keys = keys[:PAGE]
        rows = "".join(
            f"<Contents><Key>{escape(key)}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
            f"<ETag>{_tag(sizes[key])}</ETag><Size>{len(sizes[key])}</Size><StorageClass>STANDARD</StorageClass></Contents>"
            for key in keys
        )
        token = f"<NextContinuationToken>{escape(keys[-1])}</NextContinuationToken>" if more else ""
        return (
            f'<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>{BUCKET}</Name>'
            f"<Prefix>{escape(prefix)}</Prefix><KeyCount>{len(keys)}</KeyCount><MaxKeys>{PAGE}</MaxKeys>"
            f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}{rows}</ListBucketResult>"
        )

    def _signature(self, call: Handler, path: str, query: str) -> str:
        """The code of what is wrong with it, or nothing."""
        found = CREDENTIAL.fullmatch(call.headers.get("authorization", ""))
        stamp = call.headers.get("x-amz-date", "")
        if not found or not stamp:
            return "AccessDenied"
        key_id, day, region, names, signature = found.groups()
        if key_id != KEY_ID:
            return "InvalidAccessKeyId"
        signed = names.split(";")
        if not {"host", "x-amz-content-sha256", "x-amz-date"} <= set(signed) or region != REGION:
            return "AuthorizationHeaderMalformed"
        at = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        if abs(datetime.now(UTC) - at) > timedelta(minutes=15) or not stamp.startswith(day):
            return "RequestTimeTooSkewed"
        claimed = call.headers.get("x-amz-content-sha256", "")
        if claimed != hashlib.sha256(call.body).hexdigest():
            return "XAmzContentSHA256Mismatch"
        parts = parse_qsl(query, keep_blank_values=True)
        pairs = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in parts)
        headers = "".join(f"{name}:{' '.join((call.headers.get(name) or '').split())}\n" for name in signed)
        request = "\n".join(
            [call.command, path or "/", "&".join(f"{k}={v}" for k, v in pairs), headers, names, claimed]
        )
        scope = f"{day}/{region}/s3/aws4_request"
        text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
        key = f"AWS4{self.secret}".encode()
        for part in (day, region, "s3", "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        wanted = hmac.new(key, text.encode(), "sha256").hexdigest()
        return "" if hmac.compare_digest(wanted, signature) else "SignatureDoesNotMatch"


def _send(call: Handler, data: bytes) -> None:
    whole = len(data)
    asked = re.fullmatch(r"bytes=(\d+)-(\d*)", call.headers.get("range") or "")
    if not asked:
        call.reply(200, data, _facts(data))
        return
    start, end = int(asked[1]), min(int(asked[2] or whole - 1), whole - 1)
    facts = {**_facts(data), "Content-Range": f"bytes {start}-{end}/{whole}"}
    call.reply(206, data[start : end + 1], facts)


def _facts(data: bytes) -> dict[str, str]:
    return {
        "Content-Type": "application/octet-stream",
        "ETag": _tag(data),
        "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT",
        "x-amz-request-id": "1",
    }


def _tag(data: bytes) -> str:
    return f'"{hashlib.md5(data).hexdigest()}"'


def _error(call: Handler, status: int, code: str) -> None:
    _xml(call, f"<Error><Code>{code}</Code><Message>{code}</Message><RequestId>1</RequestId></Error>", status)


def _xml(call: Handler, text: str, status: int = 200) -> None:
    call.reply(status, f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode(), {"Content-Type": "application/xml"})


if __name__ == "__main__":
    main(S3, "An S3 with one bucket.")
