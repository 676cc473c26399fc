"""Who is asked and what follows: fallback, data path, blocked passages, too much evidence, the purse."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from math import ceil, log2
from pathlib import Path
from typing import Any

import pytest

from kb.answer.answering import Evidence, Text
from kb.answer.answers import records
from kb.answer.asking import PROBE_TOKENS, PROBES, order
from kb.answer.spend import Purse, added, by_day, ledger
from kb.embedding import Embedder
from kb.errors import ProviderError, SettingsError
from kb.knowledge import KnowledgeBase, open_kb
from kb.models import Answer, Status, Usage
from kb.providers import CallFailed, Message, Outcome, explain, load_registry
from kb.providers.cost import Spent
from kb.providers.spending import estimate
from kb.settings import Settings
from kb.show.contract import answer_json
from tests.conftest import make_article
from tests.fakeproviders import FakeProviders, chunk, error, events
from tests.questions import ENGLISH_QUESTION, TRUE, asking, cited, lines

Asker = Callable[..., KnowledgeBase]

DOWN = error(
    402, {"error": {"message": "Insufficient Balance", "type": "unknown_error", "code": "invalid_request_error"}}
)


@pytest.fixture
def fake() -> Iterator[FakeProviders]:
    with FakeProviders() as running:
        running.answer = cited
        yield running


@pytest.fixture
def base(home: Path, embedder: Embedder, fake: FakeProviders, monkeypatch: pytest.MonkeyPatch) -> Iterator[Asker]:
    opened: list[AbstractContextManager[KnowledgeBase]] = []

    def make(**settings: Any) -> KnowledgeBase:
        opened.append(asking(home / str(len(opened)), embedder, fake, monkeypatch, **settings))
        return opened[-1].__enter__()

    yield make
    for each in opened:
        each.__exit__(None, None, None)


def outcomes(answer: Answer) -> list[tuple[str, str]]:
    return [(each.provider, each.outcome) for each in answer.attempts]


# ── fallback ──────────────────────────────────────────────────────────────────────────────────────


def test_the_next_in_the_order_answers_and_both_are_named(base: Asker, fake: FakeProviders) -> None:
    kb = base(provider="deepseek", fallback=("zhipu", "qwen"))
    fake.script("deepseek", DOWN)
    answer = kb.ask(ENGLISH_QUESTION)
    assert outcomes(answer) == [("deepseek", "balance_exhausted"), ("zhipu", "answered")]
    assert (answer.status, answer.asked, answer.answered_by) == (Status.ANSWERED, "deepseek", "zhipu")
    assert "DeepSeek" in answer.message
    assert kb.registry["zhipu"].name in answer.message
    assert records(kb.catalog)[0]["provider"]["attempts"][0]["outcome"] == "balance_exhausted"
    assert not fake.asked("qwen")


def test_without_an_order_nobody_else_is_asked(base: Asker, fake: FakeProviders) -> None:
    kb = base(provider="deepseek")
    fake.script("deepseek", DOWN)
    answer = kb.ask(ENGLISH_QUESTION)
    assert answer.status is Status.PROVIDER_FAILED
    assert {request.provider for request in fake.requests} == {"deepseek"}
    assert answer.passages == tuple(kb.search(ENGLISH_QUESTION))


def test_an_order_can_be_given_with_the_question(base: Asker, fake: FakeProviders) -> None:
    kb = base(provider="deepseek", fallback=("qwen",))
    fake.script("deepseek", DOWN)
    assert kb.ask(ENGLISH_QUESTION, fallback=["tencent"]).answered_by == "tencent"
    with pytest.raises(ProviderError, match="nosuch"):
        kb.ask(ENGLISH_QUESTION, fallback=["nosuch"])


def test_never_after_the_first_word(base: Asker, fake: FakeProviders) -> None:
    kb = base(provider="deepseek", fallback=("zhipu",))
    fake.script("deepseek", events(chunk("OpenAI blocks its API "), {"error": {"message": "boom", "code": "500"}}))
    answer = kb.ask(ENGLISH_QUESTION)
    assert (answer.status, outcomes(answer)) == (Status.PROVIDER_FAILED, [("deepseek", "cut_off")])
    assert not fake.asked("zhipu")


def test_never_from_a_block_without_consent(base: Asker, fake: FakeProviders) -> None:
    kb = base(provider="qwen", fallback=("zhipu",))
    fake.blocked["qwen"] = {"Question:"}
    answer = kb.ask(ENGLISH_QUESTION)
    assert answer.status is Status.PROVIDER_REFUSED
    assert not fake.asked("zhipu")
    assert kb.registry["zhipu"].name in answer.message
    agreed = kb.ask(ENGLISH_QUESTION, consent=True)
    assert outcomes(agreed) == [("qwen", "content_blocked"), ("zhipu", "answered")]


def test_never_to_openai(base: Asker, fake: FakeProviders) -> None:
    kb = base(provider="deepseek", fallback=("openai", "zhipu"))
    fake.script("deepseek", DOWN)
    assert kb.ask(ENGLISH_QUESTION, consent=True).answered_by == "zhipu"
    assert not fake.asked("openai")


def test_openai_turned_away_goes_on_to_a_domestic_one(base: Asker, fake: FakeProviders) -> None:
    kb = base(provider="openai", fallback=("qwen",))
    fake.script("openai", error(403, {"error": {"code": "unsupported_country_region_territory", "message": "no"}}))
    assert outcomes(kb.ask(ENGLISH_QUESTION)) == [("openai", "region_blocked"), ("qwen", "answered")]


def test_a_standing_failure_is_remembered_by_the_base(base: Asker, fake: FakeProviders) -> None:
    kb = base(provider="deepseek", fallback=("zhipu",))
    fake.script("deepseek", DOWN)
    kb.ask(ENGLISH_QUESTION)
    again = kb.ask(ENGLISH_QUESTION)
    assert len(fake.asked("deepseek")) == 1
    assert outcomes(again) == [("deepseek", "balance_exhausted"), ("zhipu", "answered")]
    assert base(provider="deepseek").ask(ENGLISH_QUESTION).answered_by == "deepseek"


def test_order() -> None:
    assert order("qwen", ["zhipu", "qwen", "deepseek", "zhipu"]) == ("qwen", "zhipu", "deepseek")


@pytest.mark.parametrize("language", ["en", "de", "zh"])
def test_messages_are_in_the_language_of_the_interface(base: Asker, fake: FakeProviders, language: str) -> None:
    kb = base(provider="deepseek", language=language)
    fake.script("deepseek", DOWN)
    found = kb.ask(ENGLISH_QUESTION)
    with pytest.raises(CallFailed) as caught:
        kb.caller("deepseek")().chat.complete([], max_tokens=5)
    assert found.message == explain(caught.value.failure, kb.registry["deepseek"], language)
    assert kb.ask("How is rye bread baked?", interface="de").message.startswith("In der Wissensbasis")


# ── data path ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("path", "provider", "allowed"),
    [
        ("local", "qwen", False),
        ("local", "openai", False),
        ("mainland", "qwen", True),
        ("mainland", "openai", False),
        ("no-mainland", "zhipu", False),
        ("no-mainland", "openai", True),
        ("any", "zhipu", True),
    ],
)
def test_the_data_path(home: Path, base: Asker, fake: FakeProviders, path: str, provider: str, allowed: bool) -> None:
    kb = base(provider=provider, data_path=path)
    shipped = load_registry()[provider]
    areas = {each.id: each.area for each in shipped.endpoints}
    answer = kb.ask(ENGLISH_QUESTION)
    reached = {areas[request.endpoint] for request in fake.requests}
    if path == "no-mainland" and provider == "zhipu" and any(area == "outside" for area in areas.values()):
        assert reached == {"outside"}
        return
    assert (answer.status is Status.ANSWERED) == allowed
    assert bool(reached) == allowed
    assert "mainland" not in reached or path in ("any", "mainland")
    if not allowed:
        assert outcomes(answer) == [(provider, "path_forbidden")]


def test_fallback_keeps_to_the_data_path(base: Asker, fake: FakeProviders) -> None:
    kb = base(provider="openai", data_path="mainland", fallback=("minimax", "qwen"))
    answer = kb.ask(ENGLISH_QUESTION)
    shipped = load_registry()
    used = {shipped[each.provider].endpoint(each.endpoint).area for each in fake.requests}  # type: ignore[union-attr]
    assert used == {"mainland"}
    assert outcomes(answer)[0] == ("openai", "path_forbidden")
    assert answer.status is Status.ANSWERED


def test_embeddings_keep_to_the_data_path(home: Path, fake: FakeProviders) -> None:
    remote = load_registry()["qwen"].endpoints[0].url
    chosen = Settings(home, embedder="openai-like", embedding_url=remote, embedding_model="m", data_path="local")
    with open_kb(settings=chosen) as kb, pytest.raises(ProviderError, match="data path local") as caught:
        kb.search("anything")
    assert caught.value.outcome == "path_forbidden"
    near = Settings(
        home, embedder="openai-like", embedding_url="http://127.0.0.1:9/v1", embedding_model="m", data_path="local"
    )
    with open_kb(settings=near) as kb:
        assert kb.embedder.id == "openai-like/m"


def test_settings_are_read_from_the_environment(tmp_path: Path) -> None:
    env = {
        "LAGEBILD_HOME": str(tmp_path),
        "LAGEBILD_DATA_PATH": "no-mainland",
        "LAGEBILD_FALLBACK": "zhipu, deepseek",
        "LAGEBILD_DAILY_CAP": "5 CNY, 0.5 USD",
    }
    found = Settings.from_env(env)
    assert (found.data_path, found.fallback) == ("no-mainland", ("zhipu", "deepseek"))
    assert dict(found.daily_cap) == {"CNY": 5.0, "USD": 0.5}
    assert hash(found) == hash(Settings.from_env(env))


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [("DATA_PATH", "moon", "mainland"), ("DAILY_CAP", "five", "5 CNY"), ("THREADS", "x", "a number")],
)
def test_a_setting_that_cannot_be_read_says_what_it_should_be(name: str, value: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        Settings.from_env({f"LAGEBILD_{name}": value})


def test_the_model_of_the_settings_belongs_to_their_provider(base: Asker, fake: FakeProviders) -> None:
    kb = base(provider="qwen", model="qwen-of-mine")
    assert kb.ask(ENGLISH_QUESTION).model == "qwen-of-mine"
    assert kb.ask(ENGLISH_QUESTION, provider="zhipu").model == kb.registry["zhipu"].default
    assert kb.ask(ENGLISH_QUESTION, model="given").model == "given"


# ── too much, and blocked ─────────────────────────────────────────────────────────────────────────


def test_too_long_is_asked_once_more_with_fewer(base: Asker, fake: FakeProviders) -> None:
    kb = base(provider="deepseek")
    long = error(400, {"error": {"message": "This model's maximum context length is 8192 tokens.", "type": "x"}})
    fake.script("deepseek", long)
    answer = kb.ask(ENGLISH_QUESTION)
    first, second = (lines(request) for request in fake.requests)
    assert [line["text"] for line in second] == [line["text"] for line in first][: len(first) // 2]
    assert outcomes(answer) == [("deepseek", "context_too_long"), ("deepseek", "answered")]
    assert str(len(first) - len(second)) in answer.coverage.left_out[0]
    assert len(answer.passages) == len(first)
    fake.requests.clear()
    fake.script("deepseek", long, long)
    assert kb.ask(ENGLISH_QUESTION).status is Status.PROVIDER_FAILED
    assert len(fake.requests) == 2


TWELVE = [f"marker{n:02d}x" for n in range(12)]


@pytest.fixture
def twelve(base: Asker) -> KnowledgeBase:
    kb = base(provider="qwen")
    for n, word in enumerate(TWELVE):
        text = f"OpenAI blocks its API for developers in China from 9 July 2024, report {n} says. It names {word}."
        kb.add(make_article(f"report{n}", text, title=f"Report {n}", day="2024-06-28"))
    return kb


@pytest.mark.parametrize("blocked", [{3}, {0, 11}, {2, 3, 7}, {1, 4, 6, 10}])
def test_blocked_passages_are_found_and_named(twelve: KnowledgeBase, fake: FakeProviders, blocked: set[int]) -> None:
    words = {TWELVE[n] for n in blocked}
    fake.blocked["qwen"] = words
    fake.answer = lambda request: f"{TRUE} [1]."
    found = list(twelve.stream(ENGLISH_QUESTION, k=12, sources=["Example News"], since=datetime(2024, 6, 28).date()))
    answer = found[-1].answer  # type: ignore[union-attr]
    assert answer.status is Status.ANSWERED
    assert len(answer.passages) == 12
    assert {word for each in answer.withheld for word in TWELVE if word in each.passage.text} == words
    assert all(each.certain and each.provider == "qwen" for each in answer.withheld)
    probes = len(fake.requests) - 2
    assert probes <= len(blocked) * (ceil(log2(12)) + 1) + 1 <= PROBES
    assert {line["text"] for line in lines(fake.requests[-1])} == {
        each.text for each in answer.passages if not any(word in each.text for word in words)
    }
    assert f"withheld {len(blocked)} of 12 passages" in answer.coverage.left_out[0]
    assert outcomes(answer) == [("qwen", "content_blocked"), ("qwen", "answered")]
    shown = [event for event in found if isinstance(event, Evidence)]
    assert shown[1].passages == answer.passages
    assert shown[1].coverage.left_out == answer.coverage.left_out
    assert found.index(shown[1]) < next(place for place, event in enumerate(found) if isinstance(event, Text))
    for citation in answer.citations:
        assert answer.passages[citation.n - 1] == citation.passage
    assert [each["chunk_id"] for each in answer_json(answer)["withheld"]] == [
        each.passage.chunk_id for each in answer.withheld
    ]


def test_no_text_is_altered_to_slip_past_a_filter(twelve: KnowledgeBase, fake: FakeProviders) -> None:
    fake.blocked["qwen"] = {TWELVE[3]}
    fake.answer = lambda request: f"{TRUE} [1]."
    twelve.ask(ENGLISH_QUESTION, k=12)
    stored = {passage.text for passage in twelve.search(ENGLISH_QUESTION, 12)}
    sent = {line["text"] for request in fake.requests for line in lines(request)}
    assert sent == stored


BLOCKED = error(400, {"error": {"code": "data_inspection_failed", "message": "inappropriate content"}})
WRONG_KEY = error(401, {"error": {"message": "Incorrect API key", "code": "invalid_api_key"}})


@pytest.mark.parametrize("when", ["probing", "afterwards"])
def test_a_failure_after_a_block_still_needs_consent(twelve: KnowledgeBase, fake: FakeProviders, when: str) -> None:
    if when == "probing":
        fake.script("qwen", BLOCKED, WRONG_KEY)
    else:
        fake.blocked["qwen"] = {TWELVE[3]}
        fake.answer = lambda request: "" if request.body["max_tokens"] > PROBE_TOKENS else "yes"
    answer = twelve.ask(ENGLISH_QUESTION, k=12, fallback=["zhipu"])
    last = "auth_invalid" if when == "probing" else "empty"
    assert outcomes(answer) == [("qwen", "content_blocked"), ("qwen", last)]
    assert answer.status is Status.PROVIDER_FAILED
    assert not fake.asked("zhipu")
    assert "--consent" in answer.message


# ── the purse ─────────────────────────────────────────────────────────────────────────────────────


def test_what_is_used_is_entered(base: Asker, fake: FakeProviders) -> None:
    kb = base()
    answers = [kb.ask(ENGLISH_QUESTION), kb.ask(ENGLISH_QUESTION), kb.ask(ENGLISH_QUESTION, provider="openai")]
    kept = ledger(kb.catalog)
    assert [line.usage for line in kept] == [answer.usage for answer in answers]
    assert [line.provider for line in kept] == ["qwen", "qwen", "openai"]
    days = by_day(kept)
    assert [(day.provider, day.calls, day.currency) for day in days] == [("qwen", 2, "CNY"), ("openai", 1, None)]
    assert days[0].cost == pytest.approx(sum(answer.usage.cost or 0 for answer in answers[:2]))


def test_a_failed_call_costs_nothing_and_a_left_one_what_was_read(base: Asker, fake: FakeProviders) -> None:
    kb = base(provider="deepseek")
    fake.script("deepseek", DOWN)
    kb.ask(ENGLISH_QUESTION)
    assert ledger(kb.catalog) == []
    stream = kb.stream(ENGLISH_QUESTION, provider="qwen")
    next(event for event in stream if isinstance(event, Text))
    stream.close()  # type: ignore[attr-defined]
    (line,) = ledger(kb.catalog)
    assert line.usage.estimated
    assert line.usage.prompt_tokens > 100


def test_the_cap_stops_before_it_is_passed(base: Asker, fake: FakeProviders) -> None:
    free = base()
    one = free.ask(ENGLISH_QUESTION).usage.cost or 0.0
    assert one > 0
    fake.requests.clear()
    kb = base(daily_cap=(("CNY", 0.0001),))
    answer = kb.ask(ENGLISH_QUESTION)
    assert fake.requests == []
    assert (answer.status, outcomes(answer)) == (Status.PROVIDER_FAILED, [("qwen", "cap_reached")])
    assert ledger(kb.catalog) == []
    generous = base(daily_cap=(("CNY", 0.2),))
    spent = 0.0
    for _ in range(40):
        answer = generous.ask(ENGLISH_QUESTION)
        if answer.status is not Status.ANSWERED:
            break
        spent += answer.usage.cost or 0.0
    total = sum(line.usage.cost or 0.0 for line in ledger(generous.catalog))
    assert total == pytest.approx(spent)
    assert total <= 0.2


def test_two_at_once_cannot_pass_the_cap(base: Asker) -> None:
    kb = base()
    call = kb.caller("qwen")()
    messages = [Message("user", "x" * 4000)]
    most = estimate(call.chat, messages, 500).cost or 0.0
    purse = Purse(kb.catalog, {"CNY": most * 3.5})
    ready = threading.Barrier(8)
    found: list[object] = []

    def reserve() -> None:
        ready.wait()
        try:
            found.append(purse.reserve(call.chat, messages, 500))
        except CallFailed as error:
            found.append(error.failure.outcome)

    threads = [threading.Thread(target=reserve) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    granted = [each for each in found if isinstance(each, int)]
    assert len(found) == 8
    assert len(granted) <= 3
    assert all(each == Outcome.CAP_REACHED for each in found if not isinstance(each, int))
    assert sum(line.usage.cost or 0.0 for line in ledger(kb.catalog)) == pytest.approx(most * len(granted))


def test_sums() -> None:
    first, second = Usage(1, 2, 0.5, "CNY"), Usage(10, 20, None, "CNY", estimated=True)
    assert added([first, first]) == Usage(2, 4, 1.0, "CNY")
    assert added([first, second]) == Usage(11, 22, None, "CNY", estimated=True)
    assert added([]) == Usage()
    early, late = datetime(2026, 1, 2, 12, tzinfo=UTC), datetime(2026, 1, 3, 12, tzinfo=UTC)
    rows = by_day([Spent(early, "qwen", "m", first), Spent(late, "qwen", "m", first), Spent(late, "qwen", "n", first)])
    assert [(row.day, row.calls, row.cost) for row in rows] == [("2026-01-03", 2, 1.0), ("2026-01-02", 1, 0.5)]
