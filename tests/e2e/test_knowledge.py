"""Documents are dropped, become searchable and answer a question; a run cites them; the memory can be corrected."""

from __future__ import annotations

import json
import re
from typing import Any

from playwright.sync_api import FilePayload, Locator, Page, expect

from tests.engine.documents.made import pdf, word

LONG = 60_000
LEAVE = "Everybody has thirty days of annual leave. It is asked for in the portal, two weeks ahead."
DROP = """async files => {
  const transfer = new DataTransfer()
  for (const [name, type, text] of files) transfer.items.add(new File([text], name, { type }))
  for (const name of ["dragenter", "dragover", "drop"])
    document.body.dispatchEvent(new DragEvent(name, { dataTransfer: transfer, bubbles: true, cancelable: true }))
}"""


def at(page: Page | Locator, testid: str) -> Locator:
    return page.get_by_test_id(testid)


def ten_documents() -> list[FilePayload]:
    page = "<html><head><title>Rooms</title><script>alert(1)</script></head><body><h1>Rooms</h1><p>{}</p></body></html>"
    table = "city,allowance\nLisbon,80 euros\nOslo,120 euros\n"
    made: dict[str, tuple[str, bytes]] = {
        "Handbook.pdf": ("application/pdf", pdf(["Welcome to the house.", LEAVE])),
        "Travel.docx": ("", word("Trains before planes: whoever travels less than 700 kilometres takes a train.")),
        "Rooms.html": ("text/html", page.format("The room Aurora seats twelve and has a screen.").encode()),
        "Style.md": ("text/markdown", b"# Style\n\nTitles are written in sentence case.\n\n# Tone\n\nWe are kind."),
        "Allowance.csv": ("text/csv", table.encode()),
        "Contacts.json": ("application/json", json.dumps({"reception": "extension 100", "fire": "112"}).encode()),
        "Keys.txt": ("text/plain", b"Lost keys are reported to the reception on the same day."),
        "Kantine.txt": ("text/plain", "Die Kantine schließt um vierzehn Uhr. Süßes gibt es länger.".encode("latin-1")),
        "Pets.txt": ("text/plain", b"Dogs are welcome on Fridays, if nobody in the room minds."),
        "Broken.pdf": ("application/pdf", b"%PDF-1.7\nthis is where the paper tore"),
    }
    return [{"name": name, "mimeType": kind, "buffer": data} for name, (kind, data) in made.items()]


def new_collection(page: Page, name: str) -> str:
    page.goto("/knowledge")
    at(page, "new-collection").first.click()
    at(page, "collection-name").fill(name)
    at(page, "create-collection").click()
    page.wait_for_url(re.compile(r"/knowledge/[0-9a-f-]{36}"))
    at(page, "drop-zone").wait_for()
    return page.url.rstrip("/").rsplit("/", 1)[1]


def row(page: Page, title: str) -> Locator:
    return at(page, "document-row").filter(has_text=title)


def searchable(page: Page, words: str) -> None:
    expect(at(page, "documents-progress")).to_have_text(words, timeout=LONG)


def changed_at(page: Page, collection: str, source: str) -> str:
    found = page.request.get(f"/api/v1/collections/{collection}/documents").json()["items"]
    return next(one["updated_at"] for one in found if one["source"] == source)


def passage(page: Page, question: str) -> Locator:
    """The best one that the test bench finds."""
    at(page, "bench-question").fill(question)
    at(page, "bench-ask").click()
    return at(page, "match").first


def test_ten_documents_become_searchable_and_a_run_cites_them(page: Page) -> None:
    new_collection(page, "Handbook")
    expect(page.get_by_text("No documents yet")).to_be_visible()
    at(page, "document-input").set_input_files(files=ten_documents())
    searchable(page, "9 of 10 documents searchable, 1 failed")
    expect(row(page, "Handbook.pdf")).to_have_attribute("data-status", "completed")
    expect(at(row(page, "Broken.pdf"), "document-error")).to_contain_text("document_broken")
    expect(at(page, "upload-row")).to_have_count(0)

    # What is kept of one of them, as it was cut.
    row(page, "Handbook.pdf").get_by_role("button", name=re.compile("^Handbook")).click()
    expect(at(page, "passages")).to_contain_text("thirty days of annual leave")
    expect(at(page, "passages")).to_contain_text("page 2")
    page.keyboard.press("Escape")

    # A question on the spot: the passage, its score and why; then beside another setting.
    at(page, "tab-try").click()
    found = passage(page, "How much annual leave do I have?")
    expect(found).to_contain_text("thirty days of annual leave")
    expect(found).to_contain_text("Handbook")
    expect(found.locator("mark").filter(has_text="leave")).not_to_have_count(0)
    expect(found.locator(".why")).to_contain_text("Keywords")
    at(page, "bench-compare-a").click()
    at(page, "bench-ask").click()
    expect(at(at(page, "bench-b"), "match").first).to_contain_text("thirty days")
    at(page, "bench-b").get_by_label("Search by").select_option("sorted")
    at(page, "bench-ask").click()
    expect(at(page, "bench-b")).to_contain_text("The demo model cannot judge passages")

    cited(page)


