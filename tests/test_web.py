"""Rows 20 to 24, 27 and 28 of the fault matrix: the web client against a server that lies."""

from __future__ import annotations

import ssl
import threading
import tracemalloc
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from ingest.inflate import gunzip
from ingest.policy import PRODUCT, FetchPolicy, Reason, user_agent
from ingest.web import FEED, NotModified, Validators, Web
from kb.errors import CollectError
from tests.faultserver import (
    Behaviour,
    FaultServer,
    broken_chunks,
    close,
    drip_body,
    drip_headers,
    endless,
    gzip_bomb,
    head,
    packed,
    page,
    raw,
    redirect,
    reply,
    reset,
    short,
    silent,
)
from tests.webclient import LOCAL, Clock, after, client, fetched, refused

CERTIFICATE = Path(__file__).parent / "data" / "loopback.pem"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server(clock: Clock) -> Iterator[FaultServer]:
    with FaultServer(clock=clock.stamp) as running:
        yield running


@pytest.fixture
def web(clock: Clock) -> Iterator[Web]:
    with client(clock) as client_:
        yield client_


# --- what a page is -------------------------------------------------------------------------------------------


def test_a_page(server: FaultServer, web: Web) -> None:
    body = "Ein schöner Tag".encode("latin-1")
    server.on("/a", reply(body, content_type='Text/HTML; Charset="ISO-8859-1"', etag='"7"', x_twice="1"))
    found = fetched(web, server.url("/a") + "#part")
    assert found.url == server.url("/a") + "#part"
    assert found.final_url == server.url("/a")
    assert found.content == body
    assert (found.media_type, found.charset, found.status) == ("text/html", "iso-8859-1", 200)
    assert found.fetched.tzinfo is not None
    assert found.headers["etag"] == '"7"'


def test_a_page_without_a_type(server: FaultServer, web: Web) -> None:
    found = fetched(web, server.on("/a", reply(b"x")).url("/a"))
    assert (found.media_type, found.charset) == ("application/octet-stream", None)


def test_who_asks(server: FaultServer, web: Web) -> None:
    fetched(web, server.on("/a", page()).url("/a"))
    headers = server.asked[-1].headers
    assert headers["user-agent"] == user_agent() == LOCAL.agent
    assert headers["user-agent"].startswith(f"{PRODUCT}/") and "(+https://" in headers["user-agent"]
    assert headers["accept-encoding"] == "gzip, deflate"
    assert headers["host"] == f"127.0.0.1:{server.port}"
    assert "cookie" not in headers


def test_environment_proxies_are_not_used(server: FaultServer, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultServer() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.base)
        with client(clock) as web:
            assert fetched(web, server.on("/a", page("direct")).url("/a")).content == b"direct"
        assert proxy.connections == 0


@pytest.mark.parametrize("host", ["::1"])
def test_ipv6(host: str, clock: Clock) -> None:
    try:
        running = FaultServer(host)
    except OSError:
        pytest.skip("no IPv6 on this machine")
    with running as server, client(clock) as web:
        assert fetched(web, server.on("/a", page("six")).url("/a")).content == b"six"


# --- row 20: connections that break ----------------------------------------------------------------------------

