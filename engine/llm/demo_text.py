"""What the demo model writes: it finds the kind of work and the topic in a prompt, and fills in a small sketch."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

LABEL = "*Written by the demo model. Add a model key under Settings, Models for the real thing.*"
LABELLED = {"draft", "research", "review", "revise", "reply", "list", "summary"}

UNCOUNTED = {"greeting", "title", "translate", "answer"}

KINDS = {
    "greeting": r"\b(say|write) (hello|hi)\b|^(hello|hi|hey)\b|\bgreet(ing)?\b",
    "title": r"\b(a|one|the|another|good|short) (title|headline|subject line)\b|\b(titles?|headlines?) (for|of)\b",
    "draft": r"\b(write|draft|compose)\b",
    "research": r"\b(research|facts?|sources?|investigate|find out|collect|gather|background|key points)\b",
    "review": r"\b(review|critique|critici[sz]e|judge|assess|evaluate|feedback|score|grade|proofread|check)\b",
    "revise": r"\b(revise|rewrite|improve|rework|edit|correct)\b",
    "summary": r"\b(summar(y|ise|ize)|tl;?dr|shorten|condense|sum up)\b",
    "reply": r"\b(reply|respond|e-?mail|message to|letter to)\b",
    "list": r"\b(list|ideas|brainstorm|bullets?|steps|options|names)\b",
    "translate": r"\btranslat(e|ion)\b",
    "answer": r"^(what|who|whose|how|why|when|where|which|is|are|can|could|should|does|do|will)\b|\?\s*$",
}
TOPICS = (
    r"[\"“«]([^\"”»\n]{3,90})[\"”»]",
    r"\b(?:topic|subject|theme|question|title)\s*(?:is\b)?:?\s*:\s*([^\n]{2,120})",
    r"\b(?:about|regarding|concerning|on the (?:topic|subject) of)\b:?\s+([^\n.;:?!]{2,120})",
    r"\b(?:article|text|post|draft|essay|report|notes?|facts|research|summary|titles?|headlines?|ideas|story|poem|"
    r"introduction|page|reasons|tips)\s+(?:on|for|of)\s+([^\n.;:?!]{2,120})",
    r":\s*\n+\s*(?:#+\s*)?([^\n]{2,200})",
    r"^(?:please\s+)?(?:say|tell|explain|describe|research|summari[sz]e|review|judge|revise|improve|rewrite|translate|"
    r"discuss|investigate|list|name|write|draft|compose|give|make|reply to|answer)\b(?:\s+(?:me|us|it))?"
    r"(?:\s+(?:briefly|in \w+ \w*\s?(?:sentences?|words?|lines?)))?(?:\s+(?:the|this|that|following|an?))*"
    r"(?:\s+(?:text|draft|article|notes?|message|post|customer|e?-?mail))?(?:\s+to [A-Z]\w+)?:?\s+([^\n.;:?!]{2,120})",
    r"^#+\s*([^\n]{2,120})",
)
LENGTH = re.compile(
    r"\b(?:in|with|of)?\s*(?:exactly |at most |about )?(one|two|three|four|five|[1-7]) (?:\w+ )?sentences?\b"
)
NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5}
CHOICE = re.compile(
    r"\b(?:sort|classify|categori[sz]e|label|choose|decide|one of|which of)\b[^:\n]{0,80}:\s*"
    r"([^\n.]{3,200}? or [^\n.?]{2,40})",
    re.IGNORECASE,
)
QUESTION = re.compile(r"(what|who|whose|how|why|when|where|which|is|are|can|could|should|does|do|will|would) ", re.I)
END = re.compile(
    r"[\n.;?!]|,? (?:(?:and )?then|so that|in (?:one|two|three|\d+) \w+|with at most|for (?:a|our|the) reader)\b"
)


def write(prompt: str, system: str = "") -> str:
    """A text that does what the prompt seems to ask for. The same prompt gives the same text."""
    prompt = prompt.replace(LABEL, "").strip()
    if made := choice(prompt):
        return made
    name, about = kind(prompt), topic(prompt)
    count = length(prompt) or length(system)
    if count and name not in UNCOUNTED:
        return " ".join(sketch("sentences").splitlines()[:count]).replace("{topic}", about)
    text = sketch(name).replace("{Topic}", capital(about)).replace("{topic}", about)
    return f"{text}\n\n{LABEL}" if name in LABELLED else text


def kind(prompt: str) -> str:
    """The kind of work whose word comes first in the prompt's opening."""
    head = prompt[:400].lower().strip()
    found = [(m.start(), name) for name, pattern in KINDS.items() if (m := re.search(pattern, head))]
    return min(found, key=lambda one: one[0])[1] if found else "draft"


def topic(prompt: str) -> str:
    """What the prompt is about, in a few words."""
    prompt = prompt.replace(LABEL, "").strip()[:2000]
    for pattern in TOPICS:
        for match in re.finditer(pattern, prompt, re.IGNORECASE):
            if words := trim(match[1]):
                return asked(words)
    return asked(trim(prompt)) or "this"


def asked(words: str) -> str:
    """A whole question is spoken of as one; what holds no word is `this`."""
    if not re.search(r"[^\W\d_]{2}", words) or words[0] in "[{<":
        return "this"
    return f"the question “{words}?”" if QUESTION.match(words) and words[0].isupper() else words


def choice(prompt: str) -> str | None:
    """One of the options that the prompt lists (`Sort this: refund, question or other.`), by the words that follow."""
    match = CHOICE.search(prompt[:600])
    if not match:
        return None
    options = [one.strip(" \"'`*") for one in re.split(r",|\bor\b", match[1]) if one.strip(" \"'`*")]
    rest = prompt[match.end() :].lower()
    named = next((one for one in options if re.search(rf"\b{re.escape(one.lower())}\b", rest)), None)
    return named or ("question" if "?" in rest and "question" in options else options[-1])


def length(prompt: str) -> int:
    """How many sentences are asked for; 0 when nothing is said."""
    match = LENGTH.search(prompt[:600].lower())
    return (NUMBERS.get(match[1]) or int(match[1])) if match else 0


def trim(text: str) -> str:
    """The first few words, without marks around them and without what follows the thought."""
    words = END.split(text.strip(), maxsplit=1)[0].strip(" \t\"'“”«»*_#`:,-–").split()
    return " ".join(words[:12])[:90].strip(" ,:")


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


@cache
def sketch(name: str) -> str:
    return Path(__file__).with_name("sketches").joinpath(f"{name}.md").read_text("utf-8").strip()
