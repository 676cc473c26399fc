"""Titles and authors: one name out of the several that a page gives."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from lxml.etree import _Element

from ingest.cleaning import one_line
from ingest.extract.body import signed
from ingest.extract.claims import AUTHOR_METAS, Claims, itemprops

SEPARATOR = re.compile(r"\s+[|｜•·»›–—―:-]\s+|\s*[|｜_]\s*|--|\s+//\s+")
"""What stands between a headline and the name of the site. A lone colon or dash without spaces is part of the title."""

_WEIGHTS = {"json-ld": 6.0, "og": 2.0, "h1": 1.6, "microdata": 1.6, "feed": 1.2, "title": 1.0}
"""Votes. JSON-LD's headline outvotes the rest: it is the one that is never cut for a display."""


_SECTION_NAMES = (
    "news blog article story home press pressrelease pressreleases aktuelles artikel meldung nachrichten startseite "
    "presse pressemitteilung pressemitteilungen 新闻 新聞 新闻中心 新聞中心 要闻 要聞 首页 首頁 正文 文章"
)
_SECTIONS = frozenset(_SECTION_NAMES.split())
"""Headings that say what kind of page it is, and not what is on it."""


def title_of(tree: _Element, claims: Claims, url: str, feed: str | None = None) -> str:
    """The headline: what most of JSON-LD, og:title, h1, feed and title element agree on, the site's name cut off.

    Empty if the page has none.
    """
    sites = _site_keys(claims.site_names, url)
    named = [
        ("json-ld", claims.headline),
        ("microdata", next(iter(itemprops(tree, "headline")), "")),
        (
            "og",
            claims.meta("og:title", "twitter:title", "dc.title", "citation_title", "parsely-title", "sailthru.title"),
        ),
        ("feed", feed or ""),
        ("title", tree.findtext(".//head//title") or tree.findtext(".//title") or ""),
    ]
    candidates = [(witness, _cut(one_line(text), sites)) for witness, text in named if text and text.strip()]
    headings = [one_line(" ".join(element.itertext())) for element in tree.iter("h1")]
    headings = [text for text in headings if text and _key(text) not in sites][:8]
    others = [text for _, text in candidates]
    if fitting := next((text for text in headings if any(_same(text, other) for other in others)), ""):
        candidates.append(("h1", fitting))
    elif headings and len(headings) == 1:
        candidates.append(("h1", headings[0]))
    candidates = [one for one in candidates if _key(one[1]) not in _SECTIONS] or candidates
    candidates = [(witness, _agreed(text, [other for _, other in candidates])) for witness, text in candidates if text]
    if not any(witness == "json-ld" for witness, _ in candidates):
        candidates = _without_kickers(candidates)
    if not candidates:
        return headings[0] if headings else ""
    votes: dict[str, float] = {}
    for witness, text in candidates:
        votes[_key(text)] = votes.get(_key(text), 0.0) + _WEIGHTS[witness]
    best = max(votes, key=votes.__getitem__)
    return next(text for _, text in candidates if _key(text) == best)


