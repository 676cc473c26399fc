"""What changed between two versions, as a person reads it; in the API, on the command line."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from ingest.cli import read  # noqa: F401  registers the commands
from ingest.cli.app import app
from kb.errors import UsageError
from kb.knowledge import KnowledgeBase
from kb.storage import differences
from kb.storage.differences import Kind, lines
from tests.conftest import make_article


def marked(old: str, new: str) -> list[str]:
    signs = {Kind.SAME: "{}", Kind.ADDED: "+{}+", Kind.REMOVED: "-{}-"}
    return ["".join(signs[piece.kind].format(piece.text) for piece in line) for line in lines(old, new)]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("It costs 5 dollars.", "It costs 7 dollars.", ["It costs -5-+7+ dollars."]),
        ("Die Frist endet im Juni.", "Die Frist endete im Juli.", ["Die Frist -endet-+endete+ im -Juni-+Juli+."]),
        ("共五家公司被列入清单", "共六家公司被列入清单", ["共-五-+六+家公司被列入清单"]),
        ("a\nb\nc", "a\nc\nd", ["a", "-b-", "c", "+d+"]),
        (
            "The ministry approved the licence.\nA second line stays.",
            "Officials of the court refused an appeal.\nA second line stays.",
            [
                "-The ministry approved the licence-+Officials of the court refused an appeal+.",
                "A second line stays.",
            ],
        ),
        ("完全不同的一句话。", "Something else altogether.", ["-完全不同的一句话。-", "+Something else altogether.+"]),
        ("same", "same", ["same"]),
        ("", "new", ["+new+"]),
    ],
)
def test_what_a_person_reads(old: str, new: str, expected: list[str]) -> None:
    assert marked(old, new) == expected


@given(st.text(alphabet="ab 中文\n.", max_size=80), st.text(alphabet="ab 中文\n.", max_size=80))
def test_both_texts_stand_in_it(old: str, new: str) -> None:
    found = list(lines(old, new))
    for text, other in ((old, Kind.ADDED), (new, Kind.REMOVED)):
        kept = ["".join(piece.text for piece in line if piece.kind is not other) for line in found]
        assert [line for line in kept if line] == [line for line in text.split("\n") if line]


def test_long_texts_are_compared_in_moderate_time() -> None:
    old = "\n".join(f"第{n}段：" + "委员会听取了专家关于出口许可的意见并询问审查需要多长时间。" * 8 for n in range(200))
    new = old.replace("专家", "学者").replace("第7段", "第七段")
    started = time.process_time()
    found = list(lines(old, new))
    assert len(found) == 200
    assert time.process_time() - started < 8


@pytest.fixture
def changed(kb: KnowledgeBase) -> str:
    first = make_article("rule", "The rule starts in June.\nIt names 5 goods.\nFirms complain.", title="A rule")
    later = make_article("rule", "The rule starts in June.\nIt names 7 goods.\nFirms complain.", title="A new rule")
    kb.add(first)
    kb.add(later)
    kb.catalog.mark_gone(first.id)
    return first.id


def test_the_api_takes_an_id_an_address_or_a_version(kb: KnowledgeBase, changed: str) -> None:
    by_id = kb.history(changed)
    assert [one.number for one in by_id] == [1, 2]
    assert kb.history("https://news.example/rule") == by_id == kb.history(by_id[0].id)
    change = kb.diff(changed)
    assert (change.old.number, change.new.number, change.added, change.removed) == (1, 2, 1, 1)
    assert [piece.text for piece in change.title if piece.kind is Kind.ADDED] == ["new "]
    assert "<del>5</del><ins>7</ins>" in change._repr_html_()
    assert kb.diff(changed, old=2, new=1).added == 1
    assert kb.history("nothing") == []
    with pytest.raises(UsageError, match="no version 3"):
        kb.diff(changed, new=3, old=1)
    with pytest.raises(UsageError, match="no article"):
        kb.diff("nothing")


def command(home: Path, *arguments: str) -> str:
    done = CliRunner().invoke(app, ["--home", str(home), *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_command_line_shows_versions_and_what_changed(kb: KnowledgeBase, changed: str) -> None:
    home = kb.settings.home
    kb.close()
    shown = command(home, "show", "https://news.example/rule?utm_source=x")
    assert "A new rule" in shown and "It names 7 goods." in shown and "the page is gone" in shown
    assert "It names 5 goods." in command(home, "show", changed, "--version", "1")
    listed = command(home, "show", changed, "--history")
    assert "current gone" in listed and "A rule" in listed
    change = command(home, "show", changed, "--diff")
    assert "It names [-5-]{+7+} goods." in change and "A {+new +}rule" in change
    pieces = json.loads(command(home, "show", changed, "--diff", "--json"))
    assert pieces["lines"][1][1] == {"text": "5", "kind": "removed"}


def test_changes_alone_are_shown_with_their_surroundings(kb: KnowledgeBase, changed: str) -> None:
    change = kb.diff(changed)
    assert [line and "".join(piece.text for piece in line) for line in change.changed(0)] == [
        None, "It names 57 goods.", None,
    ]  # fmt: skip
    assert differences.between(change.old, change.old).added == 0
