"""Which model is asked, and what it may be given: decided here, before a question goes anywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kb.answering import Call
from kb.providers import Registry, Secret, open_chat
from kb.providers.entries import Kind
from kb.settings import Settings

if TYPE_CHECKING:
    from kb.local.server import LocalServer

BUILT_IN = "local"
"""The provider that is this process itself."""

LOCAL_EVIDENCE, LOCAL_ANSWER = 420, 220
"""Tokens for the built-in model on two cores: reading 420 takes it 10 to 15 s, so little but good evidence."""

EVIDENCE_SHARE, EVIDENCE_MOST, ANSWER_MOST = 0.4, 12_000, 1_500
"""Tokens for others: this share of the context window as evidence, within what a reader would check."""


def opener(
    settings: Settings,
    registry: Registry,
    server: Callable[[], LocalServer],
    tokens: Callable[[str], int],
    provider: str,
    model: str | None,
) -> Callable[[], Call]:
    """What opens a chat with `provider` when the time comes; it raises ProviderError if that cannot be done."""

    def call() -> Call:
        if provider == BUILT_IN:
            running = server()
            chat = open_chat(
                registry,
                BUILT_IN,
                model=running.model,
                base_url=running.base_url,
                key=Secret(running.api_key),
                context=running.context,
                home=settings.home,
            )
            return Call(chat, LOCAL_EVIDENCE, LOCAL_ANSWER, tokens, local_extra)
        chat = open_chat(registry, provider, model=model, home=settings.home)
        small = registry[provider].kind is Kind.LOCAL
        budget = min(int(chat.context * EVIDENCE_SHARE), EVIDENCE_MOST // (4 if small else 1))
        return Call(chat, budget, min(chat.max_output, ANSWER_MOST), tokens)

    return call


def local_extra(shown: int) -> dict[str, object]:
    """What llama.cpp gives beyond the protocol: the cached prefix, and a grammar in which sentences end cited."""
    numbers = " | ".join(f'"[{number}]"' for number in range(1, shown + 1))
    grammar = (
        f'root ::= "NO_ANSWER" | sentence (" " sentence){{0,4}}\n'
        f'sentence ::= [^\\[\\]\\n]{{8,400}} cite{{1,3}}\n'
        f"cite ::= {numbers}\n"
    )
    return {"cache_prompt": True, "grammar": grammar}
