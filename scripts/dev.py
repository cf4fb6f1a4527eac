"""Runs Nexod for the person who changes it: on a change of a source, builds the page if it must and starts again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from watchfiles import PythonFilter, watch

sys.path.insert(0, str(Path(__file__).parent))
from install import PYTHON, ROOT

WATCHED = ("engine", "components", "nexod_app", "assets", "rxconfig.py")


class Sources(PythonFilter):
    extensions = (".py", ".js", ".jsx", ".css", ".svg", ".json")

    def __call__(self, change: object, path: str) -> bool:
        return "/external/" not in path and super().__call__(change, path)  # type: ignore[arg-type]


def main() -> None:
    process = start()
    try:
        for _ in watch(*(ROOT / name for name in WATCHED), watch_filter=Sources(), debounce=600):
            stop(process)
            subprocess.run([PYTHON, ROOT / "scripts" / "page.py"])
            process = start()
    except KeyboardInterrupt:
        pass
    finally:
        stop(process)


def start() -> subprocess.Popen[bytes]:
    return subprocess.Popen([PYTHON, "-m", "engine", "up"], cwd=ROOT)


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait()


if __name__ == "__main__":
    main()
