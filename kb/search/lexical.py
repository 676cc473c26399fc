"""The lexical index: one FTS5 table a language, over words that `kb.text.words` has cut.

Each language has a table of its own, so that BM25 weighs a word by how rare it is *in its language*.
The tables are contentless: rows carry `chunk.seq` and words only. SQLite alone has FTS5; another
database would need another module here and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, text

from kb.models import LANGUAGES, Filters

OTHER = "other"

COMMON = 0.125
"""Share of a language's chunks from which on a word tells too little to be looked for (its weight in BM25 is below
two, that of a rare one near ten)."""


def table(language: str) -> str:
    """The word table of a language; languages without words of their own share one."""
    return f"words_{language if language in LANGUAGES else OTHER}"


def create(db: Connection) -> None:
    """Make the word tables that are not there yet."""
    for language in (*LANGUAGES, OTHER):
        db.execute(
            text(
                f"CREATE VIRTUAL TABLE IF NOT EXISTS {table(language)} USING fts5("
                "words, content='', tokenize=\"unicode61 remove_diacritics 0 tokenchars '._-'\")"
            )
        )


def frequencies(db: Connection, language: str, words: Sequence[str]) -> dict[str, int]:
    """In how many chunks of a language each of the words stands; words that stand in none are left out."""
    name = table(language)
    db.execute(text(f"CREATE VIRTUAL TABLE IF NOT EXISTS temp.vocabulary_{name} USING fts5vocab(main, {name}, row)"))
    listed = ", ".join(f":word{number}" for number in range(len(words)))
    values = {f"word{number}": word for number, word in enumerate(words)}
    rows = db.execute(text(f"SELECT term, doc FROM temp.vocabulary_{name} WHERE term IN ({listed})"), values)
    return {row.term: row.doc for row in rows}


def telling(words: Sequence[str], found: Mapping[str, int], chunks: int) -> list[str]:
    """The words without those that stand, by `frequencies`, in more than COMMON of the `chunks` of a language; all of
    them if nothing else is left. A common word moves BM25 little, and costs as much time as it has chunks."""
    return [word for word in words if found.get(word, 0) <= COMMON * chunks] or list(words)


def drop(db: Connection) -> None:
    for language in (*LANGUAGES, OTHER):
        db.execute(text(f"DROP TABLE IF EXISTS {table(language)}"))


def insert(db: Connection, language: str, seq: int, words: str) -> None:
    """Index the words (joined by blanks) of the chunk with number `seq`."""
    db.execute(text(f"INSERT INTO {table(language)}(rowid, words) VALUES (:seq, :words)"), {"seq": seq, "words": words})


def search(db: Connection, language: str, words: Sequence[str], filters: Filters, k: int) -> list[tuple[int, float]]:
    """The best `k` chunks of a language for any of the words: (seq, BM25 score), the best first.

    The score is positive, larger is better (FTS5's own sign turned; k1 = 1.2, b = 0.75).
    """
    if not words:
        return []
    name = table(language)
    conditions, values = where(filters)
    query = (
        f"SELECT {name}.rowid AS seq, -{name}.rank AS score FROM {name} "
        f"JOIN chunk ON chunk.seq = {name}.rowid JOIN version ON version.id = chunk.version_id "
        f"WHERE {name} MATCH :words AND chunk.language = :language AND {conditions} ORDER BY {name}.rank LIMIT :k"
    )
    quoted = " OR ".join('"' + word.replace('"', "") + '"' for word in dict.fromkeys(words))
    if name == f"words_{OTHER}":
        query = query.replace("chunk.language = :language AND ", "")
    else:
        values["language"] = language
    rows = db.execute(text(query), {"words": quoted, "k": k, **values})
    return [(row.seq, row.score) for row in rows]


def where(filters: Filters) -> tuple[str, dict[str, object]]:
    """The SQL condition on `version` that the filters ask for, and its values."""
    parts: list[str] = []
    values: dict[str, object] = {}
    if filters.as_of is None:
        parts.append("version.superseded IS NULL")
    else:
        parts.append("version.known <= :as_of AND (version.superseded IS NULL OR version.superseded > :as_of)")
        values["as_of"] = int(filters.as_of.strftime("%Y%m%d"))
    if filters.since:
        parts.append("version.day >= :since")
        values["since"] = int(filters.since.strftime("%Y%m%d"))
    if filters.until:
        parts.append("version.day <= :until")
        values["until"] = int(filters.until.strftime("%Y%m%d"))
    if filters.sources:
        names = [f":source{number}" for number in range(len(filters.sources))]
        listed = ", ".join(names)
        parts.append(f"(version.source IN ({listed}) OR version.source_id IN ({listed}))")
        values |= {f"source{number}": source for number, source in enumerate(filters.sources)}
    return " AND ".join(parts), values
