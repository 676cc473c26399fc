"""Identity comes from content: running twice changes nothing, a change makes a version, nothing is embedded twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from kb.embedding import Embedder
from kb.errors import IndexMismatch
from kb.knowledge import KnowledgeBase, open_kb
from kb.models import Change
from kb.settings import Settings
from kb.storage.database import day_number
from tests.conftest import make_article

CHIPS = "The ministry put new licence duties on advanced chips. " * 30


class Counting:
    """The real embedder, counting what it is given."""

    def __init__(self, real: Embedder, name: str = "") -> None:
        self.real = real
        self.id = name or real.id
        self.dimension = real.dimension
        self.max_tokens = real.max_tokens
        self.texts: list[str] = []

    def passages(self, texts: Sequence[str]) -> np.ndarray:
        self.texts += texts
        return self.real.passages(texts)

    def query(self, text: str) -> np.ndarray:
        return self.real.query(text)

    def tokens(self, text: str) -> int:
        return self.real.tokens(text)

    def llama(self) -> object:
        return self.real.llama()


def test_second_time_is_a_no_op(kb: KnowledgeBase) -> None:
    article = make_article("chips", CHIPS)
    assert kb.add(article) is Change.ADDED
    before = kb.catalog.counts()
    assert kb.add(article) is Change.UNCHANGED
    assert kb.catalog.counts() == before


def test_changed_text_makes_a_version_and_keeps_the_old(kb: KnowledgeBase) -> None:
    first = make_article("chips", CHIPS)
    second = replace(first, text=CHIPS + "The duty was lifted for cars.")
    kb.add(first)
    assert kb.add(second) is Change.UPDATED
    history = kb.history(first.id)
    assert [(version.number, version.text, version.current) for version in history] == [
        (1, first.text, False),
        (2, second.text, True),
    ]


def test_a_page_that_goes_back_revives_its_first_version(kb: KnowledgeBase) -> None:
    first = make_article("chips", CHIPS)
    kb.add(first)
    kb.add(replace(first, text="A correction that was withdrawn again. " * 20))
    assert kb.add(first) is Change.UPDATED
    assert [version.current for version in kb.history(first.id)] == [True, False]
    texts = {passage.text for passage in kb.search("correction withdrawn", 20)}
    assert not any("withdrawn" in text for text in texts)


def test_equal_text_is_embedded_once(home: Path, embedder: Embedder) -> None:
    counting = Counting(embedder)
    with open_kb(settings=Settings(home=home), embedder=counting) as kb:
        kb.add(make_article("one", CHIPS, title="Chips"))
        first = len(counting.texts)
        kb.add(make_article("two", CHIPS, title="Chips"))
        assert first > 0
        assert len(counting.texts) == first
        kb.rebuild()
        assert len(counting.texts) == first
        assert {passage.version.url for passage in kb.search("licence duties on chips", 20)} == {
            "https://news.example/one",
            "https://news.example/two",
        }


def test_another_embedder_is_refused_until_rebuild(home: Path, embedder: Embedder) -> None:
    with open_kb(settings=Settings(home=home), embedder=embedder) as kb:
        kb.add(make_article("chips", CHIPS))
    other = Counting(embedder, "another-model")
    with open_kb(settings=Settings(home=home), embedder=other) as kb:
        with pytest.raises(IndexMismatch, match="lagebild rebuild"):
            kb.search("chips")
        with pytest.raises(IndexMismatch):
            kb.add(make_article("more", CHIPS))
        kb.rebuild()
        assert kb.search("chips")[0].version.url == "https://news.example/chips"


def test_as_of_gives_what_was_known_then(kb: KnowledgeBase) -> None:
    kb.add(make_article("old", CHIPS, day="2022-10-07"))
    kb.add(make_article("new", CHIPS.replace("new", "still stricter"), day="2024-12-02"))
    known = {passage.version.url for passage in kb.search("licence duties on chips", 20, as_of=date(2023, 1, 1))}
    assert known == {"https://news.example/old"}


def test_as_of_gives_the_wording_of_then(kb: KnowledgeBase) -> None:
    first = make_article("chips", CHIPS, day="2022-10-07")
    kb.add(first)
    kb.add(replace(first, text="The licence duties on advanced chips were lifted. " * 20))
    yesterday = date.today() - timedelta(days=2)
    then = {passage.version.number for passage in kb.search("licence duties on chips", 20, as_of=yesterday)}
    now = {passage.version.number for passage in kb.search("licence duties on chips", 20)}
    assert (then, now) == ({1}, {2})


def test_passages_are_verbatim_spans(kb: KnowledgeBase) -> None:
    text = "\n".join(f"Absatz {n}: Die Behörde nannte 2024 die Zahl {n * 17}. 中国 antwortete." for n in range(60))
    kb.add(make_article("spans", text, language="de"))
    found = kb.search("Welche Zahl nannte die Behörde?", 50)
    assert len(found) > 3
    assert all(passage.text == passage.version.text[passage.start : passage.end] for passage in found)


def test_days_compare_as_integers() -> None:
    assert day_number(date(2024, 7, 9)) == 20240709
