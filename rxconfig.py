"""How Reflex builds and serves the pages: one port, no telemetry, our own origin only."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import reflex as rx

from components import slim

PORT = int(os.environ.get("PORT", "8000"))
OWN_ORIGINS = [f"http://localhost:{PORT}", f"http://127.0.0.1:{PORT}"]


class SameOrigin(rx.plugins.Plugin):
    """The build bakes an absolute URL in; a mapped port or another host would break the socket."""

    def post_build(self, **context: Any) -> None:
        for chunk in (Path(context["static_dir"]) / "assets").glob("reflex-env-*.js"):
            text = chunk.read_text()
            found = re.sub(r"`ws://localhost:\d+", "`${location.origin.replace(/^http/,'ws')}", text)
            found = re.sub(r"`http://localhost:\d+", "`${location.origin}", found)
            if found == text:
                raise RuntimeError(f"{chunk.name}: no baked URL found; Reflex changed its environment chunk")
            chunk.write_text(found)


class Slim(rx.plugins.Plugin):
    """No style of a component that no page has. A line of our own in the sheet makes its name change with the rules."""

    def get_static_assets(self, **context: Any) -> list[tuple[Path, str]]:
        return [(Path("styles", "slim.css"), f':root{{--slim:"{slim.VERSION}"}}')]

    def get_stylesheet_paths(self, **context: Any) -> list[str]:
        return ["./slim.css"]

    def post_build(self, **context: Any) -> None:
        static = Path(context["static_dir"])
        pages = [file for folder in ("app", "app_components") for file in (static.parents[1] / folder).rglob("*.jsx")]
        slim.check(pages)
        for sheet in (static / "assets").glob("__reflex_global_styles-*.css"):
            sheet.write_text(slim.pruned(sheet.read_text()))


config = rx.Config(
    app_name="nexod_app",
    frontend_port=PORT,
    backend_port=PORT,
    backend_host=os.environ.get("HOST", "127.0.0.1"),
    cors_allowed_origins=[os.environ["NEXOD_URL"].rstrip("/")] if os.environ.get("NEXOD_URL") else OWN_ORIGINS,
    state_manager_mode="memory",
    telemetry_enabled=False,
    show_built_with_reflex=False,
    frontend_compression_formats=["gzip", "brotli"],
    plugins=[
        SameOrigin(),
        Slim(),
        rx.plugins.RadixThemesPlugin(
            theme=rx.theme(
                appearance="inherit",
                accent_color="iris",
                gray_color="slate",
                radius="medium",
                scaling="95%",
                panel_background="solid",
            )
        ),
    ],
    disable_plugins=[rx.plugins.SitemapPlugin],
)
