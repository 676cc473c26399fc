"""One URL for one article, whatever trackers, mobile or AMP copy it was found under: the identity of an article.

Dropping too little makes a duplicate, which near-duplicate clustering heals; dropping too much makes two
articles one, which nothing heals. So a parameter goes only if its name is known to be a tracker, on all sites or
on that one. (courlan's cleaner drops any name that begins like a tracker, `cid`, `uid`, `game`, `gallery` among
them, and parameters without a value, such as the article number in `view.asp?12345`.)

http and https stay apart, and so do hosts with and without `www.`: the URL must open for a reader.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import SplitResult, urljoin, urlsplit, urlunsplit

UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
PATH_SAFE = UNRESERVED | frozenset("/!$&'()*+,;=:@")
QUERY_SAFE = UNRESERVED | frozenset("/?!$'()*+,;:@=")
PLAIN = re.compile(r"[A-Za-z0-9\-._~/=]*")
HEX = re.compile(r"%([0-9A-Fa-f]{2})")

TRACKER_PREFIXES = (
    "utm_", "mtm_", "matomo_", "piwik_", "pk_", "hsa_", "_hs", "__hs", "ga_", "gad_", "vero_", "oly_", "itm_", "at_",
    "ns_", "wt_", "wt.", "stm_", "trk_", "fb_action", "share_", "sharer_", "guce_", "amp_", "__amp", "mkt_",
    "aspsessionid",
)  # fmt: skip
TRACKERS = frozenset(
    """
    spm spm_id_from scm isappinstalled nsukey from_wecom chksm wxfid unique_k vd_source bsh_bid from_source from_voice
    cmpid cmp cmpgn ocid cvid pgtype smid smtyp smprod emc ncid icid mbid taid ftag tpcc traffic_source wpisrc wpmm
    dcmp xtor cndid esrc soc_src soc_trk sr_share guccounter referringsource smvid camp_id int_cmp intcmp intcid
    fbclid gclid gclsrc dclid gbraid wbraid msclkid yclid ysclid ymclid twclid ttclid li_fat_id igshid igsh epik
    mc_cid mc_eid _openstat _ga _gl _ke __s __twitter_impression fb_ref fb_source ref_src ref_url
    refsrc referrer referer sharetype sharetoken sharefrom sharesource shareuid share_token sms_ss awesm ito ito_source
    s_cid s_kwcid ef_id usqp outputtype amp phpsessid jsessionid zanpid bxid wickedid irclickid irgwc rdt_cid sfmc_id
    """.split()  # noqa: SIM905
)
"""Names that carry no content on any site we know. Collected by hand; among them what courlan 1.4 was measured to
leave in (spm, isappinstalled, cmpid, ocid, pgtype)."""

CHANNELS = frozenset({"ref", "source", "src", "via", "partner", "rss", "campaign", "medium", "cid", "xid", "share"})
"""Names used for tracking and for content. They go if the value is a word, such as `source=twitter`."""

CHANNEL_WORD = re.compile(r"(?:[A-Za-z_.\-]{0,40}|1)")

SITE_TRACKERS = {
    "nytimes.com": {"module", "action", "region", "contentcollection", "contentplacement", "hp", "_r", "smtyp", "rref"},
    "wsj.com": {"mod", "reflink", "st", "tesla"},
    "barrons.com": {"mod", "reflink"},
    "marketwatch.com": {"mod", "reflink"},
    "ft.com": {"accesstoken", "shareid", "syn-25a6b1a6"},
    "bloomberg.com": {"sref", "srnd", "leadsource", "embedded-checkout", "in_source"},
    "washingtonpost.com": {"itid", "pwapi_token"},
    "economist.com": {"frsc", "fsrc"},
    "youtube.com": {"feature", "si", "pp", "ab_channel"},
    "bilibili.com": {"ts", "timestamp", "bbid", "p_from", "seid", "mid", "plat_id", "up_id", "buvid", "is_story_h5"},
    "zhihu.com": {"hb_wx_block", "invite_code"},
    "weibo.com": {"type", "mod", "wvr", "display"},
    "toutiao.com": {"wid", "log_from", "timestamp", "req_id", "use_new_style", "tt_from"},
    "163.com": {"f", "referfrom", "clickfrom", "recid"},
    "sina.com.cn": {"cre", "mod", "loc", "r", "rfunc", "tj", "tr", "vt", "pos", "wm", "cid", "node_id"},
    "sohu.com": {"pvid", "scm", "spm", "trans", "_trans_", "_f", "pvinsight"},
    "qq.com": {"pgv_ref", "adfrom", "web_channel", "uid", "suid", "qimei"},
    "blogspot.com": {"m"},
}
"""Names that are trackers on one site, and may be content on another."""

SITE_KEYS = {"mp.weixin.qq.com": {"__biz", "mid", "idx", "sn"}}
"""Sites whose articles are named by these parameters alone, when they are there."""

MOBILE_LABELS = frozenset({"m", "mobile", "wap", "3g", "touch", "amp"})
CACHES = re.compile(
    r"^https?://(?:www\.google\.[a-z.]+/amp|[a-z0-9-]+\.cdn\.ampproject\.org/[cv]|www\.bing-amp\.com/c)/"
)
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
SESSION = re.compile(r";(?:jsessionid|phpsessid|sid)=[^/;?]*", re.IGNORECASE)
EXTRA_SLASHES = re.compile(r"(?<!:)/{2,}")
AMP_PATH = re.compile(r"^(?:/amp(?:html)?)+(?=/.)|(?<=[^/])(?:/amp)+(?=/?$)|(?<=[^/.])(?:\.amp)+(?=(?:\.html?)?$)")
DEFAULT_PORTS = {"http": 80, "https": 443}
PASSES = 50


def canonical(url: str) -> str:
    """The identity of an article as a URL. Idempotent; what is not http or https passes unchanged.

    Lower-case punycode host without trailing dot and default port; no user name, fragment (but `#!` stays),
    session, tracker; parameters sorted by name; percent-encoding in one form; AMP caches, AMP paths and mobile
    hosts mapped to the plain page.
    """
    current = CONTROL.sub("", url).strip()
    if not current.lower().startswith(("http://", "https://")):
        return url
    for _ in range(PASSES):
        following = _step(current)
        if following == current:
            return current
        current = following
    return current


def _step(url: str) -> str:
    if inner := _unwrapped(url):
        return inner
    try:
        parts = urlsplit(url)
        port = parts.port
        host = _host(parts.hostname or "")
    except ValueError:
        return url
    if not host:
        return url
    scheme = parts.scheme.lower()
    unusual = port and port != DEFAULT_PORTS[scheme]
    netloc = f"{host}:{port}" if unusual else _desktop(host)
    path = _path(parts.path)
    fragment = _encoded(parts.fragment, QUERY_SAFE | {"#", "&"}) if parts.fragment.startswith("!") else ""
    return urlunsplit((scheme, netloc, path, _query(parts.query, host), fragment))


def _unwrapped(url: str) -> str | None:
    """The page behind a Google or Bing AMP cache URL: …/c/s/example.org/a is https://example.org/a."""
    match = CACHES.match(url)
    if match is None:
        return None
    rest = url[match.end() :]
    secure = rest.startswith("s/")
    rest = rest.removeprefix("s/")
    return f"{'https' if secure else 'http'}://{rest}" if "." in rest.split("/")[0] else None


