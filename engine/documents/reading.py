"""A file's bytes to its text, in this process. Only the child calls it: what it uses may hang, swell or crash."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from pathlib import PurePath
from typing import Any

from engine.documents import Extracted, Web
from engine.documents.clean import line
from engine.documents.encoding import decode
from engine.documents.kinds import SHOWN, binary, named, textual
from engine.documents.limits import Limits, check_characters


def read(data: bytes, name: str, content_type: str, limits: Limits, web: Web | None = None) -> Extracted:
    said = named(name, content_type)
    kind = binary(data, said, limits)
    if kind is not None:
        found = _reader(kind).read(data, limits)
        warnings: list[str] = []
    else:
        text, warnings = decode(data, content_type)
        check_characters(len(text), limits)
        found = _read_text(text, textual(text.encode("utf-8", "replace")[:8192], said), limits, web)
    if said is not None and said != found.kind and said != "text":
        warnings.append(f"The name says {SHOWN[said]}; the content is {SHOWN.get(found.kind, 'plain text')}.")
    title = found.title or line(PurePath(name).stem) or line(name)
    return replace(found, title=title[:300], warnings=(*found.warnings, *warnings))


def _read_text(text: str, kind: str, limits: Limits, web: Web | None) -> Extracted:
    if kind == "html" and web is not None:
        return _reader("web").read(text, web)
    if kind == "json?":
        json = _reader("json")
        try:
            return json.outline(json.parse(text, limits), limits)
        except ValueError:
            kind = "text"
    return _reader(kind).read(text, limits)


def _reader(kind: str) -> Any:
    return import_module(f"engine.documents.readers.{kind}")