def _key(text: str) -> str:
    """Letters and digits alone: what two spellings of one title share."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(char for char in folded if char.isalnum())


def _same(one: str, other: str) -> bool:
    a, b = _key(one), _key(other)
    return bool(a and b) and (a == b or (min(len(a), len(b)) > 8 and (a in b or b in a)))


def _site_keys(names: Iterable[str], url: str) -> set[str]:
    host = (urlsplit(url).hostname or "").removeprefix("www.")
    labels = host.split(".")
    keys = {_key(name) for name in names} | {_key(host)} | {_key(label) for label in labels[:-1] if len(label) > 2}
    keys |= {_key(".".join(labels[at:])) for at in range(len(labels) - 1)}
    return {key for key in keys if len(key) > 1}


def _is_site(segment: str, sites: set[str]) -> bool:
    key = _key(segment)
    if not key or re.search(r"\d{4}", segment):
        return not key or re.fullmatch(r"[\d.\s/-]+", segment) is not None
    return (
        any(key == site or (len(site) > 3 and (key.startswith(site) or key.endswith(site))) for site in sites)
        and len(key) < 40
    )


def _cut(title: str, sites: set[str]) -> str:
    """`title` without the segments at its ends that name the site, its section in between or the day."""
    parts = _segments(title)
    while len(parts) > 1:
        named = [at for at in range(1, len(parts)) if _is_site(parts[at][1], sites)]
        if named:
            parts = parts[: named[0]] if named[0] == 1 or _short(parts[1 : named[0]]) else parts[: named[-1]]
        elif _is_site(parts[0][1], sites):
            parts = [("", parts[1][1]), *parts[2:]]
        else:
            break
    return "".join(separator + text for separator, text in parts).strip()


def _short(parts: list[tuple[str, str]]) -> bool:
    """Names of sections: a word or three, not a second half of a headline."""
    return all(len(text.split()) <= 3 and len(text) <= 24 for _, text in parts)


def _segments(title: str) -> list[tuple[str, str]]:
    """Pairs of separator and segment that joined give `title` again."""
    parts, position, separator = [], 0, ""
    for match in SEPARATOR.finditer(title):
        if match.start() > position:
            parts.append((separator, title[position : match.start()]))
            position, separator = match.end(), match[0]
    parts.append((separator, title[position:]))
    return parts


def _agreed(text: str, others: list[str]) -> str:
    """`text` shortened to another candidate, if what is left over is a suffix after a separator or a kicker before it,
    or lengthened to one that goes on where it breaks off in a quotation mark."""
    for other in others:
        if len(other) < len(text) and len(_key(other)) > 8:
            head, tail = text[: len(other)], text[len(other) :]
            if _key(head) == _key(other) and SEPARATOR.match(tail):
                return other
            if text.endswith(other) and re.search(r"\s[-–—|]\s+$", text[: -len(other)]):
                return other
        if len(other) > len(text) > 15 and other.startswith(text) and re.match(r"\s*[\"“”„'’]", other[len(text) :]):
            return other
    return text


def _without_kickers(candidates: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Where two candidates have one headline behind different kickers, the headline of both."""
    for witness, text in candidates:
        for match in re.finditer(r":\s+|\s[-–—]\s", text):
            headline = text[match.end() :]
            for other, longer in candidates:
                before = longer[: -len(headline)] if longer.endswith(headline) else ""
                if other != witness and before and before != text[: match.end()] and len(_key(headline)) > 20:
                    return [(one, headline if value.endswith(headline) else value) for one, value in candidates]
    return candidates