def _host(name: str) -> str:
    name = name.rstrip(".").lower()
    if name.isascii():
        return f"[{name}]" if ":" in name else name
    import idna

    try:
        return idna.encode(name, uts46=True).decode("ascii")
    except idna.IDNAError:
        return name


def _desktop(host: str) -> str:
    """m.example.org → www.example.org, en.m.wikipedia.org → en.wikipedia.org."""
    labels = host.split(".")
    if not MOBILE_LABELS.intersection(labels[:2]) or len(labels) < 3:
        return host
    domain = registrable_domain(host)
    if domain is None or host == domain:
        return host
    before = labels[: -len(domain.split("."))]
    kept = [label for label in before if label not in MOBILE_LABELS]
    return ".".join([*(kept or ["www"]), domain])


def _path(path: str) -> str:
    path = SESSION.sub("", path)
    path = _encoded(path, PATH_SAFE)
    path = EXTRA_SLASHES.sub("/", path)
    path = AMP_PATH.sub("", _without_dots(path))
    return path or "/"


def _without_dots(path: str) -> str:
    kept: list[str] = []
    segments = path.split("/")
    for segment in segments:
        if segment == "..":
            if len(kept) > 1:
                kept.pop()
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/".join(kept)


def _query(query: str, host: str) -> str:
    pairs = [(name, part) for part in query.split("&") if part and (name := part.partition("=")[0])]
    site = next((names for domain, names in SITE_TRACKERS.items() if _under(host, domain)), set[str]())
    keys = SITE_KEYS.get(host)
    if keys and keys <= {name for name, _ in pairs}:
        pairs = [(name, part) for name, part in pairs if name in keys]
    names = {name.lower() for name, _ in pairs}
    kept = [
        (name, _encoded(part, QUERY_SAFE))
        for name, part in pairs
        if not _tracks(name.lower(), part.partition("=")[2], names) and name.lower() not in site
    ]
    if {name.lower() for name, _ in kept} == {"module"}:
        kept = []
    return "&".join(dict.fromkeys(part for _, part in sorted(kept, key=lambda pair: pair[0])))


