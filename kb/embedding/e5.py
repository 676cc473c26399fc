"""multilingual-e5-small in this process: no key, no network, no download.

Method of the model (arXiv 2402.05672): "query: " or "passage: " before the text, at most 512 tokens, the
mean of the last layer's token states, scaled to unit length.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime as ort

from kb.embedding import Vectors
from kb.embedding.graph import encoder
from kb.embedding.pieces import Pieces
from kb.embedding.weights import Weights, dequantised, locate, read

if TYPE_CHECKING:
    from llama_index.core.base.embeddings.base import BaseEmbedding

ID = "multilingual-e5-small-int8-1"
"""Raise the number with every change that moves the vectors."""

QUERY = "query: "
PASSAGE = "passage: "
SPECIALS = 2


def load(*, threads: int | None = None) -> E5:
    """The embedder over the installed weights; `threads` texts are computed side by side."""
    return E5(read(locate()), threads or _cores())


class E5:
    """multilingual-e5-small, int8."""

    id = ID

    def __init__(self, weights: Weights, threads: int) -> None:
        self.dimension = weights.shape.hidden
        self.threads = threads
        self._limit = weights.shape.positions
        self._pieces = Pieces(weights.vocabulary)
        self.max_tokens = self._limit - SPECIALS - max(self._pieces.count(prefix) for prefix in (QUERY, PASSAGE))
        # 250,000 rows stay packed in the mapped file; 512 for the places are unpacked.
        self._words = weights.blocks("emb.word")
        places = weights.vector("emb.pos").reshape(-1, self.dimension)
        self._places = places + weights.vector("emb.type")[: self.dimension]
        self._session = _session(weights)

    def passages(self, texts: Sequence[str]) -> Vectors:
        """(n, dimension). Texts of equal tokens are computed once, long ones first."""
        rows: dict[tuple[int, ...], list[int]] = {}
        for row, text in enumerate(texts):
            rows.setdefault(self._pieces.ids(PASSAGE, text, self._limit), []).append(row)
        vectors = np.empty((len(texts), self.dimension), np.float32)
        longest_first = sorted(rows, key=len, reverse=True)
        for ids, vector in zip(longest_first, self._all(longest_first), strict=True):
            vectors[rows[ids]] = vector
        return vectors

    def query(self, text: str) -> Vectors:
        """(dimension,)"""
        return self._vector(self._pieces.ids(QUERY, text, self._limit))

    def tokens(self, text: str) -> int:
        """SentencePiece pieces of the whole text."""
        return self._pieces.count(text)

    def llama(self) -> BaseEmbedding:
        """This embedder for LlamaIndex."""
        from kb.embedding.llama import LagebildEmbedding

        return LagebildEmbedding(self)

    def _all(self, texts: list[tuple[int, ...]]) -> list[Vectors]:
        # onnxruntime lets go of the interpreter while it computes. One thread per text beats several per
        # product: nothing waits for the slowest, and nothing spins on a core that someone else needs.
        workers = min(self.threads, len(texts))
        if workers < 2:
            return [self._vector(ids) for ids in texts]
        with ThreadPoolExecutor(workers) as pool:
            return list(pool.map(self._vector, texts))

    def _vector(self, ids: tuple[int, ...]) -> Vectors:
        x = dequantised(self._words[list(ids)])
        x += self._places[: len(ids)]
        (mean,) = self._session.run(["mean"], {"x": x[np.newaxis]})
        vector: Vectors = mean[0] / np.linalg.norm(mean[0])
        return vector


def _session(weights: Weights) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(encoder(weights).SerializeToString(), options, providers=["CPUExecutionProvider"])


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