_SPLIT = re.compile(r"\s*(?:[,;、/|&，；]|\band\b|\bund\b|\bet\b|\s-\s|\n)\s*|\s{2,}")
_PREFIX = re.compile(
    r"^(?:(?:written|story|text|analysis|reporting|posted|published|interview|kommentar|ein kommentar|eine"
    r" analyse)?\s*(?:by|von)\b:?"
    r"|(?:text|autor(?:in|en|:innen)?|author|byline|redaktion|verfasser|reporter)s?:|作者|记者|記者|撰文|文[/丨｜|]|编辑|責任編輯"
    r"|责任编辑|编译)[\s:：]*",
    re.I,
)
_NOT_A_NAME = re.compile(
    r"^(?:name|author|user|editor|undefined|null|none|unknown|anonymous|default|root|webmaster|未知|佚名|匿名|小编)$|"
    r"https?:|www\.|@|\d{2}|\b(?:updated?|published|posted|minutes?|read|ago|share|follow|comments?|uhr|min\.?"
    r"|subscribe|reporter|editor"
    r"|correspondent|redakteur(?:in)?|korrespondent(?:in)?|admin|staff|contributor|writer)\b",
    re.I,
)
_BYLINE = re.compile(
    r"(?:^|[-_\s])(?:author|byline|autor|autoren|verfasser|creator|person)(?:[-_\s]|s?$|name|line|link|info|zeile)",
    re.I,
)
_SURNAMES = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱"
    "秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文庞樊兰殷施陶洪翟安颜倪严牛温芦季俞章鲁葛伍韦申尤毕聂丛焦向柳邢路岳齐梅莫庄辛管祝左涂谷祁时舒耿牟卜詹关苗凌费"
    "纪靳盛童欧甄项曲成游阳裴席卫查屈鲍覃霍翁隋甘景薄单包司柏宁柯阮桂闵解强柴华车冉房边辜吉饶刁瞿戚丘古米池滕晋苑邬臧畅宫来嵺苟全褚廉简娄盖符奚木穆党燕郎邸冀谈"
    "姬屠连郜晏栾郁商蒙计喻揭窦迟宇敖糜鄢冷卓花仇艾蓝都巩稽井练仲乐虞卞封竺冼麦荆居禹荀陳劉張黃吳楊趙鄭謝許蕭馮鄧呂蘇盧蔣葉閻鍾譚陸顧孫馬羅韓龍萬錢湯賴龔莊齊歐"
)
"""The first characters of nearly all Chinese names, simplified and traditional; two-character surnames begin with them
or with 司 欧 上 诸, whose names are let go."""

_CHINESE = re.compile(
    r"(?:^|[\s（(【〔\[|])(?:本报记者|記者|记者|作者|撰文|文字|文[/丨｜"
    r"|])\s*[:：]?\s*([\u4e00-\u9fff·]{2,4}(?:[\s、]+[\u4e00-\u9fff·]{2,4}){0,3})(?=$|[\s）)】〕\]/／丨|,，。])"
)
_EDITOR = re.compile(
    r"(?:责任编辑|責任編輯|责编|编辑|編輯)\s*[:：]?\s*([\u4e00-\u9fff·]{2,4}(?:[\s、]+[\u4e00-\u9fff·]{2,4}){0,3})(?=$"
    r"|[^\u4e00-\u9fff])"
)


def authors_of(tree: _Element, claims: Claims, url: str, text: str, language: str) -> tuple[str, ...]:
    """The people named as authors: by JSON-LD, by meta elements, by the line under the headline; where there are
    none, the organisations. The outlet itself counts only when nobody else is named.
    """
    last = _segments(one_line(tree.findtext(".//title") or ""))[-1][1]
    sites = _site_keys([*claims.site_names, last] if len(last) <= 16 else claims.site_names, url)
    stated = list(_people(claims.authors))
    values = [_upright(name, value) for name in AUTHOR_METAS for value in (claims.metas or {}).get(name, ())]
    # "outlet, city, country" names nobody.
    metas = list(
        _people(
            value for value in values if "," not in value or not any(_key(part) in sites for part in value.split(","))
        )
    )
    if people := _without_sites(stated, sites):
        # Some sites give the first author to machines and all of them to readers.
        more = metas if {_key(name) for name in people} <= {_key(name) for name in metas} else []
        return _unique([*people, *_without_sites(more, sites)])
    if people := _without_sites(metas, sites) or _without_sites(list(_people(itemprops(tree, "author"))), sites):
        return _unique(people)
    if people := [name for name in _without_sites(_bylines(tree), sites) if _is_full_name(name)]:
        return _unique(people)
    if language == "zh" and (people := list(_chinese(tree, text))):
        return _unique(people)
    # What trafilatura's own paths find: first names and pen names, as blogs sign, the blog's own name among them.
    return _unique([*_people(claims.organisations), *stated, *metas] or list(_people(signed(tree))))


