"""What clings to an article's text and is not of it: its own title, teasers, calls to subscribe, the author's portrait.

Each rule looks at whole lines. A line goes if it is nothing but a link, says in so many words that it leads elsewhere,
or stands before or after all that the page itself states as its text. Nothing is cut out of a line.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from lxml.etree import _Element

from ingest.cleaning import one_line

_ELSEWHERE = re.compile(
    r"^(?:[-–—•▶►➡→*|\s]*)(?:"
    r"(?:also |must )?read(?: more| next| also| on)?\s*[:|–-]|read more\b.{0,40}$|related(?: stories| articles|"
    r" content| video| coverage)?\s*[:|]|more\s*:|see also\s*:|also read\b|watch(?: now)?\s*:"
    r"|don['’]t miss\s*:|sign up (?:for|to|\()|subscribe (?:to|now)|follow us\b|join (?:our|the conversation)|would"
    r" you like to comment|please read our comment policy"
    r"|get in touch with our (?:news )?team|for more stories like this|for the latest .{0,80}(?:sign up|follow"
    r"|subscribe)|click here (?:to|for)|share this (?:article|story)"
    r"|this article (?:was )?(?:originally|first) (?:appeared|published)|copyright\s*(?:©|\d{4}|:)|©|all rights"
    r" reserved|advertisement\s*$|story continues below"
    r"|lesen sie (?:auch|hier|dazu|mehr)\b|lesen sie (?:auch|mehr)|mehr (?:zum thema|dazu|lesen)\b|auch interessant"
    r"|das könnte sie auch interessieren|siehe auch\s*:|zum thema\s*:?$"
    r"|weiterlesen\b|hier geht es |fehler gefunden|jetzt (?:anmelden|abonnieren|bestellen)|newsletter (?:abonnieren"
    r"|bestellen)|anzeige\s*$|alle rechte vorbehalten|artikel teilen|quelle\s*:\s*\S{2,30}$"
    r"|相[关關](?:阅读|閱讀|新[闻聞]|[报報][道導]|链接|連結|推[荐薦])|推[荐薦](?:阅读|閱讀)|延伸(?:阅读|閱讀)"
    r"|更多(?:精彩|新[闻聞]|[内內]容|阅读|閱讀)|[点點][击擊](?:进入|進入|查看|阅读|閱讀|下[载載])|[扫掃](?:描|码|碼|一[扫掃])"
    r"|(?:关注|關注|追蹤)(?:我[们們]|微信|公众号|粉絲)|版[权權](?:声明|聲明|所有|[归歸])"
    r"|免[责責](?:声明|聲明)|分享(?:到|至)|特[别別](?:声明|聲明)|[举舉][报報]"
    r")",
    re.I,
)
_END = re.compile(
    r"^[-–—•#\s]*(?:more (?:from|on|in|stories)\b.{0,40}|most (?:read|popular|viewed)\b.{0,30}|popular|trending(?:"
    r" now)?|related(?: articles| stories| posts| content| news| topics| coverage)?|"
    r"recommended(?: for you| stories| reading)?|you (?:may|might) (?:also )?(?:like|be interested in).{0,20}|join"
    r" our commenting forum|comments?(?: \(\d+\))?|leave a (?:reply|comment).{0,20}|"
    r"latest (?:news|stories|articles)|read (?:more|next)|up next|editor['’]?s['’]? picks?|what to read next|about"
    r" the authors?|topics?:?|"
    r"mehr (?:aus|von|zum|zu|aus dem|auf)\b.{0,30}|meistgelesen.{0,20}|auch interessant|weitere (?:artikel|meldungen"
    r"|themen|nachrichten|beiträge).{0,20}|ähnliche (?:artikel|beiträge)|kommentare?(?: \(\d+\))?|"
    r"das könnte (?:sie|dich) auch interessieren.{0,10}|schlagwörter|themen:?|zur startseite|lesen sie auch|schreibe"
    r" einen kommentar.{0,30}|"
    r"相[关關](?:阅读|閱讀|新[闻聞]|[报報][道導]|文章|推[荐薦]|链接|連結|专题|專題)|推[荐薦](?:阅读|閱讀|新[闻聞]|视频|影片)"
    r"|[热熱][门門](?:文章|新[闻聞]|推[荐薦]|评论|排行|話題).{0,6}|最新(?:文章|新[闻聞]|评论|評論)|延伸(?:阅读|閱讀)|猜你喜[欢歡]|大家都在看"
    r"|[网網]友(?:评论|留言)|[发發]表(?:评论|評論)|[热熱][点點]推[荐薦]|排行榜|[为為]您推[荐薦]|看更多)\s*:?$",
    re.I,
)
LAST_PART = 0.35
"""Share of a text, from its end, in which a heading such as "Related articles" ends it; further up it is one line."""

LINK_LIST = 0.2
"""Share of lines that are links from which they are what the article is about, such as a list of tools."""

COMPLETE = 0.85
"""Share of the found text that stands in the page's own statement of it, from which that statement is complete."""