def _tracks(name: str, value: str, names: set[str]) -> bool:
    if name in TRACKERS or name.startswith(TRACKER_PREFIXES):
        return True
    if name == "from":  # a channel, unless it opens a range
        return not names & {"to", "until", "till"}
    return name in CHANNELS and CHANNEL_WORD.fullmatch(value) is not None


def _encoded(text: str, safe: frozenset[str]) -> str:
    """Percent-encoding in one form: unreserved characters plain, all others that are not `safe` encoded."""
    if PLAIN.fullmatch(text):
        return text

    def decoded(match: re.Match[str]) -> str:
        character = chr(int(match[1], 16))
        return character if character in UNRESERVED else match[0].upper()

    text = HEX.sub(decoded, text)
    return "".join(
        character if character in safe or HEX.match(text, at) else _escaped(character)
        for at, character in enumerate(text)
    )


def _escaped(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))


def _under(host: str, domain: str) -> bool:
    return host == domain or host.endswith("." + domain)


@lru_cache(maxsize=4096)
def registrable_domain(host: str) -> str | None:
    """`example.co.uk` of `www.example.co.uk`; None for an address, a public suffix or a bare name.

    Domains of private suffixes count (`a.github.io` and `b.github.io` are strangers). From tld's copy of the Public
    Suffix List; nothing is downloaded.
    """
    import tld

    try:
        ip_address(host.strip("[]"))
    except ValueError:
        pass
    else:
        return None
    found = tld.get_tld(f"https://{host}", as_object=True, fail_silently=True, search_private=True)
    if found is None or isinstance(found, str):
        # No rule: the list's default is that the last label is the suffix.
        labels = host.split(".")
        return ".".join(labels[-2:]) if len(labels) > 1 and all(labels[-2:]) else None
    return None if found.fld == found.tld else str(found.fld)


SCRIPT = re.compile(r"\.(?:php\d?|aspx?|jspx?|do|action|cgi|pl|s?html?)$|^/$")
VIEWS = frozenset(
    {"page", "print", "view", "mode", "size", "font", "format", "style", "theme", "tab", "sort", "order", "comments"}
)
ARTICLE_KEY = re.compile(r"id$|^(?:sn|no|p|q|key)$")
INDEX = re.compile(r"/(?:index|default|home|main)(?:\.[a-z]{2,5})?/?$", re.IGNORECASE)
PART = re.compile(r"^(?:(?:page|seite|part|p)[/\-_]?)?\d{0,3}/?$|^(?:print|printable|all|full|single|amp|seite-\d+)/?$")


def trusted_canonical(page_url: str, declared: str) -> str | None:
    """The canonical form of a page's rel=canonical or og:url, or None if it must not name this page.

    Trusted only within the same registrable domain (for addresses and bare names: the same host and port), and
    not if it names the front page, a section above or beside the article, or drops the parameters that tell
    the articles of a script apart: all three are common mistakes of site templates.
    """
    declared = declared.strip()
    if not declared:
        return None
    try:
        own = urlsplit(canonical(page_url))
        there = urlsplit(canonical(urljoin(page_url, declared)))
    except ValueError:
        return None
    if there.scheme not in ("http", "https") or own.scheme not in ("http", "https") or not same_site(own, there):
        return None
    if (own.path, own.query) == (there.path, there.query):
        return there.geturl()
    if INDEX.sub("/", there.path) == "/" and not there.query:
        return None
    if own.path == there.path and not there.query and _tells_apart(own):
        return None
    if _above(there.path, own.path) or (_is_section(there) and not _is_section(own)):
        return None
    return there.geturl()


def same_site(one: SplitResult, other: SplitResult) -> bool:
    """Whether two addresses have one registrable domain (addresses and bare names: one host and port)."""
    if one.netloc == other.netloc:
        return True
    domain = registrable_domain(one.hostname or "")
    return domain is not None and domain == registrable_domain(other.hostname or "")


def _tells_apart(parts: SplitResult) -> bool:
    """Whether the query names an article, rather than a view of it."""
    names = {pair.partition("=")[0].lower() for pair in parts.query.split("&") if pair}
    if names <= VIEWS:
        return False
    return SCRIPT.search(parts.path) is not None or any(ARTICLE_KEY.search(name) for name in names)


def _above(above: str, path: str) -> bool:
    """Whether `above` is a folder over `path`, and what lies between is more than a page number or print view."""
    folder = INDEX.sub("/", above).rstrip("/") + "/"
    return path.startswith(folder) and PART.match(path[len(folder) :]) is None


def _is_section(parts: SplitResult) -> bool:
    segments = [segment for segment in parts.path.split("/") if segment]
    return not parts.query and len(segments) <= 1 and not any(re.search(r"[\d.\-_%]", segment) for segment in segments)
