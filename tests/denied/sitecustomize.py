"""Loaded by every Python process that the tests start: no network but loopback there either.

With DENIED_LOG in the environment, what was asked for all the same is written to that file.
"""

import ipaddress
import os
import socket

_connect = socket.socket.connect
_getaddrinfo = socket.getaddrinfo


def _deny(what):  # type: ignore[no-untyped-def]
    if log := os.environ.get("DENIED_LOG"):
        with open(log, "a", encoding="utf-8") as file:
            file.write(f"{what}\n")


def _guarded(self, address):  # type: ignore[no-untyped-def]
    if self.family in (socket.AF_INET, socket.AF_INET6):
        host = str(address[0])
        if host not in ("localhost", "") and not _loopback(host):
            _deny(address)
            raise PermissionError(f"the tests have no network: {address}")
    return _connect(self, address)


def _guarded_getaddrinfo(host, *rest, **more):  # type: ignore[no-untyped-def]
    name = host.decode() if isinstance(host, bytes) else host
    if name not in ("localhost", "", None, socket.gethostname()) and not _address(name):
        _deny(name)
        raise socket.gaierror(f"the tests have no network: {name}")
    return _getaddrinfo(host, *rest, **more)


def _address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _loopback(host: str) -> bool:
    return _address(host) and ipaddress.ip_address(host).is_loopback


socket.socket.connect = _guarded
socket.getaddrinfo = _guarded_getaddrinfo
