"""What the tests of the web client share: a clock that only sleeping moves, and short words for asking."""

from __future__ import annotations

import _socket
import socket
import threading
from datetime import UTC, datetime, timedelta

import pytest

from ingest.policy import FetchPolicy
from ingest.politeness import MemoryHosts
from ingest.web import Web
from kb.errors import CollectError
from kb.models import Page
from tests.faultserver import Behaviour, Exchange

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LOCAL = FetchPolicy(allow_private=True, delay=0.001, private_delay=0.001)


def numeric(host: str, port: int) -> list[str]:
    """The system's answer for an address however it is spelled; names are not looked up.

    `_socket` is what stands behind `socket.getaddrinfo`, which the tests allow loopback alone.
    """
    infos = _socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST)
    return [str(info[4][0]) for info in infos]


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = START
        self.slept: list[float] = []
        self._lock = threading.Lock()

    def __call__(self) -> datetime:
        return self.now

    def stamp(self) -> float:
        return (self.now - START).total_seconds()

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.slept.append(seconds)
            # Microseconds are what a datetime holds; a shorter sleep would move nothing.
            self.now += max(timedelta(seconds=seconds), timedelta(microseconds=1))


def client(clock: Clock, policy: FetchPolicy = LOCAL, hosts: MemoryHosts | None = None, chance: float = 0.5) -> Web:
    return Web(policy, hosts=hosts, resolver=numeric, clock=clock, sleep=clock.sleep, draw=lambda: chance)


def fetched(web: Web, url: str, **how: object) -> Page:
    found = web.fetch(url, **how)  # type: ignore[arg-type]
    assert isinstance(found, Page)
    return found


def refused(web: Web, url: str, **how: object) -> CollectError:
    with pytest.raises(CollectError) as caught:
        web.fetch(url, **how)  # type: ignore[arg-type]
    return caught.value


def after(seconds: float, behaviour: Behaviour) -> Behaviour:
    """The same answer, later."""

    def behave(exchange: Exchange) -> bool:
        threading.Event().wait(seconds)
        return behaviour(exchange)

    return behave