def trimmed(text: str, title: str, authors: Sequence[str], tree: _Element, stated: str) -> str:
    """`text` without the lines that are not of the article. Never less than half of it: then a rule was wrong."""
    lines = text.split("\n")
    kept = _without_tail(_without_edges(lines, stated) if stated else lines)
    linked = linked_lines(tree)
    if sum(key_of(line) in linked for line in kept) > LINK_LIST * len(kept):
        linked = set()
    kept = [line for line in kept if not _ELSEWHERE.match(line) and key_of(line) not in linked]
    kept = _without_title(kept, title)
    kept = _without_portrait(kept, authors)
    result = "\n".join(kept)
    return result if 2 * len(result) >= len(text) else text


def linked_lines(tree: _Element) -> set[str]:
    """Paragraphs and list items that are one link and read like a headline, as keys."""
    found: set[str] = set()
    for element in tree.iter("p", "li", "h2", "h3", "h4", "h5", "div", "strong"):
        links = [link for link in element.iterfind(".//a") if not (link.get("href") or "#").startswith("#")]
        if not links or len(links) > 3:
            continue
        whole = key_of("".join(element.itertext()))
        inside = sum(len(key_of("".join(link.itertext()))) for link in links)
        if 15 < len(whole) < 250 and inside >= 0.9 * len(whole):
            found.add(whole)
    return found


def key_of(line: str) -> str:
    """Letters and digits, folded: what two prints of one line share."""
    folded = unicodedata.normalize("NFKC", line).casefold()
    return "".join(char for char in folded if char.isalnum())


def _without_edges(lines: list[str], stated: str) -> list[str]:
    """The lines from the first to the last that the page states as its text, if that statement is complete."""
    whole = key_of(stated)
    inside = [_stands_in(key_of(line), whole) for line in lines]
    size = sum(map(len, lines)) or 1
    if sum(len(line) for line, is_in in zip(lines, inside, strict=True) if is_in) < COMPLETE * size:
        return lines
    first = inside.index(True)
    last = len(inside) - 1 - inside[::-1].index(True)
    return lines[first : last + 1]


def _stands_in(key: str, whole: str) -> bool:
    """Whether most pieces of 15 characters of a line stand in the whole."""
    pieces = [key[at : at + 15] for at in range(0, max(1, len(key) - 14), 15)]
    return bool(key) and sum(piece in whole for piece in pieces) >= 0.6 * len(pieces)


def _without_tail(lines: list[str]) -> list[str]:
    """The lines before a heading that announces other articles or comments, if it comes late."""
    size = sum(map(len, lines))
    before = 0
    for at, line in enumerate(lines):
        if before >= (1 - LAST_PART) * size and len(line) < 60 and _END.match(line) and not _goes_on(lines[at + 1 :]):
            return lines[:at]
        before += len(line)
    return [line for line in lines if len(line) >= 60 or not _END.match(line)]


def _goes_on(lines: list[str]) -> bool:
    """Whether paragraphs of an article follow, and not teasers, which are a sentence or two."""
    return sum(len(line) >= (120 if re.search(r"[\u4e00-\u9fff]{8}", line) else 300) for line in lines) > 1


def _without_title(lines: list[str], title: str) -> list[str]:
    """The lines after the title, where the text begins with it."""
    key = key_of(title)
    for at, line in enumerate(lines[:4]):
        if key and key_of(line) == key:
            return lines[at + 1 :]
    return lines


def _without_portrait(lines: list[str], authors: Sequence[str]) -> list[str]:
    """The text without its author's description at either end."""
    kept = list(lines)
    for _ in range(2):
        if len(kept) > 3 and _portrays(kept[-1], authors):
            kept.pop()
    return kept[1:] if len(kept) > 3 and _portrays(kept[0], authors) else kept


def _portrays(line: str, authors: Sequence[str]) -> bool:
    begins = next(
        (author for author in authors if " " in author and one_line(line).casefold().startswith(author.casefold())),
        None,
    )
    if begins is None:
        return False
    rest = line[len(begins) :].strip()
    return (
        not rest
        or re.match(
            r"(?:\([^)]*\)|,[^,.]{0,60},)?\s*(?:is|was|are|covers?|writes?|joined|has|ist|war|schreibt|arbeitet"
            r"|berichtet|studierte)\b",
            rest,
            re.I,
        )
        is not None
    )
