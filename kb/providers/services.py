"""What providers offer beside chat, through the same gate: embeddings, reranking, the list of models, the balance.

Plain JSON over the transport of `kb.providers.transport`, with the same outcomes, retries and data path.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from kb.models import Usage
from kb.providers.call import Ask, Call, Target
from kb.providers.client import Chat, final
from kb.providers.outcomes import CallFailed, Failure, Outcome
from kb.providers.request import Message
from kb.providers.texts import explain


def call_json(target: Target, url: str, body: Mapping[str, object] | None) -> Mapping[str, object]:
    """POSTs `body` to `url`, or GETs it if there is none, and returns the reply.

    `url` is on the host of the target's endpoint; the gate lets nothing else through. Raises CallFailed.
    """
    from kb.providers.transport import Line, Reading, Route, http_client

    call = Call(target, Ask((), 1, {}, None, None), streaming=False)
    timing = replace(target.timing, read=target.timing.total)
    while True:
        exchange = call.begin()
        route = Route(target.endpoint.url, target.path, target.key)
        reading = Reading(route, target.provider.params, timing, exchange, call.due_at, plain=True)
        try:
            with http_client(reading, Line()) as http:
                reply = http.get(url) if body is None else http.post(url, json=body)
                reply.raise_for_status()
                call.end_attempt()
                found: Mapping[str, object] = reply.json()
                return found
        except Exception as error:  # noqa: BLE001 (whatever the web does becomes an outcome)
            call.end_attempt()
            step = final(call, error)
        if isinstance(step, float):
            time.sleep(step)


@dataclass(frozen=True, slots=True)
class Embedder:
    """An embedding model of a provider. Its dimension is what the first answer has, not what a table says."""

    target: Target
    model: str
    batch: int
    dimension: int | None = None

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector for each text, in their order. Raises CallFailed."""
        url = f"{self.target.endpoint.url}/embeddings"
        vectors: list[list[float]] = []
        for start in range(0, len(texts), self.batch):
            part = list(texts[start : start + self.batch])
            body: dict[str, object] = {"model": self.model, "input": part, "encoding_format": "float"}
            if self.dimension is not None:
                body["dimensions"] = self.dimension
            vectors += _vectors(self.target, call_json(self.target, url, body), len(part))
        return vectors


def _vectors(target: Target, reply: Mapping[str, object], wanted: int) -> list[list[float]]:
    rows = reply.get("data")
    found = {
        row["index"]: [float(value) for value in row["embedding"]]
        for row in (rows if isinstance(rows, list) else [])
        if isinstance(row, Mapping) and isinstance(row.get("embedding"), list) and isinstance(row.get("index"), int)
    }
    if sorted(found) != list(range(wanted)):
        raise _bad(target, f"{len(found)} vectors for {wanted} texts")
    return [found[number] for number in range(wanted)]


@dataclass(frozen=True, slots=True)
class Ranked:
    """A document by its index, and how well it fits the query; larger is better."""

    index: int
    score: float


@dataclass(frozen=True, slots=True)
class Reranker:
    """A reranking model of a provider."""

    target: Target
    url: str
    model: str

    def rank(self, query: str, documents: Sequence[str], top: int) -> list[Ranked]:
        """The best `top` documents, best first. Raises CallFailed."""
        body = {"model": self.model, "query": query, "documents": list(documents), "top_n": top}
        rows = call_json(self.target, self.url, body).get("results")
        found = [
            Ranked(row["index"], float(row["relevance_score"]))
            for row in (rows if isinstance(rows, list) else [])
            if isinstance(row, Mapping) and isinstance(row.get("index"), int) and 0 <= row["index"] < len(documents)
        ]
        if not found and documents:
            raise _bad(self.target, "no ranking")
        return sorted(found, key=lambda each: -each.score)[:top]


def _bad(target: Target, words: str) -> CallFailed:
    failure = Failure(
        Outcome.BAD_RESPONSE, target.provider.id, target.model.id, host=target.endpoint.host, vendor_text=words
    )
    return CallFailed(failure, explain(failure, target.provider))


def list_models(chat: Chat) -> list[str]:
    """The ids of the models a provider says it has. Raises CallFailed."""
    target = chat.target
    rows = call_json(target, f"{target.endpoint.url}/models", None).get("data")
    return [
        str(row["id"]) for row in (rows if isinstance(rows, list) else []) if isinstance(row, Mapping) and "id" in row
    ]


def balance(chat: Chat) -> float | None:
    """The money left, or None where this endpoint cannot be asked for it. Raises CallFailed.

    A key is not shown to another host than that of its endpoint.
    """
    target = chat.target
    if target.provider.balance is None or urlsplit(target.provider.balance.url).hostname != target.endpoint.host:
        return None
    value: object = call_json(target, target.provider.balance.url, None)
    for name in target.provider.balance.field.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return float(value) if isinstance(value, int | float | str) else None


PROBE = (Message("user", "Reply with the one word: yes"),)
PROBE_TOKENS = 16


@dataclass(frozen=True, slots=True)
class Probe:
    """How a provider answered a test question: the outcome, what to do about it, and how long it took."""

    provider: str
    model: str
    endpoint: str
    host: str
    outcome: Outcome
    message: str
    seconds: float
    detail: str = ""
    request_id: str = ""
    usage: Usage | None = None


def probe(chat: Chat, language: str = "en") -> Probe:
    """Asks for one word and says how that went; never raises for what a provider can do."""
    target = chat.target
    begun = time.monotonic()
    try:
        done = chat.complete(PROBE, max_tokens=PROBE_TOKENS)
    except CallFailed as error:
        failure = error.failure
        outcome, detail, request = failure.outcome, failure.vendor_text, failure.request_id
        usage = None
    else:
        # A thinking model may spend sixteen tokens on thinking: it answered all the same.
        answered = bool(done.text or done.thinking)
        outcome = Outcome.ANSWERED if answered else Outcome(done.outcome)
        failure = Failure(outcome, chat.provider, chat.model, chat.endpoint, target.endpoint.host)
        detail, request, usage = done.detail, done.request_id, done.usage
    seconds = time.monotonic() - begun
    message = explain(failure, target.provider, language)
    return Probe(
        provider=chat.provider,
        model=chat.model,
        endpoint=chat.endpoint,
        host=target.endpoint.host,
        outcome=outcome,
        message=message,
        seconds=seconds,
        detail=detail,
        request_id=request,
        usage=usage,
    )
