"""LLM providers: a registry of them, one client for all of them, and a name for every way a call can end.

registry = load_registry(home)
chat = open_chat(registry, "qwen", data_path=DataPath.MAINLAND, home=home)
for delta in (stream := chat.stream([Message("user", "…")], max_tokens=800)):
    print(delta.text, end="")
stream.completion.outcome
"""

from __future__ import annotations

from kb.providers.call import Completion
from kb.providers.client import Chat, ChatStream
from kb.providers.datapath import Area, DataPath
from kb.providers.entries import Provider
from kb.providers.keys import Secret
from kb.providers.opening import open_chat
from kb.providers.outcomes import CallFailed, Failure, Outcome
from kb.providers.registry import Registry, load_registry
from kb.providers.request import Message
from kb.providers.retry import Breaker, Budget, Timing
from kb.providers.texts import explain
from kb.providers.thinking import Delta

__all__ = [
    "Area",
    "Breaker",
    "Budget",
    "CallFailed",
    "Chat",
    "ChatStream",
    "Completion",
    "DataPath",
    "Delta",
    "Failure",
    "Message",
    "Outcome",
    "Provider",
    "Registry",
    "Secret",
    "Timing",
    "explain",
    "load_registry",
    "open_chat",
]
