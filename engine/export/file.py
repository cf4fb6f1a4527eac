"""The file around the flow: header, imports, inputs, the helpers it brings along, and how it is run."""

from __future__ import annotations

import keyword
import re
import subprocess
import sys
import sysconfig
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

from engine.export import helpers
from engine.export.names import identifier
from engine.export.python import quoted
from engine.export.sheet import FlowSheet, Sheet
from engine.llm import PRESETS
from engine.spec import WorkflowSpec
from engine.values import is_object

TYPES = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "object": "dict[str, Any]"}
PACKAGES = {
    "trafilatura": "trafilatura",
    "langgraph": "langgraph",
    "crewai": "crewai",
    "openai": "openai",
    "httpx": "httpx",
    "pydantic": "pydantic",
}
QUIET = ("CREWAI_DISABLE_TELEMETRY", "CREWAI_DISABLE_TRACKING", "CREWAI_TRACING_ENABLED", "OTEL_SDK_DISABLED")
TOP = ("TERMINAL", "MODEL", "Tool")
MODULES = frozenset(["math", "re"])
"""What expressions need besides helpers."""
BEFORE = ("any_of", "Branches")
"""What the body of a class calls."""


class Target(Protocol):
    def main(self) -> str:
        """The function `run`, from inputs to outputs."""
        ...


def compose(spec: WorkflowSpec, flow: FlowSheet, target: Target, parts: list[str]) -> str:
    sheet = flow.sheet
    run, main = target.main(), _main(spec, flow)
    sheet.bring(*(sheet.helpers & MODULES))
    brought = helpers.closure(sheet.helpers)
    for name in brought:
        sheet.bring(*helpers.imports_of(name, helpers.variant_of(name, sheet.helpers)))
    sheet.bring(*(name if ":" in name else f"pydantic:{name}" for name in _typing(sheet.classes.uses)))
    if sheet.secrets:
        sheet.bring("os")
    inputs = _inputs(flow)
    constants = [_helper(name, sheet) for name in brought if name in TOP]
    update = ["Update = dict[str, Any]"] if sheet.target == "langgraph" else []
    before = [_helper(name, sheet) for name in brought if name in BEFORE]
    functions = [_helper(name, sheet) for name in brought if name not in (*TOP, *BEFORE)]
    text = "\n\n\n".join(
        [
            f"{_header(spec, sheet)}\n{_about(spec, sheet)}\n\n{_imports(sheet)}",
            *(["\n".join([*constants, *update])] if constants or update else []),
            *before,
            *sheet.classes.written,
            *inputs,
            *parts,
            run,
            *sheet.tools.values(),
            *functions,
            main,
            'if __name__ == "__main__":\n    main()\n',
        ]
    )
    return tidy(text)


def _typing(uses: set[str]) -> list[str]:
    return [f"typing:{name}" if name in ("Annotated", "Any", "Literal") else name for name in sorted(uses)]


def _helper(name: str, sheet: Sheet) -> str:
    text = helpers.source(helpers.variant_of(name, sheet.helpers))
    return text.replace("{MODEL}", PRESETS["openai"].model) if name == "MODEL" else text


# What stands above -------------------------------------------------------------------------------------------


def _header(spec: WorkflowSpec, sheet: Sheet) -> str:
    named = {name.split(":")[0].split(".")[0] for name in sheet.imports}
    pins = [f'#   "{package}=={version(package)}",' for name, package in sorted(PACKAGES.items()) if name in named]
    python = ">=3.11,<3.14" if "crewai" in named else ">=3.11"
    return "\n".join(["# /// script", f'# requires-python = "{python}"', "# dependencies = [", *pins, "# ]", "# ///"])


def _about(spec: WorkflowSpec, sheet: Sheet) -> str:
    name = f"{identifier(spec.name)}.py"
    parts = [spec.name.strip().rstrip(".") + "."]
    if spec.description.strip():
        parts.append(spec.description.strip())
    options = " ".join(f"{_flag(key)} …" for key in _properties(spec.inputs))
    parts.append(f"Run it with `uv run {name}{f' {options}' if options else ''}`; the result is printed as JSON.")
    if said := _environment(sheet):
        parts.append(said)
    parts += [
        f"Note: {node.config['text'].strip()}"
        for node in spec.nodes
        if node.kind == "note" and node.config.get("text", "").strip()
    ]
    text = "\n\n".join(parts).replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    return f'"""{text}\n"""'


def _environment(sheet: Sheet) -> str:
    lines: list[str] = []
    if any(name.split(":")[0] in ("openai", "crewai") for name in sheet.imports) and "MODEL" in helpers.closure(
        sheet.helpers
    ):
        lines.append(
            "OPENAI_API_KEY is the key of the model, OPENAI_BASE_URL any compatible endpoint, OPENAI_MODEL its name."
        )
    if "find_passages" in sheet.helpers:
        lines.append("NEXOD_URL is where the collections are, NEXOD_API_KEY a key that may read them.")
    if sheet.secrets:
        lines.append(f"It also reads {', '.join(sorted(sheet.secrets))} from the environment.")
    if "ask_person" in helpers.closure(sheet.helpers):
        lines.append("Where it asks, answer `approve` or `reject` on the terminal.")
    return "\n".join(lines)


