"""Opt-in: the vendors themselves. LAGEBILD_LIVE=1, and a key in the environment for each one to be asked.

A reply that differs from the registry is to become a new dated sample.
"""

from __future__ import annotations

import os

import pytest

from kb.providers import CallFailed, Message, Secret, load_registry, open_chat
from kb.providers.keys import find_key

REGISTRY = load_registry()
WITH_KEY = [id for id, each in REGISTRY.items() if each.auth.env and find_key(each)]

pytestmark = pytest.mark.skipif(
    not os.environ.get("LAGEBILD_LIVE"), reason="set LAGEBILD_LIVE=1 and a key to ask vendors"
)


@pytest.mark.parametrize("provider", WITH_KEY)
def test_twenty_tokens(provider: str) -> None:
    done = open_chat(REGISTRY, provider).complete([Message("user", "Reply with the one word: yes")], max_tokens=20)
    assert done.outcome in ("answered", "empty", "cut_off")
    assert done.requests == 1


@pytest.mark.parametrize("provider", WITH_KEY)
def test_a_bad_key(provider: str) -> None:
    prefix = REGISTRY[provider].auth.key_prefix or "sk-"
    chat = open_chat(REGISTRY, provider, key=Secret(f"{prefix}deliberately-wrong-0123456789"))
    with pytest.raises(CallFailed) as caught:
        chat.complete([Message("user", "x")], max_tokens=5)
    assert caught.value.outcome in ("auth_invalid", "permission_denied", "region_blocked")
    assert "deliberately" not in caught.value.detail
