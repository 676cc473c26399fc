"""Where a question may go: the policy, and where an address stands.

The registry says of every endpoint in which `Area` its host stands; a `DataPath` says which areas may be
reached. An endpoint whose area nobody established passes under `any` alone.
"""

from __future__ import annotations

import ipaddress
from enum import StrEnum


class Area(StrEnum):
    """Where a host stands."""

    MAINLAND = "mainland"
    OUTSIDE = "outside"
    LOCAL = "local"
    UNKNOWN = "unknown"


class DataPath(StrEnum):
    """Which areas a question, its evidence and its embeddings may reach."""

    ANY = "any"
    LOCAL = "local"
    MAINLAND = "mainland"
    NO_MAINLAND = "no-mainland"

    def permits(self, area: Area) -> bool:
        return area in PERMITTED[self]

    def within(self, other: DataPath) -> DataPath:
        """The path that permits what both permit: a session may narrow what the settings allow, never widen it."""
        both = PERMITTED[self] & PERMITTED[other]
        return next(path for path in DataPath if PERMITTED[path] == both)


PERMITTED: dict[DataPath, frozenset[Area]] = {
    DataPath.ANY: frozenset(Area),
    DataPath.LOCAL: frozenset({Area.LOCAL}),
    DataPath.MAINLAND: frozenset({Area.MAINLAND, Area.LOCAL}),
    DataPath.NO_MAINLAND: frozenset({Area.OUTSIDE, Area.LOCAL}),
}


def is_loopback(host: str) -> bool:
    """True for localhost and for loopback addresses written as numbers."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_near(host: str) -> bool:
    """True for this machine and its own network: localhost, and loopback, private or link-local numbers.

    A name is never near, since only a resolver knows where it leads.
    """
    if is_loopback(host):
        return True
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return address.is_private and not address.is_unspecified
