"""What of time a question speaks of, and the events of the timeline."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from kb.errors import SettingsError
from kb.search.timeline import load_timeline, read_timeline
from kb.search.timing import Stretch, stretches

TODAY = date(2026, 11, 25)
"""A Wednesday."""


@pytest.mark.parametrize(
    ("question", "first", "last"),
    [
        ("What did BIS publish last week?", "2026-11-16", "2026-11-22"),
        ("Was hat das BIS letzte Woche veröffentlicht?", "2026-11-16", "2026-11-22"),
        ("商务部上周公布了什么？", "2026-11-16", "2026-11-22"),
        ("商务部上个月公布了什么？", "2026-10-01", "2026-10-31"),
        ("Was geschah im letzten Monat?", "2026-10-01", "2026-10-31"),
        ("What happened this year?", "2026-01-01", "2026-12-31"),
        ("去年有哪些出口管制？", "2025-01-01", "2025-12-31"),
        ("Was wurde im Juni 2024 beschlossen?", "2024-06-01", "2024-06-30"),
        ("2024年6月有哪些规定？", "2024-06-01", "2024-06-30"),
        ("What was agreed in June?", "2026-06-01", "2026-06-30"),
        ("What was agreed in December?", "2025-12-01", "2025-12-31"),
        ("What was in Q3 2025?", "2025-07-01", "2025-09-30"),
        ("2024年上半年发生了什么？", "2024-01-01", "2024-06-30"),
        ("What happened yesterday?", "2026-11-24", "2026-11-24"),
        ("昨天发生了什么？", "2026-11-24", "2026-11-24"),
        ("What happened three days ago?", "2026-11-22", "2026-11-22"),
        ("Was geschah vor zwei Wochen?", "2026-11-09", "2026-11-15"),
        ("三个月前发生了什么？", "2026-08-01", "2026-08-31"),
        ("What changed in the last 30 days?", "2026-10-26", "2026-11-25"),
        ("最近三个月有什么变化？", "2026-08-25", "2026-11-25"),
        ("What changed between June 2023 and March 2024?", "2023-06-01", "2024-03-31"),
        ("What did Nvidia sell since the October 2022 rules?", "2022-10-07", None),
        ("Was änderte sich seit den Regeln vom Oktober 2022?", "2022-10-07", None),
        ("自2022年10月新规以来有什么变化？", "2022-10-07", None),
        ("Was verkaufte Nvidia seit Oktober 2022?", "2022-10-01", None),
        ("Who moved before 9 July 2024?", None, "2024-07-09"),
        ("What followed after the Bletchley summit?", "2023-11-02", None),
    ],
)
def test_a_stretch_is_read(question: str, first: str | None, last: str | None) -> None:
    (found,) = stretches(question, TODAY)
    assert (found.first, found.last) == tuple(date.fromisoformat(day) if day else None for day in (first, last))


@pytest.mark.parametrize(
    "question", ["Who makes the H20?", "Was ist die Entity List?", "谁是商务部长？", "How may Nvidia sell chips?"]
)
def test_no_time_is_no_time(question: str) -> None:
    assert stretches(question, TODAY) == ()


def test_an_event_is_named_with_its_id() -> None:
    (found,) = stretches("What changed since the October 2022 rules?", TODAY)
    assert (found.event, found.words, str(found)) == ("chip-rules-2022", "October 2022 rules", "2022-10-07 – …")


def test_a_stretch_holds_its_ends() -> None:
    june = Stretch(date(2024, 6, 1), date(2024, 6, 30), "June")
    assert june.holds(date(2024, 6, 30)) and not june.holds(date(2024, 7, 1)) and june.short
    assert Stretch(None, date(2024, 6, 30), "").holds(date(1999, 1, 1))


def test_every_event_is_found_by_each_of_its_names() -> None:
    events = load_timeline()
    assert len(events) > 50 and len({event.id for event in events}) == len(events)
    for event in events:
        for name in event.names:
            assert [found.id for found in events if list(found.named(f"since {name} "))] == [event.id], name


def test_an_event_without_a_date_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "timeline.toml"
    path.write_text('[[event]]\nid = "x"\nnames.en = ["x"]\n', encoding="utf-8")
    with pytest.raises(SettingsError, match="'x' needs a date"):
        read_timeline(path)
