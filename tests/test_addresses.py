"""Row 25 of the fault matrix: no spelling of a private address is ever connected to."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from typing import Any

import httpcore
import pytest

from ingest.addresses import Kind, kind, resolve, system_resolver, vet
from ingest.policy import FetchPolicy, Reason
from ingest.web import Web
from kb.errors import CollectError
from tests.faultserver import FaultServer, page, redirect
from tests.webclient import Clock, numeric

PUBLIC = "93.184.216.34"
PUBLIC_6 = "2606:2800:220:1:248:1893:25c8:1946"

KINDS = {
    Kind.PUBLIC: [PUBLIC, "8.8.8.8", "1.1.1.1", PUBLIC_6, "2400:3200::1", "64:ff9b::808:808", "::ffff:8.8.8.8"],
    Kind.PRIVATE: [
        "127.0.0.1",
        "127.255.255.254",
        "10.1.2.3",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "100.64.0.1",
        "198.18.0.5",
        "::1",
        "fc00::1",
        "fd12:3456::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
    ],
    Kind.FORBIDDEN: [
        "0.0.0.0",
        "0.1.2.3",
        "169.254.169.254",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "198.51.100.1",
        "203.0.113.9",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::7f00:1",
        "::127.0.0.1",
        "::808:808",
        "64:ff9b::7f00:1",
        "64:ff9b::a00:1",
        "64:ff9b::169.254.169.254",
        "64:ff9b:1::7f00:1",
        "64:ff9b:1::808:808",
        "2002:7f00:1::",
        "2002:a00:1::1",
        "2002:808:808::1",
        "2001:0:53aa:64c:0:fbfe:80ff:fffe",
        "2001:db8::1",
        "3fff::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "ff0e::1",
        "::ffff:0:7f00:1",
        "::ffff:169.254.169.254",
        "2606:2800::5efe:7f00:1",
        "2606:2800::200:5efe:10.0.0.1",
        "100::1",
        "5f00::1",
        "4000::1",
    ],
}


@pytest.mark.parametrize(("address", "what"), [(text, what) for what, texts in KINDS.items() for text in texts])
def test_kind(address: str, what: Kind) -> None:
    assert kind(ip_address(address)) is what


# Spellings of a URL's host. The resolver below answers numeric ones as the system does and knows the names.
NAMES = {
    "localhost": ["127.0.0.1"],
    "localtest.example": ["127.0.0.1"],
    "six.example": ["::1"],
    "metadata.example": ["169.254.169.254"],
    "mixed.example": [PUBLIC, "127.0.0.1"],
    "mixed-last.example": [PUBLIC, PUBLIC_6, "fd00::1"],
    "mixed-six.example": [PUBLIC, "::1"],
    "nat64.example": ["64:ff9b::7f00:1"],
    "sixtofour.example": ["2002:7f00:1::"],
    "mapped.example": ["::ffff:10.0.0.1"],
    "teredo.example": ["2001:0:53aa:64c:0:fbfe:80ff:fffe"],
    "compat.example": ["::7f00:1"],
    "site-local.example": ["fec0::1"],
    "multicast.example": ["224.0.0.1"],
    "broadcast.example": ["255.255.255.255"],
    "zero.example": ["0.0.0.0"],
    "cgnat.example": ["100.64.0.1"],
    "fake-ip.example": ["198.18.0.12"],
    "protocol.example": ["192.0.0.8"],
    "nonsense.example": ["not an address"],
    "empty.example": [],
}
SPELLINGS = [
    *(f"http://{name}/" for name in NAMES),
    "http://LOCALHOST/",
    "http://localhost./",
    "http://127.0.0.1/",
    "http://127.1/",
    "http://127.0.1/",
    "http://127.0.0.1./",
    "http://127.127.127.127/",
    "http://2130706433/",
    "http://017700000001/",
    "http://0x7f000001/",
    "http://0x7F000001/",
    "http://0x7f.0.0.1/",
    "http://0x7f.1/",
    "http://0177.0.0.0x1/",
    "http://127.0x0.0.01/",
    "http://127。0。0。1/",
    "http://127．0．0．1/",
    "http://0/",
    "http://0.0.0.0/",
    "http://0x0/",
    "http://00/",
    "http://10.0.0.1/",
    "http://167772161/",
    "http://192.168.0.1/",
    "http://0xc0a80001/",
    "http://172.16.5.5/",
    "http://169.254.169.254/latest/meta-data/",
    "http://2852039166/",
    "http://0xa9fea9fe/",
    "http://[::1]/",
    "http://[::]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[0:0:0:0:0:ffff:127.0.0.1]/",
    "http://[::127.0.0.1]/",
    "http://[64:ff9b::127.0.0.1]/",
    "http://[2002:7f00:1::]/",
    "http://[fe80::1]/",
    "http://[fd00::1]/",
    "http://[ff02::1]/",
    "https://127.0.0.1/",
    "https://[::1]/",
    "http://127.0.0.1:80/",
    "http://127.0.0.1:22/",
    "http://127.0.0.1:8080/",
    "http://127.0.0.1#@example.org/",
    "http://127.0.0.1?@example.org/",
    "http://user@127.0.0.1/",
    "http://user:pass@localhost/",
    "http://localhost%2e/",
    "http://0177.0.0.1/",
    "http://00000177.0.0.1/",
    "http://①②⑦.0.0.1/",
    "http://１２７.0.0.1/",
    "http://%31%32%37.0.0.1/",
    "http://0251.0376.0251.0376/",
    "http://[fe80::1%25lo]/",
    f"http://{PUBLIC}@127.0.0.1/",
    f"http://127.0.0.1@{PUBLIC}/",
    f"http://{PUBLIC}\\@127.0.0.1/",
    f"http://127.0.0.1\\@{PUBLIC}/",
    "http:///127.0.0.1/",
    "http://127.0.0.1%00.example.org/",
    "http://[::1]%00.example.org/",
    "http://example.org:22/",
    "http://example.org:99999/",
    "file:///etc/passwd",
    "ftp://127.0.0.1/",
    "gopher://127.0.0.1:6379/_INFO",
    "dict://127.0.0.1:11211/",
    "data:text/html,hello",
    "javascript:alert(1)",
    "//127.0.0.1/",
    "127.0.0.1",
    "",
]

# Of these, no host is even looked up.
UNREAD = SPELLINGS[SPELLINGS.index("http://user@127.0.0.1/") :]


class NoNetwork(httpcore.NetworkBackend):
    """Records who would have been connected to, and refuses."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        self.asked.append((host, port))
        raise httpcore.ConnectError("no network here")


