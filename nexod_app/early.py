"""What a page will need, told in the header of its HTML: the browser fetches it while the framework still starts.

Addresses with an id in them are all answered by one HTML file, which cannot name their code or their data.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

_PAGE = re.compile(r"/(workflows|runs)/([0-9a-f-]{36})/?")


def links(build: Path, path: str) -> str:
    """The `Link` header for the page at `path`; empty where its own HTML tells all."""
    found = _PAGE.fullmatch(path)
    if not found:
        return ""
    place, id_ = found.groups()
    graph = f'</api/v1/workflows/{id_}>; rel="preload"; as="fetch"; crossorigin'
    return ", ".join([*([graph] if place == "workflows" else []), *_code(build, place)])


@lru_cache(maxsize=16)
def _code(build: Path, place: str) -> tuple[str, ...]:
    """The chunks of the route, as the build's manifest has them."""
    route = next((r for name, r in _routes(build).items() if name.startswith(f"routes/[{place}].$")), None)
    if route is None:
        return ()
    scripts = dict.fromkeys([route["module"], *route["imports"]])
    styles = dict.fromkeys(sheet.partition("#")[0] for sheet in route["css"])
    return (
        *(f'<{script}>; rel="modulepreload"' for script in scripts),
        *(f'<{sheet}>; rel="preload"; as="style"' for sheet in styles),
    )


def _routes(build: Path) -> dict[str, Any]:
    for text in _manifests(build):
        start, end = text.find("{"), text.rfind("}")
        if 0 <= start < end:
            return json.loads(text[start : end + 1])["routes"]
    return {}


def _manifests(build: Path) -> Iterator[str]:
    return (file.read_text() for file in (build / "assets").glob("manifest-*.js"))
