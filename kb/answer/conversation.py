"""A conversation: each turn is understood with the ones before it, and retrieved, answered and checked anew."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from kb.answer.events import Done, Event
from kb.models import Answer

if TYPE_CHECKING:
    from kb.knowledge import KnowledgeBase


class Conversation:
    """Questions in a row and their answers. Holds nothing but `turns`; every answer is stored as any other is."""

    def __init__(self, kb: KnowledgeBase, choices: dict[str, Any]) -> None:
        self._kb = kb
        self._choices = choices
        self.turns: tuple[Answer, ...] = ()

    def ask(self, question: str, **choices: Any) -> Answer:
        """The checked answer to the next question; `choices` are those of `KnowledgeBase.stream`, for this turn."""
        from kb.answer.answering import last

        return last(self.stream(question, **choices))

    def stream(self, question: str, **choices: Any) -> Iterator[Event]:
        """The next answer as it comes."""
        before = tuple(turn.understood or turn.question for turn in self.turns)
        for event in self._kb.stream(question, before=before, **(self._choices | choices)):
            if isinstance(event, Done):
                self.turns = (*self.turns, event.answer)
            yield event

    def _repr_html_(self) -> str:
        return "<hr>".join(turn._repr_html_() for turn in self.turns) or "<p>Nothing was asked yet.</p>"