def cited(page: Page) -> None:
    """A search before a model call, put together in the editor."""
    page.goto("/")
    at(page, "new-workflow").click()
    page.wait_for_url(re.compile(r"/workflows/[0-9a-f-]{36}"))
    at(page, "canvas").wait_for()
    add(page, "retrieve")
    at(page, "field-collection").fill("Handbook")
    at(page, "field-query").fill("How much annual leave is there?")
    add(page, "llm")
    answer = 'x-demo: ["There are thirty days of leave [1]."]'
    at(page, "field-prompt").fill(f"Answer from these passages and cite them:\n{{{{ retrieve.text }}}}\n{answer}")
    expect(at(page, "edge-retrieve-out-llm")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(at(page, "save-state")).to_have_attribute("data-state", "saved", timeout=LONG)
    at(page, "run-button").click()
    at(page, "run-submit").click()
    expect(at(page, "node-llm")).to_have_attribute("data-status", "completed", timeout=LONG)
    run = page.request.get("/api/v1/runs?limit=1").json()["items"][0]["id"]
    page.goto(f"/runs/{run}")
    at(page, "node-llm").click()
    expect(at(page, "node-output")).to_contain_text("thirty days of leave [1].")
    at(page, "node-retrieve").click()
    first = at(at(page, "node-output"), "run-match").first
    expect(first).to_contain_text("Handbook")
    expect(first).to_contain_text("thirty days of annual leave")


def add(page: Page, kind: str) -> None:
    at(page, "palette-search").fill(kind)
    at(page, f"palette-{kind}").focus()
    page.keyboard.press("Enter")
    at(page, f"node-{kind}").wait_for()
    at(page, f"node-{kind}").click()


def test_files_can_be_dropped_anywhere_pasted_deleted_and_tried_again(page: Page) -> None:
    collection = new_collection(page, "Odds and ends")
    note = ["Note.txt", "text/plain", "The cellar is damp in April."]
    page.evaluate(DROP, [note, ["Empty.txt", "text/plain", ""], ["Torn.pdf", "application/pdf", "%PDF-1.7 torn"]])
    searchable(page, "1 of 2 documents searchable, 1 failed")
    refused = at(page, "upload-row").filter(has_text="Empty.txt")
    expect(refused.get_by_role("alert")).to_contain_text("The file is empty.")
    refused.get_by_role("button", name="Dismiss").click()

    before = changed_at(page, collection, "Torn.pdf")
    at(row(page, "Torn.pdf"), "retry-document").click()
    while changed_at(page, collection, "Torn.pdf") == before:
        page.wait_for_timeout(50)
    searchable(page, "1 of 2 documents searchable, 1 failed")
    at(row(page, "Torn.pdf"), "delete-document").click()
    at(page, "confirm-delete").click()
    searchable(page, "1 of 1 document searchable")

    at(page, "add-text").click()
    page.get_by_label("Title").fill("Attic")
    page.get_by_label("Text", exact=False).last.fill("The attic is dry all year.")
    at(page, "add-it").click()
    searchable(page, "2 of 2 documents searchable")

    at(row(page, "Note.txt"), "delete-document").click()
    at(page, "confirm-delete").click()
    expect(row(page, "Note.txt")).to_have_count(0)
    asked: dict[str, Any] = {"query": "cellar damp April", "mode": "keyword"}
    answer = page.request.post(f"/api/v1/collections/{collection}/search", data=asked).json()
    assert "cellar" not in json.dumps(answer)


def test_a_text_is_cut_before_anything_is_kept(page: Page) -> None:
    new_collection(page, "Cuts")
    page.get_by_role("button", name="See how text is cut").click()
    text = "\n\n".join(f"## Part {n}\n\n" + "A sentence about the house and its people. " * 12 for n in range(6))
    page.get_by_label("Text to cut").fill(text)
    pieces = page.locator(".pieces > li")
    expect(pieces).not_to_have_count(0)
    few = pieces.count()
    page.get_by_label("A passage has about").fill("300")
    expect(pieces.nth(few)).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_text("No documents yet")).to_be_visible()


