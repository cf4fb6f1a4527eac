"""Questions on the terminal: which lines answer, what is asked again, and what happens when nobody answers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.export.cases import TARGETS, Case
from tests.engine.export.odd import PAUSES, inner
from tests.engine.flows import edges, made, step, workflow


def run(raw: dict, target: str, folder: Path, *lines: str, quiet: bool = False) -> subprocess.CompletedProcess[str]:
    """The file as a process of its own. `quiet`: the terminal stays open after the lines."""
    path = folder / "exported.py"
    path.write_text(Case(raw).export(target))
    with subprocess.Popen(
        [sys.executable, "-P", "-I", path], text=True, cwd=folder,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdin
        process.stdin.write("".join(f"{line}\n" for line in lines))
        process.stdin.flush()
        if quiet:
            process.wait(120)
        out, err = process.communicate(timeout=120)
    return subprocess.CompletedProcess([], process.returncode, out, err)


FORM = {"type": "object", "properties": {"sum": {"type": "number", "minimum": 0}}, "required": ["sum"]}
ASK = workflow(
    made("ask", "approval", question="Pay?", content={"to": "Ann"}, data={"sum": 40, "to": "Ann"}, schema=FORM),
    step("paid", "{{ ask.data.sum }} to {{ ask.data.to }}, says {{ ask.decided_by }}. {{ ask.comment }}"),
    step("kept", "Kept: {{ ask.comment }}"),
    edges=edges("ask.approved paid", "ask.rejected kept"),
    outputs={"paid": "{{ paid.text }}", "kept": "{{ kept.text }}"},
)


@pytest.mark.parametrize("target", TARGETS)
def test_a_person_sees_the_question_and_its_content_and_decides_in_a_line(target: str, tmp_path: Path):
    done = run(ASK, target, tmp_path, "what?", 'approve {"sum": -1}', 'APPROVE {"sum": 12} as agreed')
    assert json.loads(done.stdout) == {"paid": "12 to Ann, says terminal. as agreed", "kept": None}, done.stderr
    assert "Pay?" in done.stderr and '"to": "Ann"' in done.stderr and "greater than or equal to 0" in done.stderr
    done = run(ASK, target, tmp_path, "reject Not now.")
    assert json.loads(done.stdout) == {"paid": None, "kept": "Kept: Not now."}
    done = run(ASK, target, tmp_path)
    assert (done.returncode, done.stdout) == (1, "") and done.stderr.endswith("no_answer: Nobody answered.\n")


@pytest.mark.parametrize("target", TARGETS)
def test_questions_of_branches_and_of_items_come_one_by_one(target: str, tmp_path: Path):
    done = run(PAUSES, target, tmp_path, "approve", "reject")
    assert json.loads(done.stdout) in (
        {"yes": "yes x", "no": None, "late": None, "both": "rejected"},
        {"yes": None, "no": "no ", "late": None, "both": "approved"},
    )
    each = made("each", "subflow", flow=inner(), over="['a', 'b', 'c']", concurrency=3, **{"with": {"n": 3}})
    many = workflow(each, outputs={"all": "{{ each.items }}"})
    done = run(many, target, tmp_path, *["approve"] * 3)
    assert json.loads(done.stdout) == {"all": [{"text": f"{n}: {x} of 3 kept"} for n, x in enumerate("abc")]}
    done = run(many, target, tmp_path, *["reject"] * 3)
    assert done.returncode == 1 and "gone: " in done.stderr.splitlines()[-1], done.stderr


@pytest.mark.parametrize("target", TARGETS)
def test_a_deadline_goes_its_own_way(target: str, tmp_path: Path):
    kept = ("start", "choose", "yes", "no", "late")
    raw = {
        **PAUSES,
        "nodes": [node for node in PAUSES["nodes"] if node["id"] in kept],
        "edges": [e for e in PAUSES["edges"] if e["source"] in kept and e["target"] in kept],
        "outputs": {"late": "{{ late.text }}"},
    }
    done = run(raw, target, tmp_path, quiet=True)
    assert json.loads(done.stdout) == {"late": "late"}, done.stderr
