"""Who is asked next when a provider did not answer: a decision over data, nothing is called here.

The user's order is the only order. Never after the first word, never to a provider that is marked as no
fallback (OpenAI), and what one provider's filter refused goes to another company only if the user says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from kb.providers.datapath import DataPath
from kb.providers.outcomes import Outcome
from kb.providers.registry import Registry

MOST_PROVIDERS = 3
"""Providers asked for one question, the first included."""

MOVES_ON = frozenset(
    {
        Outcome.AUTH_MISSING,
        Outcome.AUTH_INVALID,
        Outcome.PERMISSION_DENIED,
        Outcome.REGION_BLOCKED,
        Outcome.BALANCE_EXHAUSTED,
        Outcome.QUOTA_EXHAUSTED,
        Outcome.RATE_LIMITED,
        Outcome.OVERLOADED,
        Outcome.SERVER_ERROR,
        Outcome.TIMEOUT,
        Outcome.NETWORK,
        Outcome.BAD_RESPONSE,
        Outcome.EMPTY,
        Outcome.CONTEXT_TOO_LONG,
        Outcome.PATH_FORBIDDEN,
        Outcome.CAP_REACHED,
    }
)
"""After these the next provider is asked unasked. A wrong model or request is ours to correct, not to route round."""

NEEDS_CONSENT = frozenset({Outcome.CONTENT_BLOCKED, Outcome.REFUSED_IN_WORDS})
"""Sending on what was refused is the user's decision."""


class Move(StrEnum):
    """What to do next."""

    ASK = "ask"
    CONSENT = "consent"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Next:
    """The decision: ask `provider`, get consent to ask it, or stop; `why` is for the record."""

    move: Move
    provider: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Tried:
    """A provider that was asked, how it ended, and the window it had (tokens)."""

    provider: str
    outcome: Outcome
    context: int = 0


def next_provider(
    registry: Registry,
    order: Sequence[str],
    tried: Sequence[Tried],
    *,
    first_word_shown: bool = False,
    consent: bool = False,
    data_path: DataPath = DataPath.ANY,
    contexts: Mapping[str, int] | None = None,
) -> Next:
    """Who is asked after those in `tried`, out of the user's `order` (the first asked may be in it or not).

    `consent`: the user agreed to send on what a filter refused. `contexts` are windows by provider, for the
    case that the evidence was too long. Raises IndexError if nobody was tried.
    """
    last = tried[-1]
    if first_word_shown:
        return Next(Move.STOP, why="an answer had begun; it is kept, and marked as cut off")
    if last.outcome not in MOVES_ON | NEEDS_CONSENT:
        return Next(Move.STOP, why=f"{last.outcome} is not helped by asking someone else")
    if len({each.provider for each in tried}) >= MOST_PROVIDERS:
        return Next(Move.STOP, why=f"{MOST_PROVIDERS} providers were asked")
    candidate = next(
        (id for id in order if _fits(registry, id, tried, data_path, contexts or {})),
        "",
    )
    if not candidate:
        return Next(Move.STOP, why="nobody is left in the order")
    if any(each.outcome in NEEDS_CONSENT for each in tried) and not consent:
        return Next(Move.CONSENT, candidate, "a filter refused this evidence; may it go to another company?")
    return Next(Move.ASK, candidate, f"{last.provider}: {last.outcome}")


def _fits(registry: Registry, id: str, tried: Sequence[Tried], path: DataPath, contexts: Mapping[str, int]) -> bool:
    if id not in registry or registry[id].never_fallback or any(each.provider == id for each in tried):
        return False
    # The built-in server's address is made when it starts; it is on this machine, which every path permits.
    if any(each.usable for each in registry[id].endpoints) and not registry[id].reachable(path):
        return False
    last = tried[-1]
    return last.outcome is not Outcome.CONTEXT_TOO_LONG or contexts.get(id, 0) > last.context
