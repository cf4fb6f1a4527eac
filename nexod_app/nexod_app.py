"""The site map: every page, and the REST API beside them."""

from __future__ import annotations

import reflex as rx

from nexod_app.workflows import page as workflows

app = rx.App(stylesheets=["/tokens.css", "/nexod.css", "/pages.css"], html_lang="en", toaster=None)
app.add_page(workflows.page, route="/", title="Workflows · Nexod")
