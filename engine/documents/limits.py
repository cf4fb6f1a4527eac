"""What reading a document may cost, and the errors that say it was too much. Known by parent and child."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.errors import NodeError

MB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    seconds: float = 120
    """By the clock, and of one processor."""
    memory_mb: int = 1024
    """Address space of the child, its libraries included."""
    file_mb: int = 25
    inflated_mb: int = 200
    """All parts of a packed file, unpacked."""
    pages: int = 10_000
    characters: int = 30_000_000
    depth: int = 200
    """Of lists and objects within each other."""
    output_mb: int = 160
    """What the child may answer: the text as UTF-8, quoted."""


DEFAULT = Limits()


def encrypted(what: str) -> NodeError:
    return NodeError(
        f"{what} is protected by a password.",
        code="document_encrypted",
        hint="Save a copy without a password and add that.",
    )


def broken(
    message: str, hint: str = "Open it in the program it comes from, save it again and add the new file."
) -> NodeError:
    return NodeError(message, code="document_broken", hint=hint)


def empty(message: str, hint: str = "Add a file with text in it.") -> NodeError:
    return NodeError(message, code="document_empty", hint=hint)


def too_large(message: str, hint: str = "Split it and add the parts.") -> NodeError:
    return NodeError(message, code="document_too_large", hint=hint)


def too_much_memory(limits: Limits) -> NodeError:
    return too_large(f"Reading it needs more than {limits.memory_mb:,} MB of memory.")


def wrong_type(what: str, hint: str = "Add a PDF, DOCX, HTML, Markdown, CSV, JSON or plain text file.") -> NodeError:
    return NodeError(f"This is {what}, which cannot be read as text.", code="document_type", hint=hint)


def timed_out(seconds: float) -> NodeError:
    return NodeError(
        f"Reading took longer than {seconds:g} seconds and was stopped.",
        code="document_timeout",
        hint="Split it and add the parts.",
    )


def check_characters(count: int, limits: Limits) -> None:
    if count > limits.characters:
        raise too_large(f"The text is longer than {limits.characters:,} characters.")


def peak_kb(process: int | str) -> int:
    """The most address space that a process has had; 0 when it is gone. What `wait` tells counts its parent's too."""
    try:
        return int(Path(f"/proc/{process}/status").read_text().split("VmPeak:")[1].split()[0])
    except (OSError, ValueError, IndexError):
        return 0


def swollen(peak: int, limits: Limits) -> bool:
    """So near the limit that a failure is likely to come from there."""
    return peak > 0.6 * limits.memory_mb * 1024
