"""i. Documents from upload to searchable, through the running product: HTTP, files, the killable reader, the keyless
embedding, vectors and full text in SQLite. A page is about 2,500 characters."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable

from bench.product import Client, product
from bench.table import Row
from engine.embeddings.words import COMMON
from tests.engine.documents.made import pdf

DOCUMENTS, PAGES = 12, 50
LEAST = {"pdf": 60.0, "md": 60.0}
WORDS = sorted(COMMON) + [f"{a}{b}{c}" for a in ("ba", "ne", "lo", "qui") for b in ("ra", "mi", "to") for c in "nstk"]


def rows() -> list[Row]:
    makers: dict[str, Callable[[list[str]], bytes]] = {
        "pdf": lambda pages: pdf(pages),
        "md": lambda pages: "\n\n".join(f"## Page {n}\n\n{page}" for n, page in enumerate(pages)).encode(),
    }
    with product() as nexod:
        client = Client(nexod, nexod.key())
        _rate(client, "warm up", [makers["md"](_pages(0, 2))])
        found: list[Row] = []
        for ending, make in makers.items():
            files = [make(_pages(seed, PAGES)) for seed in range(DOCUMENTS)]
            rate = _rate(client, ending, files) * PAGES
            what = f"i  {DOCUMENTS} × {PAGES} pages of .{ending}, upload to searchable"
            found.append(Row(what, rate, "pages/s", least=LEAST[ending]))
    return found


def _pages(seed: int, count: int) -> list[str]:
    chance = random.Random(seed)

    def sentence() -> str:
        return " ".join(chance.choices(WORDS, k=14)).capitalize() + "."

    return ["\n".join(sentence() for _ in range(36)) for _ in range(count)]


def _rate(client: Client, name: str, files: list[bytes]) -> float:
    """Documents per second."""
    home = client.call("POST", "/collections", {"name": name})["id"]
    began = time.perf_counter()
    left = {_upload(client, home, f"{n}.{name}", data) for n, data in enumerate(files)}
    while left:
        for one in client.call("GET", f"/collections/{home}/documents")["items"]:
            assert one["status"] != "failed", one
            if one["status"] == "ready":
                left.discard(one["id"])
        time.sleep(0.05)
    return len(files) / (time.perf_counter() - began)


def _upload(client: Client, home: str, name: str, data: bytes) -> str:
    edge = b"--edge\r\n"
    head = f'Content-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
    headers = {**client.headers, "Content-Type": "multipart/form-data; boundary=edge"}
    body = edge + head + data + b"\r\n--edge--\r\n"
    client.connection.request("POST", f"/api/v1/collections/{home}/documents", body, headers)
    answer = client.connection.getresponse()
    return json.loads(answer.read())["document_id"]