def stub(host: str, port: int) -> Sequence[str]:
    if host in NAMES:
        return NAMES[host]
    if host == "example.org":
        return [PUBLIC]
    return numeric(host, port)


def asking(policy: FetchPolicy | None = None, **parts: Any) -> Web:
    """A client that does not spend the time it should wait."""
    clock = Clock()
    return Web(policy, clock=clock, sleep=clock.sleep, **parts)


@pytest.mark.parametrize("url", SPELLINGS)
def test_no_connection_to_a_private_address(url: str) -> None:
    network = NoNetwork()
    with asking(resolver=stub, network=network) as web, pytest.raises(CollectError) as caught:
        web.fetch(url)
    assert network.asked == []
    expected = Reason.NETWORK if "empty.example" in url else Reason.BAD_URL if url in UNREAD else Reason.PRIVATE_ADDRESS
    assert caught.value.reason == expected


def test_the_spellings_are_enough() -> None:
    assert len(set(SPELLINGS)) >= 60


def test_a_public_host_is_connected_by_its_vetted_address() -> None:
    """The control for the test above: the same stubs do let a public address through."""
    network = NoNetwork()
    with asking(resolver=stub, network=network) as web, pytest.raises(CollectError):
        web.fetch("http://example.org/")
    assert set(network.asked) == {(PUBLIC, 80)}


def test_rebinding_finds_the_address_that_was_vetted() -> None:
    """A name that turns private after the check: each connection is made to what was vetted for it."""
    answers = iter([[PUBLIC], ["127.0.0.1"], ["127.0.0.1"]])
    network = NoNetwork()
    with (
        asking(resolver=lambda host, port: next(answers), network=network) as web,
        pytest.raises(CollectError) as caught,
    ):
        web.fetch("http://rebind.example/")
    assert caught.value.reason == Reason.PRIVATE_ADDRESS
    assert network.asked == [(PUBLIC, 80)]


@pytest.mark.parametrize("host", ["six.example", "localhost", "fake-ip.example"])
def test_allow_private_lets_private_addresses_through(host: str) -> None:
    network = NoNetwork()
    policy = FetchPolicy(allow_private=True)
    with (
        asking(policy, resolver=stub, network=network) as web,
        pytest.raises(CollectError) as caught,
    ):
        web.fetch(f"http://{host}:8123/")
    assert caught.value.reason == Reason.NETWORK
    assert set(network.asked) == {(NAMES[host][0], 8123)}


@pytest.mark.parametrize("address", KINDS[Kind.FORBIDDEN])
def test_allow_private_does_not_allow_forbidden_addresses(address: str) -> None:
    with pytest.raises(CollectError) as caught:
        vet("a.example", 80, [address], FetchPolicy(allow_private=True, allow_hosts=frozenset({"a.example"})))
    assert caught.value.reason == Reason.PRIVATE_ADDRESS


