"""One word from a provider: whether its key, address and model work."""

from __future__ import annotations

from dataclasses import replace

from kb.answer.calling import Opener
from kb.answer.spend import Purse
from kb.errors import ProviderError
from kb.providers import Breaker, CallFailed, Outcome, explain
from kb.providers.services import PROBE, PROBE_TOKENS, Probe, probe


def probed(opener: Opener, purse: Purse, provider: str, model: str | None, language: str) -> Probe:
    """Asks `provider` for one word and enters what that used; never raises for what a provider can do."""
    try:
        # A standing failure may have been put right: that is what a test is for.
        chat = replace(opener, breaker=Breaker()).open(provider, model).chat
        line = purse.reserve(chat, PROBE, PROBE_TOKENS)
    except ProviderError as error:
        message = str(error)
        if isinstance(error, CallFailed) and error.failure.outcome is not Outcome.CAP_REACHED:
            message = explain(error.failure, opener.registry.get(provider), language)
        return Probe(provider, error.model, "", "", Outcome(error.outcome), message, 0.0, error.detail)
    found = probe(chat, language)
    purse.settle(line, chat, found.usage)
    if found.outcome is Outcome.ANSWERED:
        opener.breaker.reset()
    return found
