"""Where bytes may go: the data path at the socket, keys and headers that stay behind, calls that are cancelled."""

from __future__ import annotations

import asyncio
import random
import socket
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import httpx
import pytest
from fakeproviders import ANSWER, WAYS, FakeProviders, Pause, ask, chat_with, chunk, error, events, failure, key_of

from kb.embedding import load_embedder
from kb.errors import EmbeddingError, ProviderError, UsageError
from kb.providers import (
    Area,
    Breaker,
    CallFailed,
    DataPath,
    Message,
    Outcome,
    Registry,
    Secret,
    Timing,
    load_registry,
    open_chat,
)
from kb.providers.datapath import is_near
from kb.providers.fallback import Move, Tried, next_provider
from kb.providers.guarded import guarded_client
from kb.providers.opening import open_embedder, open_reranker

HURRIED = Timing(connect=2, read=2, first_word=2, total=2, backoff=0.001)
ASK = [Message("user", "When did the block begin?")]
ENV = {name: "sk-planted-everywhere-0123456789" for each in load_registry().values() for name in each.auth.env}


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeProviders]:
    with FakeProviders() as running:
        yield running


class Names:
    """A resolver that leads every name to a closed door on loopback, and remembers who was looked up."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._real = socket.getaddrinfo
        with socket.socket() as door:
            door.bind(("127.0.0.1", 0))
            self._port = door.getsockname()[1]

    def _resolve(self, host: str | bytes | None, port: object, *more: object, **named: object) -> object:
        self.asked.append(host.decode() if isinstance(host, bytes) else str(host))
        return self._real("127.0.0.1", self._port, type=socket.SOCK_STREAM)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    resolver = Names()
    monkeypatch.setattr(socket, "getaddrinfo", resolver._resolve)
    return resolver


class Town:
    """A listening socket at which every host has an address of its own on loopback: who arrives, arrived there."""

    def __init__(self, hosts: Iterable[str]) -> None:
        self.address = {host: f"127.1.{n // 250}.{n % 250 + 1}" for n, host in enumerate(sorted(set(hosts)))}
        self.host = {address: host for host, address in self.address.items()}
        self.visited: list[str] = []
        self._door = socket.create_server(("0.0.0.0", 0), backlog=256)
        self._real = socket.getaddrinfo
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                line, _ = self._door.accept()
            except OSError:
                return
            self.visited.append(self.host.get(line.getsockname()[0], "elsewhere"))
            line.close()

    def resolve(self, host: str | bytes | None, port: object, *more: object, **named: object) -> object:
        name = host.decode() if isinstance(host, bytes) else str(host)
        return self._real(self.address[name], self._door.getsockname()[1], type=socket.SOCK_STREAM)

    def settled(self) -> list[str]:
        """Who was visited since the last time; one more visit of our own shows that all before it were counted."""
        with socket.create_connection(("127.0.0.1", self._door.getsockname()[1]), 5) as line:
            line.recv(1)
        seen, self.visited[:] = list(self.visited), []
        return [host for host in seen if host != "elsewhere"]

    def close(self) -> None:
        self._door.close()


CALM = Timing(connect=2, read=2, first_word=0.001, total=0.001, backoff=0.001)


def asked_in_turn(registry: Registry, order: list[str], endpoint: str | None, own: DataPath, setting: DataPath) -> None:
    """Ask the first of the order, then whoever the policy of fallback names."""
    path, tried = setting.within(own), list[Tried]()
    while len(tried) < 3:
        id = order[len(tried)]
        try:
            chat = open_chat(
                registry,
                id,
                model=None if registry[id].default else "m",
                endpoint=endpoint if not tried else None,
                data_path=path,
                timing=CALM,
                env=ENV,
            )
            list(chat.stream(ASK, max_tokens=5))
        except UsageError:
            return
        except ProviderError as failed:
            tried.append(Tried(id, Outcome(failed.outcome)))
        if next_provider(registry, order, tried, data_path=path).move is not Move.ASK:
            return


def embedded(url: str, area: Area, path: DataPath) -> None:
    """What the settings' own embedder does, over the client it is given."""
    http = guarded_client(url, area, path, key=Secret("sk-planted-embedder"), timeout=2, use="embeddings")
    load_embedder("openai-like", base_url=url, model="m", api_key="sk-planted-embedder", http=http).query("x")


def reranked(url: str, area: Area, path: DataPath) -> None:
    """A reranker at an address of the settings."""
    with guarded_client(url, area, path, timeout=2, use="reranking") as http:
        http.post(f"{url}/rerank", json={"query": "x", "documents": ["y"]})


