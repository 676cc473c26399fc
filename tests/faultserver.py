"""An HTTP server on loopback that lies: raw sockets, one behaviour per path, every request recorded.

    with FaultServer() as server:
        server.on("/a", reply(b"hello"))
        server.on("/b", reply(status=503, retry_after="7"), reply(b"back"))   # the last one repeats
        …
        server.paths()   # ["/robots.txt", "/a", …]

Paths without a behaviour answer 404, so robots.txt allows everything unless a test says otherwise.
"""

from __future__ import annotations

import gzip
import socket
import ssl
import struct
import threading
import time
import zlib
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it arrived. `at` is the server's clock; `connection` counts accepted connections from 0."""

    path: str
    at: float
    headers: dict[str, str]
    connection: int


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a behaviour works with: the socket, the request, and whether the server is going down."""

    socket: socket.socket
    asked: Asked
    stopping: threading.Event

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)


Behaviour = Callable[[Exchange], bool]
"""Answers one request; returns whether the connection may be used again."""


def head(status: int, headers: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} Said"] + [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8")


def reply(body: bytes = b"", status: int = 200, **headers: str) -> Behaviour:
    """An honest answer. Header names are written with underscores."""

    def behave(exchange: Exchange) -> bool:
        exchange.send(head(status, {"content-length": str(len(body)), **headers}) + body)
        return True

    return behave


def page(text: str = "<p>Hello", **headers: str) -> Behaviour:
    return reply(text.encode(), **{"content-type": "text/html; charset=utf-8", **headers})


def redirect(location: str, status: int = 302, **headers: str) -> Behaviour:
    return reply(status=status, location=location, **headers)


def raw(data: bytes) -> Behaviour:
    """Exactly these bytes, then the connection is closed."""

    def behave(exchange: Exchange) -> bool:
        exchange.send(data)
        return False

    return behave


def short(body: bytes, announced: int) -> Behaviour:
    """Announces more bytes than it sends."""
    return raw(head(200, {"content-type": "text/html", "content-length": str(announced)}) + body)


def broken_chunks(body: bytes) -> Behaviour:
    """A chunked answer that stops before its end."""
    start = head(200, {"content-type": "text/html", "transfer-encoding": "chunked"})
    return raw(start + f"{len(body):x}\r\n".encode() + body + b"\r\n")


def reset() -> Behaviour:
    """Half an answer, then a TCP reset."""

    def behave(exchange: Exchange) -> bool:
        exchange.send(head(200, {"content-length": "1000"}) + b"x" * 10)
        exchange.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False

    return behave


def close() -> Behaviour:
    """Closes without a word."""
    return lambda exchange: False


def silent(seconds: float = 30.0) -> Behaviour:
    """Says nothing for long, then answers: a client that waits gets a page."""

    def behave(exchange: Exchange) -> bool:
        exchange.stopping.wait(seconds)
        exchange.send(head(200, {"content-length": "2"}) + b"ok")
        return False

    return behave


def drip(start: bytes, piece: bytes, every: float = 0.02, seconds: float = 30.0, end: bytes = b"") -> Behaviour:
    """`start`, then `piece` again and again, each within any read timeout; after `seconds` an honest `end`."""

    def behave(exchange: Exchange) -> bool:
        until = time.monotonic() + seconds
        exchange.send(start)
        while time.monotonic() < until and not exchange.stopping.wait(every):
            exchange.send(piece)
        exchange.send(end)
        return False

    return behave


def drip_body(every: float = 0.02) -> Behaviour:
    return drip(head(200, {"content-type": "text/html", "connection": "close"}), b"x", every)


def drip_headers(every: float = 0.02) -> Behaviour:
    return drip(b"HTTP/1.1 200 OK\r\n", b"x-more: 1\r\n", every, end=b"content-length: 2\r\n\r\nok")


def endless(piece: bytes = b"x" * 65_536, start: bytes = b"") -> Behaviour:
    """A body without an end, as fast as it is read."""
    return drip(start or head(200, {"content-type": "text/html", "connection": "close"}), piece, every=0.0)


def gzip_bomb(size: int) -> bytes:
    """`size` zero bytes, packed about a thousand to one."""
    packer = zlib.compressobj(9, wbits=zlib.MAX_WBITS | 16)
    block = bytes(1_000_000)
    parts = [packer.compress(block) for _ in range(size // len(block))]
    return b"".join(parts) + packer.flush()


def packed(body: bytes, coding: str = "gzip") -> bytes:
    if coding == "gzip":
        return gzip.compress(body)
    if coding == "deflate":
        return zlib.compress(body)
    engine = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return engine.compress(body) + engine.flush()


@dataclass
class _Record:
    asked: list[Asked] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0
    connections: int = 0


class FaultServer:
    """Listens on a free port of `host`. `clock` stamps the requests; with `tls` it speaks https."""

    def __init__(
        self, host: str = "127.0.0.1", clock: Callable[[], float] = time.monotonic, tls: ssl.SSLContext | None = None
    ) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.socket(family, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((host, 0))
        self._listener.listen(64)
        self.port: int = self._listener.getsockname()[1]
        self._tls = tls
        shown = f"[{host}]" if ":" in host else host
        self.base = f"{'https' if tls else 'http'}://{shown}:{self.port}"
        self._clock = clock
        self._routes: dict[str, tuple[Behaviour, ...]] = {}
        self._turns: dict[str, int] = defaultdict(int)
        self._lock = threading.Lock()
        self._record = _Record()
        self._stopping = threading.Event()
        self._open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        # Closing a socket does not wake a thread that accepts on it; a connection does.
        socket.create_connection(self._listener.getsockname()[:2]).close()
        self._thread.join()
        self._listener.close()
        with self._lock:
            for connection in self._open:
                connection.close()

    def on(self, path: str, *behaviours: Behaviour) -> Self:
        self._routes[path] = behaviours
        return self

    def url(self, path: str) -> str:
        return self.base + path

    @property
    def asked(self) -> list[Asked]:
        with self._lock:
            return list(self._record.asked)

    @property
    def most_in_flight(self) -> int:
        return self._record.most_in_flight

    @property
    def connections(self) -> int:
        """How many connections were accepted."""
        return self._record.connections

    def paths(self) -> list[str]:
        return [asked.path for asked in self.asked]

    def pages(self) -> list[str]:
        """The paths asked for, without the rule files that a crawler reads first."""
        return [path for path in self.paths() if path not in ("/robots.txt", "/.well-known/tdmrep.json")]

    def times(self, path: str) -> list[float]:
        return [asked.at for asked in self.asked if asked.path == path]

    def _accept(self) -> None:
        while not self._stopping.is_set():
            connection, _ = self._listener.accept()
            with self._lock:
                number = self._record.connections
                self._record.connections += 1
                self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection, number), daemon=True).start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        buffer = b""
        try:
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            while not self._stopping.is_set():
                while b"\r\n\r\n" not in buffer:
                    if not (data := connection.recv(65_536)):
                        return
                    buffer += data
                request, buffer = buffer.split(b"\r\n\r\n", 1)
                if not self._answer(connection, request, number):
                    return
        except OSError:
            return
        finally:
            connection.close()

    def _answer(self, connection: socket.socket, request: bytes, number: int) -> bool:
        lines = request.decode("latin-1").split("\r\n")
        path = lines[0].split(" ")[1]
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        asked = Asked(path, self._clock(), headers, number)
        with self._lock:
            self._record.asked.append(asked)
            self._record.in_flight += 1
            self._record.most_in_flight = max(self._record.most_in_flight, self._record.in_flight)
            behaviours = self._routes.get(path, (reply(b"no such page", status=404),))
            behaviour = behaviours[min(self._turns[path], len(behaviours) - 1)]
            self._turns[path] += 1
        try:
            return behaviour(Exchange(connection, asked, self._stopping))
        finally:
            with self._lock:
                self._record.in_flight -= 1
