"""An embedder that costs nothing, for measures of what stands before the embedding."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from kb.embedding import Vectors

if TYPE_CHECKING:
    from llama_index.core.base.embeddings.base import BaseEmbedding


class LightEmbedder:
    """Vectors that follow from a text's hash: different for different texts, and otherwise without meaning."""

    id = "light"
    dimension = 384
    max_tokens = 512

    def passages(self, texts: Sequence[str]) -> Vectors:
        return np.array([self.query(text) for text in texts], np.float32).reshape(len(texts), self.dimension)

    def query(self, text: str) -> Vectors:
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
        vector = np.random.default_rng(seed).standard_normal(self.dimension).astype(np.float32)
        return np.asarray(vector / np.linalg.norm(vector), np.float32)

    def tokens(self, text: str) -> int:
        return len(text) // 4

    def llama(self) -> BaseEmbedding:
        raise NotImplementedError("nothing can be asked of these vectors")