def test_no_socket_opens_to_a_forbidden_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """1,000 random combinations of setting, session, provider, endpoint, fallback, embedders and rerankers.

    Every host stands at an address of its own on loopback; what counts is which of them a socket reached.
    """
    registry = load_registry()
    places = {each.host: each for provider in registry.values() for each in provider.endpoints if "{" not in each.host}
    extra = {urlsplit(provider.rerank.url).hostname or "" for provider in registry.values() if provider.rerank}
    town = Town([*places, *filter(None, extra), "vectors.example"])
    areas = {host: each.area for host, each in places.items()} | {"vectors.example": Area.UNKNOWN}
    areas = {host: areas.get(host, registry.area(f"https://{host}/")) for host in town.address}
    monkeypatch.setattr(socket, "getaddrinfo", town.resolve)
    draw = random.Random(5)
    reached: Counter[tuple[DataPath, bool]] = Counter()
    by_service: Counter[str] = Counter()
    ids = [id for id in registry if id != "local"]
    for _ in range(1000):
        setting, own = draw.choice(list(DataPath)), draw.choice([DataPath.ANY, DataPath.ANY, *DataPath])
        path, order = setting.within(own), draw.sample(ids, 3)
        endpoint = draw.choice([None, *(each.id for each in registry[order[0]].endpoints)])
        remote = draw.choice(list(town.address))
        url = f"https://{remote}/v1"
        chosen = draw.choice(ids)
        services: dict[str, Callable[[], object]] = {
            "chat": lambda o=order, e=endpoint, w=own, s=setting: asked_in_turn(registry, o, e, w, s),
            "provider's embedder": lambda c=chosen, p=path: open_embedder(
                registry, c, data_path=p, timing=CALM, env=ENV
            ).embed(["x"]),
            "provider's reranker": lambda c=chosen, p=path: open_reranker(
                registry, c, data_path=p, timing=CALM, env=ENV
            ).rank("x", ["y"], 1),
            "embedder": lambda u=url, r=remote, p=path: embedded(u, areas[r], p),
            "reranker": lambda u=url, r=remote, p=path: reranked(u, areas[r], p),
        }
        opened = False
        for name, call in services.items():
            with suppress(ProviderError, UsageError, EmbeddingError, httpx.HTTPError):
                call()
            for host in (visits := town.settled()):
                assert path.permits(areas[host]), (setting, own, name, host)
            by_service[name] += bool(visits)
            opened = opened or bool(visits)
        reached[path, opened] += 1
    town.close()
    assert sum(reached.values()) == 1000
    assert {path for path, opened in reached if opened} == set(DataPath)
    assert all(by_service[name] > 50 for name in ("chat", "provider's embedder", "embedder", "reranker"))
    assert by_service["provider's reranker"] > 5


def test_what_each_path_permits() -> None:
    permitted = {path: {area for area in Area if path.permits(area)} for path in DataPath}
    assert permitted == {
        DataPath.ANY: set(Area),
        DataPath.LOCAL: {Area.LOCAL},
        DataPath.MAINLAND: {Area.MAINLAND, Area.LOCAL},
        DataPath.NO_MAINLAND: {Area.OUTSIDE, Area.LOCAL},
    }


@pytest.mark.parametrize(
    ("host", "near"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("[::1]", True),
        ("192.168.1.5", True),
        ("10.0.0.1", True),
        ("fd00::1", True),
        ("0.0.0.0", False),
        ("8.8.8.8", False),
        ("gpu.example.org", False),
        ("localhost.example.org", False),
        ("2130706433", False),
    ],
)
def test_near_hosts(host: str, near: bool) -> None:
    assert is_near(host) is near


def test_the_endpoint_follows_the_path() -> None:
    registry = load_registry()
    hosts = {
        path: open_chat(registry, "qwen", data_path=path, env=ENV).target.endpoint.id
        for path in (DataPath.ANY, DataPath.MAINLAND, DataPath.NO_MAINLAND)
    }
    assert hosts == {DataPath.ANY: "mainland", DataPath.MAINLAND: "mainland", DataPath.NO_MAINLAND: "singapore"}
    with pytest.raises(CallFailed, match=r"dashscope\.aliyuncs\.com.*Nothing was sent") as caught:
        open_chat(registry, "qwen", data_path=DataPath.LOCAL, env=ENV)
    assert caught.value.outcome == "path_forbidden"


