"""Creates .venv and installs the pinned, hashed packages into it. Standard library only; quick when nothing changed."""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
SUPPORTED = ((3, 11), (3, 14))
UV_FROM_PIP = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "cert": "SSL_CERT_FILE",
    "trusted-host": "UV_INSECURE_HOST",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dev", action="store_true", help="also what tests and checks need")
    dev = parser.parse_args().dev
    use_supported_python()
    with one_at_a_time():
        create_venv()
        install(["requirements.txt", "requirements-dev.txt"] if dev else ["requirements.txt"])
        compile_ours()


def use_supported_python() -> None:
    """Start again under a Python that Nexod runs on, when this one is not."""
    if SUPPORTED[0] <= sys.version_info[:2] < SUPPORTED[1]:
        return
    for name in ("python3.13", "python3.12", "python3.11"):
        if path := shutil.which(name):
            os.execv(path, [path, *sys.argv])
    sys.exit("Nexod needs Python 3.11, 3.12 or 3.13. Install one, or name it: make PYTHON=/path/to/python3.12 run")


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Two makes in one checkout wait for each other."""
    with (ROOT / ".setup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def create_venv() -> None:
    if PYTHON.exists() and subprocess.run([PYTHON, "-c", "import pip"], capture_output=True).returncode == 0:
        return
    say("Creating .venv")
    command = [sys.executable, "-m", "venv", "--clear", str(VENV)]
    made = subprocess.run(command, capture_output=True, text=True)
    if made.returncode and os.geteuid() == 0 and shutil.which("apt-get"):
        # Debian ships Python without ensurepip.
        apt_install([f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"])
        made = subprocess.run(command, capture_output=True, text=True)
    if made.returncode:
        sys.exit(f"{made.stdout}{made.stderr}\nCould not create .venv. On Debian and Ubuntu: apt install python3-venv")


def apt_install(packages: list[str]) -> None:
    # RUNLEVEL=1 keeps freshly installed services from starting.
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    say(f"Installing {', '.join(packages)} with apt-get")
    quiet = {"env": env, "stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
    subprocess.run(["apt-get", "-qq", "update"], **quiet)
    subprocess.run(["apt-get", "-qq", "-y", "install", "--no-install-recommends", *packages], **quiet)


def install(locks: list[str]) -> None:
    """Each lock has a stamp: the hash of what was installed last."""
    for lock in locks:
        stamp = VENV / f".{lock}.sha256"
        wanted = digest(ROOT / lock, ROOT / "pyproject.toml")
        if stamp.exists() and stamp.read_text() == wanted:
            continue
        say(f"Installing {lock}")
        install_uv()
        if uv("install", "--compile-bytecode", "--require-hashes", "-r", lock):
            say("uv could not; trying pip")
            pip("install", "--quiet", "--require-hashes", "-r", lock)
        link_command()
        stamp.write_text(wanted)


def install_uv() -> None:
    """uv is one of the pinned packages; pip brings it, and it brings the rest in a tenth of the time."""
    if (VENV / "bin" / "uv").exists():
        return
    stanza = re.search(r"^uv==.*\n(?:[ #].*\n)+", (ROOT / "requirements.txt").read_text(), re.M)
    assert stanza, "uv is not pinned in requirements.txt"
    only_uv = VENV / "uv.txt"
    only_uv.write_text(stanza[0])
    pip("install", "--quiet", "--no-deps", "--require-hashes", "-r", str(only_uv))


def link_command() -> None:
    """`nexod` and our packages from anywhere, from this checkout; needs no build tool."""
    site = next((VENV / "lib").glob("python*/site-packages"))
    (site / "nexod.pth").write_text(f"{ROOT}\n")
    command = VENV / "bin" / "nexod"
    command.write_text(f"#!{PYTHON}\nimport sys\n\nfrom engine.cli import main\n\nsys.exit(main())\n")
    command.chmod(0o755)


def compile_ours() -> None:
    """Python may be told to write no bytecode (containers often do): then every start would compile everything."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    packages = [ROOT / name for name in ("engine", "nexod_app", "components")]
    subprocess.run([PYTHON, "-m", "compileall", "-q", *packages], env=env, stdout=subprocess.DEVNULL)


def uv(*args: str) -> int:
    command = [VENV / "bin" / "uv", "pip", *args, "--quiet", "--python", PYTHON]
    return subprocess.run(command, cwd=ROOT, env=uv_environment()).returncode


def uv_environment() -> dict[str, str]:
    """uv does not read pip's configuration; a machine that has only that keeps its index, links and certificates."""
    listed = subprocess.run([PYTHON, "-m", "pip", "config", "list"], capture_output=True, text=True, cwd=ROOT).stdout
    found: dict[str, str] = dict(re.findall(r"^[^\n=]*\.([a-z-]+)='([^\n]*)'$", listed, re.M))
    ours = {UV_FROM_PIP[key]: value.replace("\\n", " ").strip() for key, value in found.items() if key in UV_FROM_PIP}
    return {"UV_INDEX_STRATEGY": "unsafe-best-match"} | ours | os.environ


def pip(*args: str) -> None:
    if subprocess.run([PYTHON, "-m", "pip", *args], cwd=ROOT).returncode:
        sys.exit("Could not install the packages; the message above says why.")


def digest(*files: Path) -> str:
    whole = hashlib.sha256()
    for file in files:
        whole.update(file.read_bytes())
    return whole.hexdigest()


def say(text: str) -> None:
    print(f"· {text}", flush=True)


if __name__ == "__main__":
    main()
