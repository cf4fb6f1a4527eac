"""The documentation says what the code does: made pages are fresh, nothing is left out, every link leads somewhere."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import reference

from engine.plan import problems

ROOT = Path(__file__).resolve().parent.parent
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]


@pytest.mark.parametrize("name", reference.PAGES)
def test_a_made_page_is_fresh(name: str):
    assert (ROOT / "docs" / name).read_text() == reference.PAGES[name](), "run `make docs`"


def test_every_setting_is_explained():
    source = (ROOT / "engine" / "settings.py").read_text() + (ROOT / "engine" / "secrets.py").read_text()
    names = set(re.findall(r'"((?:NEXOD|OPENAI|ANTHROPIC|DATABASE|REDIS|PINECONE|AWS)_[A-Z_]+|PORT|HOST)"', source))
    told = (ROOT / "docs" / "settings.md").read_text()
    assert len(names) > 8
    assert not [name for name in names if f"`{name}" not in told]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path):
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)(?:#([\w-]+))?\)", page.read_text())
    pictures = re.findall(r'src(?:set)?="([^"]+)"', page.read_text())
    lost = [link for link in [*(link for link, _ in links), *pictures] if not (page.parent / link).exists()]
    assert not lost
    for link, heading in links:
        assert not heading or heading in headings(page.parent / link), f"{link}#{heading}"


def headings(page: Path) -> set[str]:
    """The anchors that GitHub gives to a page's headings."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.M)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_the_example_of_the_format_is_a_workflow_without_a_problem():
    examples = re.findall(r"```json\n(.*?)```", (ROOT / "docs" / "workflow.md").read_text(), re.S)
    assert examples
    assert [problem for example in examples for problem in problems(json.loads(example))] == []
