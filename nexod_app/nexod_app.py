"""The site map: every page, and the REST API beside them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import reflex as rx
from starlette.types import ASGIApp

from engine.settings import Settings
from nexod_app import lost, site
from nexod_app.api.app import create_api
from nexod_app.call import explain
from nexod_app.editor import page as editor
from nexod_app.inbox import page as inbox
from nexod_app.inbox.state import Inbox
from nexod_app.knowledge import page as knowledge
from nexod_app.knowledge import shelf
from nexod_app.knowledge.reading import Bench
from nexod_app.knowledge.state import Collections, Move, Shelf
from nexod_app.library import page as library
from nexod_app.library.state import Library
from nexod_app.login import page as login
from nexod_app.memory import page as memory
from nexod_app.memory.state import Memory, Threads
from nexod_app.middleware import wrap
from nexod_app.runs import page as runs
from nexod_app.runs import run_page
from nexod_app.runs.state import Runs
from nexod_app.settings import page as choices
from nexod_app.settings.model_state import Models
from nexod_app.settings.state import Choices
from nexod_app.shell import Shell
from nexod_app.workflows import page as workflows
from nexod_app.workflows.state import Workflows

settings = Settings.read()


class App(rx.App):
    def __call__(self) -> ASGIApp:
        """With ours outermost: the router that Reflex puts around everything stumbles over odd paths."""
        return wrap(super().__call__(), settings)


app = App(
    stylesheets=["/tokens.css", "/nexod.css", "/pages.css"],
    html_lang="en",
    toaster=None,
    backend_exception_handler=explain,
    api_transformer=create_api(settings),
    head_components=[rx.el.link(rel="icon", href="/favicon.svg", type="image/svg+xml")],
)

# Our own banner says it in words; the framework's would be an icon without any.
del app.app_wraps[5, "Overlay"]

app.add_page(workflows.page, route="/", title="Workflows · Nexod", on_load=[Shell.look, Workflows.load])
app.add_page(editor.page, route="/workflows/[workflow]", title="Workflow · Nexod", on_load=Shell.look)
app.add_page(runs.page, route="/runs", title="Runs · Nexod", on_load=[Shell.look, Runs.load])
app.add_page(run_page.page, route="/runs/[run]", title="Run · Nexod", on_load=Shell.look)
for route in ("/inbox", "/inbox/[question]"):
    app.add_page(inbox.page, route=route, title="Inbox · Nexod", on_load=[Shell.look, Inbox.load])
for route in ("/library", "/library/[kind]"):
    app.add_page(library.page, route=route, title="Library · Nexod", on_load=[Shell.look, Library.load])
app.add_page(knowledge.page, route="/knowledge", title="Knowledge · Nexod", on_load=[Shell.look, Collections.load])
opened = [Shell.look, Shelf.load, Bench.load, Move.load]
app.add_page(shelf.page, route="/knowledge/[collection]", title="Knowledge · Nexod", on_load=opened)
app.add_page(memory.page, route="/memory", title="Memory · Nexod", on_load=[Shell.look, Memory.load, Threads.load])
app.add_page(choices.page, route="/settings", title="Settings · Nexod", on_load=[Shell.look, Models.load, Choices.load])
app.add_page(login.page, route="/login", title="Sign in · Nexod")
app.add_page(lost.page, route="404", title="Not found · Nexod")


@app.register_lifespan_task
@asynccontextmanager
async def closing() -> AsyncGenerator[None]:
    """The database and the tailer end with the server."""
    yield
    await site.current().close()