def _imports(sheet: Sheet) -> str:
    plain = sorted(f"import {name}" for name in sheet.imports if ":" not in name)
    members: dict[str, list[str]] = {}
    for name in sorted(sheet.imports):
        module, sign, member = name.partition(":")
        if sign:
            members.setdefault(module, []).append(member)
    lines = [*plain, *(f"from {module} import {', '.join(found)}" for module, found in sorted(members.items()))]
    quiet = [
        f"os.environ.setdefault({quoted(name)}, {quoted('false' if 'TRACING' in name else 'true')})" for name in QUIET
    ]
    ours = [line for line in lines if line.split()[1].split(".")[0] in sys.stdlib_module_names]
    rest = [line for line in lines if line not in ours]
    if sheet.target == "crewai" or "crewai:Crew" in sheet.imports:
        ours = sorted({*ours, "import os"})
        ours += ["", *quiet]
    return "\n".join(["from __future__ import annotations", "", *ours, "", *rest])


def _inputs(flow: FlowSheet) -> list[str]:
    """What the run is given, as a type."""
    if not flow.plan.inputs:
        return []
    properties: dict[str, Any] = flow.plan.inputs.get("properties") or {}
    if not properties:
        return ["Inputs = dict[str, Any]"]
    if not all(_plain(name) for name in properties):
        flow.sheet.bring("typing:TypedDict")
        said = ", ".join(f"{quoted(name)}: {_type(part)}" for name, part in properties.items())
        return [f'Inputs = TypedDict("Inputs", {{{said}}})']
    lines = ["class Inputs(TypedDict):", '    """What it is given."""', ""]
    flow.sheet.bring("typing:TypedDict")
    return ["\n".join([*lines, *(f"    {name}: {_type(part)}" for name, part in properties.items())])]


def _properties(schema: dict[str, Any] | None) -> dict[str, Any]:
    return (schema or {}).get("properties") or {}


def _plain(name: str) -> bool:
    return name.isidentifier() and not keyword.iskeyword(name)


def _type(schema: Any) -> str:
    schema = schema if is_object(schema) else {}
    kind = schema.get("type")
    if kind == "array":
        return f"list[{_type(schema.get('items'))}]"
    return TYPES.get(kind, "Any") if isinstance(kind, str) else "Any"


# How it is run -----------------------------------------------------------------------------------------------


def _main(spec: WorkflowSpec, flow: FlowSheet) -> str:
    sheet = flow.sheet
    sheet.bring("argparse", "asyncio", "json", "typing:Any")
    declared = flow.plan.inputs or {}
    lines = ["def main() -> None:", '    """Reads the inputs, runs, prints the result."""']
    given = ""
    if declared.get("properties"):
        sheet.bring("typing:cast")
        given = 'cast("Inputs", vars(parser.parse_args()))'
    lines.append(f"    parser = argparse.ArgumentParser(description={quoted(spec.name)})")
    for name, part in _properties(declared).items():
        lines.append(
            f"    parser.add_argument({', '.join(_option(name, part, name in (declared.get('required') or [])))})"
        )
    if given:
        lines.append(f"    inputs = {given}")
    else:
        lines.append("    parser.parse_args()")
    call = f"asyncio.run(run({'inputs' if given else ''}))"
    if "StepError" in helpers.closure(sheet.helpers):
        sheet.bring("sys")
        lines += ["    try:", f"        made = {call}", "    except StepError as error:"]
        lines += ['        sys.exit(f"{error.code}: {error}")']
    else:
        lines.append(f"    made = {call}")
    lines.append("    print(json.dumps(made, ensure_ascii=False, indent=2))")
    return "\n".join(lines)


def _flag(name: str) -> str:
    return "--" + (re.sub(r"[^A-Za-z0-9_]+", "-", name).strip("-") or "input")


def _option(name: str, part: Any, required: bool) -> list[str]:
    part = part if is_object(part) else {}
    given = [quoted(_flag(name))]
    if not re.fullmatch(r"\w+", name):
        given.append(f"dest={quoted(name)}")
    if part.get("type") != "string":
        given.append("type=json.loads")
    if "default" in part:
        given.append(f"default={_literal(part['default'])}")
    elif required:
        given.append("required=True")
    else:
        given.append("default=argparse.SUPPRESS")
    about = part.get("description") or part.get("title")
    return [*given, f"help={quoted(str(about).replace('%', '%%'))}"] if about else given


def _literal(value: Any) -> str:
    return quoted(value) if isinstance(value, str) else repr(value)


# Ruff --------------------------------------------------------------------------------------------------------


def tidy(text: str) -> str:
    """In ruff's format, its imports sorted; as it is where there is no ruff."""
    program = Path(sysconfig.get_path("scripts")) / "ruff"
    if not program.exists():
        return text
    common = ["--isolated", "--target-version", "py311", "--stdin-filename", "exported.py", "-"]
    for command in (["check", "--fix", "--quiet", "--exit-zero"], ["format", "--quiet"]):
        done = subprocess.run([str(program), *command, *common], input=text, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"ruff cannot read the exported code: {done.stderr.strip()}")
        text = done.stdout
    return text
