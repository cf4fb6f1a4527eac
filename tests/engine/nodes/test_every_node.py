"""What every kind must have and do, whoever wrote it; a new one is tested before its author writes a test."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.node import Group, NodeType, Silent, registry
from engine.plan import problems
from engine.spec import canonical, read
from tests.engine.harness import Bench

KINDS = sorted(
    (kind for kind in registry().values() if type(kind).__module__.startswith("engine.")), key=lambda k: k.kind
)
OUTSIDE = {"http"}
"""Their samples reach for the network, which a test may not have."""

every = pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.kind)


def workflow(kind: NodeType) -> dict[str, Any]:
    return {"nexod": 1, "name": "sample", "nodes": [{"id": "x", "kind": kind.kind, "config": kind.sample}]}


@every
def test_it_explains_itself(kind: NodeType) -> None:
    assert len(kind.help) > 80
    assert kind.title
    assert kind.icon
    assert kind.group in Group
    for name, field in kind.Config.model_json_schema(by_alias=True)["properties"].items():
        assert field.get("title"), f"{kind.kind}.{name} has no title"


@every
def test_its_sample_reads_writes_and_plans(kind: NodeType) -> None:
    spec, faults = read(workflow(kind))
    assert faults == []
    assert spec is not None
    assert [p for p in problems(workflow(kind)) if p.severity == "error"] == []
    again, _ = read(json.loads(canonical(spec)))
    assert again == spec


@pytest.mark.parametrize(
    "kind", [k for k in KINDS if not isinstance(k, Silent) and k.kind not in OUTSIDE], ids=lambda k: k.kind
)
async def test_its_sample_runs(kind: NodeType, tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    run = bench.start(workflow(kind))
    ends = {"fail": "run_failed", "approval": "run_waiting"}
    end = await bench.settle(run, ends.get(kind.kind, "run_completed"))
    first, last = bench.types(run)[2], end.type
    assert (first, last) == ("node_started", ends.get(kind.kind, "run_completed"))
