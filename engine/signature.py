"""What a typed function with a docstring takes, as a pydantic model: its JSON Schema, and the check of what comes.

A paragraph of the docstring whose lines begin with `name:` (a line `Args:` may stand above) describes the parameters;
everything else is help.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, cast, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic.fields import FieldInfo

LINE = re.compile(r"(?P<name>[a-z_]\w*): +(?P<text>\S.*)")


@dataclass(frozen=True, slots=True)
class Signature:
    """`model` has one field a parameter; `help` is the docstring without the paragraph about them."""

    model: type[BaseModel]
    help: str
    given: frozenset[str]
    """Parameters that the caller of the function fills in itself."""

    def schema(self) -> dict[str, Any]:
        made = self.model.model_json_schema()
        made.pop("title", None)
        return {"type": "object", "properties": {}, **made}


def read(function: Callable[..., Any], given: Iterable[str] = ()) -> Signature:
    """`given`: names that are no parameters to the outside."""
    hints = get_type_hints(function, include_extras=True)
    parameters = inspect.signature(function).parameters
    paragraphs = inspect.cleandoc(function.__doc__ or "").split("\n\n")
    said: dict[str, str] = {}
    for paragraph in paragraphs[1:]:
        said.update(_described(paragraph, parameters))
    shown = [name for name in parameters if name not in set(given)]
    fields = {name: (hints[name], _field(parameters[name], said.get(name))) for name in shown}
    make = cast("Callable[..., type[BaseModel]]", create_model)
    model = make(function.__name__, __config__=ConfigDict(extra="forbid"), **fields)
    kept = [p for n, p in enumerate(paragraphs) if n == 0 or not _described(p, parameters)]
    return Signature(model, "\n\n".join(kept), frozenset(parameters) - set(shown))


def _described(paragraph: str, parameters: Iterable[str]) -> dict[str, str]:
    """{parameter: text} of a paragraph about parameters; a line that names none goes on with the one before."""
    found: dict[str, str] = {}
    known = set(parameters)
    last = ""
    for line in paragraph.removeprefix("Args:\n").splitlines():
        hit = LINE.fullmatch(line.strip())
        if hit and hit["name"] in known:
            last = hit["name"]
            found[last] = hit["text"]
        elif last:
            found[last] += f" {line.strip()}"
        else:
            return {}
    return found


def _field(parameter: inspect.Parameter, text: str | None) -> FieldInfo:
    required = parameter.default is inspect.Parameter.empty
    default: Any = ... if required else parameter.default
    info = Field(default, description=text, title=parameter.name.replace("_", " ").capitalize())
    return cast("FieldInfo", info)
