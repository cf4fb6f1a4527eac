"""Takes the pictures of README.md from the running product: one workflow, run until it asks a person, and a collection
of our own docs that is asked a question."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, sync_playwright

from bench.product import Client
from tests.e2e.conftest import sign_in
from tests.running import Nexod, chromium

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "img"
TEMPLATE = ROOT / "engine" / "templates" / "1-research-review-publish.json"
TOPIC = "How tea came to Europe"
PAGES = ("architecture", "knowledge", "tools", "workflow")
QUESTION = "What happens when a worker is killed?"


def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    with Nexod() as nexod, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        client = Client(nexod, nexod.key())
        workflow, run = prepare(client)
        collection = fill(client)
        state = sign_in(browser, nexod)
        for theme in ("light", "dark"):
            page = open_page(browser, nexod, state, theme)
            shoot(page, "/", "workflows", theme, "workflow-row")
            shoot(page, f"/workflows/{workflow}", "editor", theme, "canvas")
            shoot(page, f"/runs/{run}", "run", theme, "timeline-row")
            shoot(page, "/inbox", "inbox", theme, "approval-content")
            ask(page, collection, theme)
            page.context.close()
        browser.close()


def prepare(client: Client) -> tuple[str, str]:
    """A workflow, and its run at the moment it waits for a person."""
    spec = json.loads(TEMPLATE.read_text())
    workflow = client.create(spec.get("spec", spec))
    run = client.call("POST", f"/workflows/{workflow}/runs?wait=30", {"inputs": {"topic": TOPIC}})
    assert run["status"] == "waiting", run
    return workflow, run["id"]


def fill(client: Client) -> str:
    """A collection of some of docs/, ready to be searched."""
    collection = client.call("POST", "/collections", {"name": "How Nexod works"})["id"]
    for name in PAGES:
        text = (ROOT / "docs" / f"{name}.md").read_text()
        title = text.partition("\n")[0].removeprefix("# ")
        client.call("POST", f"/collections/{collection}/documents", {"title": title, "text": text})
    while client.call("GET", f"/collections/{collection}/documents?status=pending,ingesting")["items"]:
        time.sleep(0.2)
    return collection


def ask(page: Page, collection: str, theme: str) -> None:
    page.goto(f"/knowledge/{collection}")
    page.get_by_test_id("tab-try").click()
    page.get_by_test_id("bench-question").fill(QUESTION)
    page.get_by_test_id("bench-ask").click()
    page.get_by_test_id("match").first.wait_for()
    take(page, "knowledge", theme)


def open_page(browser: Browser, nexod: Nexod, state: dict[str, object], theme: Literal["light", "dark"]) -> Page:
    return browser.new_context(
        base_url=nexod.url, storage_state=state, color_scheme=theme,  # type: ignore[arg-type]
        viewport={"width": 1440, "height": 900}, reduced_motion="reduce",
    ).new_page()  # fmt: skip


def shoot(page: Page, path: str, name: str, theme: str, shows: str) -> None:
    page.goto(path)
    if name == "inbox":
        page.get_by_test_id("inbox-item").first.click()
    page.get_by_test_id(shows).first.wait_for()
    take(page, name, theme)


def take(page: Page, name: str, theme: str) -> None:
    time.sleep(1.5)  # fonts, fit of the view
    page.screenshot(path=PICTURES / (f"{name}.png" if theme == "light" else f"{name}-{theme}.png"))


if __name__ == "__main__":
    main()
