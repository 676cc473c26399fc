"""The httpx transports under the client library: one sync, one async, both for a single call.

They keep the data path (a socket opens to the route's host or not at all), put the key into the header at the
last moment (no object of the client library ever holds it), drop the headers that would tell one vendor of
another, turn errors with status 200 and errors inside a stream into errors, and keep what the client library
throws away: request ids, finish reasons, usage, the vendor's own words.
"""

from __future__ import annotations

import functools
import json
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpcore
import httpx

from kb.providers.datapath import DataPath, is_near
from kb.providers.dialect import (
    REQUEST_ID_HEADERS,
    EventReader,
    Exchange,
    as_chunk,
    as_completion,
    as_error,
    error_in,
    note,
    read_error,
)
from kb.providers.entries import Params
from kb.providers.keys import Secret
from kb.providers.outcomes import ErrorReply
from kb.providers.retry import Timing, read_retry_after

LARGEST_REPLY = 32_000_000
"""Bytes of a reply that is not streamed, after which it is given up."""

SENT_HEADERS = ("accept", "content-type", "content-length", "transfer-encoding", "host")
"""What is kept of the client library's headers. Others name an OpenAI organisation or describe this machine."""


class PathForbidden(Exception):
    """A request to a host that the route does not name; nothing was sent, no socket was opened."""


@dataclass(frozen=True, slots=True)
class Route:
    """The one address a call may reach, the policy it is made under, and the key it carries."""

    url: str
    path: DataPath = DataPath.ANY
    key: Secret | None = None

    @property
    def address(self) -> tuple[str, int]:
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or (80 if parts.scheme == "http" else 443)

    def proxy(self) -> str | None:
        """The environment's proxy for this address. Only under `any`: a proxy is one more party in between."""
        host, _ = self.address
        if self.path is not DataPath.ANY or is_near(host) or proxy_bypass(host):
            return None
        found = getproxies().get(urlsplit(self.url).scheme)
        return found if found and found.startswith("http") else None


class Line:
    """The sockets of one call, so that another thread can end it while it waits for bytes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self.cut = threading.Event()

    def hold(self, opened: object) -> None:
        with self._lock:
            if isinstance(opened, socket.socket):
                self._sockets.append(opened)
        if self.cut.is_set():
            self.hang_up()

    def hang_up(self) -> None:
        """Shuts every socket of the call down; a thread that reads from one gets the end of the stream."""
        self.cut.set()
        with self._lock:
            for each in self._sockets:
                try:
                    each.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue


@dataclass(frozen=True, slots=True)
class Gate:
    """Decides, at the moment a socket would open, whether it may."""

    route: Route
    exchange: Exchange
    line: Line

    def check(self, host: str, port: int) -> None:
        """Raises PathForbidden unless it is the route's address, or the proxy that leads there."""
        allowed = {self.route.address}
        if proxy := self.route.proxy():
            allowed.add(Route(proxy).address)
        if (host, port) not in allowed:
            self.exchange.forbidden = host
            raise PathForbidden(f"{host}:{port} is not the address of this provider")
        if self.route.path is DataPath.LOCAL and not is_near(host):
            self.exchange.forbidden = host
            raise PathForbidden(f"{host}:{port} is not on this machine or its network")


class GatedBackend(httpcore.NetworkBackend):
    """Opens sockets for one call, through its gate."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        self._gate.check(host, port)
        stream = self._inner.connect_tcp(host, port, timeout, local_address, socket_options)
        self._gate.line.hold(stream.get_extra_info("socket"))
        return stream

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None
    ) -> httpcore.NetworkStream:
        raise PathForbidden(f"{path} is not the address of this provider")


class AsyncGatedBackend(httpcore.AsyncNetworkBackend):
    """The async twin of GatedBackend."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        self._gate.check(host, port)
        return await self._inner.connect_tcp(host, port, timeout, local_address, socket_options)

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None
    ) -> httpcore.AsyncNetworkStream:
        raise PathForbidden(f"{path} is not the address of this provider")


@functools.cache
def _tls() -> ssl.SSLContext:
    # Made once: reading the certificates takes longer than a handshake. Honours SSL_CERT_FILE.
    return httpx.create_ssl_context()