def test_a_collection_is_embedded_anew_by_the_model_that_it_has(page: Page) -> None:
    made = new_collection(page, "Anew")
    text = {"title": "Leave", "text": LEAVE}
    page.request.post(f"/api/v1/collections/{made}/documents", data=text)
    searchable(page, "1 of 1 document searchable")
    page.goto(f"/knowledge/{made}?tab=settings")
    expect(at(page, "move-collection")).to_have_text("Embed it anew")
    at(page, "move-collection").click()
    expect(page.get_by_text("It is on its way")).to_be_visible()
    expect(at(page, "move-collection")).to_be_visible(timeout=LONG)
    found = page.request.post(f"/api/v1/collections/{made}/search", data={"query": "annual leave"})
    assert found.json()["matches"][0]["text"].startswith("Everybody has thirty days")


def test_a_collection_that_is_not_there_says_so(page: Page) -> None:
    page.goto("/knowledge/nothing-here")
    expect(page.get_by_text("There is no such collection")).to_be_visible()


def test_a_fact_is_added_corrected_found_and_forgotten(page: Page) -> None:
    page.goto("/memory")
    at(page, "add-fact").or_(page.get_by_role("button", name="Add a fact")).first.click()
    page.get_by_label("What to remember").fill("Acme pays within 30 days.")
    page.get_by_label("About").fill("Acme")
    at(page, "save-item").click()
    fact = at(page, "fact-row").filter(has_text="Acme pays within 30 days.")
    at(fact, "edit-item").click()
    page.get_by_label("What to remember").fill("Acme pays within 14 days.")
    at(page, "save-item").click()
    expect(at(page, "fact-row").filter(has_text="within 14 days")).to_be_visible()
    page.reload()
    page.get_by_label("Search the memory").fill("acme 14")
    fact = at(page, "fact-row").filter(has_text="within 14 days")
    at(fact, "forget-item").click()
    at(page, "confirm-forget").click()
    expect(fact).to_have_count(0)
    expect(page.get_by_text("Nothing found")).to_be_visible()


def run(page: Page, *nodes: dict[str, Any]) -> dict[str, Any]:
    spec = {"nexod": 1, "name": "Remembers", "nodes": list(nodes)}
    workflow = page.request.post("/api/v1/workflows", data=spec).json()["id"]
    return page.request.post(f"/api/v1/workflows/{workflow}/runs?wait=30", data={"inputs": {}}).json()


def test_a_message_of_a_thread_is_corrected_and_forgotten(page: Page) -> None:
    page.goto("/memory")
    prompt = 'My name is Ana. x-demo: ["Hello Ana."]'
    run(page, {"id": "ask", "kind": "llm", "config": {"prompt": prompt, "thread": "customer/ana"}})
    page.goto("/memory?tab=thread&thread=customer/ana")
    question = at(page, "message").filter(has_text="My name is Ana.")
    at(question, "edit-message").click()
    page.get_by_label("What was said").fill("My name is Anna.")
    at(page, "save-message").click()
    expect(at(page, "message").filter(has_text="My name is Anna.")).to_be_visible()
    answer = at(page, "message").filter(has_text="Hello Ana.")
    at(answer, "forget-message").click()
    at(page, "confirm-forget").click()
    expect(answer).to_have_count(0)
    page.reload()
    expect(at(page, "message")).to_have_text([re.compile("My name is Anna.")])


def test_a_pattern_stays_with_its_step_when_its_text_is_changed(page: Page) -> None:
    form = {"type": "object", "properties": {"headline": {"type": "string"}}}
    config = {"question": "Send it?", "schema": form, "data": {"headline": "Loud"}}
    ask = {"id": "ask", "kind": "approval", "title": "Look first", "config": config}
    api = page.request
    made = api.post("/api/v1/workflows", data={"nexod": 1, "name": "Letters", "nodes": [ask]}).json()
    run = api.post(f"/api/v1/workflows/{made['id']}/runs?wait=30", data={"inputs": {}}).json()
    (asked,) = run["waiting_for"]
    answer = {"decision": "approve", "hash": api.get(f"/api/v1/approvals/{asked}").json()["hash"]}
    api.post(f"/api/v1/approvals/{asked}", data={**answer, "data": {"headline": "Plain"}})

    page.goto("/memory?tab=pattern")
    pattern = at(page, "pattern-row").filter(has_text="from Loud to Plain")
    expect(pattern).to_contain_text("Letters · Look first")
    at(pattern, "edit-item").click()
    page.get_by_label("What to remember").fill("Headlines are plain.")
    at(page, "save-item").click()
    expect(at(page, "pattern-row").filter(has_text="Headlines are plain.")).to_contain_text("Letters · Look first")
    kept = api.get("/api/v1/memory?kind=pattern&query=headlines").json()["items"]
    assert kept[0]["subject"] == f"{made['id']}/ask"


def test_what_is_remembered_can_be_taken_along(page: Page) -> None:
    page.goto("/memory")
    with page.expect_download() as download:
        at(page, "memory-export").click()
    kept = json.loads(download.value.path().read_text())
    assert {"facts", "patterns", "threads"} <= set(kept)