def test_allow_hosts() -> None:
    policy = FetchPolicy(allow_hosts=frozenset({"intranet.example", "news.example:8080"}))
    assert vet("intranet.example", 80, ["10.0.0.7"], policy) == ("10.0.0.7",)
    assert vet("news.example", 8080, [PUBLIC], policy) == (PUBLIC,)
    for host, port, answer in [
        ("other.example", 80, "10.0.0.7"),
        ("intranet.example", 8080, PUBLIC),
        ("news.example", 8081, PUBLIC),
        ("news.example", 80, "10.0.0.7"),
    ]:
        with pytest.raises(CollectError):
            vet(host, port, [answer], policy)


def test_a_public_host_on_an_odd_port_is_refused_even_with_allow_private() -> None:
    with pytest.raises(CollectError) as caught:
        vet("news.example", 22, [PUBLIC], FetchPolicy(allow_private=True))
    assert caught.value.reason == Reason.BAD_URL


class Elsewhere(httpcore.NetworkBackend):
    """A stand-in for the public internet: connections to `PUBLIC` reach a server on loopback.

    `honest` says whether the stream claims to be the address that was asked for.
    """

    def __init__(self, port: int, *, honest: bool = True) -> None:
        self._port = port
        self._honest = honest
        self._inner = httpcore.SyncBackend()
        self.asked: list[str] = []

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        self.asked.append(host)
        if host != PUBLIC:
            return self._inner.connect_tcp(host, port, timeout)
        stream = self._inner.connect_tcp("127.0.0.1", self._port, timeout)
        return Claiming(stream, host, port) if self._honest else stream


class Claiming(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream, host: str, port: int) -> None:
        self._inner = inner
        self._peer = (host, port)
        self.read = inner.read  # type: ignore[method-assign]
        self.write = inner.write  # type: ignore[method-assign]
        self.close = inner.close  # type: ignore[method-assign]

    def get_extra_info(self, info: str) -> Any:
        return self._peer if info == "server_addr" else self._inner.get_extra_info(info)


QUICK = FetchPolicy(delay=0.001, private_delay=0.001, allow_private=True)


def test_the_peer_is_checked_after_connecting() -> None:
    with FaultServer() as server:
        network = Elsewhere(server.on("/", page()).port, honest=False)
        with Web(QUICK, resolver=stub, network=network) as web, pytest.raises(CollectError) as caught:
            web.fetch("http://example.org/")
        assert caught.value.reason == Reason.PRIVATE_ADDRESS
        assert server.paths() == []


def test_a_public_page_does_not_redirect_into_the_private_network() -> None:
    with FaultServer() as outside, FaultServer() as inside:
        inside.on("/admin", page("secret"))
        outside.on("/go", redirect(inside.url("/admin")))
        with Web(QUICK, resolver=stub, network=Elsewhere(outside.port)) as web:
            with pytest.raises(CollectError) as caught:
                web.fetch("http://example.org/go")
            assert caught.value.reason == Reason.PRIVATE_ADDRESS
            assert inside.pages() == []
            # What the user names is fetched, and its open connection is still no way in for a public page.
            assert web.fetch(inside.url("/admin")).content == b"secret"  # type: ignore[union-attr]
            with pytest.raises(CollectError) as caught:
                web.fetch("http://example.org/go")
            assert caught.value.reason == Reason.PRIVATE_ADDRESS
            assert inside.pages() == ["/admin"]


def test_a_second_address_is_tried_when_the_first_is_dead() -> None:
    with FaultServer() as server:
        server.on("/a", page("here"))
        # A loopback address nobody listens on, then the server's.
        with Web(QUICK, resolver=lambda host, port: ["127.0.0.9", "127.0.0.1"]) as web:
            found = web.fetch(f"http://two.example:{server.port}/a")
        assert found.content == b"here"  # type: ignore[union-attr]


def test_a_resolver_that_hangs_is_left_behind() -> None:
    gate = threading.Event()
    try:
        with pytest.raises(CollectError) as caught:
            resolve(lambda host, port: [PUBLIC] if gate.wait(30) else [], "slow.example", 80, 0.05)
    finally:
        gate.set()
    assert caught.value.reason == Reason.TIMEOUT
    assert caught.value.retry


def test_an_unknown_name_is_said_and_not_asked_again() -> None:
    asked: list[str] = []

    def unknown(host: str, port: int) -> list[str]:
        asked.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with asking(resolver=unknown) as web, pytest.raises(CollectError) as caught:
        web.fetch("http://no-such-name.example/")
    assert caught.value.reason == Reason.NETWORK
    assert "no-such-name.example was not found" in str(caught.value)
    assert asked == ["no-such-name.example"]


def test_the_system_resolver_answers_addresses() -> None:
    assert system_resolver("127.0.0.1", 80) == ["127.0.0.1"]