@pytest.mark.parametrize("way", WAYS)
def test_a_request_that_strays_is_refused_before_it_connects(
    fake: FakeProviders, names: Names, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """The gate stands under the client library: another address in it does not open a socket."""
    import kb.providers.client as client

    real = client._llm

    def strayed(call: object, **clients: object) -> object:
        return real(call, **clients).model_copy(update={"api_base": "https://api.openai.com/v1"})  # type: ignore[arg-type]

    monkeypatch.setattr(client, "_llm", strayed)
    found = failure(chat_with(fake, "qwen"), way)
    assert (found.outcome, found.host, found.requests) == (Outcome.PATH_FORBIDDEN, "api.openai.com", 0)
    assert names.asked == []


def test_a_redirect_is_not_followed(fake: FakeProviders) -> None:
    fake.script("yi", *[error(307, "", Location="https://elsewhere.example/v1")] * 2)
    opened: list[object] = []
    sys.addaudithook(lambda name, args: opened.append(args[1]) if name == "socket.connect" else None)
    assert failure(chat_with(fake, "yi"), "stream").outcome is Outcome.BAD_RESPONSE
    assert {address[1] for address in opened} == {fake.port}  # type: ignore[index]


def test_a_proxy_is_used_under_any_alone(names: Names, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = load_registry()
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    for path, host in [(DataPath.ANY, "proxy.example"), (DataPath.MAINLAND, "dashscope.aliyuncs.com")]:
        names.asked.clear()
        chat = open_chat(registry, "qwen", data_path=path, env=ENV, timing=HURRIED)
        with pytest.raises(CallFailed):
            list(chat.stream(ASK, max_tokens=5))
        assert set(names.asked) == {host}


def test_what_belongs_to_openai_stays_here(fake: FakeProviders, monkeypatch: pytest.MonkeyPatch) -> None:
    """The OpenAI library would send these to whoever is asked."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted-openai-own-key")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-planted")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-planted")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Planted: header-planted")
    monkeypatch.setenv("OPENAI_BASE_URL", "https://planted.example/v1")
    for provider in ("qwen", "ollama"):
        fake.requests.clear()
        assert ask(chat_with(fake, provider), "stream").text == ANSWER
        [request] = fake.requests
        assert "planted" not in str(request.headers).replace(key_of(provider), "")
        assert ("authorization" in request.headers) == (provider == "qwen")


def test_local_addresses_alone_are_given_at_run_time() -> None:
    registry = load_registry()
    chat = open_chat(registry, "local", base_url="http://127.0.0.1:9/v1", key=Secret("x"), context=2048, env={})
    assert (chat.context, chat.model, chat.target.endpoint.area) == (2048, "qwen2.5-coder-1.5b", Area.LOCAL)
    with pytest.raises(UsageError, match="on this machine"):
        open_chat(registry, "local", base_url="https://gpu.example.org/v1", env={})
    with pytest.raises(UsageError, match="addresses of the registry alone"):
        open_chat(registry, "qwen", base_url="http://127.0.0.1:9/v1", env=ENV)
    with pytest.raises(CallFailed, match="no address yet"):
        open_chat(registry, "local", env={})
    with pytest.raises(CallFailed, match="name the model you loaded"):
        open_chat(registry, "ollama", env={})
    with pytest.raises(UsageError, match="part to fill in"):
        open_chat(registry, "qwen", endpoint="workspace", env=ENV)
    with pytest.raises(ProviderError, match="known are: openai, qianfan"):
        open_chat(registry, "nobody", env=ENV)


def test_nobody_listens(fake: FakeProviders) -> None:
    chat = open_chat(load_registry(), "vllm", model="m", base_url="http://127.0.0.1:9/v1", timing=HURRIED, env={})
    for way in WAYS:
        found = failure(chat, way)
        assert (found.outcome, found.requests, found.host) == (Outcome.NETWORK, 3, "127.0.0.1")


def test_cancelling_while_the_first_word_is_awaited(fake: FakeProviders) -> None:
    fake.gone.clear()
    fake.script("qwen", events(Pause(60)))
    stream = chat_with(fake, "qwen").stream(ASK, max_tokens=5)
    got: list[str] = []
    reader = threading.Thread(target=lambda: got.extend(delta.text for delta in stream))
    reader.start()
    while not fake.asked("qwen"):
        pass
    stream.close()
    reader.join(10)
    assert not reader.is_alive()
    assert (got, stream.completion.outcome) == ([], "cancelled")
    assert fake.gone.wait(10), "the provider still believes someone listens"


def test_cancelling_between_words(fake: FakeProviders) -> None:
    fake.gone.clear()
    fake.script("qwen", events(chunk("One"), Pause(60)))
    stream = chat_with(fake, "qwen").stream(ASK, max_tokens=5)
    assert next(stream).text == "One"
    stream.close()
    assert list(stream) == []
    assert (stream.completion.outcome, stream.completion.text) == ("cancelled", "One")
    assert fake.gone.wait(10)


def test_an_abandoned_stream_hangs_up(fake: FakeProviders) -> None:
    fake.gone.clear()
    fake.script("qwen", events(chunk("One"), Pause(60)))
    stream = chat_with(fake, "qwen").stream(ASK, max_tokens=5)
    next(stream)
    del stream
    assert fake.gone.wait(10)


def test_a_cancelled_task_hangs_up(fake: FakeProviders) -> None:
    fake.gone.clear()
    fake.script("qwen", events(Pause(60)))

    async def cancelled() -> None:
        asked = asyncio.ensure_future(chat_with(fake, "qwen").acomplete(ASK, max_tokens=5))
        before = len(fake.requests)
        while len(fake.requests) == before:
            await asyncio.sleep(0.01)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked

    fake.script("qwen")
    asyncio.run(cancelled())
    assert fake.gone.wait(10)


def test_an_answer_is_not_known_before_its_end(fake: FakeProviders) -> None:
    stream = chat_with(fake, "qwen").stream(ASK, max_tokens=5)
    with pytest.raises(UsageError, match="has not ended"):
        _ = stream.completion
    list(stream)
    assert stream.completion.outcome == "answered"


def test_two_users_at_once_do_not_cross(fake: FakeProviders) -> None:
    fake.requests.clear()
    fake.answer, before = (
        (lambda request: f"To {request.body['messages'][0]['content']} from {request.provider} [1]."),
        fake.answer,
    )
    answers: dict[int, str] = {}
    people = [(n, ("qwen", "deepseek", "zhipu", "spark")[n % 4]) for n in range(24)]
    together = threading.Barrier(len(people))

    def one(number: int, provider: str) -> None:
        chat = chat_with(fake, provider)
        together.wait()
        answers[number] = "".join(d.text for d in chat.stream([Message("user", f"person-{number}")], max_tokens=50))

    threads = [threading.Thread(target=one, args=person) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    fake.answer = before
    assert answers == {n: f"To person-{n} from {provider} [1]." for n, provider in people}
    assert {request.headers["authorization"] for request in fake.requests if request.provider == "qwen"} == {
        f"Bearer {key_of('qwen')}"
    }
    assert len(fake.requests) == 24


def test_the_breaker_answers_for_a_provider_that_will_not(fake: FakeProviders) -> None:
    now = [0.0]
    breaker = Breaker(pause=600, clock=lambda: now[0])
    fake.requests.clear()
    fake.script("deepseek", error(402, {"error": {"message": "Insufficient Balance"}}))
    first = failure(chat_with(fake, "deepseek", breaker=breaker), "stream")
    again = failure(chat_with(fake, "deepseek", breaker=breaker), "acomplete")
    assert [each.outcome for each in (first, again)] == [Outcome.BALANCE_EXHAUSTED] * 2
    assert (first.requests, again.requests, len(fake.requests)) == (1, 0, 1)
    other = chat_with(fake, "deepseek", breaker=breaker, key=Secret("sk-another-key-0123456789"))
    assert failure(other, "stream").outcome is Outcome.AUTH_INVALID
    now[0] = 601.0
    assert ask(chat_with(fake, "deepseek", breaker=breaker), "stream").outcome == "answered"
    fake.script("deepseek", error(402, {"error": {"message": "Insufficient Balance"}}))
    failure(chat_with(fake, "deepseek", breaker=breaker), "stream")
    breaker.reset()
    assert ask(chat_with(fake, "deepseek", breaker=breaker), "stream").outcome == "answered"


def test_a_stream_may_change_threads(fake: FakeProviders) -> None:
    """A page reads the first words in one run of its script and the rest in another."""
    stream = chat_with(fake, "qwen").stream(ASK, max_tokens=50)
    words = [next(stream).text]
    reader = threading.Thread(target=lambda: words.extend(delta.text for delta in stream))
    reader.start()
    reader.join(10)
    assert "".join(words) == ANSWER
    assert stream.completion.outcome == "answered"
