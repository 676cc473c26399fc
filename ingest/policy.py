"""What the web client is asked and may do, and the words for why it did not."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Self

from kb.models import Page

PRODUCT = "Lagebild"
"""The product token: what a site writes in its robots.txt to address us."""

CONTACT = "https://lagebild.example/robot"
"""Where a site owner reads who we are; an operator puts a page or mail address of their own here."""


class Reason(StrEnum):
    """Why a request gave no page: the `reason` of the `CollectError`s that the web client raises."""

    BAD_URL = "bad_url"
    PRIVATE_ADDRESS = "private_address"
    ROBOTS = "robots"
    OPT_OUT = "opt_out"
    NOT_FOUND = "not_found"
    GONE = "gone"
    FORBIDDEN = "forbidden"
    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"
    SERVER_ERROR = "server_error"
    UNEXPECTED_STATUS = "unexpected_status"
    TIMEOUT = "timeout"
    TOO_LARGE = "too_large"
    BOMB = "bomb"
    BAD_ENCODING = "bad_encoding"
    REDIRECT_LOOP = "redirect_loop"
    TOO_MANY_REDIRECTS = "too_many_redirects"
    BAD_REDIRECT = "bad_redirect"
    TLS = "tls"
    NETWORK = "network"


class Purpose(StrEnum):
    """What is fetched. Robots rules bind pages and sitemaps; a feed is published to be polled."""

    PAGE = "page"
    FEED = "feed"
    SITEMAP = "sitemap"


@cache
def user_agent(contact: str = CONTACT) -> str:
    """Our name, our version, and where to complain: `Lagebild/1.2 (+https://…)`."""
    try:
        number = version("lagebild")
    except PackageNotFoundError:
        number = "0"
    return f"{PRODUCT}/{number} (+{contact})"


@dataclass(frozen=True, slots=True)
class FetchPolicy:
    """Limits, courtesy and permissions of the web client. Times in seconds, sizes in bytes.

    `wall` bounds the transfer time of one fetch: all its redirects and retries, without the pauses that
    politeness asks for. `ratio` (decoded to wire) is judged once `ratio_from` bytes are decoded.
    `delay` is the least time between two starts on one host, `private_delay` the same for hosts on this
    machine or network. A wait longer than `patience` is not slept but raised. `allow_hosts` holds names
    ("intranet.example") that may have private addresses, or names with a port ("news.example:8080").
    `allow_private` lets loopback and private addresses be asked, on any port; a public page can still not
    redirect to one. `ignore_robots` leaves robots.txt unread; `respect_optout` honours what sites say
    about AI use (robots rules for AI agents, Content-Signal, tdmrep.json, X-Robots-Tag).
    """

    connect: float = 10.0
    read: float = 15.0
    wall: float = 45.0
    wire_bytes: int = 5_000_000
    decoded_bytes: int = 15_000_000
    ratio: int = 100
    ratio_from: int = 1_000_000
    header_bytes: int = 65_536
    redirects: int = 5
    delay: float = 2.0
    private_delay: float = 0.05
    longest_delay: float = 60.0
    tries: int = 3
    patience: float = 10.0
    concurrency: int = 8
    agent: str = field(default_factory=user_agent)
    allow_private: bool = False
    allow_hosts: frozenset[str] = frozenset()
    allow_downgrade: bool = False
    ignore_robots: bool = False
    respect_optout: bool = True


@dataclass(frozen=True, slots=True)
class Validators:
    """What a server gave to ask "has it changed?" with. Keep them only once all it covered is stored."""

    etag: str | None = None
    last_modified: str | None = None

    @classmethod
    def of(cls, page: Page) -> Self:
        return cls(page.headers.get("etag"), page.headers.get("last-modified"))


@dataclass(frozen=True, slots=True)
class NotModified:
    """The server says that nothing changed since the validators were given."""

    url: str
    fetched: datetime
