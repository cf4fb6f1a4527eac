"""Which words of a question a passage holds, for the eye."""

from __future__ import annotations

from engine.embeddings.words import COMMON, spans, stem, words


def highlights(query: str, text: str) -> list[tuple[int, int]]:
    """The ranges (start, end) of `text`, in order and apart, whose words the question has too, in whatever form.
    Common words are left alone, unless there are no others."""
    every = words(query)
    wanted = {stem(word) for word in every if word not in COMMON} or {stem(word) for word in every}
    ranges: list[tuple[int, int]] = []
    for start, end, word in spans(text):
        if stem(word) not in wanted:
            continue
        if ranges and start <= ranges[-1][1]:
            ranges[-1] = ranges[-1][0], end
        else:
            ranges.append((start, end))
    return ranges
