"""Captures of one page give one history, in whatever order they come; as of a day it reads as it read then."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from itertools import permutations
from pathlib import Path

import pytest

from kb.embedding import Embedder, load_embedder
from kb.knowledge import KnowledgeBase, open_kb
from kb.models import Article, Change, Precision, Published
from kb.storage.past import Reading, timeline

URL = "https://news.example/limit"
MATTER = "The port authority set the speed limit in the harbour. Pilots had asked for a lower one since spring."
WORDING = {"A": "eight knots", "B": "seven knots", "C": "six knots"}
DAYS = {1: date(2024, 3, 1), 2: date(2024, 4, 1), 3: date(2024, 5, 1)}


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return load_embedder("e5")


def opened(home: Path, embedder: Embedder) -> KnowledgeBase:
    kb = open_kb(home)
    kb.__dict__["embedder"] = embedder
    return kb


def read(which: str, at: int, published: date | None = None) -> Article:
    """The page as it read on a day: a letter for its wording."""
    day = DAYS[at]
    said = None
    if published:
        said = Published(datetime(published.year, published.month, published.day, tzinfo=UTC), Precision.DAY, "meta")
    text = f"{MATTER} Ships may make {WORDING[which]} from now on."
    fetched = datetime(day.year, day.month, day.day, 8, tzinfo=UTC)
    return Article(URL, "Speed limit in the harbour", text, "en", "The Pilot", fetched, said)


def wording(text: str) -> str:
    return next(letter for letter, words in WORDING.items() if words in text)


def history(kb: KnowledgeBase) -> list[tuple[int, str, str, bool]]:
    return [(one.number, wording(one.text), f"{one.fetched:%m}", one.current) for one in kb.history(URL)]


def known(kb: KnowledgeBase, day: date) -> list[str]:
    return [wording(one.text) for one in kb.catalog.known_by(day)]


def found(kb: KnowledgeBase, day: date | None) -> set[str]:
    return {wording(one.version.text) for one in kb.search("speed limit harbour knots", as_of=day)}


SERIES = {
    "three texts": (["A1", "B2", "C3"], [(1, "A", "03", False), (2, "B", "04", False), (3, "C", "05", True)]),
    "read twice": (["A1", "A2", "B3"], [(1, "A", "03", False), (2, "B", "05", True)]),
    "a text that came back": (["A1", "B2", "A3"], [(1, "A", "03", True), (2, "B", "04", False)]),
}


@pytest.mark.parametrize(("captures", "expected"), SERIES.values(), ids=SERIES)
@pytest.mark.parametrize("published", [None, date(2024, 2, 1)])
def test_any_order_gives_the_same_history(
    tmp_path: Path,
    embedder: Embedder,
    captures: list[str],
    expected: list[tuple[int, str, str, bool]],
    published: date | None,
) -> None:
    days: set[tuple[object, ...]] = set()
    for number, order in enumerate(permutations(captures)):
        with opened(tmp_path / str(number), embedder) as kb:
            for _ in range(2):
                for each in order:
                    # One of the texts alone says when it was published.
                    kb.place(read(each[0], int(each[1]), published if each[0] == "B" else None))
                assert history(kb) == expected, order
            assert kb.catalog.check() == []
            with kb.catalog.reading() as db:
                rows = db.exec_driver_sql("SELECT number, known, superseded FROM version ORDER BY number")
                days.add(tuple(tuple(row) for row in rows))
    assert len(days) == 1


def test_as_of_the_day_of_an_earlier_capture_it_is_found(tmp_path: Path, embedder: Embedder) -> None:
    """The generation was made before the capture came: what it says of days is overtaken."""
    with opened(tmp_path / "home", embedder) as kb:
        kb.add(read("C", 3, published=DAYS[1]))
        assert kb.publish(force=True)
        assert found(kb, date(2024, 3, 5)) == {"C"}
        assert kb.place(read("A", 1)) is Change.UPDATED
        assert kb.place(read("B", 2)) is Change.UPDATED
        for generation in (False, True):
            # The next generation says the same, and holds nothing of the past.
            assert kb.publish(force=generation) is generation
            assert (found(kb, None), found(kb, date(2024, 2, 1))) == ({"C"}, set())
            for day, letter in ((date(2024, 3, 1), "A"), (date(2024, 4, 20), "B"), (date(2024, 6, 1), "C")):
                assert (known(kb, day), found(kb, day)) == ([letter], {letter})
        state = kb.index.state()
        assert (state["indexed"], state["trouble"]) == (len(kb.catalog.current_chunks()), "")
        change = kb.diff(URL, 1, 2)
        assert (wording(change.old.text), wording(change.new.text)) == ("A", "B")
        assert (change.removed, change.added) == (len("eight"), len("seven"))


def test_another_process_sees_an_earlier_version_at_once(tmp_path: Path, embedder: Embedder) -> None:
    with opened(tmp_path / "home", embedder) as writer, opened(tmp_path / "home", embedder) as reader:
        writer.add(read("C", 3))
        assert found(reader, DAYS[1]) == set()
        writer.place(read("A", 1))
        assert found(reader, DAYS[1]) == {"A"}


def test_what_was_read_again_later_stays_current(tmp_path: Path, embedder: Embedder) -> None:
    with opened(tmp_path / "home", embedder) as kb:
        kb.add(read("A", 1))
        kb.catalog.read_again(read("A", 1).id, read("A", 3).fetched)
        kb.catalog.read_again(read("A", 1).id, read("A", 2).fetched)
        kb.place(read("B", 2))
        assert history(kb) == [(1, "A", "03", True), (2, "B", "04", False)]
        assert known(kb, DAYS[3]) == ["A"]


def test_a_capture_is_known_since_its_day_not_since_its_import(tmp_path: Path, embedder: Embedder) -> None:
    with opened(tmp_path / "home", embedder) as kb:
        kb.place(read("A", 2))
        assert (known(kb, DAYS[1]), known(kb, DAYS[2])) == ([], ["A"])
        kb.place(read("B", 3, published=DAYS[1]))
        # What it says of its publication holds for the article.
        assert (known(kb, DAYS[1]), known(kb, DAYS[2]), known(kb, DAYS[3])) == (["A"], ["A"], ["B"])


def readings(*given: tuple[str, int, int]) -> Iterator[Reading]:
    for number, (id, month, claim) in enumerate(given, 1):
        yield Reading(id, datetime(2024, month, 1, tzinfo=UTC), claim, number, 20240901, None)


def test_the_time_line_is_worked_out_from_times_alone() -> None:
    last = datetime(2024, 9, 2, tzinfo=UTC)
    placed = timeline(list(readings(("c", 5, 20240110), ("a", 3, 20240301))), "c", last)
    assert [(one.id, one.number, one.known, one.superseded) for one in placed] == [
        ("a", 1, 20240110, 20240501), ("c", 2, 20240501, None),
    ]  # fmt: skip
    placed = timeline(list(readings(("a", 3, 20240301), ("b", 4, 20240401))), "a", last)
    assert [(one.id, one.known, one.superseded) for one in placed] == [("a", 20240301, None), ("b", 20240401, 20240902)]
