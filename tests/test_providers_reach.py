"""What stands in the way of a host, tried on sockets that behave so; the gate for other libraries; the cap."""

from __future__ import annotations

import socket
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from fakeproviders import FakeProviders, chat_with

from kb.errors import ProviderError
from kb.models import Usage
from kb.providers import Area, CallFailed, DataPath, Message, Outcome, Secret, load_registry
from kb.providers.cost import Spent
from kb.providers.guarded import guarded_client
from kb.providers.reach import ADVICE, Barrier, Reach, reach
from kb.providers.spending import check_cap, estimate
from kb.providers.transport import PathForbidden, Route, gated_client

REGISTRY = load_registry()
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeProviders]:
    with FakeProviders() as running:
        yield running


@contextmanager
def server(behave: Callable[[socket.socket], None]) -> Iterator[int]:
    """A port on loopback at which one connection is treated by `behave`."""
    with socket.create_server(("127.0.0.1", 0)) as door:

        def serve() -> None:
            line, _ = door.accept()
            with line, suppress(OSError):
                behave(line)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield door.getsockname()[1]
        thread.join(10)


def cut(line: socket.socket) -> None:
    line.recv(1)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def hang_up(line: socket.socket) -> None:
    line.recv(65536)


def speak_http(line: socket.socket) -> None:
    line.recv(65536)
    line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nlogin")
    line.recv(1)


@pytest.mark.parametrize(
    ("behave", "barrier"), [(cut, Barrier.RESET), (hang_up, Barrier.RESET), (speak_http, Barrier.NOT_TLS)]
)
def test_barriers_at_the_handshake(behave: Callable[[socket.socket], None], barrier: Barrier) -> None:
    with server(behave) as port:
        found = reach("127.0.0.1", port, near=True, timeout=5)
    assert (found.barrier, found.address, found.ok) == (barrier, "127.0.0.1", False)


def test_silence() -> None:
    held = threading.Event()
    with server(lambda line: held.wait(10) and None) as port:
        assert reach("127.0.0.1", port, near=True, timeout=0.2).barrier is Barrier.SILENCE
        held.set()


def test_nobody_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        assert reach("127.0.0.1", free.getsockname()[1], near=True).barrier is Barrier.REFUSED


def test_names(monkeypatch: pytest.MonkeyPatch) -> None:
    assert reach("no-such-host.invalid", timeout=1).barrier is Barrier.NO_NAME
    lie = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **named: lie)
    assert reach("api.openai.com").barrier is Barrier.FALSE_NAME


def test_another_certificate(tmp_path: Path) -> None:
    import ssl

    made = subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            "key",
            "-out",
            "cert",
            "-subj",
            "/CN=other",
        ],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    if made.returncode:
        pytest.skip("openssl is not installed, and makes the certificate of this test")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert", tmp_path / "key")

    def behave(line: socket.socket) -> None:
        try:
            context.wrap_socket(line, server_side=True).close()
        except OSError:
            return

    with server(behave) as port:
        assert reach("127.0.0.1", port, near=True, timeout=5).barrier is Barrier.FALSE_CERTIFICATE


def test_a_local_server_without_tls(fake: FakeProviders) -> None:
    found = reach("127.0.0.1", fake.port, tls=False, near=True)
    assert (found.ok, found.advice("de")) == (True, "erreichbar")


def test_every_barrier_is_told_in_three_languages() -> None:
    assert set(ADVICE) == set(Barrier)
    for barrier in Barrier:
        told = {Reach("h", 443, barrier).advice(language) for language in ("en", "de", "zh")}
        assert len(told) == 3
        assert Reach("h", 443, barrier).advice("fr") in told


def test_the_gate_for_other_libraries(fake: FakeProviders) -> None:
    url = fake.url("vllm", "local", "/v1")
    with gated_client(Route(url, DataPath.LOCAL), 5) as http:
        assert http.post(f"{url}/chat/completions", json={"messages": [], "model": "m"}).status_code == 200
        with pytest.raises(PathForbidden):
            http.get("http://127.0.0.1:9/")
        with pytest.raises(PathForbidden):
            http.get("https://api.openai.com/v1/models")
    with gated_client(Route("https://api.openai.com/v1", DataPath.LOCAL), 5) as http, pytest.raises(PathForbidden):
        http.get("https://api.openai.com/v1/models")
    assert issubclass(PathForbidden, Exception)
    assert not issubclass(PathForbidden, httpx.HTTPError)


