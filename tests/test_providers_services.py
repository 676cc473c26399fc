"""Embeddings, reranking, lists of models, balances and the test button, through the same gate."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fakeproviders import QUICK, FakeProviders, Reply, chat_with, error, key_of

from kb.errors import ProviderError
from kb.providers import CallFailed, DataPath, Outcome, Secret, load_registry, open_chat
from kb.providers.opening import open_embedder, open_reranker
from kb.providers.services import balance, list_models, probe


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeProviders]:
    with FakeProviders() as running:
        yield running


@pytest.fixture(autouse=True)
def fresh(fake: FakeProviders) -> None:
    fake.requests.clear()


@pytest.mark.parametrize(
    ("provider", "model", "batches"),
    [
        ("qwen", None, [10, 10, 5]),
        ("zhipu", None, [25]),
        ("qianfan", "tao-8k", [1] * 25),
        ("siliconflow", None, [16, 9]),
    ],
)
def test_batches(fake: FakeProviders, provider: str, model: str | None, batches: list[int]) -> None:
    embedder = open_embedder(fake.registry(), provider, model=model, env=fake.env(), timing=QUICK)
    texts = ["x" * n for n in range(1, 26)]
    vectors = embedder.embed(texts)
    assert [vector[0] for vector in vectors] == [float(n) for n in range(1, 26)]
    assert [len(request.body["input"]) for request in fake.requests] == batches
    assert fake.requests[0].headers["authorization"] == f"Bearer {key_of(provider)}"


def test_dimensions(fake: FakeProviders) -> None:
    embedder = open_embedder(fake.registry(), "qwen", dimension=64, env=fake.env(), timing=QUICK)
    assert {len(vector) for vector in embedder.embed(["a", "b"])} == {64}


def test_too_large_a_batch_is_refused_by_the_fake(fake: FakeProviders) -> None:
    embedder = open_embedder(fake.registry(), "qwen", env=fake.env(), timing=QUICK)
    from dataclasses import replace

    with pytest.raises(CallFailed, match="did not accept") as caught:
        replace(embedder, batch=11).embed(["x"] * 11)
    assert "not be larger than 10" in caught.value.detail


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (error(401, {"error": {"code": "invalid_api_key", "message": "bad"}}), Outcome.AUTH_INVALID),
        (error(400, {"error": {"code": "Arrearage", "message": "bad"}}), Outcome.BALANCE_EXHAUSTED),
        (error(200, {"data": [{"index": 0, "embedding": [1.0]}]}), Outcome.BAD_RESPONSE),
        (
            error(200, {"data": [{"index": 5, "embedding": [1.0]}, {"index": 1, "embedding": [1.0]}]}),
            Outcome.BAD_RESPONSE,
        ),
        (error(200, {"code": 30001, "message": "balance", "data": None}), Outcome.UNKNOWN),
    ],
)
def test_bad_vectors(fake: FakeProviders, reply: Reply, outcome: Outcome) -> None:
    fake.script("qwen", reply)
    with pytest.raises(CallFailed) as caught:
        open_embedder(fake.registry(), "qwen", env=fake.env(), timing=QUICK).embed(["a", "b"])
    assert caught.value.failure.outcome is outcome
    assert len(fake.requests) == 1


def test_services_are_tried_again(fake: FakeProviders) -> None:
    for first in (error(503, ""), error(200, "no json")):
        fake.script("qwen", first)
        assert len(open_embedder(fake.registry(), "qwen", env=fake.env(), timing=QUICK).embed(["a"])) == 1
    assert len(fake.requests) == 4


@pytest.mark.parametrize("provider", ["qwen", "siliconflow", "xinference"])
def test_reranking(fake: FakeProviders, provider: str) -> None:
    reranker = open_reranker(fake.registry(), provider, env=fake.env(), timing=QUICK)
    ranked = reranker.rank("export rules", ["weather", "new export rules", "rules"], 2)
    assert [(each.index, each.score) for each in ranked] == [(1, 1.0), (2, 0.5)]
    assert fake.requests[0].body["top_n"] == 2


def test_who_offers_nothing(fake: FakeProviders) -> None:
    for service in (open_embedder, open_reranker):
        with pytest.raises(ProviderError, match="DeepSeek offers no"):
            service(fake.registry(), "deepseek", env=fake.env())  # type: ignore[operator]


def test_services_keep_the_path(fake: FakeProviders) -> None:
    with pytest.raises(CallFailed) as caught:
        open_reranker(fake.registry(), "siliconflow", env=fake.env(), data_path=DataPath.LOCAL)
    assert caught.value.outcome == "path_forbidden"
    assert fake.requests == []


def test_lists_of_models(fake: FakeProviders) -> None:
    fake.script("qwen", error(200, {"object": "list", "data": [{"id": "a"}, {"id": "b"}, {"odd": 1}]}))
    assert list_models(chat_with(fake, "qwen")) == ["a", "b"]
    assert fake.requests[0].path == "/compatible-mode/v1/models"
    fake.script("qianfan", error(403, {"error": {"message": "no"}}))
    with pytest.raises(CallFailed):
        list_models(chat_with(fake, "qianfan"))


def test_a_balance_on_the_endpoints_own_host_alone(fake: FakeProviders) -> None:
    over = {"providers": {"moonshot": {"balance": {"url": fake.url("moonshot", "mainland", "/v1/users/me/balance")}}}}
    fake.script("moonshot", error(200, {"code": 0, "data": {"available_balance": 49.5}}))
    chat = open_chat(fake.registry(over), "moonshot", env=fake.env(), timing=QUICK)
    assert balance(chat) == 49.5
    assert balance(chat_with(fake, "qwen")) is None


def test_a_key_is_not_shown_to_another_host(fake: FakeProviders) -> None:
    """The balance of Moonshot is asked at its mainland host: an international key does not go there."""
    chat = open_chat(load_registry(), "moonshot", endpoint="international", env=fake.env())
    assert balance(chat) is None
    over = {"providers": {"qwen": {"rerank": {"url": "https://rerank.example/v1/rerank"}}}}
    for path, allowed in [(DataPath.ANY, True), (DataPath.MAINLAND, False)]:
        try:
            opened = open_reranker(fake.registry(over), "qwen", env=fake.env(), data_path=path)
        except CallFailed as failed:
            assert (failed.failure.outcome, failed.failure.host) == (Outcome.PATH_FORBIDDEN, "rerank.example")
            assert not allowed
        else:
            assert (opened.target.endpoint.host, allowed) == ("rerank.example", True)


def test_unlisted_embedding_models(fake: FakeProviders) -> None:
    embedder = open_embedder(fake.registry(), "qwen", model="text-embedding-v9", env=fake.env(), timing=QUICK)
    assert (embedder.model, embedder.batch, len(embedder.embed(["a"]))) == ("text-embedding-v9", 16, 1)


def test_the_test_button(fake: FakeProviders) -> None:
    good = probe(chat_with(fake, "zhipu"))
    assert (good.outcome, good.host, good.request_id) == (Outcome.ANSWERED, "127.0.0.1", "req-1")
    bad = probe(chat_with(fake, "zhipu", key=Secret("sk-planted-wrong-0123456789")), "de")
    assert bad.outcome is Outcome.AUTH_INVALID
    assert bad.message.startswith("Zhipu AI / Z.ai (GLM) hat den Schlüssel an 127.0.0.1 abgelehnt.")
    assert "planted" not in str(bad)
    assert bad.detail == "身份验证失败"
