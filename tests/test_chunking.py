"""Chunks are exact spans of whole sentences, small enough, overlapping, and leave nothing out."""

from __future__ import annotations

from itertools import pairwise

import pytest

from kb.embedding import Embedder
from kb.text.chunking import OVERLAP, SIZE, chunks, spans

TEXTS = {
    "en": " ".join(
        f"Sentence {n} says that rule {n * 3} on chips took effect in the spring of 2023." for n in range(60)
    ),
    "de": " ".join(f"Satz {n} sagt, dass die Regel {n * 3} für Chips am 3. Mai 2023 in Kraft trat." for n in range(60)),
    "zh": "".join(f"第{n}条规定自2023年5月3日起施行，涉及芯片出口许可。" for n in range(60)),
    "no sentences": "word " * 4000,
    "no blanks": "x" * 9000,
    "no blanks zh": "芯片" * 3000,
}


@pytest.mark.parametrize("name", TEXTS)
def test_chunks_cover_the_text_and_fit(name: str, embedder: Embedder) -> None:
    text = TEXTS[name]
    found = spans(text, embedder.tokens)
    assert len(found) > 3
    assert found[0][0] == 0 and found[-1][1] == len(text.rstrip())
    for (start, end), (following, _) in pairwise(found):
        assert start < following <= end or not text[end:following].strip()
    assert max(embedder.tokens(text[start:end]) for start, end in found) <= SIZE + 10


def test_neighbours_share_a_sentence(embedder: Embedder) -> None:
    text = TEXTS["en"]
    found = spans(text, embedder.tokens)
    for (_, end), (following, _) in pairwise(found):
        shared = text[following:end]
        assert shared.startswith("Sentence ") and embedder.tokens(shared) <= OVERLAP + 5


def test_identity_depends_on_version_and_place(embedder: Embedder) -> None:
    one = list(chunks("v1", TEXTS["de"], "de", embedder.tokens))
    again = list(chunks("v1", TEXTS["de"], "de", embedder.tokens))
    other = list(chunks("v2", TEXTS["de"], "de", embedder.tokens))
    assert one == again
    assert not {chunk.id for chunk in one} & {chunk.id for chunk in other}
    assert all(chunk.text == TEXTS["de"][chunk.start : chunk.end] for chunk in one)


def test_nothing_gives_nothing(embedder: Embedder) -> None:
    assert spans("", embedder.tokens) == []
    assert spans(" \n\n ", embedder.tokens) == []
