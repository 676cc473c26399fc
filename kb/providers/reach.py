"""Whether a host can be reached, and if not, at which step it fails and who seems to stand in the way.

Name, connection, TLS: each is tried by itself, since each is blocked by someone else. Nothing is sent.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import time
from dataclasses import dataclass
from enum import StrEnum


class Barrier(StrEnum):
    """What stands in the way."""

    NONE = "none"
    NO_NAME = "no_name"
    FALSE_NAME = "false_name"
    REFUSED = "refused"
    SILENCE = "silence"
    RESET = "reset"
    FALSE_CERTIFICATE = "false_certificate"
    NOT_TLS = "not_tls"


ADVICE: dict[Barrier, dict[str, str]] = {
    Barrier.NONE: {"en": "reachable", "de": "erreichbar", "zh": "可以连接"},
    Barrier.NO_NAME: {
        "en": "the name is not resolved: no network, or the resolver blocks it; try another DNS server or a proxy",
        "de": "der Name wird nicht aufgelöst: kein Netz, oder der DNS-Server sperrt ihn; versuchen Sie einen anderen "
        "DNS-Server oder einen Proxy",
        "zh": "域名无法解析：没有网络，或 DNS 屏蔽了它；请换一个 DNS 服务器或使用代理",
    },
    Barrier.FALSE_NAME: {
        "en": "the name leads to an address that cannot be right: a resolver on the way lies; use encrypted DNS or a "
        "proxy",
        "de": "der Name führt zu einer Adresse, die nicht stimmen kann: Ein DNS-Server unterwegs lügt; nehmen Sie "
        "verschlüsseltes DNS oder einen Proxy",
        "zh": "域名解析到不可能的地址：DNS 被污染；请使用加密 DNS 或代理",
    },
    Barrier.REFUSED: {
        "en": "the connection is refused: nothing listens there, or a firewall near you answers for it",
        "de": "die Verbindung wird abgelehnt: Dort lauscht niemand, oder eine Firewall in Ihrer Nähe antwortet dafür",
        "zh": "连接被拒绝：对方没有监听，或本地防火墙代为拒绝",
    },
    Barrier.SILENCE: {
        "en": "nothing comes back: a firewall drops the packets, or the host is down; use a proxy (https_proxy) or a "
        "mirror, or another provider",
        "de": "es kommt nichts zurück: Eine Firewall verwirft die Pakete, oder der Rechner ist aus; nehmen Sie einen "
        "Proxy "
        "(https_proxy), einen Spiegel oder einen anderen Anbieter",
        "zh": "没有任何回应：防火墙丢弃了数据包，或主机已停机；请使用代理（https_proxy）、镜像或其他服务商",
    },
    Barrier.RESET: {
        "en": "the connection is cut when the host's name is named: a filter on the way, not the host; use a proxy "
        "(https_proxy), a mirror, or another provider",
        "de": "die Verbindung wird beim Nennen des Namens gekappt: ein Filter unterwegs, nicht der Rechner; nehmen Sie "
        "einen Proxy (https_proxy), einen Spiegel oder einen anderen Anbieter",
        "zh": "发送域名时连接被切断：是途中的过滤，不是主机本身；请使用代理（https_proxy）、镜像或其他服务商",
    },
    Barrier.FALSE_CERTIFICATE: {
        "en": "the certificate is not the host's: the name leads to another machine (a false DNS answer: use encrypted "
        "DNS or a proxy), someone reads along (a company proxy? name its certificate in SSL_CERT_FILE), or the clock "
        "is wrong",
        "de": "das Zertifikat gehört nicht zum Rechner: Der Name führt woandershin (eine falsche DNS-Antwort: nehmen "
        "Sie verschlüsseltes DNS oder einen Proxy), jemand liest mit (ein Firmenproxy? nennen Sie sein Zertifikat in "
        "SSL_CERT_FILE), oder die Uhr geht falsch",
        "zh": "证书与主机不符：域名被解析到别处（DNS 污染：请使用加密 DNS 或代理），有人在中间（公司代理？请在 "
        "SSL_CERT_FILE 指定其证书），或系统时间不对",
    },
    Barrier.NOT_TLS: {
        "en": "what answers there does not speak TLS: a login page of the network, or the wrong port",
        "de": "was dort antwortet, spricht kein TLS: eine Anmeldeseite des Netzes, oder der falsche Port",
        "zh": "对方不是 TLS 服务：可能是网络登录页，或端口错误",
    },
}


@dataclass(frozen=True, slots=True)
class Reach:
    """How far towards a host one gets: the barrier, the address that was tried, seconds until it was known."""

    host: str
    port: int
    barrier: Barrier
    address: str = ""
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        return self.barrier is Barrier.NONE

    def advice(self, language: str = "en") -> str:
        """What it means and what to do, in en, de or zh."""
        texts = ADVICE[self.barrier]
        return texts.get(language, texts["en"])


def reach(host: str, port: int = 443, *, tls: bool = True, near: bool = False, timeout: float = 8.0) -> Reach:
    """Tries name, connection and TLS of a host. `near`: a private address is right for it. Never raises."""
    begun = time.monotonic()

    def found(barrier: Barrier, address: str = "") -> Reach:
        return Reach(host, port, barrier, address, time.monotonic() - begun)

    try:
        address = str(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4][0])
    except OSError:
        return found(Barrier.NO_NAME)
    if not near and not ipaddress.ip_address(address.split("%")[0]).is_global:
        return found(Barrier.FALSE_NAME, address)
    try:
        with socket.create_connection((address, port), timeout) as line:
            return found(_tls(line, host) if tls else Barrier.NONE, address)
    except ConnectionRefusedError:
        return found(Barrier.REFUSED, address)
    except ConnectionResetError:
        return found(Barrier.RESET, address)
    except OSError:
        return found(Barrier.SILENCE, address)


def _tls(line: socket.socket, host: str) -> Barrier:
    from httpx import create_ssl_context

    try:
        with create_ssl_context().wrap_socket(line, server_hostname=host):
            return Barrier.NONE
    except ssl.SSLCertVerificationError:
        return Barrier.FALSE_CERTIFICATE
    except (ssl.SSLEOFError, ssl.SSLZeroReturnError, ConnectionResetError, BrokenPipeError):
        return Barrier.RESET
    except ssl.SSLError:
        return Barrier.NOT_TLS
    except OSError:
        return Barrier.SILENCE
