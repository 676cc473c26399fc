"""Which model is asked, and what it may be given: decided here, before a question goes anywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from kb.answer.halting import Halt
from kb.errors import ModelUnavailable, ProviderError
from kb.providers import Breaker, Chat, DataPath, Outcome, Registry, Secret, open_chat
from kb.providers.datapath import Area
from kb.providers.entries import Kind
from kb.settings import Settings

if TYPE_CHECKING:
    from kb.local.server import LocalServer
    from kb.local.turns import Turn, Turns

BUILT_IN = "local"
"""The provider that is this process itself."""

LOCAL_EVIDENCE, LOCAL_ANSWER = 420, 220
"""Tokens for the built-in model on two cores: reading 420 takes it 10 to 15 s, so little but good evidence."""

EVIDENCE_SHARE, EVIDENCE_MOST, ANSWER_MOST = 0.4, 12_000, 1_500
"""Tokens for others: this share of the context window as evidence, within what a reader would check."""


@dataclass(frozen=True, slots=True)
class Call:
    """An open chat and what it may be given: `budget` tokens of evidence, `max_tokens` of answer."""

    chat: Chat
    budget: int
    max_tokens: int
    tokens: Callable[[str], int]
    extra: Callable[[int], dict[str, object]] | None = None
    turns: Turns | None = None

    def turn(self) -> AbstractContextManager[Turn | None]:
        """A place in the queue of the model, where there is one."""
        return self.turns.turn() if self.turns else nullcontext()


@dataclass(frozen=True, slots=True)
class OwnKey:
    """A key that one user brought, and the endpoint it belongs to ("" for whichever is asked)."""

    secret: Secret
    endpoint: str = ""


@dataclass(frozen=True, slots=True)
class Own:
    """What one user brings to a question: a path that narrows that of the settings, keys by provider, which go
    before all others and are stored nowhere, and a way to end it."""

    path: DataPath = DataPath.ANY
    keys: Mapping[str, OwnKey] = field(default_factory=dict)
    halt: Halt = field(default_factory=Halt)


@dataclass(frozen=True, slots=True)
class Opener:
    """What opens chats: the settings with their data path, the registry, the built-in server, one breaker for all."""

    settings: Settings
    registry: Registry
    server: Callable[[], LocalServer]
    tokens: Callable[[str], int]
    breaker: Breaker
    own: Own = field(default_factory=Own)

    def of(self, own: Own | None) -> Opener:
        """The same for one user's question."""
        return replace(self, own=own) if own else self

    def open(self, provider: str, model: str | None = None) -> Call:
        """A chat with `provider`; nothing is sent yet. Raises ProviderError if that cannot be done."""
        if provider == BUILT_IN:
            return self._built_in()
        key = self.own.keys.get(provider)
        chat = open_chat(
            self.registry,
            provider,
            model=model,
            endpoint=key.endpoint or None if key else None,
            key=key.secret if key else None,
            data_path=self.path,
            breaker=self.breaker,
            home=self.settings.home,
        )
        small = self.registry[provider].kind is Kind.LOCAL
        budget = min(int(chat.context * EVIDENCE_SHARE), EVIDENCE_MOST // (4 if small else 1))
        return Call(chat, budget, min(chat.max_output, ANSWER_MOST), self.tokens)

    @property
    def path(self) -> DataPath:
        return DataPath(self.settings.data_path).within(self.own.path)

    def _built_in(self) -> Call:
        try:
            running = self.server()
            address = running.base_url
        except ModelUnavailable as error:
            outcome = str(Outcome.MODEL_NOT_FOUND)
            raise ProviderError(outcome, str(error), provider=BUILT_IN, model=self.settings.model) from error
        chat = open_chat(
            self.registry,
            BUILT_IN,
            model=running.model,
            base_url=address,
            key=Secret(running.api_key),
            context=running.context,
            data_path=self.path,
            home=self.settings.home,
        )
        return Call(chat, LOCAL_EVIDENCE, LOCAL_ANSWER, self.tokens, local_extra, running.turns)


def every_question(settings: Settings, registry: Registry) -> list[tuple[str, str, Area]]:
    """Where the settings send every question, whoever answers it: what for, the address, and where it stands."""
    found = []
    if settings.embedder == "openai-like" and settings.embedding_url:
        found.append(("embeddings", settings.embedding_url, registry.area(settings.embedding_url)))
    if settings.reranker and (offer := registry.provider(settings.reranker).rerank) and offer.url:
        found.append(("reranking", offer.url, registry.area(offer.url)))
    if settings.rephrase and settings.rephrase != BUILT_IN:
        places = registry.provider(settings.rephrase).reachable(DataPath(settings.data_path))
        found += [("rephrasing", each.url, each.area) for each in places[:1]]
    return found


def local_extra(shown: int) -> dict[str, object]:
    """What llama.cpp gives beyond the protocol: the cached prefix, and a grammar in which sentences end cited."""
    numbers = " | ".join(f'"[{number}]"' for number in range(1, shown + 1))
    grammar = (
        f'root ::= "NO_ANSWER" | sentence (" " sentence){{0,4}}\n'
        f"sentence ::= [^\\[\\]\\n]{{8,400}} cite{{1,3}}\n"
        f"cite ::= {numbers}\n"
    )
    return {"cache_prompt": True, "grammar": grammar}
