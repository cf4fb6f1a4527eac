"""Text and values from models as safe HTML: Markdown, or the fields of an object. Nothing is fetched to show them."""

from __future__ import annotations

import json
from html import escape
from typing import Any

import nh3
from markdown_it import MarkdownIt

TAGS = {
    "p", "br", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "strong", "em", "s", "code", "pre", "blockquote",
    "hr", "a", "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip
DEEPER = 2
MOST = 100_000
"""Characters shown in the page; the rest is behind a link."""

# Written HTML is shown as text, an image as its link: neither may reach out when a person reads.
_markdown = (
    MarkdownIt("commonmark", {"html": False, "breaks": True}).enable(["table", "strikethrough"]).disable("image")
)
_wrapped = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")


def shown(content: Any) -> str:
    """HTML of the content, text as Markdown and anything else as its fields."""
    if isinstance(content, str):
        return markdown(content[:MOST])
    return _value(content) if len(written(content)) <= MOST else markdown(f"```\n{written(content)[:MOST]}\n```")


def written(content: Any) -> str:
    """The content letter for letter: text as it is, anything else as JSON."""
    return content if isinstance(content, str) else json.dumps(content, ensure_ascii=False, indent=2)


def markdown(text: str, wrapped: bool = False) -> str:
    """`wrapped` text, such as a docstring, has line ends that mean nothing."""
    return nh3.clean(
        _rendered(_wrapped if wrapped else _markdown, text),
        tags=TAGS,
        attributes={"a": {"href", "title"}, "ol": {"start"}, "code": {"class"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )


def _rendered(reader: MarkdownIt, text: str) -> str:
    """Its headings begin below those of the page that it is shown in."""
    tokens = reader.parse(text)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1]) + DEEPER, 6)}"
    return reader.renderer.render(tokens, reader.options, {})


def _value(value: Any) -> str:
    match value:
        case {**fields} if fields:
            return f'<dl class="fields">{"".join(_field(name, one) for name, one in fields.items())}</dl>'
        case [*items] if items:
            return f"<ol>{''.join(f'<li>{_value(item)}</li>' for item in items)}</ol>"
        case str():
            return f'<span class="asis">{escape(value)}</span>'
        case _:
            return f"<code>{escape(json.dumps(value))}</code>"


def _field(name: str, value: Any) -> str:
    nested = ' class="nested"' if isinstance(value, (dict, list)) and value else ""
    return f"<div{nested}><dt>{escape(name)}</dt><dd>{_value(value)}</dd></div>"
