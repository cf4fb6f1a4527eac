"""What the demo model writes: it finds the topic and the kind of work in a prompt, and fills a small sketch."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

LABEL = "*Written by the demo model. Add a model key under Settings, Models for the real thing.*"

_KINDS = (
    ("translate", r"\btranslat"),
    (
        "title",
        r"\b(title|headline|subject line|name)s? (for|of)\b|\b(suggest|give|write) (a|one|the) (title|headline|name)\b",
    ),
    ("summary", r"\b(summar(y|ise|ize)|tl;?dr|in (one|two|three) sentences?|shorten|condense)"),
    ("review", r"\b(review|critique|criticise|criticize|assess|evaluate|feedback|score|grade|proofread)\b"),
    ("revise", r"\b(revise|rewrite|improve|rework|edit)\b"),
    ("research", r"\b(research|facts?|sources?|investigate|find out|collect|gather|background|key points)\b"),
    ("reply", r"\b(reply|respond|e-?mail|message to|letter)\b"),
    ("list", r"\b(list|ideas|brainstorm|bullet|steps|options|names)\b"),
    ("classify", r"\b(classify|categori[sz]e|label|which of|sentiment)\b"),
    ("draft", r""),
)
_TOPIC = (
    r"[\"“«]([^\"”»\n]{3,90})[\"”»]",
    r"\b(?:topic|subject|theme|title|question)\s*(?:is)?\s*:\s*([^\n]{2,120})",
    r"\b(?:about|regarding|concerning|on the (?:topic|subject) of)\s+([^\n.;:?!]{2,120})",
    r"\b(?:article|text|post|draft|essay|report|notes?|facts|research|summary|title|ideas|story|poem|introduction|page)\s+(?:on|for|of)\s+([^\n.;:?!]{2,120})",
    r"\b(?:research|summari[sz]e|explain|describe|review|revise|improve|translate|discuss|investigate|classify)\s+(?:the\s+|this\s+|following\s+)*(?:text|draft|article|notes)?:?\s*([^\n.;:?!]{2,120})",
    r"^#+\s*([^\n]{2,120})",
)
_END = re.compile(
    r"[\n.;?!]|,? (?:(?:and )?then|so that|in (?:one|two|three|\d+)|with at most|for (?:a|our|the) reader)\b"
)
_UNLABELLED = {"title", "translate", "classify"}


def write(prompt: str) -> str:
    """A text that does what the prompt seems to ask for. The same prompt gives the same text."""
    name = kind(prompt)
    about = topic(prompt)
    text = _sketch(name).replace("{Topic}", _capital(about)).replace("{topic}", about)
    return text if name in _UNLABELLED else f"{text}\n\n{LABEL}"


def kind(prompt: str) -> str:
    """The kind of work whose word comes first in the prompt's opening."""
    head = prompt[:400].lower()
    found = [(m.start(), name) for name, pattern in _KINDS if pattern and (m := re.search(pattern, head))]
    return min(found)[1] if found else "draft"


def topic(prompt: str) -> str:
    """What the prompt is about, in a few words."""
    clean = prompt.replace(LABEL, "").strip()
    for pattern in _TOPIC:
        match = re.search(pattern, clean[:2000], re.IGNORECASE | re.MULTILINE)
        if match and (words := _trim(match[1])):
            return words
    return (
        _trim(
            re.sub(
                r"^(please\s+)?(write|draft|compose|create|make|give|say|tell)\s+(me\s+|us\s+)?", "", clean, flags=re.I
            )
        )
        or "this topic"
    )


def _trim(text: str) -> str:
    text = _END.split(text.strip(), maxsplit=1)[0]
    words = text.strip(" \t\"'“”«»*_#`:,-–").split()
    return " ".join(words[:10])[:80].strip(" ,:")


@cache
def _sketch(name: str) -> str:
    return Path(__file__).with_name("sketches").joinpath(f"{name}.md").read_text("utf-8").strip()


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