def test_a_guarded_client_keeps_its_key_and_its_address(fake: FakeProviders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    url = fake.url("vllm", "local", "/v1")
    body = {"messages": [], "model": "m"}
    fake.requests.clear()
    with guarded_client(url, Area.LOCAL, DataPath.LOCAL, key=Secret("sk-of-a-reranker")) as http:
        reply = http.post(f"{url}/chat/completions", json=body, headers={"OpenAI-Organization": "org-planted"})
        assert reply.status_code == 200
        assert "sk-of-a-reranker" not in f"{reply.request.headers} {http.headers}"
        with pytest.raises(PathForbidden):
            http.get("https://api.openai.com/v1/models")
    [request] = fake.requests
    assert request.headers["authorization"] == "Bearer sk-of-a-reranker"
    assert "openai-organization" not in request.headers
    with pytest.raises(ProviderError, match="mainland does not allow reranking") as caught:
        guarded_client("https://rerank.example/v1", Area.UNKNOWN, DataPath.MAINLAND, use="reranking")
    assert caught.value.outcome == "path_forbidden"


def test_a_proxy_leads_to_the_one_address_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked of a proxy does not show at the socket."""
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    url = "https://rerank.example/v1"
    with guarded_client(url, Area.UNKNOWN, DataPath.ANY) as http:
        with pytest.raises(httpx.ConnectError):
            http.get(f"{url}/models")
        with pytest.raises(PathForbidden):
            http.get("https://elsewhere.example/v1/models")


def test_where_addresses_stand() -> None:
    urls = {
        "https://dashscope.aliyuncs.com/compatible-mode/v1": Area.MAINLAND,
        "https://dashscope-intl.aliyuncs.com/x": Area.OUTSIDE,
        "http://192.168.0.7:8000/v1": Area.LOCAL,
        "http://localhost:11434/v1": Area.LOCAL,
        "https://relay.example/v1": Area.UNKNOWN,
    }
    assert {url: REGISTRY.area(url) for url in urls} == urls


def test_estimates_of_a_call(fake: FakeProviders) -> None:
    chat = chat_with(fake, "qwen")
    before = len(fake.requests)
    asked = estimate(chat, [Message("user", "a" * 3496)], 500, NOW)
    assert (asked.prompt_tokens, asked.max_tokens, asked.currency, asked.price_as_of) == (
        1003,
        500,
        "CNY",
        "2026-08-21",
    )
    assert asked.cost == pytest.approx((1003 * 2 + 500 * 8) / 1e6)
    assert asked.times(10).cost == pytest.approx(asked.cost * 10)
    assert len(fake.requests) == before


@pytest.mark.parametrize(
    ("provider", "caps", "spent", "why"),
    [
        ("qwen", {}, 99.0, None),
        ("qwen", {"CNY": 1.0}, 0.99, None),
        ("qwen", {"CNY": 1.0}, 0.995, "0.9950 of 1.0000 CNY are spent today"),
        ("qwen", {"USD": 1.0}, 0.0, "is paid in CNY, the cap is in USD"),
        ("sensenova", {"CNY": 1.0}, 0.0, "no price is known for sensenova-6.8-flash-lite"),
        ("vllm", {"CNY": 0.0}, 0.0, None),
        ("modelscope", {"CNY": 0.0}, 0.0, None),
    ],
)
def test_the_cap(fake: FakeProviders, provider: str, caps: dict[str, float], spent: float, why: str | None) -> None:
    chat = chat_with(fake, provider)
    asked = estimate(chat, [Message("user", "a" * 3496)], 500, NOW)
    paid = Usage(1, 1, spent, "CNY")
    ledger = [Spent(NOW, "qwen", "m", paid), Spent(NOW - timedelta(days=1), "qwen", "m", paid)]
    if why is None:
        check_cap(chat, asked, caps, ledger, NOW)
        return
    with pytest.raises(CallFailed, match="Nothing was sent") as caught:
        check_cap(chat, asked, caps, ledger, NOW)
    assert caught.value.failure.outcome is Outcome.CAP_REACHED
    assert why in caught.value.detail
