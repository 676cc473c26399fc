"""Version text → chunks: spans of whole sentences, of a size the embedder reads whole.

LlamaIndex's SentenceSplitter packs sentences into chunks; the sentences are ours (`kb.sentences`), because
its own knows English only. Spans are exact: `chunk.text == text[chunk.start:chunk.end]`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from kb.models import Chunk, digest
from kb.sentences import sentences

CHUNKER = "sentences-220-40-1"
"""Name and revision of the chunker; a store is bound to it."""

SIZE = 220
"""Target size of a chunk in tokens of the embedder: about 900 characters of English, 330 of Chinese."""

OVERLAP = 40


def chunks(version_id: str, text: str, language: str, tokens: Callable[[str], int]) -> Iterator[Chunk]:
    """The chunks of a version in reading order; `tokens` counts what the embedder would read."""
    for position, (start, end) in enumerate(spans(text, tokens)):
        identity = digest("chunk", version_id, str(position), CHUNKER)
        yield Chunk(identity, version_id, position, start, end, text[start:end], language)


def spans(text: str, tokens: Callable[[str], int]) -> list[tuple[int, int]]:
    """Start and end of each chunk in `text`, ascending; no chunk is blank."""
    from llama_index.core.node_parser import SentenceSplitter

    splitter = SentenceSplitter(
        chunk_size=SIZE,
        chunk_overlap=OVERLAP,
        tokenizer=lambda piece: range(tokens(piece)),
        chunking_tokenizer_fn=_pieces,
        paragraph_separator="\n",
    )
    found: list[tuple[int, int]] = []
    after = 0
    for piece in splitter.split_text(text):
        words = piece.strip()
        start = text.find(words, after)
        if start < 0:
            start = text.index(words)
        if words:
            found.append((start, start + len(words)))
            after = start + 1
    return found


def _pieces(text: str) -> list[str]:
    """The text cut before each sentence but the first; joined, they are the text again."""
    cuts = [0, *(start for start, _ in sentences(text)[1:]), len(text)]
    return [text[start:end] for start, end in zip(cuts, cuts[1:], strict=False)]
