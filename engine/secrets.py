"""Secrets of the environment: found by name, sent only to their hosts, and never left in what is written down.

NEXOD_SECRET_<NAME> holds the value, NEXOD_SECRET_<NAME>_HOSTS the `host[:port]` list it may be sent to.
"""

from __future__ import annotations

import base64
import html
import json
import os
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote, quote_plus

from engine.errors import NodeError
from engine.values import is_list, is_object

PREFIX, HOSTS = "NEXOD_SECRET_", "_HOSTS"
MASK = "[redacted]"
ESCAPED = 3
"""How often JSON within JSON may have escaped a value: text, body, journal."""
_WORD = re.compile(r"[a-z_]{1,24}")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,127}")


def resolve(reference: Mapping[str, str]) -> str:
    """The value behind `{"$secret": NAME}`. Raises NodeError(code="missing_secret")."""
    name = _name(reference)
    value = os.environ.get(PREFIX + name)
    if not value:
        raise NodeError(
            f"There is no secret {name!r}.", code="missing_secret", hint=f"Set {PREFIX}{name} where Nexod is started."
        )
    return value


def check_host(reference: Mapping[str, str], host: str, port: int) -> None:
    """Raises NodeError(code="secret_refused") unless the operator declared `host` for this secret."""
    name = _name(reference)
    entries = [e.strip().lower().rstrip(".") for e in os.environ.get(PREFIX + name + HOSTS, "").split(",") if e.strip()]
    host = host.lower().rstrip(".").strip("[]")
    shown = f"[{host}]" if ":" in host else host
    if shown not in entries and f"{shown}:{port}" not in entries:
        raise NodeError(
            f"The secret {name!r} may not be sent to {shown}:{port}.",
            code="secret_refused",
            hint=f"List the host in {PREFIX}{name}{HOSTS} where Nexod is started.",
        )


def fill(value: Any, reveal: Callable[[Mapping[str, str]], str]) -> Any:
    """`value` with every `{"$secret": NAME}` in it replaced by what `reveal` says."""
    if is_reference(value):
        return reveal(value)
    if is_object(value):
        return {k: fill(v, reveal) for k, v in value.items()}
    if is_list(value):
        return [fill(v, reveal) for v in value]
    return value


def is_reference(value: Any) -> bool:
    return is_object(value) and set(value) == {"$secret"} and isinstance(value["$secret"], str)


def known_values() -> frozenset[str]:
    """Every value that must not be written down: secrets of 4 characters and more, API keys of 8 and more."""
    names = [name for name in os.environ if name.startswith(PREFIX) or name.endswith("_API_KEY")]
    kept = ((name, os.environ[name]) for name in names if not name.endswith(HOSTS))
    return frozenset(value for name, value in kept if len(value) >= (4 if name.startswith(PREFIX) else 8))


def redact(value: Any, known: frozenset[str] | None = None) -> Any:
    """`value` without secrets (`known_values()`, which who redacts often looks up once): raw, base64, URL- and
    JSON-escaped. Untouched values come back as they are."""
    known = known_values() if known is None else known
    if not known:
        return value
    pattern = _pattern(known)
    text = json.dumps(value, ensure_ascii=False, default=str)
    return _masked(json.loads(text), pattern) if pattern.search(text) else value


def _masked(value: Any, pattern: re.Pattern[str]) -> Any:
    if isinstance(value, str):
        return pattern.sub(MASK, value)
    if is_object(value):
        # A plain word stays: were it a short secret too, the journal's own field names would go.
        return {k if _WORD.fullmatch(k) else pattern.sub(MASK, k): _masked(v, pattern) for k, v in value.items()}
    if is_list(value):
        return [_masked(v, pattern) for v in value]
    if isinstance(value, int | float) and not isinstance(value, bool) and pattern.search(repr(value)):
        return MASK
    return value


@lru_cache(maxsize=4)
def _pattern(values: frozenset[str]) -> re.Pattern[str]:
    forms = {form for value in values for form in _forms(value)}
    return re.compile("|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True)))


def _forms(value: str) -> set[str]:
    """The spellings under which a value may come back from outside."""
    url = quote(value, safe="")
    forms = {value, value[::-1], html.escape(value), value.encode().hex()}
    forms |= {url, quote(value), quote_plus(value), re.sub("%..", lambda m: m[0].lower(), url)}
    for _ in range(ESCAPED):
        forms |= {json.dumps(form, ensure_ascii=ascii)[1:-1] for form in forms for ascii in (True, False)}
    for shift in range(3):
        forms |= _base64_forms(value.encode(), shift)
    return {form for form in forms if len(form) >= 4}


def _base64_forms(value: bytes, shift: int) -> set[str]:
    """Base64 of `value` at one alignment: only the characters that no neighbour can change."""
    text = base64.b64encode(b"\0" * shift + value).decode()
    sure = text[(0, 2, 3)[shift] : (shift + len(value)) * 8 // 6]
    return {sure, sure.replace("+", "-").replace("/", "_")} if len(sure) >= 6 else set()


def _name(reference: Mapping[str, str]) -> str:
    name = reference.get("$secret", "")
    if not _NAME.fullmatch(name) or name.endswith(HOSTS):
        raise NodeError(f"{name!r} is no name of a secret.", code="missing_secret", hint="Letters, digits and _ only.")
    return name
