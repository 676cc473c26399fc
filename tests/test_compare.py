"""The same question on the same passages to several providers, side by side."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from kb.answer.answers import records
from kb.answer.comparing import Comparison, compare, named
from kb.embedding import Embedder
from kb.errors import ProviderError, UsageError
from kb.knowledge import KnowledgeBase
from kb.models import Status
from tests.fakeproviders import FakeProviders, Request
from tests.questions import ENGLISH_QUESTION, TRUE, asking, lines, number

LETTERS = "OpenAI sent letters to the accounts concerned"
CUT_SHORT = "OpenAI blocks its API for developers in China from 11 July 2024"


def written(request: Request) -> str:
    place = number(request, "9 July 2024")
    return {
        "qwen": f"{TRUE} [{place}]. {LETTERS} [{place}].",
        "zhipu": f"{TRUE} [{place}].",
        "tencent": f"{CUT_SHORT} [{place}]. {TRUE.replace('blocks', 'refuses')} [{place}].",
        "baichuan": "很抱歉，我无法回答这个问题。",
    }[request.provider]


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeProviders]:
    with FakeProviders() as running:
        running.answer = written
        running.blocked["deepseek"] = {"Question:"}
        yield running


@pytest.fixture(scope="module")
def kb(tmp_path_factory: pytest.TempPathFactory, embedder: Embedder, fake: FakeProviders) -> Iterator[KnowledgeBase]:
    home = tmp_path_factory.mktemp("compare")
    with pytest.MonkeyPatch.context() as patch, asking(home, embedder, fake, patch, fallback=("minimax",)) as filled:
        yield filled


@pytest.fixture(scope="module")
def compared(kb: KnowledgeBase) -> Comparison:
    return kb.compare(ENGLISH_QUESTION, ["qwen", "zhipu", "baichuan", "deepseek", "tencent:hy-of-mine"])


def test_all_see_the_same_passages(compared: Comparison, fake: FakeProviders) -> None:
    first = {id: lines(fake.asked(id)[0]) for id in ("qwen", "zhipu", "baichuan", "deepseek", "tencent")}
    assert all(shown == first["qwen"] for shown in first.values())
    assert [line["text"] for line in first["qwen"]] == [passage.text for passage in compared.passages]


def test_who_answered_refused_and_was_blocked(compared: Comparison, fake: FakeProviders) -> None:
    ends = [(answer.asked, answer.status, answer.attempts[-1].outcome) for answer in compared.answers]
    assert ends == [
        ("qwen", Status.ANSWERED, "answered"),
        ("zhipu", Status.ANSWERED, "answered"),
        ("baichuan", Status.PROVIDER_REFUSED, "refused_in_words"),
        ("deepseek", Status.PROVIDER_REFUSED, "content_blocked"),
        ("tencent", Status.ANSWERED, "answered"),
    ]
    assert compared.answers[-1].model == "hy-of-mine"
    assert not fake.asked("minimax")


def test_what_only_one_says(compared: Comparison) -> None:
    mine = [each for each in compared.alone if each.provider.startswith("qwen")]
    assert [each.sentence.text[: len(LETTERS)] for each in mine] == [LETTERS]
    assert not [each for each in compared.alone if each.provider.startswith("zhipu")]


def test_what_all_leave_out(compared: Comparison) -> None:
    cited = {citation.passage.version.title for answer in compared.answers for citation in answer.citations}
    assert cited == {"OpenAI blocks China"}
    assert {passage.version.title for passage in compared.unused} == {
        passage.version.title for passage in compared.passages
    } - cited


def test_dates_that_differ(compared: Comparison) -> None:
    found = {(each.first_says, each.second_says) for each in compared.differences}
    assert any("9 July" in one and "11 July" in other for one, other in found)
    assert all(each.first != each.second for each in compared.differences)


def test_frame_json_and_page(compared: Comparison, kb: KnowledgeBase) -> None:
    frame = compared.frame()
    assert list(frame["provider"]) == ["qwen", "zhipu", "baichuan", "deepseek", "tencent"]
    assert list(frame["status"])[2:4] == ["provider_refused"] * 2
    assert list(frame["alone"])[:2] == [1, 0]
    read = json.loads(json.dumps(compared.json()))
    assert [each["provider"]["asked"] for each in read["answers"]] == list(frame["provider"])
    assert {each["id"] for each in records(kb.catalog)} >= {each["id"] for each in read["answers"]}
    assert LETTERS in compared._repr_html_()


def test_what_cannot_be_compared(kb: KnowledgeBase, fake: FakeProviders) -> None:
    before = len(fake.requests)
    with pytest.raises(UsageError):
        kb.compare(ENGLISH_QUESTION, [])
    with pytest.raises(UsageError):
        kb.compare(ENGLISH_QUESTION, ["qwen", "qwen"])
    with pytest.raises(ProviderError, match="nosuch"):
        kb.compare(ENGLISH_QUESTION, ["qwen", "nosuch"])
    nothing = kb.compare("How is rye bread baked with sourdough?", ["qwen", "zhipu"])
    assert [answer.status for answer in nothing.answers] == [Status.NO_EVIDENCE] * 2
    assert (nothing.alone, nothing.unused, nothing.differences) == ((), (), ())
    assert len(fake.requests) == before
    assert compare("q", (), ()).answers == ()


@pytest.mark.parametrize(
    ("given", "found"),
    [("qwen", ("qwen", None)), ("qwen:plus", ("qwen", "plus")), ("ollama:qwen2.5:7b", ("ollama", "qwen2.5:7b"))],
)
def test_named(given: str, found: tuple[str, str | None]) -> None:
    assert named(given) == found


def test_a_comparison_can_be_strict(kb: KnowledgeBase) -> None:
    loose, strict = (kb.compare(ENGLISH_QUESTION, ["qwen", "tencent"], strict=each) for each in (False, True))
    assert CUT_SHORT in loose.answers[1].text and CUT_SHORT not in strict.answers[1].text
    assert [each.text.startswith(CUT_SHORT) for each in strict.answers[1].dropped] == [True]
    assert strict.answers[0].text == loose.answers[0].text
