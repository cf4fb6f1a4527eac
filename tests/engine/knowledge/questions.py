"""Texts that we did not write and questions whose passage is known: the standard library's docstrings and the READMEs
of installed packages.

The rule: a text's first sentence asks, what follows it is the passage (the sentence itself is taken out), so nobody
chose words that search finds. Kept are sentences of 5 to 30 words, at least three of them telling, with passages of
200 to 1200 characters. Every other question is reworded by `reworded`. All of it depends on the installed texts alone,
never on chance.
"""

from __future__ import annotations

import ast
import re
import sysconfig
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from zlib import crc32

from engine.embeddings.words import COMMON, stem, words

_MODULES = """
argparse asyncio calendar cmd codecs collections concurrent configparser contextlib copy csv ctypes datetime
dataclasses decimal difflib dis doctest email enum filecmp fractions ftplib functools gettext glob gzip heapq html
http imaplib importlib inspect ipaddress json logging mailbox mimetypes multiprocessing netrc numbers operator os
pathlib pdb pickle pickletools platform plistlib pprint pydoc queue random sched secrets selectors shelve shlex shutil
smtplib socket socketserver sqlite3 ssl statistics string subprocess symtable tarfile tempfile textwrap threading
timeit tokenize trace traceback types typing unittest urllib uuid venv warnings wave weakref webbrowser wsgiref xml
xmlrpc zipfile zoneinfo
"""
QUESTIONS = 800
SHORTEST, LONGEST = 200, 1200


@dataclass(frozen=True)
class Question:
    text: str
    passage: int
    reworded: bool
    tuning: bool
    """Of the half that numbers were chosen by; the other half is reported."""


@dataclass(frozen=True)
class Corpus:
    passages: list[str]
    questions: list[Question]


def corpus() -> Corpus:
    found: dict[str, str] = {}  # passage: its first sentence
    for text in (*docstrings(), *readmes()):
        sentence, rest = parted(text)
        if SHORTEST <= len(rest) <= LONGEST:
            found.setdefault(rest, sentence)
    passages = sorted(found, key=lambda text: crc32(text.encode()))
    rarity = Counter(one for text in passages for one in stems(text))
    questions: list[Question] = []
    for at, passage in enumerate(passages):
        n, sentence = len(questions), found[passage]
        text = reworded(sentence, passage, rarity) if n % 2 else sentence
        if n < QUESTIONS and 5 <= len(words(sentence)) <= 30 and len(stems(text)) >= 3:
            questions.append(Question(text, at, reworded=n % 2 == 1, tuning=n // 2 % 2 == 0))
    return Corpus(passages, questions)


def docstrings() -> Iterator[str]:
    """Of every module, class and function in the modules above."""
    library = Path(sysconfig.get_path("stdlib"))
    for name in _MODULES.split():
        files = [library / f"{name}.py"] if (library / f"{name}.py").exists() else sorted((library / name).glob("*.py"))
        for file in files:
            for item in ast.walk(ast.parse(file.read_text(encoding="utf-8", errors="replace"))):
                if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Module)):
                    yield ast.get_docstring(item) or ""


def readmes() -> Iterator[str]:
    """The sections of the READMEs that packages bring along, without code and links."""
    for one in sorted(distributions(), key=lambda one: one.metadata["Name"].lower()):
        text = one.metadata.get_payload() or one.metadata.get("Description") or ""
        text = re.sub(r"```.*?```|<[^>]*>|!\[[^\]]*\]\([^)]*\)", " ", str(text), flags=re.DOTALL)
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
        yield from re.split(r"^#+ .*$", text, flags=re.MULTILINE)


def parted(text: str) -> tuple[str, str]:
    """The first sentence, and what follows it. A blank line ends a sentence too."""
    text = re.sub(r"[ \t]+", " ", text.strip())
    end = re.search(r"(?<=[.!?])\s|\n\s*\n", text)
    if not end:
        return text, ""
    return " ".join(text[: end.start()].split()), " ".join(text[end.end() :].split())


def stems(text: str) -> set[str]:
    return {stem(word) for word in words(text) if word not in COMMON}


