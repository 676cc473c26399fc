"""Requests as each vendor wants them, answers in every shape they come in, streams in every state."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest
from fakeproviders import (
    ANSWER,
    WAYS,
    Cut,
    FakeProviders,
    Pause,
    Reply,
    ask,
    block,
    chat_with,
    chunk,
    error,
    events,
    failure,
    refusal,
)

from kb.providers import Budget, CallFailed, Message, Outcome, Timing, load_registry, open_chat
from kb.providers.outcomes import Stage

PROVIDERS = [id for id in load_registry() if id != "local"]
STOP = chunk(finish_reason="stop")
DONE = "data: [DONE]\n\n"
STREAMS = ("stream", "astream")


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeProviders]:
    with FakeProviders() as running:
        yield running


@pytest.fixture(autouse=True)
def fresh(fake: FakeProviders) -> Iterator[None]:
    fake.requests.clear()
    yield
    left = [provider for provider, replies in fake.scripts.items() if replies]
    fake.scripts.clear()
    assert left == [], "a scripted reply was never asked for"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_provider_answers(fake: FakeProviders, provider: str, way: str) -> None:
    done = ask(chat_with(fake, provider), way)
    assert (done.text, done.outcome, done.requests) == (ANSWER, "answered", 1)
    assert done.usage.prompt_tokens > 0
    assert done.usage.estimated == (way in STREAMS and provider in {"zhipu", "yi", "baichuan"})
    [request] = fake.asked(provider)
    assert request.body.get("stream", False) == (way in STREAMS)
    assert request.headers["user-agent"] == "lagebild"
    assert not [name for name in request.headers if name.startswith(("x-stainless", "openai-"))]


@pytest.mark.parametrize(
    ("provider", "sent", "absent"),
    [
        ("qianfan", {"temperature": 0.1, "max_tokens": 50}, []),
        ("qwen", {"temperature": 0.1, "enable_thinking": False}, ["frequency_penalty"]),
        ("zhipu", {"thinking": {"type": "disabled"}}, ["frequency_penalty", "n"]),
        ("sensenova", {"thinking": "disabled"}, []),
        ("moonshot", {"max_completion_tokens": 50}, ["temperature", "top_p", "max_tokens", "thinking"]),
        ("deepseek", {"thinking": {"type": "disabled"}, "stream_options": {"include_usage": True}}, []),
        ("minimax", {"temperature": 0.1}, []),
        ("spark", {"temperature": 0.1}, []),
        ("modelscope", {}, []),
        ("siliconflow", {"enable_thinking": False}, []),
    ],
)
def test_requests_are_bent(fake: FakeProviders, provider: str, sent: dict[str, Any], absent: list[str]) -> None:
    ask(chat_with(fake, provider), "stream")
    [request] = fake.asked(provider)
    assert {key: request.body[key] for key in sent} == sent
    assert not [key for key in absent if key in request.body]
    assert all(isinstance(message["content"], str) for message in request.body["messages"])


def test_thinking_is_left_alone_where_it_cannot_be_switched_off(fake: FakeProviders) -> None:
    ask(chat_with(fake, "zhipu", model="glm-5.3"), "stream")
    ask(chat_with(fake, "qwen", model="qwen3.8-max"), "stream")
    ask(chat_with(fake, "moonshot", model="kimi-k2.6"), "stream")
    first, second, third = (request.body for request in fake.requests)
    assert "thinking" not in first
    assert "enable_thinking" not in second
    assert third["thinking"] == {"type": "disabled"}


def test_limits_of_output(fake: FakeProviders) -> None:
    chat = chat_with(fake, "spark")
    assert chat.max_output == 8192
    chat.complete([Message("user", "x")], max_tokens=100_000)
    assert fake.requests[-1].body["max_tokens"] == 8192


def test_empty_turns_are_not_sent_to_moonshot(fake: FakeProviders) -> None:
    turns = [Message("user", "a"), Message("assistant", ""), Message("user", "b")]
    ask(chat_with(fake, "moonshot"), "complete", turns)
    assert [each["content"] for each in fake.requests[-1].body["messages"]] == ["a", "b"]


def test_extra_reaches_the_top_of_the_body(fake: FakeProviders) -> None:
    extra = {"cache_prompt": True, "grammar": 'root ::= "yes"'}
    chat_with(fake, "llamacpp").complete([Message("user", "x")], max_tokens=5, extra=extra)
    assert extra.items() <= fake.requests[-1].body.items()


@pytest.mark.parametrize(
    ("provider", "body"),
    [
        ("qianfan", {"temperature": 0}),
        ("minimax", {"temperature": 0}),
        ("spark", {"temperature": 0}),
        ("moonshot", {"temperature": 0.1}),
        ("moonshot", {"messages": [{"role": "assistant", "content": ""}]}),
        ("zhipu", {"temperature": 1.5}),
        ("baichuan", {"temperature": 1.5}),
        ("qwen", {"temperature": 2}),
        ("tencent", {"presence_penalty": 0.5}),
        ("zhipu", {"frequency_penalty": 0.5}),
        ("zhipu", {"model": "glm-5.3", "thinking": {"type": "disabled"}}),
        ("sensenova", {"thinking": {"type": "disabled"}}),
        ("modelscope", {"messages": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]}),
    ],
)
def test_the_fake_refuses_as_its_vendor_would(fake: FakeProviders, provider: str, body: dict[str, Any]) -> None:
    """Else the tests above would prove nothing: what they avoid is refused, and read as a bad request."""
    plain = {"messages": [{"role": "user", "content": "x"}]}
    assert refusal(provider, plain) is None
    refused = refusal(provider, plain | body)
    assert refused is not None
    fake.script(provider, refused)
    assert failure(chat_with(fake, provider), "stream").outcome is Outcome.BAD_REQUEST


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("provider", ["deepseek", "qwen", "zhipu", "sensenova", "stepfun", "vllm"])
def test_thinking_is_told_apart(fake: FakeProviders, provider: str, way: str) -> None:
    fake.thought[provider] = "The first passage has the date."
    done = ask(chat_with(fake, provider), way)
    del fake.thought[provider]
    assert (done.thinking, done.text) == ("The first passage has the date.", ANSWER)


@pytest.mark.parametrize("way", WAYS)
def test_thinking_between_tags(fake: FakeProviders, way: str) -> None:
    fake.answer, before = (lambda request: "<think>\nWhere is it? </thin\n</think>\n\nIn [1]."), fake.answer
    done = ask(chat_with(fake, "lmstudio"), way)
    fake.answer = before
    assert (done.thinking.strip(), done.text) == ("Where is it? </thin", "In [1].")


def test_ids_and_reasons(fake: FakeProviders) -> None:
    assert ask(chat_with(fake, "sensenova"), "stream").request_id == "req-sensenova-1"
    assert ask(chat_with(fake, "qianfan"), "stream").request_id == "as-xyz"
    spark = ask(chat_with(fake, "spark"), "stream")
    assert (spark.request_id, spark.finish_reason, spark.outcome) == ("cha000b-spark", "", "answered")
    assert ask(chat_with(fake, "qwen"), "complete").finish_reason == "stop"
    quota = ask(chat_with(fake, "modelscope"), "stream").quota
    assert quota["modelscope-ratelimit-requests-remaining"] == "1895"


def test_cached_tokens_are_cheaper(fake: FakeProviders) -> None:
    long = [Message("user", "x" * 4000)]
    usage = ask(chat_with(fake, "deepseek"), "stream", long).usage
    assert (usage.prompt_tokens, usage.currency, usage.estimated) == (1001, "CNY", False)
    assert usage.cost is not None
    assert usage.cost < (1001 * 2 + usage.completion_tokens * 8) / 1e6
    assert usage.cost > 500 * 1 / 1e6


CHINESE = "北京回应了[1]。"
SPLIT = f"data: {json.dumps(chunk(CHINESE), ensure_ascii=False)}\n\n".encode()
GOOD_STREAMS: dict[str, Reply] = {
    "usage alone in the last event": events(
        chunk(CHINESE), STOP, {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 7}}, DONE
    ),
    "usage null": events(chunk(CHINESE, usage=None), STOP, DONE),
    "blank lines and comments first": events("\n\n: keep-alive\n\n", ": keep-alive\n\n", chunk(CHINESE), STOP, DONE),
    "no blank after data:": events(f"data:{json.dumps(chunk(CHINESE))}\n\ndata:{json.dumps(STOP)}\n\ndata:[DONE]\n\n"),
    "no [DONE]": events(chunk(CHINESE), STOP),
    "no finish reason": events(chunk(CHINESE), DONE),
    "byte by byte": events(*[bytes([byte]) for byte in SPLIT], STOP, DONE),
    "CRLF": events(SPLIT.replace(b"\n", b"\r\n"), STOP, DONE),
    "no blank line between events": events(SPLIT.replace(b"\n\n", b"\n"), STOP, DONE),
    "no blank line at the end": events(chunk(CHINESE), f"data: {json.dumps(STOP)}"),
    "one event over many lines": events(
        "".join(f"data: {line}\n" for line in json.dumps(chunk(CHINESE), indent=1).splitlines()) + "\n", STOP, DONE
    ),
    "choices null": events({"id": "x", "choices": None}, chunk(CHINESE), STOP, DONE),
    "delta null": events({"id": "x", "choices": [{"index": 0, "delta": None}]}, chunk(CHINESE), STOP, DONE),
    "event names": events("event: message\nid: 3\nretry: 10\n", chunk(CHINESE), STOP, DONE),
    "a whole reply instead of a stream": error(
        200, {"id": "x", "choices": [{"message": {"role": "assistant", "content": CHINESE}, "finish_reason": "stop"}]}
    ),
    "gzip": Reply(
        200,
        [gzip.compress(SPLIT + b"data: " + json.dumps(STOP).encode() + b"\n\ndata: [DONE]\n\n")],
        {"Content-Type": "text/event-stream", "Content-Encoding": "gzip"},
    ),
    "content in parts": events(chunk(delta={"content": [{"type": "text", "text": CHINESE}]}), STOP, DONE),
    "message instead of delta": events(
        {"id": "x", "choices": [{"index": 0, "message": {"content": CHINESE}, "finish_reason": "stop"}]}, DONE
    ),
}


@pytest.mark.parametrize("way", STREAMS)
@pytest.mark.parametrize("case", GOOD_STREAMS)
def test_good_streams(fake: FakeProviders, case: str, way: str) -> None:
    fake.script("qwen", GOOD_STREAMS[case])
    done = ask(chat_with(fake, "qwen"), way)
    assert (done.text, done.outcome, done.requests) == (CHINESE, "answered", 1)


def test_usage_is_read_wherever_it_is(fake: FakeProviders) -> None:
    inside = chunk(finish_reason="stop")
    inside["choices"][0]["usage"] = {"prompt_tokens": 5, "completion_tokens": 7}
    fake.script("moonshot", events(chunk(CHINESE), inside, DONE))
    usage = ask(chat_with(fake, "moonshot"), "stream").usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.estimated) == (5, 7, False)


def test_a_character_in_two_escapes(fake: FakeProviders) -> None:
    first, second = '{"choices":[{"delta":{"content":"a\\ud83d"}}]}', '{"choices":[{"delta":{"content":"\\ude00b"}}]}'
    fake.script("qwen", events(f"data: {first}\n\ndata: {second}\n\n", STOP, DONE))
    done = ask(chat_with(fake, "qwen"), "stream")
    assert done.text == "a😀b"
    fake.script("qwen", events(f"data: {second}\n\n", STOP, DONE))
    assert ask(chat_with(fake, "qwen"), "stream").text.encode() == "\N{REPLACEMENT CHARACTER}b".encode()


CUT_STREAMS: dict[str, Reply] = {
    "connection cut": events(chunk("Half an"), Cut()),
    "the end without an end": events(chunk("Half an")),
    "length": events(chunk("Half an"), chunk(finish_reason="length"), DONE),
    "server error": events(chunk("Half an"), {"error": {"message": "internal", "code": "500"}}),
    "not JSON": events(chunk("Half an"), "data: {broken\n\n"),
    "a page": events(chunk("Half an"), "data: <html>\n\n"),
}


@pytest.mark.parametrize("way", STREAMS)
@pytest.mark.parametrize("case", CUT_STREAMS)
def test_cut_streams_keep_what_came(fake: FakeProviders, case: str, way: str) -> None:
    fake.script("qwen", CUT_STREAMS[case])
    done = ask(chat_with(fake, "qwen"), way)
    assert (done.text, done.outcome, done.requests) == ("Half an", "cut_off", 1)
    assert done.usage.completion_tokens > 0
    assert done.usage.estimated


BAD_STREAMS: dict[str, tuple[Reply, Outcome, int]] = {
    "error first": (events({"error": {"message": "slow down", "code": "429", "type": "x"}}), Outcome.UNKNOWN, 1),
    "known error first": (events({"error": {"code": "Arrearage", "message": "x"}}), Outcome.BALANCE_EXHAUSTED, 1),
    "error without a frame": (events('{"error":{"code":"Arrearage","message":"x"}}\n\n'), Outcome.BALANCE_EXHAUSTED, 1),
    "cut at once": (events(Cut()), Outcome.NETWORK, 3),
    "not JSON first": (events("data: hello\n\n"), Outcome.BAD_RESPONSE, 2),
    "blocked first": (
        events({"error": {"code": "data_inspection_failed", "message": "x"}}),
        Outcome.CONTENT_BLOCKED,
        1,
    ),
}


@pytest.mark.parametrize("way", STREAMS)
@pytest.mark.parametrize("case", BAD_STREAMS)
def test_bad_streams(fake: FakeProviders, case: str, way: str) -> None:
    reply, expected, requests = BAD_STREAMS[case]
    fake.script("qwen", *[reply] * requests)
    found = failure(chat_with(fake, "qwen"), way)
    assert (found.outcome, found.requests, len(fake.requests), found.partial) == (expected, requests, requests, "")


@pytest.mark.parametrize("way", STREAMS)
def test_minimax_errors_inside_a_stream(fake: FakeProviders, way: str) -> None:
    body = {"id": "x", "choices": None, "base_resp": {"status_code": 1027, "status_msg": "output new_sensitive"}}
    fake.script("minimax", events(chunk("So far"), body))
    found = failure(chat_with(fake, "minimax"), way)
    assert (found.outcome, found.stage, found.partial) == (Outcome.CONTENT_BLOCKED, Stage.OUTPUT, "So far")


@pytest.mark.parametrize("way", STREAMS)
def test_a_block_after_the_first_words_is_one_of_the_answer(fake: FakeProviders, way: str) -> None:
    fake.script("deepseek", events(chunk("So far"), {"error": {"message": "Content Exists Risk"}}))
    found = failure(chat_with(fake, "deepseek"), way)
    assert (found.outcome, found.stage, found.partial) == (Outcome.CONTENT_BLOCKED, Stage.OUTPUT, "So far")


@pytest.mark.parametrize("way", STREAMS)
def test_a_line_without_end(fake: FakeProviders, way: str) -> None:
    fake.script("qwen", *[events(*[b"x" * 1_000_000] * 9)] * 2)
    found = failure(chat_with(fake, "qwen"), way)
    assert (found.outcome, found.requests) == (Outcome.BAD_RESPONSE, 2)


@pytest.mark.parametrize("way", ["complete", "acomplete"])
def test_a_reply_without_end(fake: FakeProviders, way: str) -> None:
    fake.script("qwen", *[Reply(200, [b"x" * 1_000_000] * 40)] * 2)
    found = failure(chat_with(fake, "qwen"), way)
    assert (found.outcome, found.requests) == (Outcome.BAD_RESPONSE, 2)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("provider", "reason"), [("zhipu", "sensitive"), ("deepseek", "content_filter"), ("qianfan", "flag")]
)
def test_filters_that_only_show_in_the_finish_reason(fake: FakeProviders, provider: str, reason: str, way: str) -> None:
    last = (
        {"index": 0, "finish_reason": "stop", "flag": 1} if reason == "flag" else {"index": 0, "finish_reason": reason}
    )
    if way in STREAMS:
        fake.script(provider, events(chunk("So far"), {"id": "x", "choices": [last | {"delta": {}}]}, DONE))
    else:
        fake.script(provider, error(200, {"id": "x", "choices": [last | {"message": {"content": "So far"}}]}))
    found = failure(chat_with(fake, provider), way)
    assert (found.outcome, found.stage, found.partial) == (Outcome.CONTENT_BLOCKED, Stage.OUTPUT, "So far")


@pytest.mark.parametrize("way", STREAMS)
def test_silence(fake: FakeProviders, way: str) -> None:
    impatient = Timing(connect=5, read=0.2, first_word=0.5, total=1, backoff=0.001)
    registry, env = fake.registry(), fake.env()
    chat = open_chat(registry, "qwen", env=env, timing=impatient)
    fake.script("qwen", events(chunk("Half an"), Pause(30)))
    assert ask(chat, way).outcome == "cut_off"
    fake.script("qwen", *[events(Pause(30))] * 3)
    assert failure(chat, way).outcome is Outcome.TIMEOUT
    fake.scripts["qwen"].clear()


@pytest.mark.parametrize("way", STREAMS)
def test_comments_for_ever_are_silence_too(fake: FakeProviders, way: str) -> None:
    impatient = Timing(connect=5, read=5, first_word=0.3, total=1, backoff=0.001)
    pieces = [piece for _ in range(100) for piece in (": keep-alive\n\n", Pause(0.02))]
    fake.script("deepseek", events(*pieces))
    chat = open_chat(fake.registry(), "deepseek", env=fake.env(), timing=impatient)
    assert failure(chat, way).outcome is Outcome.TIMEOUT


@pytest.mark.parametrize("way", WAYS)
def test_an_empty_answer_is_asked_for_once_more(fake: FakeProviders, way: str) -> None:
    empty = (
        events(chunk(""), STOP, DONE)
        if way in STREAMS
        else error(200, {"id": "x", "choices": [{"message": {"content": ""}, "finish_reason": "stop"}]})
    )
    fake.script("qwen", empty, empty)
    done = ask(chat_with(fake, "qwen"), way)
    assert (done.outcome, done.text, done.requests) == ("empty", "", 2)


def test_thinking_that_used_up_the_answer_is_not_asked_for_again(fake: FakeProviders) -> None:
    fake.script("deepseek", events(chunk(delta={"reasoning_content": "Hm"}), chunk(finish_reason="length"), DONE))
    done = ask(chat_with(fake, "deepseek"), "stream")
    assert (done.outcome, done.thinking, done.requests) == ("empty", "Hm", 1)


@pytest.mark.parametrize("way", WAYS)
def test_a_refusal_in_words(fake: FakeProviders, way: str) -> None:
    fake.answer, before = (lambda request: "抱歉，我无法回答这个问题。"), fake.answer
    done = ask(chat_with(fake, "qwen"), way)
    fake.answer = before
    assert done.outcome == "refused_in_words"


def test_a_wrong_language(fake: FakeProviders) -> None:
    asked = [Message("user", "Wann begann die Sperre?")]
    for language, outcome in [("de", "wrong_language"), ("en", "answered")]:
        stream = chat_with(fake, "qwen").stream(asked, max_tokens=50, language=language)
        assert "".join(delta.text for delta in stream) == ANSWER
        assert stream.completion.outcome == outcome


@pytest.mark.parametrize("provider", [id for id in PROVIDERS if id != "openai"])
def test_word_lists(fake: FakeProviders, provider: str) -> None:
    fake.blocked[provider] = {"六四"}
    with pytest.raises(CallFailed) as caught:
        ask(chat_with(fake, provider), "stream", [Message("user", "What of 六四?")])
    found = caught.value.failure
    del fake.blocked[provider]
    assert (found.outcome, found.requests) == (Outcome.CONTENT_BLOCKED, 1)
    assert block(provider).status == found.status


def test_a_budget_is_shared_by_the_calls_of_a_question(fake: FakeProviders) -> None:
    budget = Budget(2)
    fake.script("qwen", error(503, ""), error(503, ""))
    with pytest.raises(CallFailed) as caught:
        chat_with(fake, "qwen").complete([Message("user", "x")], max_tokens=5, budget=budget)
    assert (caught.value.failure.requests, len(fake.requests), budget.requests) == (2, 2, 0)
    with pytest.raises(CallFailed) as caught:
        chat_with(fake, "zhipu").complete([Message("user", "x")], max_tokens=5, budget=budget)
    assert (caught.value.failure.requests, len(fake.requests)) == (0, 2)
