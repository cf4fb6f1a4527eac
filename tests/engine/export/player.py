"""Runs files as scripts, one after the other, and writes down what each of them printed. Knows nothing of Nexod."""

from __future__ import annotations

import contextlib
import io
import json
import os
import runpy
import sys
import traceback
from pathlib import Path
from typing import Any


def play(job: dict[str, Any]) -> dict[str, Any]:
    out, err, code = io.StringIO(), io.StringIO(), 0
    os.environ.update(job["env"])
    sys.argv = [job["path"], *job["argv"]]
    sys.stdin = io.StringIO(job["stdin"])
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            runpy.run_path(job["path"], run_name="__main__")
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1 if end.code else 0
            err.write(str(end.code or ""))
        except BaseException:
            code = 1
            err.write(traceback.format_exc())
    return {"code": code, "out": out.getvalue(), "err": err.getvalue()}


if __name__ == "__main__":
    jobs = Path(sys.argv[1])
    done = [play(job) for job in json.loads(jobs.read_text())]
    jobs.with_name("jobs.json.done").write_text(json.dumps(done))
