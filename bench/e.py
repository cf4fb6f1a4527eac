"""e. The canvas in a real browser: until it can be used, how it moves, and what a drag sends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, sync_playwright

from bench.flows import chain
from bench.product import Client, product
from bench.table import Row, median
from tests.e2e.conftest import sign_in
from tests.running import Nexod, chromium

SIZES = (100, 500, 1000)
MOVES = 60
ROUNDS = 3

READY = """count => document.querySelectorAll('[data-testid="canvas"] .react-flow__node').length >= count"""
PAINTED = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now()))))"
GRIP = """() => {
  for (const card of document.querySelectorAll('[data-testid="canvas"] .react-flow__node')) {
    const box = card.getBoundingClientRect(), x = box.x + box.width / 2, y = box.y + box.height / 2
    if (x > 400 && y > 200 && card.contains(document.elementFromPoint(x, y))) return [x, y]
  }
}"""
"""The middle of a step that can be seen."""
WATCH_FRAMES = """() => { window.frames_ = []; let last = performance.now(); window.watching_ = true
  const tick = now => { window.frames_.push(now - last); last = now; if (window.watching_) requestAnimationFrame(tick) }
  requestAnimationFrame(tick) }"""
FRAMES = "() => { window.watching_ = false; return window.frames_.slice(2) }"


def rows() -> list[Row]:
    with product() as nexod, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        client = Client(nexod, nexod.key())
        workflows = {size: client.create(chain(size)) for size in SIZES}
        with _signed_in(browser, nexod) as context:
            return [row for size, workflow in workflows.items() for row in _measure(context, workflow, size)]


@contextmanager
def _signed_in(browser: Browser, nexod: Nexod) -> Iterator[BrowserContext]:
    context = browser.new_context(
        base_url=nexod.url, storage_state=sign_in(browser, nexod), viewport={"width": 1440, "height": 900}
    )
    yield context
    context.close()


def _measure(context: BrowserContext, workflow: str, size: int) -> list[Row]:
    ready, frames, sent = [], [], []
    for _ in range(ROUNDS):
        page = context.new_page()
        ready.append(_open(page, workflow, size))
        times, count = _drag(page, context.new_cdp_session(page))
        frames.append(median(times))
        sent.append(count / 1000)
        page.close()
    top = size == max(SIZES)
    return [
        Row(f"e  {size} nodes, until interactive", median(ready), "s", most=1.5 if top else None),
        Row(f"e  {size} nodes, frame while dragging, p50", median(frames), "ms", most=20 if top else None),
        Row(f"e  {size} nodes, sent and received by a drag", median(sent), "KB", most=2 if top else None),
    ]


def _open(page: Page, workflow: str, size: int) -> float:
    """Seconds from navigation until every node is drawn and the page paints again."""
    page.goto(f"/workflows/{workflow}", wait_until="commit")
    page.wait_for_function(READY, arg=size, timeout=30_000)
    return page.evaluate(PAINTED) / 1000


def _drag(page: Page, cdp: CDPSession) -> tuple[list[float], int]:
    page.wait_for_timeout(3000)
    x, y = page.evaluate(GRIP)
    bytes_ = _count_bytes(page, cdp)
    page.mouse.move(x, y)
    page.mouse.down()
    page.evaluate(WATCH_FRAMES)
    for move in range(1, MOVES + 1):
        page.mouse.move(x + move * 3, y + move * 2)
    frames = page.evaluate(FRAMES)
    page.mouse.up()
    page.wait_for_timeout(300)
    page.locator('[data-testid="save-state"][data-state="saved"]').wait_for()
    return frames, sum(bytes_)


def _count_bytes(page: Page, cdp: CDPSession) -> list[int]:
    """Bodies of requests and answers, and frames of sockets, from now on."""
    found: list[int] = []
    cdp.send("Network.enable")

    def frame(event: dict[str, Any]) -> None:
        found.append(len(event["response"]["payloadData"]))

    cdp.on("Network.webSocketFrameSent", frame)
    cdp.on("Network.webSocketFrameReceived", frame)
    cdp.on("Network.requestWillBeSent", lambda event: found.append(len(event["request"].get("postData", ""))))
    cdp.on("Network.dataReceived", lambda event: found.append(event["dataLength"]))
    return found
