"""The frozen types of the straight line, one a stage.

    Link → Page → Article → (catalog) → Chunk → Passage → Answer

Times are timezone-aware UTC `datetime`s, days are `date`s, texts are NFC-normalised `str`s without
surrogates, offsets count code points of `Version.text`.
"""

from __future__ import annotations

from kb.models.answers import (
    Answer,
    Attempt,
    Changes,
    Citation,
    Contradiction,
    Coverage,
    Failing,
    Judgement,
    Quoted,
    Reworded,
    Sentence,
    Status,
    Usage,
    Verdict,
    Withheld,
)
from kb.models.articles import (
    LANGUAGES,
    Article,
    Change,
    Chunk,
    Copy,
    Filters,
    Link,
    Narrowing,
    Outcome,
    Page,
    Passage,
    Precision,
    Published,
    Version,
    article_id,
    digest,
)

__all__ = [
    "LANGUAGES",
    "Answer",
    "Article",
    "Attempt",
    "Change",
    "Changes",
    "Chunk",
    "Citation",
    "Contradiction",
    "Copy",
    "Coverage",
    "Failing",
    "Filters",
    "Judgement",
    "Link",
    "Narrowing",
    "Outcome",
    "Page",
    "Passage",
    "Precision",
    "Published",
    "Quoted",
    "Reworded",
    "Sentence",
    "Status",
    "Usage",
    "Verdict",
    "Version",
    "Withheld",
    "article_id",
    "digest",
]