def outgoing(request: httpx.Request, route: Route, exchange: Exchange) -> httpx.Request:
    """The request as it is sent: known headers only, and the key. The given one never holds it.

    Raises PathForbidden for another address than the route's: behind a proxy the socket would not tell.
    """
    if (request.url.host, request.url.port or (80 if request.url.scheme == "http" else 443)) != route.address:
        exchange.forbidden = request.url.host
        raise PathForbidden(f"{request.url.host} is not the address of this provider")
    headers = {name: request.headers[name] for name in SENT_HEADERS if name in request.headers}
    headers |= {"user-agent": "lagebild", "accept-encoding": "identity"}
    if route.key:
        headers["authorization"] = f"Bearer {route.key.reveal()}"
    exchange.sent = True
    return httpx.Request(
        request.method, request.url, headers=headers, stream=request.stream, extensions=request.extensions
    )


@dataclass(frozen=True, slots=True)
class Reading:
    """What both transports do with requests and replies; no socket in here.

    `plain`: any JSON object is a good reply, not only a completion.
    """

    route: Route
    params: Params
    timing: Timing
    exchange: Exchange
    due_at: float
    plain: bool = False

    def outgoing(self, request: httpx.Request) -> httpx.Request:
        """The request as it is sent. Raises PathForbidden for another address than the route's."""
        return outgoing(request, self.route, self.exchange)

    def arrived(self, response: httpx.Response) -> None:
        """Keeps what the head of a reply says."""
        exchange = self.exchange
        exchange.status = response.status_code
        exchange.retry_after = read_retry_after(response.headers.get("retry-after"))
        exchange.request_id = next((response.headers[n] for n in REQUEST_ID_HEADERS if n in response.headers), "")
        exchange.headers = {n: response.headers[n] for n in self.params.quota_headers if n in response.headers}

    def due(self) -> None:
        """Raises ReadTimeout when the first word is overdue, whatever else is being sent."""
        if not self.exchange.words and time.monotonic() > self.due_at:
            raise httpx.ReadTimeout("no word came in the time allowed")

    def whole(self, content: bytes, streaming: bool) -> httpx.Response:
        """A reply that came in one piece, as the client library expects it: a completion, events, or an error."""
        exchange, status = self.exchange, self.exchange.status or 0
        if status >= 300:
            exchange.fail(read_error(status, content))
            return self._error()
        try:
            data = json.loads(content)
        except ValueError:
            return self._malformed("a reply that is not JSON")
        if error := error_in(data):
            exchange.fail(error)
            return self._error()
        if not isinstance(data, dict):
            return self._malformed("a reply that is not an object")
        if self.plain:
            note(data, exchange, self.params)
            return httpx.Response(200, json=data)
        completion = as_completion(data, self.params)
        if completion is None:
            return self._malformed("a reply without a message")
        note(completion, exchange, self.params)
        exchange.done = True
        if not streaming:
            return httpx.Response(200, json=completion)
        event = json.dumps(as_chunk(completion, self.params))
        return httpx.Response(
            200, headers={"content-type": "text/event-stream"}, content=f"data: {event}\n\ndata: [DONE]\n\n"
        )

    def _malformed(self, what: str) -> httpx.Response:
        self.exchange.malformed = True
        self.exchange.fail(ErrorReply(200, message=f"the provider sent {what}"))
        return self._error()

    def _error(self) -> httpx.Response:
        status = self.exchange.error.status if self.exchange.error else 0
        return httpx.Response(status if status >= 400 else 422, json=as_error(self.exchange))


def _asks_for_stream(request: httpx.Request) -> bool:
    return b'"stream":true' in request.content.replace(b" ", b"")


def _is_events(response: httpx.Response) -> bool:
    kind = response.headers.get("content-type", "")
    return response.status_code == 200 and ("event-stream" in kind or not kind)


