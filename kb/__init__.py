"""Lagebild's knowledge base: `from kb import open_kb`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kb.knowledge import KnowledgeBase, open_kb

__all__ = ["KnowledgeBase", "open_kb"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from kb import knowledge

        return getattr(knowledge, name)
    raise AttributeError(f"module 'kb' has no attribute {name!r}")
