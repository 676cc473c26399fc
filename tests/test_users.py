"""What one user brings to a question (a path, keys, leaving), turns at the local model, and what it will cost."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from kb.answer.calling import Own, OwnKey
from kb.answer.estimating import told
from kb.answer.events import Done, Event, Evidence, Text, Waiting
from kb.answer.halting import Halt
from kb.answer.spend import by_day, free_left, ledger, past_calls
from kb.embedding import Embedder
from kb.errors import ProviderError
from kb.knowledge import KnowledgeBase
from kb.local.turns import Turns
from kb.models import Status, Usage
from kb.providers import DataPath, Outcome, Secret, load_registry
from kb.providers.cost import Spent
from kb.settings import Settings
from tests.fakeproviders import FakeProviders, Pause, chunk, error, events, key_of
from tests.questions import ENGLISH_QUESTION, asking, cited
from ui import choosing
from ui.asking import seen


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeProviders]:
    with FakeProviders() as running:
        yield running


@pytest.fixture(scope="module")
def kb(tmp_path_factory: pytest.TempPathFactory, embedder: Embedder, fake: FakeProviders) -> Iterator[KnowledgeBase]:
    home = tmp_path_factory.mktemp("users")
    with pytest.MonkeyPatch.context() as patch, asking(home, embedder, fake, patch) as filled:
        server = SimpleNamespace(
            base_url=f"http://127.0.0.1:{fake.port}/local/loopback/v1",
            model="built-in",
            api_key="x",
            context=4096,
            turns=Turns(),
            close=lambda: None,
        )
        filled._running = server  # type: ignore[assignment]
        yield filled


@pytest.fixture(autouse=True)
def fresh(fake: FakeProviders) -> None:
    fake.requests.clear()
    fake.scripts.clear()
    fake.gone.clear()
    fake.answer = cited


def keep(into: list[Event], given: Iterator[Event]) -> threading.Thread:
    thread = threading.Thread(target=lambda: into.extend(given))
    thread.start()
    return thread


# ── a path that narrows ───────────────────────────────────────────────────────────────────────────


def test_a_path_narrows_and_never_widens() -> None:
    assert DataPath.MAINLAND.within(DataPath.NO_MAINLAND) is DataPath.LOCAL
    for setting in DataPath:
        for wanted in DataPath:
            both = setting.within(wanted)
            assert both is wanted.within(setting)
            assert DataPath.ANY.within(setting) is setting
            assert setting.within(DataPath.LOCAL) is DataPath.LOCAL


@pytest.mark.parametrize(
    ("setting", "offered"),
    [
        ("any", ["any", "local", "mainland", "no-mainland"]),
        ("mainland", ["mainland", "local"]),
        ("no-mainland", ["no-mainland", "local"]),
        ("local", ["local"]),
    ],
)
def test_what_a_session_may_choose(tmp_path: Path, setting: str, offered: list[str]) -> None:
    assert choosing.paths(Settings(tmp_path, data_path=setting)) == offered


def test_a_users_path_is_kept_for_its_question_alone(kb: KnowledgeBase, fake: FakeProviders) -> None:
    answer = kb.ask(ENGLISH_QUESTION, provider="qwen", own=Own(DataPath.LOCAL))
    assert [each.outcome for each in answer.attempts] == ["path_forbidden"]
    assert fake.requests == []
    assert len(answer.passages) > 0
    compared = kb.compare(ENGLISH_QUESTION, ["qwen", "local"], own=Own(DataPath.LOCAL))
    assert [each.attempts[-1].outcome for each in compared.answers] == ["path_forbidden", "answered"]
    assert {request.provider for request in fake.requests} == {"local"}
    assert kb.ask(ENGLISH_QUESTION, provider="qwen").status is Status.ANSWERED


def test_embeddings_hold_a_question_to_the_users_path(kb: KnowledgeBase, fake: FakeProviders) -> None:
    remote = replace(kb.settings, embedder="openai-like", embedding_url="https://dashscope.aliyuncs.com/v1")
    before, kb.settings = kb.settings, remote
    try:
        with pytest.raises(ProviderError, match="does not allow embeddings"):
            kb.ask(ENGLISH_QUESTION, provider="none", own=Own(DataPath.LOCAL))
        with pytest.raises(ProviderError, match="does not allow embeddings"):
            kb.compare(ENGLISH_QUESTION, ["qwen"], own=Own(DataPath.LOCAL))
    finally:
        kb.settings = before
    assert fake.requests == []


@pytest.mark.parametrize(("setting", "use"), [("reranker", "reranking"), ("rephrase", "rephrasing")])
def test_what_reads_every_question_holds_it_to_the_users_path(
    kb: KnowledgeBase, fake: FakeProviders, setting: str, use: str
) -> None:
    before, kb.settings = kb.settings, replace(kb.settings, **{setting: "qwen"})
    registry, kb.__dict__["registry"] = kb.registry, load_registry()
    try:
        with pytest.raises(ProviderError, match=f"does not allow {use}"):
            kb.ask(ENGLISH_QUESTION, provider="none", own=Own(DataPath.NO_MAINLAND))
    finally:
        kb.settings, kb.__dict__["registry"] = before, registry
    assert fake.requests == []


# ── keys of one session ───────────────────────────────────────────────────────────────────────────


def test_two_users_with_keys_of_their_own_do_not_cross(
    kb: KnowledgeBase, fake: FakeProviders, monkeypatch: pytest.MonkeyPatch
) -> None:
    for id in ("qwen", "zhipu"):
        for name in kb.registry[id].auth.env:
            monkeypatch.delenv(name, raising=False)
    wrong = "sk-planted-of-another-user-0123456789"
    users = {
        "right": Own(keys={"qwen": OwnKey(Secret(key_of("qwen")))}),
        "wrong": Own(keys={"qwen": OwnKey(Secret(wrong))}),
        "none": Own(),
        "other": Own(keys={"zhipu": OwnKey(Secret(key_of("zhipu")))}),
    }
    asked = {"right": "qwen", "wrong": "qwen", "none": "qwen", "other": "zhipu"}
    ends: dict[str, tuple[str, str]] = {}

    def one(who: str) -> None:
        answer = kb.ask(ENGLISH_QUESTION, provider=asked[who], own=users[who])
        ends[who] = (answer.attempts[-1].outcome, json.dumps(str(answer)))

    for _ in range(2):  # the second time, what was remembered of the wrong key must not be held against the right one
        threads = [threading.Thread(target=one, args=(who,)) for who in users]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        outcomes = {who: outcome for who, (outcome, _) in ends.items()}
        assert outcomes == {"right": "answered", "wrong": "auth_invalid", "none": "auth_missing", "other": "answered"}
    sent = {(request.provider, request.headers["authorization"]) for request in fake.requests}
    assert sent == {
        ("qwen", f"Bearer {key_of('qwen')}"),
        ("qwen", f"Bearer {wrong}"),
        ("zhipu", f"Bearer {key_of('zhipu')}"),
    }
    for _, text in ends.values():
        assert "planted" not in text
    assert "planted" not in f"{users} {kb.opener.of(users['right'])}"


def test_a_key_for_one_endpoint_leads_to_it(kb: KnowledgeBase, fake: FakeProviders) -> None:
    own = Own(keys={"qwen": OwnKey(Secret(key_of("qwen")), "singapore")})
    assert kb.ask(ENGLISH_QUESTION, provider="qwen", own=own).status is Status.ANSWERED
    assert {request.endpoint for request in fake.requests} == {"singapore"}


def test_a_stored_key_for_one_endpoint_leads_to_it(tmp_path: Path, fake: FakeProviders) -> None:
    from kb.providers import open_chat
    from kb.providers.keys import store_key

    registry = fake.registry()
    store_key(tmp_path, registry["qwen"], Secret(key_of("qwen")), "singapore")
    assert open_chat(registry, "qwen", home=tmp_path, env={}).endpoint == "singapore"
    with pytest.raises(ProviderError) as caught:
        open_chat(registry, "qwen", home=tmp_path, env={}, endpoint="mainland")
    assert caught.value.outcome == "auth_missing"


def test_a_probe_says_how_it_went_and_is_paid_for(kb: KnowledgeBase, fake: FakeProviders) -> None:
    fake.answer = lambda _: "yes"
    before = len(ledger(kb.catalog))
    good = kb.probe("qwen")
    assert (good.outcome, good.model, good.provider) == ("answered", kb.registry["qwen"].default, "qwen")
    assert ledger(kb.catalog)[before:][0].usage == good.usage
    fake.script("qwen", error(402, {"error": {"code": "Arrearage", "message": "x"}}))
    assert kb.probe("qwen").outcome is Outcome.BALANCE_EXHAUSTED
    assert kb.probe("qwen").outcome is Outcome.ANSWERED  # asked again at once: it may have been put right
    assert len(ledger(kb.catalog)) == before + 2
    nobody = kb.probe("qwen", own=Own(keys={"qwen": OwnKey(Secret("sk-planted-wrong"))}), interface="de")
    assert (nobody.outcome, "Schlüssel" in nobody.message) == ("auth_invalid", True)
    assert "planted" not in f"{nobody}"


# ── turns at the local model, and leaving ─────────────────────────────────────────────────────────


def test_two_at_once_are_served_in_turn_and_see_their_place(kb: KnowledgeBase, fake: FakeProviders) -> None:
    slow = events(chunk("OpenAI blocks"), Pause(1.5), chunk(" its API [1]."), chunk(finish_reason="stop"))
    fake.script("local", slow)
    first: list[Event] = []
    second: list[Event] = []
    threads = [keep(first, kb.stream(ENGLISH_QUESTION, provider="local"))]
    until = time.monotonic() + 20
    while not any(isinstance(event, Text) for event in first) and time.monotonic() < until:
        time.sleep(0.01)
    threads.append(keep(second, kb.stream(ENGLISH_QUESTION, provider="local")))
    while not any(isinstance(event, Waiting) for event in second) and time.monotonic() < until:
        time.sleep(0.01)
    assert len(fake.asked("local")) == 1
    assert seen(second).ahead == 1
    for thread in threads:
        thread.join(30)
    assert [event.ahead for event in second if isinstance(event, Waiting)][-1] == 0
    assert not any(isinstance(event, Waiting) for event in first)
    assert isinstance(second[0], Evidence) and isinstance(second[-1], Done)
    assert second[-1].answer.status is Status.ANSWERED
    assert len(fake.asked("local")) == 2


def test_whoever_leaves_the_queue_is_not_asked_for(kb: KnowledgeBase, fake: FakeProviders) -> None:
    turns = kb._running.turns  # type: ignore[union-attr]
    halt = Halt()
    given: list[Event] = []
    with turns.turn():
        thread = keep(given, kb.stream(ENGLISH_QUESTION, provider="local", own=Own(halt=halt)))
        until = time.monotonic() + 20
        while not given or not isinstance(given[-1], Waiting):
            assert time.monotonic() < until
            time.sleep(0.01)
        halt.set()
        thread.join(10)
        assert not thread.is_alive()
    assert fake.requests == []
    assert isinstance(given[-1], Done)
    assert [each.outcome for each in given[-1].answer.attempts] == ["cancelled"]
    with turns.turn() as turn:
        assert turn.wait(0) == 0


def test_leaving_hangs_up_before_the_first_word(kb: KnowledgeBase, fake: FakeProviders) -> None:
    for provider in ("local", "qwen"):
        fake.gone.clear()
        fake.script(provider, events(Pause(60)))
        halt = Halt()
        given: list[Event] = []
        thread = keep(given, kb.stream(ENGLISH_QUESTION, provider=provider, fallback=["zhipu"], own=Own(halt=halt)))
        until = time.monotonic() + 20
        while not fake.asked(provider):
            assert time.monotonic() < until
            time.sleep(0.01)
        since = time.monotonic()
        halt.set()
        assert fake.gone.wait(10)
        thread.join(10)
        assert time.monotonic() - since < 5
        assert isinstance(given[-1], Done)
        assert [(each.provider, each.outcome) for each in given[-1].answer.attempts] == [(provider, "cancelled")]
    assert not fake.asked("zhipu")


def test_a_halt_set_before_ends_at_once(kb: KnowledgeBase, fake: FakeProviders) -> None:
    halt = Halt()
    halt.set()
    answer = kb.ask(ENGLISH_QUESTION, provider="qwen", own=Own(halt=halt))
    assert [each.outcome for each in answer.attempts] == ["cancelled"]
    assert fake.requests == []
    ended: list[int] = []
    with halt.ending(lambda: ended.append(1)):
        assert ended == [1]


def test_turns_are_in_order() -> None:
    turns = Turns()
    served: list[int] = []
    entered = threading.Semaphore(0)

    def one(number: int) -> None:
        with turns.turn() as turn:
            entered.release()
            while turn.wait(5):
                continue
            served.append(number)

    with turns.turn():
        threads = []
        for number in range(5):
            threads.append(threading.Thread(target=one, args=(number,)))
            threads[-1].start()
            entered.acquire()
    for thread in threads:
        thread.join(10)
    assert served == [0, 1, 2, 3, 4]


# ── money ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_price_is_kept_with_its_date(kb: KnowledgeBase) -> None:
    answer = kb.ask(ENGLISH_QUESTION, provider="qwen")
    price = kb.registry["qwen"].model(kb.registry["qwen"].default).prices[0]
    assert answer.usage.price_as_of == price.as_of != ""
    (line,) = [each for each in ledger(kb.catalog) if each.usage == answer.usage][-1:]
    assert line.usage.price_as_of == price.as_of
    day = next(each for each in by_day(ledger(kb.catalog)) if each.provider == "qwen")
    assert day.price_as_of == price.as_of
    assert kb.answer(answer.id).usage == answer.usage


def test_what_it_will_cost_is_told_before_and_never_less_than_it_does(kb: KnowledgeBase, fake: FakeProviders) -> None:
    names = ["qwen", "tencent", "modelscope", "local", "openai"]
    found = kb.estimate(ENGLISH_QUESTION, names)
    assert fake.requests == []
    costs = {each.provider: each for each in found}
    assert costs["local"].free
    for id in ("qwen", "tencent"):
        usage = kb.ask(ENGLISH_QUESTION, provider=id).usage
        most = costs[id].estimate
        assert most is not None and most.cost is not None and usage.cost is not None
        assert usage.cost <= most.cost
        assert (most.currency, most.price_as_of) == (usage.currency, usage.price_as_of)
    line = told(found)
    assert "CNY (prices of" in line and "USD (prices of" in line and "no price known for openai" in line
    batch = kb.estimate(ENGLISH_QUESTION, ["qwen"], calls=100)[0].estimate
    assert batch is not None and costs["qwen"].estimate is not None
    assert batch.cost == pytest.approx(100 * (costs["qwen"].estimate.cost or 0))
    assert told(kb.estimate(ENGLISH_QUESTION, ["local"])) == "costs nothing"


def test_free_quotas_are_counted_down_by_what_was_used(kb: KnowledgeBase) -> None:
    provider = kb.registry["qwen"]
    before = free_left(provider, past_calls(kb.settings.home))[0].left
    used = kb.ask(ENGLISH_QUESTION, provider="qwen").usage
    after = free_left(provider, past_calls(kb.settings.home))[0].left
    assert before - after == used.prompt_tokens + used.completion_tokens > 100
    now = datetime.now(UTC)
    spent = Spent(now, "qwen", provider.default, Usage(2_000_000, 0))
    assert free_left(provider, [spent], now)[0].left == 0
    assert past_calls(kb.settings.home / "nowhere") == []
