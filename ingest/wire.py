"""One HTTP exchange on a vetted connection, within limits of time and size. The only module that knows httpx.

httpx's own timeouts are per read: a server that sends a byte now and then holds it for ever, in headers as in
the body. So every read and connect here takes its timeout from what is left of the whole fetch.
"""

from __future__ import annotations

import re
import ssl
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

import httpcore
import httpx

from ingest.addresses import Kind, Resolver, kind, resolve, vet, vet_port
from ingest.inflate import OFFERED, Inflater
from ingest.policy import FetchPolicy, Reason
from kb.errors import CollectError

LONGEST_URL = 4_096
HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+")
REDIRECTS = frozenset({301, 302, 303, 307, 308})
IDLE = 15.0
"""An unused connection is kept this long, so that the next polite request needs no new handshake."""

QUICK_CONNECT = 3.0
"""Seconds for each but the last address of a host: a dead IPv6 route must not use up the time for IPv4."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that may be asked, and its parts as httpx reads them: what is vetted is what is asked."""

    url: str
    scheme: str
    host: str
    port: int

    @property
    def key(self) -> str:
        """What politeness calls a host: the name, with the port if that is unusual."""
        return self.host if self.port in (80, 443) else f"{self.host}:{self.port}"

    @property
    def origin(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def target(url: str, policy: FetchPolicy, base: str | None = None) -> Target:
    """Read a URL, relative to `base` if given. Raises CollectError (bad_url)."""
    shown = url if len(url) <= 200 else url[:200] + "…"
    if len(url) > LONGEST_URL:
        raise CollectError(Reason.BAD_URL, f"a URL of {len(url):,} characters is not asked: {shown}")
    try:
        parsed = httpx.URL(base).join(url.strip()) if base else httpx.URL(url.strip())
        parsed = parsed.copy_with(fragment=None)
        host = parsed.raw_host.decode("ascii").lower().rstrip(".")
    except (httpx.InvalidURL, UnicodeError, ValueError) as error:
        raise CollectError(Reason.BAD_URL, f"{shown!r} is not a URL: {error}") from error
    if parsed.scheme not in ("http", "https"):
        raise CollectError(Reason.BAD_URL, f"{shown!r}: only http and https are asked")
    if not HOST.fullmatch(host):
        raise CollectError(Reason.BAD_URL, f"{shown!r} names no host that can be asked")
    if parsed.userinfo:
        raise CollectError(Reason.BAD_URL, f"{parsed.host}: a URL with a user name or password is not asked; remove it")
    port = parsed.port or (443 if parsed.scheme == "https" else 80)
    vet_port(host, port, policy)
    return Target(str(parsed.copy_with(host=host)), parsed.scheme, host, port)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said. `headers` has lower-case names; `content` is decoded, and empty unless status is 2xx.

    `connecting` is how long it took until the request was sent, `seconds` how long from there to the end.
    """

    target: Target
    status: int
    headers: Mapping[str, str]
    content: bytes
    connecting: float
    seconds: float

    @property
    def redirects(self) -> bool:
        return self.status in REDIRECTS


class Trip:
    """One fetch with its retries and redirects: they share their time, their cookies and their caution."""

    def __init__(self, policy: FetchPolicy) -> None:
        self.seconds = policy.wall
        self.cookies = httpx.Cookies()
        self.from_public = False

    def cookies_held(self) -> str:
        """The cookies so far: a site may set one and send us to the same URL again."""
        return ";".join(sorted(f"{cookie.name}={cookie.value}" for cookie in self.cookies.jar))


class _Budget:
    """What one exchange may still use. Times are those of `time.monotonic`."""

    def __init__(self, policy: FetchPolicy, trip: Trip) -> None:
        self.policy = policy
        self.from_public = trip.from_public
        self.began = time.monotonic()
        self.sent = self.began
        self._ends = self.began + trip.seconds
        self._bytes = policy.wire_bytes + policy.header_bytes
        self._header_bytes = policy.header_bytes
        self.in_headers = True
        self.peer = ""

    def timeout(self, most: float) -> float:
        left = self._ends - time.monotonic()
        if left <= 0:
            raise CollectError(
                Reason.TIMEOUT, f"not done after {self.policy.wall:.0f} s; the server is too slow", retry=True
            )
        return min(left, most)

    @property
    def spent(self) -> bool:
        return time.monotonic() >= self._ends

    def allowance(self, most: int) -> int:
        """How many bytes may be read at once: the headers must fit into theirs."""
        if self.in_headers and self._header_bytes <= 0:
            raise CollectError(Reason.TOO_LARGE, f"more than {self.policy.header_bytes:,} bytes of headers were sent")
        return min(most, self._header_bytes) if self.in_headers else most

    def take(self, count: int) -> None:
        self._header_bytes -= count
        self._bytes -= count
        if self._bytes < 0:
            raise CollectError(Reason.TOO_LARGE, f"more than {self.policy.wire_bytes:,} bytes were sent")


class _Stream(httpcore.NetworkStream):
    """A connection whose reads and writes are paid from the budget of the exchange that uses it.

    It may serve several fetches, so one that a public page sent here is vetted again before it is asked.
    """

    def __init__(self, inner: httpcore.NetworkStream, here: threading.local, name: tuple[str, int], peer: str) -> None:
        self._inner = inner
        self._here = here
        self._name = name
        self._peer = peer

    @property
    def _budget(self) -> _Budget:
        budget: _Budget = self._here.budget
        return budget

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        budget = self._budget
        data = self._inner.read(budget.allowance(max_bytes), budget.timeout(budget.policy.read))
        budget.take(len(data))
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        budget = self._budget
        vet(*self._name, [self._peer], budget.policy, from_public=budget.from_public)
        budget.sent = time.monotonic()
        budget.peer = self._peer
        self._inner.write(buffer, budget.timeout(budget.policy.read))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        limit = self._budget.timeout(self._budget.policy.connect)
        secured = self._inner.start_tls(ssl_context, server_hostname, limit)
        return _Stream(secured, self._here, self._name, self._peer)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Backend(httpcore.NetworkBackend):
    """Resolves a host once, vets all its addresses, connects to one of them and checks who picked up."""

    def __init__(self, resolver: Resolver, inner: httpcore.NetworkBackend, here: threading.local) -> None:
        self._resolver = resolver
        self._inner = inner
        self._here = here

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        budget: _Budget = self._here.budget
        policy = budget.policy
        answers = resolve(self._resolver, host, port, budget.timeout(policy.connect))
        addresses = vet(host, port, answers, policy, from_public=budget.from_public)
        for address in addresses[:-1]:
            try:
                return self._connect(host, port, address, budget.timeout(min(QUICK_CONNECT, policy.connect)))
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return self._connect(host, port, addresses[-1], budget.timeout(policy.connect))

    def _connect(self, host: str, port: int, address: str, timeout: float) -> httpcore.NetworkStream:
        stream = self._inner.connect_tcp(address, port, timeout)
        peer = stream.get_extra_info("server_addr")
        if not peer or ip_address(peer[0]) != ip_address(address):
            stream.close()
            raise CollectError(Reason.PRIVATE_ADDRESS, f"asked for {address}, but {peer} answered; not used")
        return _Stream(stream, self._here, (host, port), address)


class _Transport(httpx.HTTPTransport):
    """httpx's transport over a pool with our backend, which its constructor cannot be given."""

    def __init__(self, backend: httpcore.NetworkBackend, tls: ssl.SSLContext) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=tls,
            max_connections=None,
            max_keepalive_connections=32,
            keepalive_expiry=IDLE,
            network_backend=backend,
        )


