"""Decisions over data: who is asked next, what is withheld, what a text is, what it costs, what a person reads."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from fakeproviders import FakeProviders, ask, chat_with, error, failure

from kb.models import Usage
from kb.providers import CallFailed, DataPath, Failure, Message, Outcome, explain, load_registry
from kb.providers.cost import (
    Cap,
    Spent,
    amount,
    estimate_tokens,
    fits_cap,
    in_peak,
    most_it_can_cost,
    price_of,
    quotas_left,
    spent_on,
    usage_of,
)
from kb.providers.dialect import Tokens
from kb.providers.entries import Model, Peak, Price
from kb.providers.fallback import MOVES_ON, NEEDS_CONSENT, Move, Next, Tried, next_provider
from kb.providers.outcomes import Stage
from kb.providers.refusals import in_wrong_language, refused_in_words, written_in
from kb.providers.request import temperature
from kb.providers.retry import RETRIES, Timing, delay_before_retry, read_retry_after
from kb.providers.texts import TEXTS
from kb.providers.thinking import Flow
from kb.providers.withholding import isolate

REGISTRY = load_registry()
ORDER = ["qwen", "openai", "zhipu", "deepseek", "tencent"]


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeProviders]:
    with FakeProviders() as running:
        yield running


# -- fallback


def test_every_outcome_has_a_place() -> None:
    """A new outcome must be given one on purpose."""
    ends = {
        *(Outcome.ANSWERED, Outcome.CUT_OFF, Outcome.WRONG_LANGUAGE, Outcome.MODEL_NOT_FOUND, Outcome.BAD_REQUEST),
        *(Outcome.CANCELLED, Outcome.UNKNOWN),
    }
    assert MOVES_ON | NEEDS_CONSENT | ends == set(Outcome)
    assert not MOVES_ON & NEEDS_CONSENT
    assert not ends & (MOVES_ON | NEEDS_CONSENT)


@pytest.mark.parametrize("outcome", sorted(Outcome))
def test_after_each_outcome(outcome: Outcome) -> None:
    move = next_provider(REGISTRY, ORDER, [Tried("qwen", outcome, 1000)], contexts={"zhipu": 2000})
    if outcome in NEEDS_CONSENT:
        assert (move.move, move.provider) == (Move.CONSENT, "zhipu")
    elif outcome in MOVES_ON:
        assert move == Next(Move.ASK, "zhipu", f"qwen: {outcome}")
    else:
        assert (move.move, move.provider) == (Move.STOP, "")
    shown = next_provider(REGISTRY, ORDER, [Tried("qwen", outcome)], first_word_shown=True)
    assert shown.move is Move.STOP


def test_openai_is_never_next() -> None:
    for order in itertools.permutations(ORDER, 3):
        for outcome in MOVES_ON:
            move = next_provider(
                REGISTRY, order, [Tried("spark", outcome)], contexts=dict.fromkeys(ORDER, 9), consent=True
            )
            assert move.provider != "openai"
    assert next_provider(REGISTRY, ["openai"], [Tried("qwen", Outcome.TIMEOUT)]).move is Move.STOP


def test_the_order_is_the_users_and_ends() -> None:
    tried: list[Tried] = [Tried("qwen", Outcome.TIMEOUT)]
    assert next_provider(REGISTRY, [], tried).why == "nobody is left in the order"
    assert next_provider(REGISTRY, ["tencent", "qwen"], tried).provider == "tencent"
    tried += [Tried("tencent", Outcome.BALANCE_EXHAUSTED), Tried("zhipu", Outcome.NETWORK)]
    assert next_provider(REGISTRY, ORDER, tried).why == "3 providers were asked"
    assert next_provider(REGISTRY, ["unknown"], tried[:1]).move is Move.STOP


def test_a_block_is_not_forgotten_on_the_way() -> None:
    tried = [Tried("qwen", Outcome.CONTENT_BLOCKED), Tried("zhipu", Outcome.TIMEOUT)]
    assert next_provider(REGISTRY, ORDER, tried).move is Move.CONSENT
    assert next_provider(REGISTRY, ORDER, tried, consent=True) == Next(Move.ASK, "deepseek", "zhipu: timeout")


def test_the_path_and_the_window_are_kept() -> None:
    down = [Tried("qwen", Outcome.TIMEOUT)]
    assert next_provider(REGISTRY, ["deepseek", "tencent"], down, data_path=DataPath.NO_MAINLAND).provider == "tencent"
    assert next_provider(REGISTRY, ["tencent", "local"], down, data_path=DataPath.LOCAL).provider == "local"
    long = [Tried("qwen", Outcome.CONTEXT_TOO_LONG, 8000)]
    assert next_provider(REGISTRY, ["yi", "zhipu"], long, contexts={"yi": 8000, "zhipu": 8001}).provider == "zhipu"


# -- blocked passages


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 12, 20])
def test_all_blocked_passages_are_found_within_the_bound(count: int) -> None:
    for size in range(1, min(count, 4) + 1):
        for blocked in itertools.combinations(range(count), size) if count <= 12 else [tuple(range(0, 4 * size, 4))]:
            found = isolate(count, lambda part, blocked=blocked: any(each in blocked for each in part))
            assert found.blocked == blocked
            assert found.clean == tuple(each for each in range(count) if each not in blocked)
            assert not found.suspects
            assert found.calls <= 2 * size * math.log2(count) + 2, (blocked, found.calls)


def test_a_question_that_is_blocked_itself() -> None:
    found = isolate(8, lambda part: True)
    assert (found.question, found.calls, found.blocked, found.clean) == (True, 1, (), ())


def test_passages_that_are_blocked_only_together() -> None:
    def ask(part: Sequence[int]) -> bool:
        return {2, 5} <= set(part)

    found = isolate(8, ask)
    assert len(found.blocked) == 1
    assert found.blocked == (5,)
    assert not ask(found.clean)
    assert len(found.clean) == 7


def test_calls_that_run_out() -> None:
    draw = random.Random(1)
    for _ in range(200):
        count, most = draw.randint(1, 16), draw.randint(0, 8)
        bad = set(draw.sample(range(count), draw.randint(1, count)))
        found = isolate(count, lambda part, bad=bad: bool(bad & set(part)), most)
        assert found.calls <= most
        assert set(found.blocked) <= bad
        assert not set(found.clean) & bad
        assert set(found.blocked) | set(found.clean) | set(found.suspects) == set(range(count))


@pytest.mark.parametrize("size", [1, 2, 3, 4])
@pytest.mark.parametrize("provider", ["qwen", "deepseek", "minimax", "spark", "stepfun"])
def test_word_lists_of_a_provider_are_isolated(fake: FakeProviders, provider: str, size: int) -> None:
    passages = [f"Passage {n}." for n in range(12)]
    bad = random.Random(size).sample(range(12), size)
    for n in bad:
        passages[n] += " 敏感词"
    fake.blocked[provider] = {"敏感词"}
    chat = chat_with(fake, provider)
    fake.requests.clear()

    def blocked(part: Sequence[int]) -> bool:
        try:
            ask(chat, "complete", [Message("user", "\n".join(passages[n] for n in part) or "The question")])
        except CallFailed as failed:
            assert failed.failure.outcome is Outcome.CONTENT_BLOCKED
            return True
        return False

    assert blocked(range(12))
    found = isolate(12, blocked)
    del fake.blocked[provider]
    assert found.blocked == tuple(sorted(bad))
    assert len(fake.requests) == found.calls + 1 <= 2 * size * math.log2(12) + 2 + 1


# -- texts


REFUSED = [
    "I'm sorry, but I can't assist with that request.",
    "I’m sorry, I cannot discuss this topic.",
    "Sorry, that's beyond my current scope. I am not able to answer. Let's talk about something else.",
    "As an AI language model, I cannot provide information on this.",
    "I cannot answer this question.",
    "Let's talk about something else.",
    "Unfortunately, I am unable to respond to that.",
    "Es tut mir leid, aber ich kann diese Frage nicht beantworten.",
    "Leider kann ich dazu keine Auskunft geben.",
    "Als KI-Sprachmodell kann ich dazu nicht Stellung nehmen. Ich kann diese Frage nicht beantworten.",
    "Ich darf diese Frage nicht beantworten.",
    "抱歉，我无法回答这个问题。",
    "对不起，我还没有学会回答这个问题。",
    "很抱歉，我不能提供相关信息。",
    "作为一个AI语言模型，我无法讨论这个话题。",
    "你好，我无法给到相关内容。",
    "这个问题我暂时无法回答，让我们换个话题再聊聊吧。",
    "根据相关法律法规，无法展示该内容。",
    "让我们聊点别的话题吧。",
    "我暂时无法回答您的问题。",
]
NOT_REFUSED = [
    "OpenAI said it cannot serve users in China [1].",
    "The block began on 9 July 2024. China cannot buy the chips.",
    "Sorry state of affairs: exports fell by 12 percent in May.",
    "Unfortunately for Huawei, the rule was extended.",
    "Leider sanken die Exporte im Mai um 12 Prozent.",
    "Die Firma kann die Frage nicht beantworten, sagte ein Sprecher.",
    "OpenAI 表示无法向中国用户提供服务[1]。",
    "外交部发言人说，这个问题应由有关部门回答。",
    "百度、阿里云和智谱AI推出了迁移计划。",
    "中国企业无法购买先进芯片。",
    "",
]


@pytest.mark.parametrize("text", REFUSED)
def test_refusals_are_seen(text: str) -> None:
    assert refused_in_words(text)


@pytest.mark.parametrize("text", NOT_REFUSED)
def test_answers_are_not_refusals(text: str) -> None:
    assert not refused_in_words(text)
    assert not refused_in_words("Sorry, I cannot answer. " + text + " The rule came into force on 9 July. " * 30)


def test_a_cited_text_is_no_refusal() -> None:
    assert refused_in_words("I'm sorry, but I can't answer.")
    assert not refused_in_words("I'm sorry, but I can't answer all of it; the block began on 9 July 2024 [1].")


def test_languages() -> None:
    en = "The export rule was announced by the department and it is in force for all of the firms."
    de = "Die Regel wurde vom Ministerium angekündigt und ist für alle Firmen in Kraft, die mit dem Land handeln."
    zh = "该规定由商务部宣布，适用于所有向该国出口芯片的企业，包括华为和Nvidia。"
    assert [written_in(text) for text in (en, de, zh)] == ["en", "de", "zh"]
    assert [in_wrong_language(text, "de") for text in (en, de, zh)] == [True, False, True]
    assert written_in("Huawei, Nvidia, 2024") is None
    assert not in_wrong_language(en, "fr")


@pytest.mark.parametrize("cuts", range(1, 8))
def test_tags_in_any_cut(cuts: int) -> None:
    whole = "  <think>a < b </thi </think>\n\nThe answer <think> stays."
    flow = Flow()
    deltas = [d for n in range(0, len(whole), cuts) for d in flow.feed(whole[n : n + cuts])] + list(flow.end())
    assert (flow.thinking, flow.text) == ("a < b </thi ", "The answer <think> stays.")
    assert "".join(each.text for each in deltas) == flow.text
    plain = Flow()
    for n in range(0, 12, cuts):
        list(plain.feed("<thin person"[n : n + cuts]))
    list(plain.end())
    assert (plain.text, plain.thinking) == ("<thin person", "")


@pytest.mark.parametrize("outcome", sorted(Outcome))
def test_every_outcome_is_told_in_three_languages(outcome: Outcome) -> None:
    assert set(TEXTS[outcome]) == {"en", "de", "zh"}
    for provider in REGISTRY.values():
        for language in ("en", "de", "zh", "fr"):
            told = Failure(outcome, provider.id, "some-model", "e", "host.example", stage=Stage.INPUT, retry_after=3.0)
            text = explain(told, provider, language)
            assert "{" not in text
            assert len(text) > 5
            assert text == explain(told, provider, "en") or language in ("de", "zh")
    assert len({explain(Failure(outcome, "qwen", "m"), REGISTRY["qwen"], each) for each in ("en", "de", "zh")}) == 3


def test_what_the_texts_say() -> None:
    region = explain(Failure(Outcome.REGION_BLOCKED, "openai", "gpt-4o"), REGISTRY["openai"])
    assert "does not serve the country" in region
    assert "qwen, zhipu, qianfan, tencent, sensenova" in region
    gone = explain(Failure(Outcome.MODEL_NOT_FOUND, "tencent", "hunyuan-pro"), REGISTRY["tencent"])
    assert gone.endswith("hunyuan-pro was retired on 2026-06-22. Its successor is hy3-preview.")
    wait = explain(Failure(Outcome.RATE_LIMITED, "qwen", "m", retry_after=30.4), REGISTRY["qwen"], "de")
    assert "Er bittet um 30 s Geduld." in wait
    assert "通义千问" in explain(Failure(Outcome.TIMEOUT, "qwen", "m"), REGISTRY["qwen"], "zh")
    assert "2000 calls/day" in explain(Failure(Outcome.QUOTA_EXHAUSTED, "modelscope", "m"), REGISTRY["modelscope"])


def test_openai_turns_a_country_away(fake: FakeProviders) -> None:
    said = "Country, region, or territory not supported"
    body = {"code": "unsupported_country_region_territory", "message": said, "param": None, "type": "request_forbidden"}
    fake.script("openai", error(403, {"error": body}))
    found = failure(chat_with(fake, "openai"), "stream")
    assert (found.outcome, found.status, found.requests) == (Outcome.REGION_BLOCKED, 403, 1)
    assert found.vendor_text == said


# -- parameters and retries


@pytest.mark.parametrize(
    ("provider", "model", "expected"),
    [
        ("qwen", "qwen3.7-plus", 0.1),
        ("qianfan", "ernie-5.1", 0.1),
        ("moonshot", "kimi-k2.6", None),
        ("spark", "spark-x2.5", None),
        ("spark", "lite", 0.1),
    ],
)
def test_temperatures(provider: str, model: str, expected: float | None) -> None:
    assert temperature(REGISTRY[provider].params, model) == expected


def test_every_temperature_is_legal() -> None:
    from dataclasses import replace

    for provider in REGISTRY.values():
        for wanted in (0.0, 0.1, 0.7, 1.0, 2.0, 5.0):
            params = replace(provider.params, temperature=wanted)
            sent = temperature(params, "any")
            if sent is None:
                continue
            assert params.temperature_min <= sent <= params.temperature_max
            assert not (params.temperature_min_exclusive and sent == params.temperature_min)
            assert not (params.temperature_max_exclusive and sent == params.temperature_max)


def test_delays() -> None:
    timing = Timing(backoff=1, backoff_most=4, retry_after_most=20)
    slow = Failure(Outcome.RATE_LIMITED, "qwen", "m")
    first, second = (delay_before_retry(slow, n, 100, timing) for n in (0, 1))
    assert first is not None
    assert second is not None
    assert 0.5 <= first <= 1.0 <= second <= 2.0
    assert delay_before_retry(slow, 2, 100, timing) is None
    assert delay_before_retry(slow, 0, 0.1, timing) is None
    asked = Failure(Outcome.RATE_LIMITED, "qwen", "m", retry_after=10)
    assert delay_before_retry(asked, 0, 100, timing) == 10
    assert delay_before_retry(asked, 0, 9, timing) is None
    for outcome in set(Outcome) - set(RETRIES):
        assert delay_before_retry(Failure(outcome, "qwen", "m"), 0, 100, timing) is None


def test_retry_after() -> None:
    now = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    assert read_retry_after("3") == 3.0
    assert read_retry_after("-3") == 0.0
    assert read_retry_after("Mon, 23 Nov 2026 12:00:30 GMT", now) == 30.0
    assert read_retry_after("Mon, 23 Nov 2026 11:00:30 GMT", now) == 0.0
    assert read_retry_after("soon") is None
    assert read_retry_after(None) is None


# -- money


def test_prices_by_endpoint_and_length() -> None:
    plus = REGISTRY["qwen"].model("qwen3.7-plus")

    def row(endpoint: str, tokens: int) -> tuple[str, float] | None:
        price = price_of(plus, endpoint, tokens)
        return (price.currency, price.input) if price else None

    assert row("mainland", 10) == row("mainland", 900_000) == ("CNY", 2)
    assert row("singapore", 256_000) == ("USD", 0.4)
    assert row("singapore", 256_001) == ("USD", 1.2)
    assert row("workspace", 10) is None
    assert price_of(Model("unknown"), "mainland", 10) is None


def test_amounts() -> None:
    price = Price("CNY", 1, 4, "2026-10", cached=0.02, peak_input=2, peak_output=8)
    assert amount(Tokens(1_000_000, 500_000), price) == 3.0
    assert amount(Tokens(1_000_000, 500_000), price, peak=True) == 6.0
    assert amount(Tokens(1_000_000, 0, cached=1_000_000), price) == pytest.approx(0.02)
    assert amount(Tokens(1_000_000, 0, cached=1_000_000), Price("CNY", 1, 4, "")) == 1.0


def test_peaks_are_those_of_beijing() -> None:
    peak = REGISTRY["deepseek"].peak
    assert peak == Peak(8, (1, 2, 3, 4, 5), ((9, 12), (14, 18)))
    monday = datetime(2026, 11, 23, tzinfo=UTC)
    hours = [hour for hour in range(24) if in_peak(peak, monday + timedelta(hours=hour))]
    assert hours == [1, 2, 3, 6, 7, 8, 9]
    assert not in_peak(peak, monday + timedelta(days=5, hours=2))
    deepseek = REGISTRY["deepseek"]
    model = deepseek.model("deepseek-flash")
    paid = [
        usage_of(deepseek, model, "global", Tokens(10**6, 0), estimated=False, at=monday + timedelta(hours=h))
        for h in (0, 2)
    ]
    assert [(usage.cost, usage.currency, usage.price_as_of) for usage in paid] == [
        (1.0, "CNY", "2026-10"),
        (2.0, "CNY", "2026-10"),
    ]


def test_days_and_caps() -> None:
    at = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    paid = Usage(10, 10, 0.5, "CNY")
    ledger = [
        Spent(at, "qwen", "m", paid),
        Spent(at + timedelta(hours=11), "zhipu", "m", paid),
        Spent(at + timedelta(hours=13), "qwen", "m", paid),
        Spent(at, "moonshot", "m", Usage(10, 10, 0.25, "USD")),
        Spent(at, "spark", "m", Usage(10, 10)),
    ]
    assert spent_on(ledger, at) == {"CNY": 1.0, "USD": 0.25}
    assert spent_on(ledger, at, "qwen") == {"CNY": 0.5}
    beijing = at.astimezone(tz=__import__("zoneinfo").ZoneInfo("Asia/Shanghai"))
    assert spent_on(ledger, beijing) == {"CNY": 0.5, "USD": 0.25}
    cap = Cap(1.0, "CNY")
    assert fits_cap(cap, 0.5, 0.5)
    assert not fits_cap(cap, 0.5, 0.51)
    assert not fits_cap(cap, 0.0, None)


def test_a_cap_is_never_passed() -> None:
    """A call is estimated at the most it may write, so that no answer can cost more than was left."""
    qwen = REGISTRY["qwen"]
    model = qwen.model("qwen3.7-plus")
    draw, at, spent = random.Random(3), datetime(2026, 11, 23, tzinfo=UTC), 0.0
    calls = 0
    while fits_cap(Cap(0.05, "CNY"), spent, most := most_it_can_cost(qwen, model, "mainland", 3000, 500, at)):
        usage = usage_of(qwen, model, "mainland", Tokens(3000, draw.randint(1, 500)), estimated=False, at=at)
        assert usage.cost is not None
        assert most is not None
        assert usage.cost <= most
        spent += usage.cost
        calls += 1
    assert calls >= 5
    assert spent <= 0.05


def test_free_quotas_are_counted_down() -> None:
    now = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    used = Usage(600_000, 100_000)
    ledger = [
        Spent(now - timedelta(days=89), "qwen", "a", used),
        Spent(now - timedelta(days=91), "qwen", "a", used),
        Spent(now, "qwen", "b", used),
        *(Spent(now - timedelta(hours=hours), "modelscope", "a", Usage(1, 1)) for hours in (1, 2, 25)),
        Spent(now, "modelscope", "b", Usage(1, 1)),
    ]
    [tokens] = quotas_left(REGISTRY["qwen"], "a", ledger, now)
    assert (tokens.used, tokens.left) == (700_000, 300_000)
    assert [each.left for each in quotas_left(REGISTRY["modelscope"], "a", ledger, now)] == [1997, 498]
    assert quotas_left(REGISTRY["sensenova"], "a", ledger, now) == []
    [empty] = quotas_left(REGISTRY["qwen"], "a", [*ledger, Spent(now, "qwen", "a", used)], now)
    assert empty.left == 0


def test_estimates_are_on_the_high_side() -> None:
    assert estimate_tokens("") == 0
    assert estimate_tokens("a" * 35) == 10
    assert estimate_tokens("中" * 10) == 8