class DialectTransport(httpx.HTTPTransport):
    """The sync transport of one call."""

    def __init__(self, reading: Reading, line: Line) -> None:
        # HTTPTransport makes its pool without a way to say who opens the sockets, so the pool is made here.
        self._reading = reading
        backend = GatedBackend(Gate(reading.route, reading.exchange, line))
        self._pool = _pool(reading.route, backend)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        response = super().handle_request(self._reading.outgoing(request))
        self._reading.arrived(response)
        if _asks_for_stream(request) and _is_events(response):
            events = _Events(response, EventReader(self._reading.exchange, self._reading.params, self._reading.due))
            return httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=events)
        content = bytearray()
        for chunk in response.iter_bytes():
            content += chunk
            if len(content) > LARGEST_REPLY:
                break
        response.close()
        return self._reading.whole(bytes(content), _asks_for_stream(request))


def _pool(route: Route, backend: GatedBackend) -> httpcore.ConnectionPool:
    if found := route.proxy():
        proxy = httpx.Proxy(found)
        return httpcore.HTTPProxy(
            str(proxy.url), proxy_auth=proxy.raw_auth, ssl_context=_tls(), network_backend=backend
        )
    return httpcore.ConnectionPool(ssl_context=_tls(), network_backend=backend)


class GatedTransport(httpx.HTTPTransport):
    """The gate alone, for clients of other libraries that make many requests to one address."""

    def __init__(self, route: Route) -> None:
        self._route = route
        self._pool = _pool(route, GatedBackend(Gate(route, Exchange(), Line())))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return super().handle_request(outgoing(request, self._route, Exchange()))


def gated_client(route: Route, timeout: float) -> httpx.Client:
    """A client that reaches the route's address and no other; a request elsewhere raises PathForbidden."""
    return httpx.Client(transport=GatedTransport(route), timeout=timeout, trust_env=False)


class _Events(httpx.SyncByteStream):
    def __init__(self, response: httpx.Response, reader: EventReader) -> None:
        self._response = response
        self._reader = reader

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._response.iter_bytes():
            yield from self._reader.feed(chunk)
        yield from self._reader.finish()

    def close(self) -> None:
        self._response.close()


class AsyncDialectTransport(httpx.AsyncHTTPTransport):
    """The async transport of one call."""

    def __init__(self, reading: Reading, line: Line) -> None:
        self._reading = reading
        backend = AsyncGatedBackend(Gate(reading.route, reading.exchange, line))
        if found := reading.route.proxy():
            proxy = httpx.Proxy(found)
            self._pool = httpcore.AsyncHTTPProxy(
                str(proxy.url), proxy_auth=proxy.raw_auth, ssl_context=_tls(), network_backend=backend
            )
        else:
            self._pool = httpcore.AsyncConnectionPool(ssl_context=_tls(), network_backend=backend)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        response = await super().handle_async_request(self._reading.outgoing(request))
        self._reading.arrived(response)
        if _asks_for_stream(request) and _is_events(response):
            reader = EventReader(self._reading.exchange, self._reading.params, self._reading.due)
            events = _AsyncEvents(response, reader)
            return httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=events)
        content = bytearray()
        async for chunk in response.aiter_bytes():
            content += chunk
            if len(content) > LARGEST_REPLY:
                break
        await response.aclose()
        return self._reading.whole(bytes(content), _asks_for_stream(request))


class _AsyncEvents(httpx.AsyncByteStream):
    def __init__(self, response: httpx.Response, reader: EventReader) -> None:
        self._response = response
        self._reader = reader

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._response.aiter_bytes():
            for event in self._reader.feed(chunk):
                yield event
        for event in self._reader.finish():
            yield event

    async def aclose(self) -> None:
        await self._response.aclose()


def http_client(reading: Reading, line: Line) -> httpx.Client:
    """A client for one call; close it to close its sockets."""
    return httpx.Client(transport=DialectTransport(reading, line), timeout=_timeouts(reading.timing))


def async_http_client(reading: Reading, line: Line) -> httpx.AsyncClient:
    """The async twin of `http_client`."""
    return httpx.AsyncClient(transport=AsyncDialectTransport(reading, line), timeout=_timeouts(reading.timing))


def _timeouts(timing: Timing) -> httpx.Timeout:
    return httpx.Timeout(timing.read, connect=timing.connect)
