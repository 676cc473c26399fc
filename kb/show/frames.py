"""Results as data frames, for notebooks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas

from kb.models import Version
from kb.origins.credit import credits

ARTICLE_COLUMNS = (
    "title", "source", "language", "published", "precision", "first_seen", "authors", "side", "words", "gone", "url",
    "credits", "origin", "article_id", "version_id",
)  # fmt: skip
TIMELINE_COLUMNS = ("day", "title", "source", "language", "side", "url", "article_id", "version_id")


def articles_frame(versions: Iterable[Version], origins: Mapping[str, str]) -> pandas.DataFrame:
    """One row an article; `published` and `first_seen` are UTC timestamps, `words` counts roughly.

    `origins` gives the origin of versions whose story others tell, too; another article is its own.
    """
    rows = [
        {
            "title": item.title,
            "source": item.source,
            "language": item.language,
            "published": item.published.at if item.published else None,
            "precision": str(item.published.precision) if item.published else None,
            "first_seen": item.first_seen,
            "authors": ", ".join(item.authors),
            "side": item.side,
            "words": len(item.text.split()) if item.language != "zh" else len(item.text) // 2,
            "gone": item.gone,
            "url": item.url,
            "credits": ", ".join(credits(item)),
            "origin": origins.get(item.id, item.article_id),
            "article_id": item.article_id,
            "version_id": item.id,
        }
        for item in versions
    ]
    frame = pandas.DataFrame(rows, columns=list(ARTICLE_COLUMNS))
    for name in ("published", "first_seen"):
        frame[name] = pandas.to_datetime(frame[name], utc=True)
    return frame


def timeline_frame(versions: Iterable[Version]) -> pandas.DataFrame:
    """Articles that have a date, in order of it; `day` is a timestamp without time."""
    rows = [
        {
            "day": item.published.day,
            "title": item.title,
            "source": item.source,
            "language": item.language,
            "side": item.side,
            "url": item.url,
            "article_id": item.article_id,
            "version_id": item.id,
        }
        for item in versions
        if item.published
    ]
    frame = pandas.DataFrame(rows, columns=list(TIMELINE_COLUMNS))
    frame["day"] = pandas.to_datetime(frame["day"])
    return frame.sort_values(["day", "title"], ignore_index=True)