class Wire:
    """Makes single exchanges; safe to use from several threads. `network` is where the sockets come from."""

    def __init__(
        self,
        policy: FetchPolicy,
        resolver: Resolver,
        *,
        network: httpcore.NetworkBackend | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._policy = policy
        self._here = threading.local()
        backend = _Backend(resolver, network or httpcore.SyncBackend(), self._here)
        self._transport = _Transport(backend, tls or httpx.create_ssl_context(verify=True, trust_env=False))
        self._slots = threading.BoundedSemaphore(policy.concurrency)

    def close(self) -> None:
        self._transport.close()

    def exchange(self, trip: Trip, at: Target, headers: Mapping[str, str], most: int | None = None) -> Answer:
        """Ask `at` once. With `most` the body is cut after so many decoded bytes instead of refused.

        Raises CollectError: bad_url, private_address, timeout, network, tls, too_large, bomb, bad_encoding.
        """
        with self._slots:
            budget = self._here.budget = _Budget(self._policy, trip)
            try:
                return self._exchange(trip, at, headers, most, budget)
            except httpx.TimeoutException as error:
                limit = self._policy.wall if budget.spent else self._policy.read
                message = f"{at.host} did not answer within {limit:.0f} s"
                raise CollectError(Reason.TIMEOUT, message, retry=True) from error
            except httpx.HTTPError as error:
                raise _failure(at, error) from error
            finally:
                trip.seconds -= time.monotonic() - budget.began

    def _exchange(
        self, trip: Trip, at: Target, headers: Mapping[str, str], most: int | None, budget: _Budget
    ) -> Answer:
        budget.timeout(self._policy.read)
        named = {"user-agent": self._policy.agent, "accept-encoding": OFFERED, **headers}
        request = httpx.Request("GET", at.url, headers=named)
        trip.cookies.set_cookie_header(request)
        response = self._transport.handle_request(request)
        response.request = request
        budget.in_headers = False
        try:
            trip.cookies.extract_cookies(response)
            content = self._body(response, most) if response.is_success else b""
        finally:
            response.close()
        trip.from_public = trip.from_public or kind(ip_address(budget.peer)) is Kind.PUBLIC
        return Answer(
            target=at,
            status=response.status_code,
            headers=_headers(response),
            content=content,
            connecting=budget.sent - budget.began,
            seconds=time.monotonic() - budget.sent,
        )

    def _body(self, response: httpx.Response, most: int | None) -> bytes:
        length = response.headers.get("content-length", "")
        if most is None and length.isdigit() and int(length[:18]) > self._policy.wire_bytes:
            raise CollectError(Reason.TOO_LARGE, f"the server announces {int(length[:18]):,} bytes")
        inflater = Inflater(response.headers.get("content-encoding", ""), self._policy)
        for chunk in response.iter_raw():
            inflater.feed(chunk)
            if most is not None and inflater.size >= most:
                return inflater.taken()[:most]
        return inflater.finish()


def _headers(response: httpx.Response) -> dict[str, str]:
    """Repeated headers joined by a comma; cookies end with the trip."""
    joined: dict[str, str] = {}
    for name, value in response.headers.multi_items():
        if name == "set-cookie":
            continue
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined


def _failure(at: Target, error: httpx.HTTPError) -> CollectError:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            message = f"no trusted TLS connection to {at.host}: {cause}; the certificate is not bypassed"
            return CollectError(Reason.TLS, message, retry=True)
        cause = cause.__cause__ or cause.__context__
    return CollectError(Reason.NETWORK, f"{at.host}: {error or type(error).__name__}", retry=True)
