"""Every error reply that vendors sent or document, over a real socket, sync and async, streamed and whole."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

import pytest
from fakeproviders import WAYS, FakeProviders, Reply, ask, chat_with, error, failure, samples

from kb.providers import Outcome, Registry, load_registry
from kb.providers.dialect import error_in, read_error
from kb.providers.outcomes import ErrorReply, ErrorRule, classify
from kb.providers.retry import RETRIES

SAMPLES = samples()
NAMES = [f"{n}-{sample['provider']}-{sample['expect']}" for n, sample in enumerate(SAMPLES)]


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeProviders]:
    with FakeProviders() as running:
        yield running


def test_there_are_35_samples() -> None:
    assert len(SAMPLES) == 35
    assert {sample["provenance"] for sample in SAMPLES} == {"pasted", "documented", "reconstructed"}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("sample", SAMPLES, ids=NAMES)
def test_sample(fake: FakeProviders, sample: dict[str, object], way: str) -> None:
    provider, expected = str(sample["provider"]), Outcome(str(sample["expect"]))
    retries = RETRIES.get(expected, 0)
    reply = error(int(str(sample["status"])), str(sample["body"]))
    fake.requests.clear()
    fake.script(provider, *[reply] * (1 + retries))
    found = failure(chat_with(fake, provider), way)
    assert found.outcome is expected
    assert found.requests == 1 + retries
    assert len(fake.asked(provider)) == 1 + retries
    assert not fake.scripts[provider]


def test_status_alone_would_be_wrong_for_half_of_them(registry: Registry) -> None:
    bare = tuple(rule for rule in registry.errors if rule == ErrorRule(rule.outcome, status=rule.status))

    def right(*rules: tuple[ErrorRule, ...]) -> int:
        return sum(classify(read_error(s["status"], s["body"].encode()), *rules)[0] == s["expect"] for s in SAMPLES)

    assert right(bare) == 16
    assert right(registry.errors) == 28
    own = [classify(read_error(s["status"], s["body"].encode()), registry[s["provider"]].errors, bare) for s in SAMPLES]
    assert sum(outcome == s["expect"] for (outcome, _), s in zip(own, SAMPLES, strict=True)) >= 33


def test_the_first_rule_that_matches_wins(registry: Registry) -> None:
    assert (
        classify(ErrorReply(429, "insufficient_quota"), registry["qwen"].errors, registry.errors)[0] == "rate_limited"
    )
    assert classify(ErrorReply(429, "insufficient_quota"), registry.errors)[0] == "balance_exhausted"


@pytest.mark.parametrize(
    ("status", "message", "outcome"),
    [
        (400, "the identifier is case-sensitive", "bad_request"),
        (429, "Too many input tokens per minute", "rate_limited"),
        (400, "This model's maximum context length is 8192 tokens", "context_too_long"),
        (418, "short and stout", "bad_request"),
        (599, "?", "server_error"),
        (302, "moved", "unknown"),
    ],
)
def test_guarded_words(registry: Registry, status: int, message: str, outcome: str) -> None:
    assert classify(ErrorReply(status, message=message), registry.errors)[0] == outcome


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"errors": [{"code": 7, "message": "first"}, {"code": 8}]}, ErrorReply(400, "7", "", "first")),
        ({"error": "plainly", "code": 9}, ErrorReply(400, "9", "", "plainly")),
        ({"detail": [{"msg": "field required"}]}, ErrorReply(400, "", "", '[{"msg": "field required"}]')),
        ({"message": "Unauthorized"}, ErrorReply(400, "", "", "Unauthorized")),
        ({"error_code": 110, "error_msg": "old"}, ErrorReply(400, "110", "", "old")),
        ({"error": {"type": "x", "http_code": "401"}}, ErrorReply(400, "", "x", "")),
        ("Invalid token", ErrorReply(400, "", "", "Invalid token")),
        ([], ErrorReply(400, "", "", "[]")),
    ],
)
def test_shapes_of_errors(body: object, expected: ErrorReply) -> None:
    assert read_error(400, json.dumps(body).encode()) == expected


def test_what_is_no_error() -> None:
    good = [
        {"choices": [{}], "code": 0, "message": "Success"},
        {"choices": [{}], "error": None, "base_resp": {"status_code": 0}},
        {"data": [1], "code": 20000, "message": "Ok"},
        {"code": "200", "results": []},
        {"object": "list", "data": []},
        [1],
    ]
    assert [error_in(each) for each in good] == [None] * len(good)
    assert error_in({"code": 20012, "data": None, "message": "no"}) == ErrorReply(200, "20012", "", "no")


OTHERS: list[tuple[Reply, Outcome]] = [
    (error(502, "<html><body>Bad gateway</body></html>"), Outcome.SERVER_ERROR),
    (error(500, ""), Outcome.SERVER_ERROR),
    (error(503, {"error": {"message": "busy"}}), Outcome.OVERLOADED),
    (error(504, ""), Outcome.TIMEOUT),
    (error(401, '"Invalid token"'), Outcome.AUTH_INVALID),
    (error(403, {"message": "no"}), Outcome.PERMISSION_DENIED),
    (error(404, {"error": {"message": "no such model"}}), Outcome.MODEL_NOT_FOUND),
    (error(301, "", Location="https://elsewhere.example/v1"), Outcome.BAD_RESPONSE),
    (error(200, "not json at all"), Outcome.BAD_RESPONSE),
    (error(200, "[1, 2]"), Outcome.BAD_RESPONSE),
    (error(200, {"id": "x", "choices": []}), Outcome.BAD_RESPONSE),
    (error(200, {"error_code": 18, "error_msg": "Open api qps request limit reached"}), Outcome.UNKNOWN),
    (
        error(
            200,
            {
                "error": {
                    "message": "Country, region, or territory not supported",
                    "code": "unsupported_country_region_territory",
                }
            },
        ),
        Outcome.REGION_BLOCKED,
    ),
    (error(400, {"error": {"message": "unknown parameter", "code": 400}}), Outcome.BAD_REQUEST),
    (error(402, {"error": {"message": "Insufficient Balance"}}), Outcome.BALANCE_EXHAUSTED),
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("reply", "expected"), OTHERS, ids=[f"{r.status}-{o}" for r, o in OTHERS])
def test_other_errors(fake: FakeProviders, reply: Reply, expected: Outcome, way: str) -> None:
    retries = RETRIES.get(expected, 0)
    fake.requests.clear()
    fake.script("yi", *[reply] * (1 + retries))
    found = failure(chat_with(fake, "yi"), way)
    assert (found.outcome, found.requests, len(fake.requests)) == (expected, 1 + retries, 1 + retries)
    assert not fake.scripts["yi"]


def test_a_retry_that_succeeds(fake: FakeProviders) -> None:
    for way in WAYS:
        fake.script("deepseek", error(503, {"error": {"message": "busy"}}), error(429, {"error": {"message": "slow"}}))
        done = ask(chat_with(fake, "deepseek"), way)
        assert (done.outcome, done.requests) == ("answered", 3)


def test_retry_after_is_obeyed_up_to_its_limit(fake: FakeProviders) -> None:
    fake.requests.clear()
    fake.script("deepseek", error(429, {"error": {"message": "slow"}}, Retry_After="0.01"))
    assert ask(chat_with(fake, "deepseek"), "stream").requests == 2
    fake.script("deepseek", error(429, {"error": {"message": "slow"}}, Retry_After="3600"))
    found = failure(chat_with(fake, "deepseek"), "stream")
    assert (found.outcome, found.requests, found.retry_after) == (Outcome.RATE_LIMITED, 1, 3600.0)


def test_every_outcome_of_a_reply_is_reached() -> None:
    """Those that no reply can cause are reached in the other files."""
    reached = Counter(sample["expect"] for sample in SAMPLES) + Counter(str(outcome) for _, outcome in OTHERS)
    elsewhere = {
        *("answered", "refused_in_words", "empty", "cut_off", "wrong_language", "auth_missing", "rate_limited"),
        *("network", "path_forbidden", "cap_reached", "cancelled"),
    }
    assert {str(outcome) for outcome in Outcome} - elsewhere <= set(reached)