_SYNONYMS = """
return:give returns:gives create:make creates:makes creating:making file:document files:documents delete:erase
deletes:erases remove:erase removes:erases removing:erasing error:failure errors:failures raise:signal raises:signals
raised:signalled list:series lists:series string:text strings:texts directory:folder directories:folders
function:routine functions:routines method:routine methods:routines class:type classes:types object:thing
objects:things get:obtain gets:obtains set:assign sets:assigns convert:turn converts:turns converting:turning
write:put writes:puts writing:putting read:load reads:loads reading:loading open:access opens:accesses close:shut
closes:shuts send:transmit sends:transmits sending:transmitting message:mail messages:mails mail:post print:show
prints:shows display:show displays:shows run:execute runs:executes running:executing execute:run executes:runs
start:begin starts:begins starting:beginning stop:halt stops:halts wait:pause waits:pauses waiting:pausing check:test
checks:tests checking:testing test:check tests:checks testing:checking find:locate finds:locates search:look
searches:looks number:count numbers:counts value:quantity values:quantities key:name keys:names name:label
names:labels argument:parameter arguments:parameters parameter:argument parameters:arguments option:choice
options:choices default:usual current:present specified:given given:supplied optional:voluntary required:needed
provide:offer provides:offers provided:offered support:help supports:helps allow:permit allows:permits use:employ
uses:employs used:employed using:employing copy:duplicate copies:duplicates copying:duplicating compare:match
compares:matches comparing:matching add:append adds:appends adding:appending change:alter changes:alters
changing:altering replace:swap replaces:swaps replacing:swapping parse:analyse parses:analyses parsing:analysing
format:layout formats:layouts load:read loads:reads save:store saves:stores library:toolkit libraries:toolkits
package:bundle packages:bundles module:unit modules:units fast:quick faster:quicker simple:easy simply:easily
build:make builds:makes building:making connect:link connects:links connection:link connections:links server:host
servers:hosts client:customer clients:customers request:query requests:queries response:answer responses:answers
thread:task threads:tasks process:program processes:programs time:moment date:day dates:days path:location
paths:locations line:row lines:rows sequence:series sequences:series iterator:cursor iterable:collection
represent:stand represents:stands contain:hold contains:holds containing:holding command:instruction
commands:instructions code:source data:information documentation:manual example:sample examples:samples install:set
installed:set tool:utility tools:utilities implementation:version implementations:versions interface:surface
abstract:general base:parent instance:specimen instances:specimens attribute:property attributes:properties
generate:produce generates:produces generated:produced handle:treat handles:treats handling:treating call:invoke
calls:invokes called:invoked calling:invoking match:fit matches:fits matching:fitting encode:cipher encoded:ciphered
decode:decipher decoded:deciphered equal:same true:yes false:no none:nothing new:fresh initialize:prepare
initializes:prepares empty:blank
"""
SYNONYMS = dict(pair.split(":") for pair in _SYNONYMS.split())
"""Written before anything was measured, by looking at no ranking."""
ENDINGS = (("ations", "ate"), ("ation", "ate"), ("ings", ""), ("ing", ""), ("ies", "y"), ("ed", ""), ("s", ""))
DROPPED = 2


def reworded(sentence: str, passage: str, rarity: Counter[str]) -> str:
    """The sentence with few words in common with its passage: the rarest two that they share are dropped, those in
    SYNONYMS replaced, and the rest get another ending (`-ation`, `-ing`, `-ed`, `-s` come off, others get an `-s`)."""
    shared = sorted(stems(sentence) & stems(passage), key=lambda one: (rarity[one], one))
    dropped = set(shared[:DROPPED]) if len(stems(sentence)) > DROPPED + 2 else set(shared[:1])
    kept = [word for word in words(sentence) if stem(word) not in dropped]
    return " ".join(_other(word) for word in kept)


def _other(word: str) -> str:
    if word in COMMON:
        return word
    if word in SYNONYMS:
        return SYNONYMS[word]
    for ending, instead in ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            return word.removesuffix(ending) + instead
    return word + "s" if len(word) > 3 and word.isalpha() and word.isascii() else word
