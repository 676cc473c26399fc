"""Which addresses the web client may connect to. The string of a URL is never judged, only what it resolves to."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from ingest.policy import FetchPolicy, Reason
from kb.errors import CollectError

Resolver = Callable[[str, int], Sequence[str]]
"""Host name and port to IP addresses, as text. Raises OSError if there are none."""

WEB_PORTS = frozenset({80, 443})


class Unresolved(CollectError):
    """A name without an address; asking again at once would not help."""


class Kind(StrEnum):
    """Who may be at an address: anyone, this machine or its network, or nobody we want to talk to."""

    PUBLIC = "public"
    PRIVATE = "private"
    FORBIDDEN = "forbidden"


# Sources: the IANA registries of special-purpose IPv4 and IPv6 addresses (RFC 6890 and later).
# `ipaddress.is_global` is not used: on Python 3.11 it calls 64:ff9b::7f00:1, 2002:7f00:1::, ::7f00:1,
# fec0::1 and multicast global.
FAKE_DNS = IPv4Network("198.18.0.0/15")
PRIVATE_4 = (
    IPv4Network("127.0.0.0/8"),
    IPv4Network("10.0.0.0/8"),
    IPv4Network("172.16.0.0/12"),
    IPv4Network("192.168.0.0/16"),
    IPv4Network("100.64.0.0/10"),
    FAKE_DNS,
)
FORBIDDEN_4 = tuple(
    IPv4Network(net)
    for net in (
        "0.0.0.0/8",
        "169.254.0.0/16",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.175.48.0/24",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
LOOPBACK_6 = IPv6Address("::1")
UNIQUE_LOCAL_6 = IPv6Network("fc00::/7")
GLOBAL_6 = IPv6Network("2000::/3")
FORBIDDEN_6 = tuple(
    IPv6Network(net) for net in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
)
MAPPED_6 = IPv6Network("::ffff:0:0/96")
NAT64_6 = IPv6Network("64:ff9b::/96")
ISATAP = (0x0000_5EFE, 0x0200_5EFE)


def kind(address: IPv4Address | IPv6Address) -> Kind:
    """What an address is, after unwrapping the IPv4 address that some IPv6 addresses carry.

    6to4, Teredo, IPv4-compatible and local NAT64 addresses are forbidden whatever they carry: they are
    retired, and no news site is there. 64:ff9b::/96 is what DNS64 answers on an IPv6-only network.
    """
    if isinstance(address, IPv4Address):
        return _kind4(address)
    low = IPv4Address(int(address) & 0xFFFF_FFFF)
    if address in MAPPED_6:
        return _kind4(low)
    if address == LOOPBACK_6 or address in UNIQUE_LOCAL_6:
        return Kind.PRIVATE
    if address in NAT64_6:
        return Kind.PUBLIC if _kind4(low) is Kind.PUBLIC else Kind.FORBIDDEN
    if address not in GLOBAL_6 or any(address in net for net in FORBIDDEN_6):
        return Kind.FORBIDDEN
    if (int(address) >> 32) & 0xFFFF_FFFF in ISATAP and _kind4(low) is not Kind.PUBLIC:
        return Kind.FORBIDDEN
    return Kind.PUBLIC


def _kind4(address: IPv4Address) -> Kind:
    if any(address in net for net in FORBIDDEN_4):
        return Kind.FORBIDDEN
    if any(address in net for net in PRIVATE_4):
        return Kind.PRIVATE
    return Kind.PUBLIC


def vet(
    host: str, port: int, answers: Sequence[str], policy: FetchPolicy, *, from_public: bool = False
) -> tuple[str, ...]:
    """The addresses of `host` to connect to, all of them; one bad answer refuses the host.

    `from_public` says that a public server sent us here: then `allow_private` does not count.
    Raises CollectError (private_address, bad_url, network).
    """
    addresses = [_parsed(host, answer) for answer in answers]
    if not addresses:
        raise Unresolved(Reason.NETWORK, f"{host} has no address; check the name", retry=True)
    listed = host in policy.allow_hosts or f"{host}:{port}" in policy.allow_hosts
    private_ok = listed or (policy.allow_private and not from_public)
    for address in addresses:
        what = kind(address)
        if what is Kind.FORBIDDEN or (what is Kind.PRIVATE and not private_ok):
            raise CollectError(Reason.PRIVATE_ADDRESS, _refusal(host, address, what, from_public))
    if all(kind(address) is Kind.PUBLIC for address in addresses):
        vet_port(host, port, policy, private_ok=False)
    return tuple(dict.fromkeys(str(address) for address in addresses))


def vet_port(host: str, port: int, policy: FetchPolicy, *, private_ok: bool | None = None) -> None:
    """Raise CollectError (bad_url) for a port that news is not served on, unless it is allowed.

    Names that are private by their very spelling pass: `vet` has the better word for them.
    """
    private_ok = policy.allow_private if private_ok is None else private_ok
    if port in WEB_PORTS or private_ok or is_local_name(host) or f"{host}:{port}" in policy.allow_hosts:
        return
    raise CollectError(
        Reason.BAD_URL, f"{host}:{port}: only ports 80 and 443 are asked; add '{host}:{port}' to the allowed hosts"
    )


def _parsed(host: str, answer: str) -> IPv4Address | IPv6Address:
    try:
        return ip_address(answer)
    except ValueError:
        raise CollectError(Reason.PRIVATE_ADDRESS, f"{host} resolves to {answer!r}, which is no address") from None


def _refusal(host: str, address: IPv4Address | IPv6Address, what: Kind, from_public: bool) -> str:
    seen = f"{host} is" if host == str(address) else f"{host} is at {address},"
    if what is Kind.FORBIDDEN:
        return f"{seen} an address that is never asked"
    if from_public:
        return f"{seen} a private address, and a public page sent us there"
    if isinstance(address, IPv4Address) and address in FAKE_DNS:
        return f"{seen} what a proxy with fake-ip DNS answers; turn fake-ip off, or use --allow-private"
    return f"{seen} a private address; use --allow-private if this is meant"


def is_local_name(host: str) -> bool:
    """Whether a host is by its very name on this machine or network (for the pace, not for permission)."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return kind(ip_address(host)) is Kind.PRIVATE
    except ValueError:
        return False


def system_resolver(host: str, port: int) -> list[str]:
    """What the system's resolver answers."""
    return [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def resolve(resolver: Resolver, host: str, port: int, seconds: float) -> Sequence[str]:
    """The answers of `resolver`, or CollectError (timeout, network, bad_url) within `seconds`.

    getaddrinfo has no timeout, so it runs in a thread of its own that is left behind if it hangs.
    """
    answers: list[Sequence[str] | Exception] = []

    def ask() -> None:
        try:
            answers.append(resolver(host, port))
        except (OSError, UnicodeError) as error:
            answers.append(error)

    thread = threading.Thread(target=ask, name=f"resolve {host}", daemon=True)
    thread.start()
    thread.join(seconds)
    if not answers:
        raise CollectError(Reason.TIMEOUT, f"the name {host} was not resolved in {seconds:.0f} s", retry=True)
    answer = answers[0]
    if isinstance(answer, UnicodeError):
        raise CollectError(Reason.BAD_URL, f"{host!r} is not a host name") from answer
    if isinstance(answer, Exception):
        message = f"{host} was not found; check the name and the network"
        raise Unresolved(Reason.NETWORK, message, retry=True) from answer
    return answer
