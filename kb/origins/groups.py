"""Which articles are one story: the versions that ties connect, as they were known at a time.

A group is worked out when it is asked for, from the ties between versions that were live then; so a copy that came
later is not in the group of an earlier day, and nothing has to be renamed when an article joins two groups. It is
named after the article of it that was known first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Protocol, TypeVar

from sqlalchemy import Connection, RowMapping, or_, select

from kb.models import Copy, Passage, Precision, Published
from kb.storage import schema
from kb.storage.catalog import Catalog
from kb.storage.database import batches, day_number

LARGEST = 200
"""Members of a group that are looked for."""

PER_ARTICLE = 2
"""Passages of one article that keep their places before other origins have had theirs."""

DEPTH, DEEPER = 50, 4
"""Hits among which repetitions are looked for: so many, or so many times those that are wanted."""


class Numbered(Protocol):
    """Something found that names its chunk by the chunk's number."""

    @property
    def seq(self) -> int: ...


T = TypeVar("T")
H = TypeVar("H", bound=Numbered)


@dataclass(frozen=True, slots=True)
class Origin:
    """One story: the id of the article that was known first, and all articles of it, the earliest first."""

    id: str
    members: tuple[Copy, ...]

    def also(self, article_id: str) -> tuple[Copy, ...]:
        """The other articles of the story."""
        return tuple(member for member in self.members if member.article_id != article_id)


def origins(catalog: Catalog, version_ids: Iterable[str], as_of: date | None = None) -> dict[str, Origin]:
    """The origin of each of the versions; those that stand alone are left out."""
    wanted = dict.fromkeys(version_ids)
    with catalog.reading() as db:
        tied = _tied(db, wanted)
        reached = set(tied)
        frontier = {other for others in tied.values() for other in others} - reached
        while frontier and len(reached) < LARGEST * max(len(wanted), 1):
            more = _tied(db, frontier)
            for id, others in more.items():
                tied.setdefault(id, set()).update(others)
            reached |= frontier
            frontier = {other for others in more.values() for other in others} - reached
        rows = _live(db, tied, as_of)
    found: dict[str, Origin] = {}
    for id in wanted:
        if id in rows and id not in found:
            group = _connected(id, tied, rows)
            if len(group) > 1:
                origin = _origin([rows[each] for each in group])
                found.update(dict.fromkeys(group, origin))
    return {id: found[id] for id in wanted if id in found}


def _tied(db: Connection, ids: Iterable[str]) -> dict[str, set[str]]:
    tied: dict[str, set[str]] = {}
    tie = schema.tie.c
    for batch in batches(sorted(ids)):
        for side in (tie.one, tie.other):
            for row in db.execute(select(tie.one, tie.other).where(side.in_(batch))):
                tied.setdefault(row.one, set()).add(row.other)
                tied.setdefault(row.other, set()).add(row.one)
    return tied


def _live(db: Connection, ids: Iterable[str], as_of: date | None) -> dict[str, RowMapping]:
    version = schema.version.c
    query = select(
        version.id, version.article_id, version.title, version.source, version.language, version.published,
        version.precision, version.day, version.known, version.witness, schema.article.c.url,
    ).join(schema.article, schema.article.c.id == version.article_id)  # fmt: skip
    if as_of is None:
        query = query.where(version.superseded.is_(None))
    else:
        then = day_number(as_of)
        query = query.where(version.known <= then, or_(version.superseded.is_(None), version.superseded > then))
    found: dict[str, RowMapping] = {}
    for batch in batches(sorted(ids)):
        found.update({row["id"]: row for row in db.execute(query.where(version.id.in_(batch))).mappings()})
    return found


def _connected(start: str, tied: Mapping[str, set[str]], live: Mapping[str, RowMapping]) -> set[str]:
    group, waiting = {start}, [start]
    while waiting and len(group) < LARGEST:
        for other in sorted(tied.get(waiting.pop(), ())):
            if other in live and other not in group:
                group.add(other)
                waiting.append(other)
    return group


def _origin(rows: Sequence[RowMapping]) -> Origin:
    members = sorted(rows, key=_first)
    return Origin(members[0]["article_id"], tuple(_copy(row) for row in members))


def _first(row: RowMapping) -> tuple[int, str, str]:
    """By the day of publication or storing, then the hour, then the id: the same in whatever order they came."""
    return min(row["day"] or row["known"], row["known"]), row["published"] or "", row["article_id"]


def _copy(row: RowMapping) -> Copy:
    published = None
    if row["published"]:
        published = Published(datetime.fromisoformat(row["published"]), Precision(row["precision"]), row["witness"])
    return Copy(
        row["article_id"], row["id"], row["url"], row["title"], row["source"], row["language"],
        published.iso() if published else None,
    )  # fmt: skip


def one_per_origin(
    catalog: Catalog, hits: Sequence[H], k: int, as_of: date | None = None
) -> tuple[list[H], dict[str, Origin]]:
    """The first `k` hits, repetitions of an origin put last, and the origins of their versions."""
    looked_at = hits[: max(DEPTH, DEEPER * k)]
    versions = {seq: row["version_id"] for seq, row in catalog.chunks_at(hit.seq for hit in looked_at).items()}
    found = origins(catalog, versions.values(), as_of)
    return firsts(looked_at, lambda hit: versions[hit.seq], found)[:k], found


def firsts(
    items: Sequence[T], version_of: Callable[[T], str], found: Mapping[str, Origin], most: int = PER_ARTICLE
) -> list[T]:
    """The items in their order, but those that repeat an origin behind all others: passages of another article of
    it, and more than `most` of the same one."""
    speaks: dict[str, str] = {}
    counts: dict[str, int] = {}
    ahead: list[T] = []
    behind: list[T] = []
    for item in items:
        version = version_of(item)
        origin = found[version].id if version in found else version
        counts[version] = counts.get(version, 0) + 1
        keeps = speaks.setdefault(origin, version) == version and counts[version] <= most
        (ahead if keeps else behind).append(item)
    return ahead + behind


def with_origins(passages: Sequence[Passage], found: Mapping[str, Origin]) -> tuple[Passage, ...]:
    """The passages, each knowing its origin and where else that story stands; repetitions last, ranked from 1."""
    ordered = firsts(passages, lambda passage: passage.version.id, found)
    ranked = [replace(passage, rank=rank) for rank, passage in enumerate(ordered, 1)]
    return tuple(
        replace(item, origin=origin.id, also=origin.also(item.version.article_id))
        if (origin := found.get(item.version.id))
        else item
        for item in ranked
    )
