"""What a text is indexed by: its words, and the marks that are the same in every language.

Marks are the entities a text names (`ent.eu-ai-act`, whatever name or script it uses; an ambiguous
name gives all its bearers) and its full dates (`d20240709`, made by `kb.text.words`). They let a question
in one language find, by what it names, texts in another.
"""

from __future__ import annotations

import re

from kb.text.entities import load_entities
from kb.text.words import query_words, words

ENTITY = "ent."
_MARK = re.compile(r"ent\.|d(?:19|20)\d{4}")


def terms(text: str, language: str) -> list[str]:
    """The words and marks of a text, with repetitions."""
    return [*words(text, language), *(ENTITY + id for id in load_entities().ids(text))]


def marks(question: str, language: str) -> list[str]:
    """What of a question crosses languages: the entities it names, its dates, and its figures and model names."""
    found = {ENTITY + id for id in load_entities().ids(question)}
    found |= {word for word in query_words(question, language) if _MARK.match(word) or any(map(str.isdigit, word))}
    return sorted(found)
