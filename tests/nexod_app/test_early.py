"""What the browser is told to fetch along with a page whose HTML cannot say it."""

from __future__ import annotations

import json
from pathlib import Path

from nexod_app import early

ID = "01a1f93c-c813-768a-b6aa-946d019aac80"


def built(folder: Path) -> Path:
    """A build with the manifest of one route."""
    (folder / "assets").mkdir()
    route = {"module": "/assets/editor-1.js", "imports": ["/assets/a.js"], "css": ["/assets/c.css#"]}
    manifest = {"entry": {}, "routes": {"routes/[workflows].$[workflow]._index": route}}
    (folder / "assets" / "manifest-1.js").write_text(f"window.__reactRouterManifest={json.dumps(manifest)};")
    return folder


def test_the_editor_is_told_its_graph_its_code_and_its_styles(tmp_path: Path) -> None:
    assert early.links(built(tmp_path), f"/workflows/{ID}").split(", ") == [
        f'</api/v1/workflows/{ID}>; rel="preload"; as="fetch"; crossorigin',
        '</assets/editor-1.js>; rel="modulepreload"',
        '</assets/a.js>; rel="modulepreload"',
        '</assets/c.css>; rel="preload"; as="style"',
    ]


def test_other_pages_and_odd_addresses_are_told_nothing(tmp_path: Path) -> None:
    build = built(tmp_path)
    for path in ("/", "/workflows", f"/workflows/{ID}/x", f"/api/v1/workflows/{ID}", f"/workflows/{ID}>; rel=x"):
        assert early.links(build, path) == ""
    assert early.links(build, f"/runs/{ID}") == ""
