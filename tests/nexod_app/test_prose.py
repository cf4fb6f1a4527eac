"""Text from models is read, never run, and reading it fetches nothing."""

from __future__ import annotations

import pytest

from nexod_app.prose import MOST, shown, written


def test_markdown_is_drawn() -> None:
    html = shown("# Title\n\nA **strong** word and\na new line.\n\n- one\n- two")
    assert "<h3>Title</h3>" in html
    assert "<strong>strong</strong>" in html
    assert "and<br>\na new line" in html.replace("<br />", "<br>")
    assert html.count("<li>") == 2


def test_written_html_is_shown_as_text() -> None:
    html = shown("<script>alert(1)</script> <img src=x onerror=alert(1)>")
    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;script&gt;" in html


@pytest.mark.parametrize("text", ["![a](http://evil.example/a.png)", "![a][b]\n\n[b]: http://evil.example/a.png"])
def test_an_image_is_never_fetched(text: str) -> None:
    assert "<img" not in shown(text)


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html,x", "vbscript:x"])
def test_a_link_leads_to_pages_only(address: str) -> None:
    assert f'href="{address}"' not in shown(f"[a]({address})")


def test_a_link_opens_apart_and_tells_nothing() -> None:
    html = shown("[a](https://example.org)")
    assert 'target="_blank"' in html
    assert "noopener noreferrer nofollow" in html


def test_an_object_is_shown_as_fields_and_its_text_as_it_is() -> None:
    html = shown({"customer": "<b>Norrby</b>", "lines": [{"n": 2}], "note": "**not bold**", "none": None})
    assert "&lt;b&gt;Norrby&lt;/b&gt;" in html
    assert "**not bold**" in html
    assert "<code>2</code>" in html
    assert "<code>null</code>" in html


def test_as_written_is_letter_for_letter() -> None:
    assert written("a  *b*\n") == "a  *b*\n"
    assert written({"ä": 1}) == '{\n  "ä": 1\n}'


def test_a_huge_value_is_cut() -> None:
    assert len(shown("x" * (3 * MOST))) < 2 * MOST
    assert len(shown({"text": "x" * (3 * MOST)})) < 2 * MOST
