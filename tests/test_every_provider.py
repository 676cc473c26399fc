"""Each provider of the registry answers one question end to end: retrieval, stream, citation, check, usage."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from kb.answer.answering import Done, Text
from kb.answer.spend import ledger
from kb.embedding import Embedder
from kb.knowledge import KnowledgeBase
from kb.local.turns import Turns
from kb.models import Status, Verdict
from kb.providers import load_registry
from kb.providers.entries import Kind
from tests.fakeproviders import NO_USAGE_IN_STREAM, OPEN, FakeProviders, key_of
from tests.questions import ENGLISH_QUESTION, TRUE, asking, cited, number

REGISTRY = load_registry()
FREE = {"modelscope"}
"""Clouds whose calls cost nothing."""


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeProviders]:
    with FakeProviders() as running:
        running.answer = cited
        yield running


@pytest.fixture(scope="module")
def kb(tmp_path_factory: pytest.TempPathFactory, embedder: Embedder, fake: FakeProviders) -> Iterator[KnowledgeBase]:
    home = tmp_path_factory.mktemp("every")
    with pytest.MonkeyPatch.context() as patch, asking(home, embedder, fake, patch) as filled:
        address = f"http://127.0.0.1:{fake.port}/local/loopback/v1"
        server = SimpleNamespace(
            base_url=address, model="built-in", api_key="x", context=4096, turns=Turns(), close=print
        )
        filled._running = server  # type: ignore[assignment]
        yield filled


@pytest.mark.parametrize("provider", REGISTRY)
def test_every_provider_answers_a_question(kb: KnowledgeBase, fake: FakeProviders, provider: str) -> None:
    fake.requests.clear()
    model = None if REGISTRY[provider].default else "loaded-model"
    events = list(kb.stream(ENGLISH_QUESTION, provider=provider, model=model))
    assert isinstance(events[-1], Done)
    answer = events[-1].answer
    (request,) = fake.requests
    assert request.provider == provider
    assert answer.status is Status.ANSWERED
    assert (answer.asked, answer.answered_by, answer.model) == (provider, provider, request.body["model"])
    assert [(each.provider, each.outcome) for each in answer.attempts] == [(provider, "answered")]
    place = number(request, "9 July 2024")
    assert answer.text == f"{TRUE} [{place}]." == "".join(event.text for event in events if isinstance(event, Text))
    assert [sentence.verdict for sentence in answer.sentences] == [Verdict.SUPPORTED]
    (citation,) = answer.citations
    version = citation.passage.version
    assert citation.quote == version.text[citation.start : citation.end]
    assert "9 July 2024" in citation.quote
    assert answer.usage.prompt_tokens > 100
    assert answer.usage.completion_tokens >= 10
    assert answer.usage.estimated == (provider in NO_USAGE_IN_STREAM)
    assert (answer.usage.cost == 0.0) == (REGISTRY[provider].kind is Kind.LOCAL or provider in FREE)
    assert ledger(kb.catalog)[-1].usage == answer.usage
    if provider not in OPEN:
        assert request.headers["authorization"] == f"Bearer {key_of(provider)}"


def test_no_key_is_kept_in_what_is_stored(kb: KnowledgeBase) -> None:
    kb.catalog.close()
    for file in kb.settings.home.rglob("*"):
        content = file.read_bytes() if file.is_file() else b""
        assert not [id for id in REGISTRY if key_of(id).encode() in content]


@pytest.mark.parametrize("provider", [id for id in REGISTRY if id not in OPEN])
def test_a_missing_key_says_which_and_sends_nothing(
    kb: KnowledgeBase, fake: FakeProviders, monkeypatch: pytest.MonkeyPatch, provider: str
) -> None:
    fake.requests.clear()
    for name in REGISTRY[provider].auth.env:
        monkeypatch.delenv(name, raising=False)
    answer = kb.ask(ENGLISH_QUESTION, provider=provider)
    assert [each.outcome for each in answer.attempts] == ["auth_missing"]
    assert REGISTRY[provider].auth.env[0] in answer.message
    assert answer.status is Status.PROVIDER_FAILED
    assert fake.requests == []
    assert len(answer.passages) > 0
