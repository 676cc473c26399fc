"""Which news agency a text itself credits: in its dateline, its last lines, or its byline.

"BEIJING, July 9 (Reuters) -", "Berlin (dpa)", 新华社北京7月9日电, "Reporting by …; Editing by …", 来源：路透社. A
text that only says what an agency reported (据路透社报道) is that outlet's own and credits nobody.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from kb.models import Version

AGENCIES = {
    "Reuters": "Reuters|路透社|路透",
    "AP": "Associated Press|The AP|AP|美联社|美聯社",
    "AFP": "Agence France-Presse|AFP|法新社",
    "dpa": "Deutsche Presse-Agentur|dpa-AFX|dpa|德新社",
    "Xinhua": "Xinhua(?: News Agency)?|新华社|新華社|新华网|新華網",
    "China News Service": "China News Service|中新社|中新网|中國新聞社|中国新闻社",
    "CCTV": "央视新闻|央視新聞",
    "Kyodo": "Kyodo(?: News)?|共同社|共同通信",
    "Jiji": "Jiji(?: Press)?|时事通讯社|時事通訊社",
    "Bloomberg": "Bloomberg(?: News)?|彭博社|彭博",
    "Dow Jones": "Dow Jones(?: Newswires)?|道琼斯",
    "Yonhap": "Yonhap(?: News Agency)?|韩联社|韓聯社",
    "CNA": "Central News Agency|中央社",
    "TASS": "TASS|塔斯社",
    "RIA Novosti": "RIA Novosti|俄新社",
    "APA": "APA",
    "EFE": "EFE|埃菲社",
    "ANSA": "ANSA|安莎社",
    "PTI": "PTI|Press Trust of India",
}
"""Names of agencies as credits write them, as a pattern each."""

HEAD, TAIL = 220, 260
"""Characters at either end of a text where a credit stands."""

_NAME = "|".join(f"(?P<a{number}>{names})" for number, names in enumerate(AGENCIES.values()))
_ONE = re.compile(rf"(?<![A-Za-z])(?:{_NAME})(?![A-Za-z])")
_LIST = rf"(?:{'|'.join(AGENCIES.values())})(?:\s?[/,;+&、，]\s?\w[\w-]*|\s(?:and|und|和)\s\w+)*"
_DATELINE = (
    # BEIJING, July 9 (Reuters) - …; Berlin (dpa/lnw) – …; (AP) — …
    re.compile(rf"\((?P<who>{_LIST})\)\s?(?:[-–—:.,]|\s)"),
    re.compile(rf"^[^.\n]{{0,60}}?(?<![A-Za-z])(?P<who>{_LIST})\s?[-–—:]\s"),
    # 新华社北京7月9日电, 路透社华盛顿9日电, 中新网8月2日电, 据新华社北京8月14日电
    re.compile(rf"(?P<who>{_LIST})[^。，\n]{{0,24}}?\d{{1,2}}日(?:[专综]?电|讯|訊|電)"),
    re.compile(rf"[（(【\[]\s*(?P<who>{_LIST})[^）)】\]。\n]{{0,20}}[）)】\]]"),
)
_TAIL = (
    re.compile(rf"[（(【\[]\s*(?P<who>{_LIST})[^）)】\]。\n]{{0,24}}[）)】\]]\s*$", re.MULTILINE),
    re.compile(
        rf"(?:Source|Quelle|Quellen|With material from|With reporting by|mit Material von|"
        rf"(?:Copyright|©)\s?(?:\d{{4}}\s)?(?:by\s)?(?:The\s)?|来源|來源|稿源|原标题来源)\s?[:：]?\s?(?P<who>{_LIST})",
        re.IGNORECASE,
    ),
    re.compile(rf"^\s*(?P<who>{_LIST})\s*$", re.MULTILINE),
)
_DESK = re.compile(r"\bReporting by [^;\n]{3,140};\s*(?:Writing by [^;\n]{3,80};\s*)?Editing by ")


def credits(version: Version) -> tuple[str, ...]:
    """The agencies a version credits, each once, in the order of their names; an agency's own article credits it."""
    return read_credits(version.text, version.authors, version.source)


def read_credits(text: str, authors: Iterable[str] = (), outlet: str = "") -> tuple[str, ...]:
    found: set[str] = set()
    head, tail = text[:HEAD], text[-TAIL:]
    for part, patterns in ((head, _DATELINE), (tail, _TAIL)):
        for pattern in patterns:
            for match in pattern.finditer(part):
                found |= _named(match["who"])
    if _DESK.search(text[-3 * TAIL :]):
        found.add("Reuters")
    for author in authors:
        found |= _named(author)
    if _ONE.fullmatch(outlet.strip()):
        found |= _named(outlet)
    return tuple(sorted(found))


def _named(written: str) -> set[str]:
    agencies = list(AGENCIES)
    return {
        agencies[int(name[1:])]
        for match in _ONE.finditer(written)
        for name, value in match.groupdict().items()
        if value is not None
    }
