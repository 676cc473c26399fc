"""Any endpoint that embeds as OpenAI's does: POST {base_url}/embeddings.

Nothing it answers is taken on trust: rows are put in the order of their `index`, counted, measured,
checked for NaN, and scaled to unit length. One try a request: who runs again decides when.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import numpy as np
from llama_index.embeddings.openai_like import OpenAILikeEmbedding
from openai import OpenAIError

from kb.embedding import Vectors
from kb.errors import EmbeddingError
from kb.providers.client import PLACEHOLDER
from kb.providers.datapath import Area, DataPath
from kb.providers.guarded import guarded_client
from kb.providers.keys import Secret, redact

if TYPE_CHECKING:
    from llama_index.core.base.embeddings.base import BaseEmbedding

TIMEOUT = 60.0
"""Seconds."""

MAX_TOKENS = 512
"""What every embedding model on offer reads; some read no more (bge, E5)."""

_SURROGATES = dict.fromkeys(range(0xD800, 0xE000), "\N{REPLACEMENT CHARACTER}")
_UNSENDABLE = _SURROGATES | {0: " "}

# Thirds of a token. No tokenizer of a foreign model is at hand, so texts are measured by the rule of
# thumb: a wide (Chinese, Japanese, Korean) character is one token, three others are one; rather too many
# than too few.
_WIDE, _NARROW = 3, 1
_FIRST_WIDE = "⺀"


class RemoteEmbedder:
    """An embedding model behind an OpenAI-compatible endpoint."""

    max_tokens = MAX_TOKENS

    def __init__(
        self,
        *,
        base_url: str,
        model: str,
        api_key: str | None,
        dimension: int | None,
        batch: int,
        http: httpx.Client | None = None,
    ) -> None:
        self.id = f"openai-like/{model}" + (f"/{dimension}" if dimension else "")
        self._where = f"{model} at {urlsplit(base_url).netloc or base_url}"
        self._dimension = dimension
        self._known = (Secret(api_key),) if api_key else ()
        key = Secret(api_key) if api_key else None
        self._client = _Client(
            model_name=model,
            api_base=base_url,
            http_client=http or guarded_client(base_url, Area.UNKNOWN, DataPath.ANY, key=key, timeout=TIMEOUT),
            # The client above adds the key. Without any LlamaIndex would take OPENAI_API_KEY of the environment.
            api_key=PLACEHOLDER,
            dimensions=dimension,
            embed_batch_size=batch,
            max_retries=0,
            timeout=TIMEOUT,
        )

    @property
    def dimension(self) -> int:
        """As set; else learned from the first answer, for which it asks if there was none yet."""
        if self._dimension is None:
            return len(self.query("?"))
        return self._dimension

    def passages(self, texts: Sequence[str]) -> Vectors:
        """(n, dimension). Equal texts are sent once, at most `batch` in a request."""
        sent = [_sendable(text) for text in texts]
        distinct = list(dict.fromkeys(sent))
        if not distinct:
            return np.empty((0, self._dimension or 0), np.float32)
        size = self._client.embed_batch_size
        parts = [self._ask(distinct[at : at + size]) for at in range(0, len(distinct), size)]
        places = {text: place for place, text in enumerate(distinct)}
        vectors: Vectors = np.concatenate(parts)[[places[text] for text in sent]]
        return vectors

    def query(self, text: str) -> Vectors:
        """(dimension,)"""
        vector: Vectors = self._ask([_sendable(text)])[0]
        return vector

    def tokens(self, text: str) -> int:
        """An estimate: one per wide character, one per three others."""
        return -(-sum(_thirds(text)) // 3)

    def llama(self) -> BaseEmbedding:
        """This embedder for LlamaIndex, with its checks."""
        from kb.embedding.llama import LagebildEmbedding

        return LagebildEmbedding(self, self._client.embed_batch_size)

    def _ask(self, texts: list[str]) -> Vectors:
        try:
            rows = self._client.get_text_embedding_batch(texts)
            vectors = np.array(rows, np.float64)
        except (OpenAIError, httpx.HTTPError) as error:
            raise self._failed(f"{type(error).__name__}: {self._told(error)}") from error
        except (ValueError, TypeError, AttributeError) as error:
            raise self._failed(f"its answer cannot be read: {self._told(error)}") from error
        if len(vectors) != len(texts):
            raise self._failed(f"{len(vectors)} vectors for {len(texts)} texts")
        if vectors.ndim != 2 or not vectors.shape[1]:
            raise self._failed("its vectors are empty")
        if self._dimension not in (None, vectors.shape[1]):
            raise self._failed(f"vectors of {vectors.shape[1]} numbers instead of {self._dimension}")
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not (np.isfinite(lengths) & (lengths > 0)).all():
            raise self._failed("a vector with NaN or infinity in it, or of length zero")
        self._dimension = vectors.shape[1]
        scaled: Vectors = (vectors / lengths).astype(np.float32)
        return scaled

    def _failed(self, what: str) -> EmbeddingError:
        return EmbeddingError(
            f"no vectors from {self._where}: {what}; check the address, model, key and dimension of the"
            " embedder in the settings and run again, or choose the embedder e5"
        )

    def _told(self, error: Exception) -> str:
        """What the error says, in one short line, without the key."""
        return " ".join(redact(str(error), self._known).split())[:300]


class _Client(OpenAILikeEmbedding):  # type: ignore[misc]  # the library has no types
    """LlamaIndex's client, but rows come in the order of their `index`, and as plain numbers.

    The parent takes rows as they come, and asks for base64, which not all endpoints can write.
    """

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        answer = self._get_client().embeddings.create(
            input=texts, model=self.model_name, encoding_format="float", **self.additional_kwargs
        )
        given = [getattr(row, "index", None) for row in answer.data]
        if set(given) in ({None}, set(range(len(given)))):
            order = sorted(range(len(given)), key=lambda at: given[at] or 0)
            return [answer.data[at].embedding for at in order]
        raise ValueError(f"rows numbered {given[:5]}")


def _thirds(text: str) -> list[int]:
    return [_WIDE if character >= _FIRST_WIDE else _NARROW for character in text]


def _sendable(text: str) -> str:
    """What JSON and the model can take: no half characters, not too long, not empty."""
    head = text[: 3 * MAX_TOKENS].translate(_UNSENDABLE)
    end = bisect_right(list(accumulate(_thirds(head))), 3 * MAX_TOKENS)
    return head[:end].strip() or "."