BROKEN: dict[str, Behaviour] = {
    "closed at once": close(),
    "reset in the body": reset(),
    "short content-length": short(b"<p>half an art", 500),
    "chunked without an end": broken_chunks(b"<p>half an art"),
    "not HTTP": raw(b"SSH-2.0-OpenSSH_9.6\r\n"),
    "half a status line": raw(b"HTTP/1.1 2"),
    "contradicting lengths": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabc"),
    "header without a colon": raw(b"HTTP/1.1 200 OK\r\nnonsense\r\n\r\n"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_answer_is_asked_again_then_refused(fault: str, server: FaultServer, web: Web) -> None:
    error = refused(web, server.on("/a", BROKEN[fault]).url("/a"))
    assert (error.reason, error.retry) == (Reason.NETWORK, True)
    assert server.pages() == ["/a"] * 3


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_answer_that_heals_is_a_whole_page(fault: str, server: FaultServer, web: Web) -> None:
    server.on("/a", BROKEN[fault], page("<p>the whole article"))
    assert fetched(web, server.url("/a")).content == b"<p>the whole article"
    assert server.pages() == ["/a"] * 2


def test_nobody_listens(clock: Clock, web: Web) -> None:
    with FaultServer() as gone:
        url = gone.url("/a")
    error = refused(web, url)
    assert (error.reason, error.retry) == (Reason.NETWORK, True)


# --- row 21: slow servers --------------------------------------------------------------------------------------

SLOW = {
    "drip in the body": drip_body(),
    "drip in the headers": drip_headers(),
    "says nothing": silent(),
}


@pytest.mark.parametrize("fault", SLOW)
def test_a_slow_server_is_left(fault: str, server: FaultServer, clock: Clock) -> None:
    """Each of these would give a page, or refuse otherwise, if it were waited for (30 s)."""
    with client(clock, FetchPolicy(allow_private=True, private_delay=0.001, wall=0.4, ignore_robots=True)) as web:
        error = refused(web, server.on("/a", SLOW[fault]).url("/a"))
    assert (error.reason, error.retry) == (Reason.TIMEOUT, True)
    assert server.pages() == ["/a"]


def test_a_read_that_hangs_is_asked_again_within_the_wall(server: FaultServer, clock: Clock) -> None:
    policy = FetchPolicy(allow_private=True, private_delay=0.001, read=0.2, ignore_robots=True)
    with client(clock, policy) as web:
        assert fetched(web, server.on("/a", silent(), page("now")).url("/a")).content == b"now"
    assert server.pages() == ["/a"] * 2


def test_the_wall_is_shared_by_redirects(server: FaultServer, clock: Clock) -> None:
    """Every hop answers in time; all of them together do not."""
    for number in range(5):
        server.on(f"/{number}", after(0.25, redirect(f"/{number + 1}")))
    server.on("/5", page())
    policy = FetchPolicy(allow_private=True, private_delay=0.0, wall=0.6, ignore_robots=True, respect_optout=False)
    with client(clock, policy) as web:
        assert refused(web, server.url("/0")).reason == Reason.TIMEOUT
    assert "/5" not in server.paths()


# --- row 22: bodies that are too much, or not what they say ------------------------------------------------------

EARLY_HINTS = b"HTTP/1.1 103 Early Hints\r\n\r\n"
MUCH: dict[str, tuple[Behaviour, Reason]] = {
    "endless": (endless(), Reason.TOO_LARGE),
    "announced too large": (raw(head(200, {"content-length": "99999999999"})), Reason.TOO_LARGE),
    "endless headers": (endless(b"x-more: yes\r\n" * 500, b"HTTP/1.1 200 OK\r\n"), Reason.TOO_LARGE),
    "one endless header": (endless(start=b"HTTP/1.1 200 OK\r\nx-more: "), Reason.TOO_LARGE),
    "endless early hints": (
        endless(b"HTTP/1.1 103 Early\r\n\r\n" * 500, b"HTTP/1.1 103 Early\r\n\r\n"),
        Reason.TOO_LARGE,
    ),
    "gzip bomb": (reply(gzip_bomb(400_000_000), content_encoding="gzip"), Reason.BOMB),
    "deflate bomb": (reply(zlib.compress(bytes(50_000_000)), content_encoding="deflate"), Reason.BOMB),
    "raw deflate bomb": (reply(packed(bytes(50_000_000), "raw"), content_encoding="deflate"), Reason.BOMB),
    "bomb of many members": (reply(packed(bytes(400_000)) * 100, content_encoding="gzip"), Reason.BOMB),
    "many empty members": (reply(packed(b"") * 1_001, content_encoding="gzip"), Reason.BOMB),
    "double gzip": (reply(packed(packed(b"<p>hi")), content_encoding="gzip, gzip"), Reason.BAD_ENCODING),
    "brotli, not offered": (reply(b"\x0b\x02\x80hello\x03", content_encoding="br"), Reason.BAD_ENCODING),
    "unknown coding": (reply(b"hello", content_encoding="x-made-up"), Reason.BAD_ENCODING),
    "says gzip, is plain": (reply(b"<p>hello", content_encoding="gzip"), Reason.BAD_ENCODING),
    "says deflate, is gzip": (reply(packed(b"<p>hello"), content_encoding="deflate"), Reason.BAD_ENCODING),
    "bad checksum": (reply(packed(b"<p>hello")[:-8] + bytes(8), content_encoding="gzip"), Reason.BAD_ENCODING),
    "gzip cut short": (reply(packed(b"<p>hello" * 99)[:-12], content_encoding="gzip"), Reason.BAD_ENCODING),
    "gzip of one byte": (reply(b"\x1f", content_encoding="gzip"), Reason.BAD_ENCODING),
}


@pytest.mark.parametrize("fault", MUCH)
def test_too_much_or_not_what_it_says(fault: str, server: FaultServer, web: Web) -> None:
    behaviour, reason = MUCH[fault]
    server.on("/a", behaviour).on("/b", page("still well"))
    fetched(web, server.url("/b"))
    tracemalloc.start()
    try:
        error = refused(web, server.url("/a"))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert error.reason == reason
    assert server.pages() == ["/b", "/a"]
    assert peak < 50_000_000
    assert fetched(web, server.url("/b")).content == b"still well"


def test_a_body_over_the_decoded_limit_is_too_large(server: FaultServer, clock: Clock) -> None:
    body = bytes(range(256)) * 300
    policy = FetchPolicy(allow_private=True, private_delay=0.001, decoded_bytes=len(body) - 1)
    server.on("/a", reply(packed(body), content_encoding="gzip"))
    with client(clock, policy) as web:
        assert refused(web, server.url("/a")).reason == Reason.TOO_LARGE


CODINGS: dict[str, tuple[bytes, str]] = {
    "gzip": (packed(b"<p>hello"), "gzip"),
    "x-gzip": (packed(b"<p>hello"), "x-gzip"),
    "GZIP": (packed(b"<p>hello"), "GZIP"),
    "deflate": (packed(b"<p>hello", "deflate"), "deflate"),
    "raw deflate": (packed(b"<p>hello", "raw"), "deflate"),
    "identity": (b"<p>hello", "identity"),
    "identity, gzip": (packed(b"<p>hello"), "identity, gzip"),
    "two members": (packed(b"<p>he") + packed(b"llo"), "gzip"),
    "padded with zeros": (packed(b"<p>hello") + bytes(512), "gzip"),
}


@pytest.mark.parametrize("name", CODINGS)
@pytest.mark.parametrize("step", [1, 7, 100_000])
def test_codings_are_undone_however_they_are_cut(name: str, step: int, server: FaultServer, web: Web) -> None:
    body, coding = CODINGS[name]
    parts = [body[at : at + step] for at in range(0, len(body), step)]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    start = head(200, {"content-type": "text/html", "transfer-encoding": "chunked", "content-encoding": coding})
    server.on("/a", raw(start + chunks + b"0\r\n\r\n"))
    assert fetched(web, server.url("/a")).content == b"<p>hello"


def test_a_large_page_that_packs_well_is_read(server: FaultServer, web: Web) -> None:
    body = b"".join(b"<p>paragraph %d of a long list of paragraphs</p>\n" % number for number in range(100_000))
    assert len(body) > 4_000_000
    server.on("/a", reply(packed(body), content_encoding="gzip"))
    assert fetched(web, server.url("/a")).content == body


def test_gunzip() -> None:
    assert gunzip(packed(b"<urlset/>"), LOCAL) == b"<urlset/>"
    with pytest.raises(CollectError) as caught:
        gunzip(gzip_bomb(30_000_000), LOCAL)
    assert caught.value.reason == Reason.BOMB


# --- statuses -----------------------------------------------------------------------------------------------------

STATUSES = {
    400: (Reason.UNEXPECTED_STATUS, False),
    401: (Reason.FORBIDDEN, False),
    402: (Reason.FORBIDDEN, False),
    403: (Reason.FORBIDDEN, False),
    404: (Reason.NOT_FOUND, False),
    406: (Reason.UNEXPECTED_STATUS, False),
    410: (Reason.GONE, False),
    418: (Reason.UNEXPECTED_STATUS, False),
    451: (Reason.FORBIDDEN, False),
    206: (Reason.UNEXPECTED_STATUS, False),
    300: (Reason.UNEXPECTED_STATUS, False),
    304: (Reason.UNEXPECTED_STATUS, False),
}


@pytest.mark.parametrize("status", STATUSES)
def test_other_answers_are_final(status: int, server: FaultServer, web: Web) -> None:
    server.on("/a", reply(b"" if status == 304 else b"sorry", status=status))
    error = refused(web, server.url("/a"))
    assert (error.reason, error.retry) == STATUSES[status]
    assert str(status) in str(error)
    assert server.pages() == ["/a"]


# --- row 24: redirects ---------------------------------------------------------------------------------------------


def test_redirects_are_followed(server: FaultServer, web: Web) -> None:
    for number, status in enumerate([301, 302, 303, 307, 308]):
        server.on(f"/{number}", redirect(f"/{number + 1}", status))
    server.on("/5", page("there"))
    found = fetched(web, server.url("/0"))
    assert (found.url, found.final_url, found.content) == (server.url("/0"), server.url("/5"), b"there")


REDIRECTS: dict[str, tuple[str, Reason]] = {
    "to itself": ("/a", Reason.REDIRECT_LOOP),
    "to a file": ("file:///etc/passwd", Reason.BAD_REDIRECT),
    "to ftp": ("ftp://127.0.0.1/x", Reason.BAD_REDIRECT),
    "to gopher": ("gopher://127.0.0.1:6379/_INFO", Reason.BAD_REDIRECT),
    "to data": ("data:text/html,hello", Reason.BAD_REDIRECT),
    "to script": ("javascript:alert(1)", Reason.BAD_REDIRECT),
    "to a port": ("http://example.org:22/", Reason.BAD_REDIRECT),
    "with a password": ("http://me:secret@example.org/", Reason.BAD_REDIRECT),
    "nowhere": ("", Reason.BAD_REDIRECT),
    "to nonsense": ("http://[::1", Reason.BAD_REDIRECT),
    "to a link-local address": ("http://169.254.169.254/latest/meta-data/", Reason.PRIVATE_ADDRESS),
    "to a wildcard address": ("http://0.0.0.0/", Reason.PRIVATE_ADDRESS),
}


@pytest.mark.parametrize("fault", REDIRECTS)
def test_bad_redirects(fault: str, server: FaultServer, clock: Clock) -> None:
    location, reason = REDIRECTS[fault]
    policy = FetchPolicy(private_delay=0.001, allow_hosts=frozenset({f"127.0.0.1:{server.port}"}))
    server.on("/a", redirect(location))
    with client(clock, policy) as web:
        assert refused(web, server.url("/a")).reason == reason
    assert server.pages() == ["/a"]


def test_a_redirect_to_a_private_address_needs_permission(server: FaultServer, clock: Clock) -> None:
    policy = FetchPolicy(private_delay=0.001, allow_hosts=frozenset({f"127.0.0.1:{server.port}"}))
    with FaultServer() as other, client(clock, policy) as web:
        server.on("/a", redirect(other.on("/b", page()).url("/b")))
        assert refused(web, server.url("/a")).reason == Reason.PRIVATE_ADDRESS
        assert other.connections == 0


def test_no_location(server: FaultServer, web: Web) -> None:
    assert refused(web, server.on("/a", reply(status=302)).url("/a")).reason == Reason.BAD_REDIRECT


def test_a_circle(server: FaultServer, web: Web) -> None:
    server.on("/a", redirect("/b")).on("/b", redirect("/a#x"))
    assert refused(web, server.url("/a")).reason == Reason.REDIRECT_LOOP
    assert server.pages() == ["/a", "/b"]


def test_too_many(server: FaultServer, web: Web) -> None:
    for number in range(20):
        server.on(f"/{number}", redirect(f"/{number + 1}"))
    assert refused(web, server.url("/0")).reason == Reason.TOO_MANY_REDIRECTS
    assert server.pages() == [f"/{number}" for number in range(6)]


def test_a_cookie_wall_that_sends_back_is_passed(server: FaultServer, web: Web) -> None:
    server.on("/a", redirect("/a", set_cookie="seen=yes; Path=/"), page("behind the wall")).on("/b", page())
    assert fetched(web, server.url("/a")).content == b"behind the wall"
    assert server.asked[-1].headers["cookie"] == "seen=yes"
    fetched(web, server.url("/b"))
    assert "cookie" not in server.asked[-1].headers


def test_a_location_in_plain_utf8(server: FaultServer, web: Web) -> None:
    server.on("/a", redirect("/新闻")).on("/%E6%96%B0%E9%97%BB", page("中文"))
    assert fetched(web, server.url("/a")).content.decode() == "中文"


# --- TLS ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def secure(clock: Clock) -> Iterator[FaultServer]:
    """Speaks TLS with a certificate of its own making, for secure.example and 127.0.0.1."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    with FaultServer(clock=clock.stamp, tls=context) as running:
        yield running


def test_a_certificate_nobody_vouches_for_is_refused(secure: FaultServer, web: Web) -> None:
    error = refused(web, secure.on("/a", page()).url("/a"))
    assert (error.reason, error.retry) == (Reason.TLS, True)
    assert "not bypassed" in str(error)
    assert secure.connections == 1
    assert secure.paths() == []


@pytest.mark.parametrize(("host", "trusted"), [("secure.example", True), ("other.example", False)])
def test_the_name_in_the_url_is_what_the_certificate_must_bear(
    host: str, trusted: bool, secure: FaultServer, clock: Clock
) -> None:
    """The connection goes to the vetted address, but name indication and check are those of the URL."""
    secure.on("/a", page("sealed"))
    policy = FetchPolicy(private_delay=0.0, delay=0.0, allow_private=True)
    authority = ssl.create_default_context(cafile=str(CERTIFICATE))
    with Web(policy, tls=authority, resolver=lambda name, port: ["127.0.0.1"], sleep=clock.sleep) as web:
        url = f"https://{host}:{secure.port}/a"
        if trusted:
            assert fetched(web, url).content == b"sealed"
            assert secure.asked[-1].headers["host"] == f"{host}:{secure.port}"
        else:
            assert refused(web, url).reason == Reason.TLS
            assert secure.paths() == []


def test_https_does_not_fall_back_to_http(secure: FaultServer, server: FaultServer, clock: Clock) -> None:
    secure.on("/a", redirect(server.on("/b", page("open")).url("/b")))
    authority = ssl.create_default_context(cafile=str(CERTIFICATE))
    with Web(LOCAL, tls=authority) as web:
        assert refused(web, secure.url("/a")).reason == Reason.BAD_REDIRECT
        assert server.paths() == []
    with Web(replace(LOCAL, allow_downgrade=True), tls=authority) as web:
        assert fetched(web, secure.url("/a")).final_url == server.url("/b")


def test_verification_is_on(clock: Clock) -> None:
    with client(clock) as web:
        context = web._wire._transport._pool._ssl_context  # type: ignore[attr-defined]
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


# --- row 28: conditional requests ----------------------------------------------------------------------------------


def test_validators_are_sent_and_304_is_an_answer(server: FaultServer, web: Web) -> None:
    day = "Mon, 23 Feb 2026 08:00:00 GMT"
    server.on("/feed", reply(b"<rss/>", etag='W/"1"', last_modified=day), reply(status=304))
    first = fetched(web, server.url("/feed"), purpose=FEED)
    validators = Validators.of(first)
    assert validators == Validators('W/"1"', day)
    assert web.fetch(server.url("/feed"), validators=validators, purpose=FEED) == NotModified(
        server.url("/feed"), web._clock()
    )
    sent = server.asked[-1].headers
    assert (sent["if-none-match"], sent["if-modified-since"]) == ('W/"1"', day)


def test_changed_content_comes_with_its_new_validators(server: FaultServer, web: Web) -> None:
    server.on("/feed", reply(b"new", etag='"2"'))
    found = fetched(web, server.url("/feed"), validators=Validators('"1"'), purpose=FEED)
    assert (found.content, Validators.of(found)) == (b"new", Validators('"2"'))


@pytest.mark.parametrize("etag", ['"a\r\nx-injected: 1"', '"ü"', "", None])
def test_a_validator_that_cannot_be_sent_is_not(etag: str | None, server: FaultServer, web: Web) -> None:
    fetched(web, server.on("/a", page()).url("/a"), validators=Validators(etag))
    assert "if-none-match" not in server.asked[-1].headers
    assert "x-injected" not in server.asked[-1].headers


def test_304_to_a_question_that_was_not_asked_is_refused(server: FaultServer, web: Web) -> None:
    server.on("/a", reply(status=304))
    assert refused(web, server.url("/a"), validators=Validators(None, None)).reason == Reason.UNEXPECTED_STATUS


# --- many threads, one client --------------------------------------------------------------------------------------


def test_one_failing_host_does_not_hold_up_another(server: FaultServer) -> None:
    policy = FetchPolicy(allow_private=True, private_delay=0.001, ignore_robots=True, respect_optout=False, wall=1.0)
    gate = threading.Event()
    with FaultServer() as slow, Web(policy) as web, ThreadPoolExecutor(2) as pool:
        slow.on("/a", lambda exchange: gate.wait(20) and page("slow")(exchange))
        server.on("/a", page("quick"))
        waiting = pool.submit(web.fetch, slow.url("/a"))
        assert fetched(web, server.url("/a")).content == b"quick"
        assert not waiting.done()
        gate.set()
        assert waiting.result(20).content == b"slow"  # type: ignore[union-attr]
