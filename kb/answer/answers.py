"""The answers of a home: every one is stored with its evidence, and opens again as it was.

The record (`kb.show.contract.answer_json`) names versions and spans, not texts: versions never change, so the
passages of an answer read years later as they read then. Nothing else is derived from these rows, so they
need no writer lock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from html import escape
from typing import Any

from sqlalchemy import insert, select

from kb.errors import HomeError, UsageError
from kb.models import (
    Answer,
    Attempt,
    Citation,
    Contradiction,
    Copy,
    Coverage,
    Failing,
    Judgement,
    Passage,
    Quoted,
    Sentence,
    Status,
    Usage,
    Verdict,
    Version,
    Withheld,
)
from kb.show.contract import answer_json
from kb.storage.catalog import Catalog
from kb.storage.schema import answer as table


@dataclass(frozen=True, slots=True)
class Recorded:
    """One stored answer in a list: what was asked when, of whom, as of which day, and how it ended."""

    id: str
    asked_at: datetime
    question: str
    understood: str
    status: Status
    asked: str
    model: str | None
    as_of: date | None


class Answers(list[Recorded]):
    """Stored answers, the newest first; a list that draws itself."""

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td><code>{escape(each.id)}</code></td><td>{each.asked_at:%Y-%m-%d %H:%M}</td>"
            f"<td style='text-align:left'>{escape(each.understood or each.question)}</td>"
            f"<td>{escape(each.status)}</td><td>{escape(each.model or each.asked)}</td></tr>"
            for each in self
        )
        head = "<tr><th>id</th><th>asked (UTC)</th><th>question</th><th>status</th><th>model</th></tr>"
        return f"<table>{head}{rows}</table>" if rows else "<p>No answers are stored yet.</p>"


def save(catalog: Catalog, answer: Answer) -> None:
    """Keep an answer with its record."""
    assert answer.asked_at is not None
    row = {"id": answer.id, "question": answer.question, "status": str(answer.status), "record": answer_json(answer)}
    with catalog.writing() as db:
        db.execute(insert(table).values(asked_at=answer.asked_at.isoformat(), **row))


def records(catalog: Catalog, limit: int = 50) -> list[dict[str, Any]]:
    """The records of the latest answers, the newest first."""
    query = select(table.c.record).order_by(table.c.asked_at.desc()).limit(limit)
    with catalog.reading() as db:
        return list(db.scalars(query))


def latest(catalog: Catalog, limit: int = 50, text: str = "") -> Answers:
    """The latest answers, the newest first; with `text` those whose question contains it."""
    query = select(table).order_by(table.c.asked_at.desc()).limit(limit)
    if text.strip():
        query = query.where(table.c.question.icontains(text.strip(), autoescape=True))
    with catalog.reading() as db:
        return Answers(_recorded(dict(row)) for row in db.execute(query).mappings())


def record(catalog: Catalog, id: str) -> dict[str, Any]:
    """The record of an answer; the beginning of its id is enough. Raises UsageError unless exactly one has it."""
    query = select(table.c.record).where(table.c.id.startswith(id, autoescape=True)).limit(2)
    with catalog.reading() as db:
        found = list(db.scalars(query)) if id else []
    if len(found) != 1:
        what = "several answers begin with" if found else "no answer is stored under"
        raise UsageError(f"{what} {id!r}; lagebild answers list shows the ids")
    return dict(found[0])


def opened(catalog: Catalog, id: str) -> Answer:
    """A stored answer with its passages, as it was. Raises UsageError for an id that is not stored."""
    found = record(catalog, id)
    versions = catalog.versions({row["version_id"] for row in found["passages"]})
    return restored(found, versions)


def restored(record: Mapping[str, Any], versions: Mapping[str, Version]) -> Answer:
    """The answer of a record. Raises HomeError if the catalog lacks a version that it cites."""
    passages = tuple(_passage(row, versions) for row in record["passages"])
    by_chunk = {passage.chunk_id: passage for passage in passages}
    provider, day, at = record["provider"], record["as_of"], record.get("asked_at")
    return Answer(
        id=record["id"],
        question=record["question"],
        status=Status(record["status"]),
        text=record["answer"],
        sentences=_sentences(record["sentences"]),
        citations=tuple(
            Citation(row["n"], passages[row["n"] - 1], row["quote"], row["start"], row["end"])
            for row in record["citations"]
        ),
        passages=passages,
        asked=provider["asked"],
        answered_by=provider["answered_by"],
        model=provider["model"],
        attempts=tuple(Attempt(**row) for row in provider["attempts"]),
        usage=Usage(**record["usage"]),
        coverage=_coverage(record["coverage"]),
        as_of=date.fromisoformat(day) if day else None,
        message=record["message"],
        withheld=tuple(
            Withheld(row["provider"], by_chunk[row["chunk_id"]], row["certain"]) for row in record["withheld"]
        ),
        language=record.get("language", "en"),
        asked_at=datetime.fromisoformat(at) if at else None,
        prompt_version=record.get("prompt_version", ""),
        understood=record.get("understood", ""),
        of=record.get("of", ""),
        strict=record.get("strict", False),
        dropped=_sentences(record.get("dropped", ())),
        contradictions=tuple(_contradiction(row) for row in record.get("contradictions", ())),
        judge=Judgement(**record["judge"]) if record.get("judge") else None,
    )


def _recorded(row: Mapping[str, Any]) -> Recorded:
    record = row["record"]
    day = record["as_of"]
    return Recorded(
        id=row["id"],
        asked_at=datetime.fromisoformat(row["asked_at"]),
        question=row["question"],
        understood=record.get("understood", ""),
        status=Status(row["status"]),
        asked=record["provider"]["asked"],
        model=record["provider"]["model"],
        as_of=date.fromisoformat(day) if day else None,
    )


def _passage(row: Mapping[str, Any], versions: Mapping[str, Version]) -> Passage:
    version = versions.get(row["version_id"])
    if version is None or version.text[row["start"] : row["end"]] != row["text"]:
        raise HomeError(
            f"the answer cites version {row['version_id']}, which this catalog does not have in that wording; "
            "restore the backup that it was stored with: lagebild restore FILE"
        )
    return Passage(
        row["rank"], row["score"], row["chunk_id"], row["start"], row["end"], row["text"], version,
        row.get("origin", ""), tuple(Copy(**each) for each in row.get("also", ())),
    )  # fmt: skip


def _sentences(rows: Iterable[Mapping[str, Any]]) -> tuple[Sentence, ...]:
    return tuple(
        Sentence(row["text"], tuple(row["citations"]), Verdict(row["verdict"]), row.get("reason", "")) for row in rows
    )


def _coverage(row: Mapping[str, Any]) -> Coverage:
    # Keys of a later Lagebild are left alone: an older record lacks them, a newer one may have more.
    known = {name: row[name] for name in Coverage.__slots__ if name in row}
    tuples = {name: tuple(value) for name, value in known.items() if isinstance(value, list)}
    failing = tuple(Failing(**each) for each in known.get("failing", ()))
    return Coverage(**(known | tuples | {"failing": failing}))


def _contradiction(row: Mapping[str, Any]) -> Contradiction:
    def side(found: Mapping[str, Any]) -> Quoted:
        return Quoted(**{name: found[name] for name in Quoted.__slots__})

    return Contradiction(row["kind"], side(row["first"]), side(row["second"]))
