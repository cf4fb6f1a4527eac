"""What is really drawn can be read: every text against the ground it stands on, in both themes."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
from playwright.sync_api import Browser

from tests.running import Nexod

TEMPLATE = Path(__file__).parents[2] / "engine" / "templates" / "1-research-review-publish.json"
WEAK_TEXT = """least => {
  const read = colour => colour.match(/[\\d.]+/g).map(Number)
  const part = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4
  const light = ([r, g, b]) => 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b)
  const ground = item => {
    for (; item; item = item.parentElement) {
      const colour = read(getComputedStyle(item).backgroundColor)
      if (colour.length < 4 || colour[3] === 1) return colour
    }
  }
  const weak = []
  for (const item of document.querySelectorAll('body *')) {
    const own = [...item.childNodes].filter(c => c.nodeType === 3).map(c => c.textContent.trim()).join('')
    if (!own || !item.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue
    if (item.closest('svg, script, style, [disabled], [aria-hidden=true]')) continue
    const colour = read(getComputedStyle(item).color)
    if (colour[3] === 0) continue  /* a coloured copy lies above it */
    const [low, high] = [light(colour), light(ground(item) ?? [255, 255, 255])].sort((a, b) => a - b)
    const ratio = (high + 0.05) / (low + 0.05)
    if (ratio < least) weak.push(`${own.slice(0, 40)}: ${ratio.toFixed(1)}`)
  }
  return weak
}"""


@pytest.fixture(scope="module")
def run(nexod: Nexod) -> dict[str, Any]:
    """A run that waits for a person, so that every page has something to show."""
    spec = json.loads(TEMPLATE.read_text())
    path = nexod.data / "contrast.json"
    path.write_text(json.dumps(spec.get("spec", spec)))
    workflow = nexod.cli("import", str(path))
    run = nexod.cli("run", workflow, "--input", "topic=Tea", "--wait", check=False)
    return {"workflow": workflow, "run": run, "collection": collection(nexod)}


def collection(nexod: Nexod) -> str:
    """One with a document that can be searched and one that failed, and something remembered."""
    headers = {"Authorization": f"Bearer {nexod.key()}"}
    with httpx.Client(base_url=f"{nexod.url}/api/v1", headers=headers, timeout=30) as api:
        made = api.post("/collections", json={"name": "Contrast"}).json()["id"]
        documents = f"/collections/{made}/documents"
        api.post(documents, json={"title": "Tea", "text": "Tea is drunk hot."})
        api.post(documents, files={"file": ("Torn.pdf", b"%PDF-1.7 torn", "application/pdf")})
        api.post("/memory", json={"text": "Mira drinks tea.", "subject": "Mira"})
        while any(one["status"] in ("pending", "ingesting") for one in api.get(documents).json()["items"]):
            time.sleep(0.1)
    return made


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_text_can_be_read(
    browser: Browser, nexod: Nexod, signed_in: Any, run: dict[str, Any], theme: Literal["light", "dark"]
):
    context = browser.new_context(base_url=nexod.url, storage_state=signed_in, color_scheme=theme)
    page = context.new_page()
    found = {}
    shelf = f"/knowledge/{run['collection']}"
    known = ("/knowledge", shelf, f"{shelf}?tab=try", f"{shelf}?tab=settings", "/memory", "/memory?tab=thread")
    for path in ("/", f"/workflows/{run['workflow']}", "/runs", "/inbox", "/library", "/settings", *known):
        page.goto(path)
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(500)
        if "tab=try" in path:
            page.get_by_test_id("bench-question").fill("How is tea drunk?")
            page.get_by_test_id("bench-ask").click()
            page.get_by_test_id("match").first.wait_for()
        found[path] = page.evaluate(WEAK_TEXT, 4.5)
    context.close()
    assert not any(found.values()), found
