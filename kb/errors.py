"""Every error Lagebild raises on purpose.

    KBError
    ├── SettingsError            a setting or data file that cannot be used
    ├── UsageError               an argument that cannot be used
    ├── HomeError                the home cannot be read or written
    │   ├── HomeLocked           another process writes
    │   └── CatalogDamaged       the catalog fails its own check
    ├── IndexMismatch            the store was built with another embedder or chunker
    ├── IndexBroken              a generation that cannot be used
    ├── EmbeddingError           no vectors, or wrong ones
    ├── ModelUnavailable         local weights that are not there or not right
    ├── ProviderError            an LLM that did not answer (carries its outcome)
    ├── BadCitation              a citation that resolves to nothing
    └── CollectError             a target that did not become an article (carries its reason)

Callers catch the base. A message says what happened to which item, and what to do next.
"""

from __future__ import annotations


class KBError(Exception):
    """Base of all errors that Lagebild raises on purpose."""


class SettingsError(KBError):
    """A setting or a data file that cannot be used."""


class UsageError(KBError):
    """An argument that cannot be used."""


class HomeError(KBError):
    """The home folder cannot be read or written."""


class HomeLocked(HomeError):
    """Another process is writing to this home."""

    def __init__(self, holder: str) -> None:
        super().__init__(f"another process is writing here ({holder}); wait for it, or stop it, and try again")
        self.holder = holder


class CatalogDamaged(HomeError):
    """The catalog fails its own check; nothing is written to it."""


class IndexMismatch(KBError):
    """The store was built with another embedder or chunker than the settings ask for."""

    def __init__(self, built: str, wanted: str) -> None:
        super().__init__(f"this store was built with {built}, the settings ask for {wanted}; run: lagebild rebuild")
        self.built = built
        self.wanted = wanted


class IndexBroken(KBError):
    """A generation of the index that cannot be used."""


class EmbeddingError(KBError):
    """The embedder gave no vectors, or vectors that cannot be right."""


class ModelUnavailable(KBError):
    """The weights of a local model are not there, or not what they should be."""


class ProviderError(KBError):
    """An LLM that did not answer; `outcome` names how (see `kb.providers.outcomes`)."""

    def __init__(self, outcome: str, message: str, *, provider: str = "", model: str = "", detail: str = "") -> None:
        super().__init__(message)
        self.outcome = outcome
        self.provider = provider
        self.model = model
        self.detail = detail


class BadCitation(KBError):
    """A citation that resolves to nothing; it never reaches a reader."""

    def __init__(self, numbers: list[int]) -> None:
        super().__init__(f"the answer cites passages that were not shown to the model: {numbers}")
        self.numbers = numbers


class CollectError(KBError):
    """A target that did not become an article.

    `reason` is one short word that groups refusals in reports ("paywall", "timeout", …); the message
    is for people. `retry` says whether the same request may succeed later.
    """

    def __init__(self, reason: str, message: str, *, retry: bool = False) -> None:
        super().__init__(message)
        self.reason = reason
        self.retry = retry
