"""Our embedders as LlamaIndex embeddings, for programs that expect one."""

from __future__ import annotations

from typing import Any

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.bridge.pydantic import PrivateAttr

from kb.embedding import Embedder, Vectors

BATCH = 64
"""Texts LlamaIndex hands over at once. Ours sort and split them as they need."""


class LagebildEmbedding(BaseEmbedding):
    """An `Embedder` as a `BaseEmbedding`: the same vectors, as lists of floats."""

    _embedder: Embedder = PrivateAttr()

    def __init__(self, embedder: Embedder, batch: int = BATCH, **settings: Any) -> None:
        super().__init__(model_name=embedder.id, embed_batch_size=batch, **settings)
        self._embedder = embedder

    @classmethod
    def class_name(cls) -> str:
        """The name LlamaIndex writes into what it saves."""
        return "LagebildEmbedding"

    def _get_query_embedding(self, query: str) -> list[float]:
        return _listed(self._embedder.query(query))

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return [_listed(row) for row in self._embedder.passages(texts)]


def _listed(vector: Vectors) -> list[float]:
    numbers: list[float] = vector.tolist()
    return numbers