def _is_full_name(name: str) -> bool:
    """Two to four words with capitals, or Chinese characters: not `red`, `dpa` or `Quelle: sid`."""
    words = name.split()
    if re.fullmatch(r"[\u4e00-\u9fff·]{2,8}", name):
        return True
    if _KEY_WORD.search(name) or ":" in name:
        return False
    return 2 <= len(words) <= 5 and all(word[:1].isupper() or word in _PARTICLES for word in words)


_KEY_WORD = re.compile(
    r"\b(?:alle|all|mehr|more|beiträge|artikel|articles|posts|publikation|profil|profile|about|über|view|team)\b", re.I
)

_PARTICLES = {"von", "van", "de", "der", "den", "zu", "di", "da", "del", "la", "le", "al", "bin", "ter", "dos", "el"}


def _people(values: Iterable[str]) -> Iterator[str]:
    """The names in bylines such as "By Ada Quill and Bo Lindqvist, Reuters"."""
    for value in values:
        if re.match(r"\s*(?:https?:|www\.|//)", value):
            continue
        value = re.sub(r"https?://\S+|\([^()]*\)|（[^（）]*）", " ", value)
        for part in _SPLIT.split(_PREFIX.sub("", value.strip())):
            name = one_line(_PREFIX.sub("", (part or "").strip(" .:·-–—")), 80)
            if 2 <= len(name) <= 60 and not _NOT_A_NAME.search(name) and _is_name(name):
                yield name


def _upright(meta: str, value: str) -> str:
    """A name of a scholarly page, which has one to each element and may put the family name first: `Muster, Ada`."""
    family, comma, given = value.partition(",")
    return f"{given.strip()} {family.strip()}" if meta == "citation_author" and comma and "," not in given else value


def _is_name(name: str) -> bool:
    """Letters, few words, and not a phrase that begins in lower case."""
    words = name.split()
    if not any(char.isalpha() for char in name) or len(words) > 5:
        return False
    return len(words) == 1 or not words[0][0].islower() or words[0] in _PARTICLES


def _without_sites(names: list[str], sites: set[str]) -> list[str]:
    """The names that are not the outlet's, nor the start of it, as 网易 is of 网易新闻."""
    return [name for name in names if not any(site == _key(name) or site.startswith(_key(name)) for site in sites)]


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple({_key(name): name for name in reversed(list(names))}.values())[::-1][:20]


MOST_AUTHORS = 8


def _bylines(tree: _Element) -> list[str]:
    """Names in links of rel=author and in short elements whose class says author, in order of the page: those of the
    first such element and of its like."""
    like: str | None = None
    found: list[str] = []
    for element in tree.iter("a", "span", "p", "div", "address", "li", "strong", "em", "h3", "h4", "h5", "h6", "td"):
        kind = f"{element.get('class') or ''} {element.get('id') or ''}"
        marked = element.get("rel") == "author" or "author" in (element.get("itemprop") or "")
        if (not marked and not _BYLINE.search(kind)) or (like is not None and kind != like):
            continue
        if any(
            re.search("comment|related|teaser|recommend", ancestor.get("class") or "", re.I)
            for ancestor in element.iterancestors()
        ):
            continue
        text = " ".join(" ".join(element.itertext()).split())
        if 2 < len(text) <= 120:
            names = list(_people([text]))
            if any(_is_full_name(name) for name in names):
                found += names
                like = kind
    # More are the authors of other articles.
    return found if len(found) <= MOST_AUTHORS else []


def _chinese(tree: _Element, text: str) -> Iterator[str]:
    """The reporter named at the head or foot of a Chinese article, else its editor."""
    whole = "\n".join(line.strip() for line in tree.itertext() if line.strip())
    for pattern, place in ((_CHINESE, text), (_CHINESE, whole), (_EDITOR, text), (_EDITOR, whole)):
        for match in pattern.finditer(place):
            if names := [name for name in re.split(r"[\s、]+", match[1]) if name[0] in _SURNAMES and len(name) <= 4]:
                yield from names
                return
