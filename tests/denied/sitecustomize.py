"""Loaded by every Python process that the tests start: no network but loopback there either."""

import ipaddress
import socket

_connect = socket.socket.connect


def _guarded(self, address):  # type: ignore[no-untyped-def]
    if self.family in (socket.AF_INET, socket.AF_INET6):
        host = str(address[0])
        if host not in ("localhost", "") and not _loopback(host):
            raise PermissionError(f"the tests have no network: {address}")
    return _connect(self, address)


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


socket.socket.connect = _guarded
