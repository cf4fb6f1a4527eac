"""A built page, a running product and a signed-in browser. `make test` has built the page before."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.running import ROOT, Nexod, chromium


@pytest.fixture(scope="package")
def nexod() -> Iterator[Nexod]:
    """`nexod up`, shared by the browser tests; a test that kills or restarts it starts its own `Nexod()`."""
    subprocess.run([sys.executable, ROOT / "scripts" / "page.py"], check=True)
    with Nexod() as running:
        yield running


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Closed with this folder: Playwright keeps an event loop running, which other tests could not bear."""
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"]) as browser,
    ):
        yield browser


def sign_in(browser: Browser, running: Nexod) -> Any:
    """Follows the one-time link as a person does; what the browser then remembers."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(running.sign_in or running.cli("login-link"))
    page.get_by_role("button", name="Sign in").click()
    page.get_by_test_id("new-workflow").wait_for()
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture(scope="package")
def signed_in(browser: Browser, nexod: Nexod) -> Any:
    return sign_in(browser, nexod)


@pytest.fixture
def context(
    browser: Browser, nexod: Nexod, signed_in: Any, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[BrowserContext]:
    """Relative addresses are those of `nexod`; an error on any page fails the test."""
    context = browser.new_context(
        base_url=nexod.url, storage_state=signed_in, viewport={"width": 1440, "height": 900}, reduced_motion="reduce"
    )
    context.set_default_timeout(15_000)
    faults: list[str] = []
    context.on("weberror", lambda fault: faults.append(str(fault.error)))
    yield context
    context.close()
    assert not faults, faults


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()
