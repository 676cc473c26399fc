"""Numbers that documents are cited by, as words of their own that are the same in every language.

89 FR 12345, 89 Fed. Reg. 12345                                       fr.89-12345
商务部公告2023年第23号, MOFCOM Announcement No. 23 of 2023             no.2023-23
Regulation (EU) 2024/1689, Verordnung (EU) Nr. 833/2014               eu.2024-1689, eu.2014-833
the 12th package, das 12. Sanktionspaket, 第十二轮制裁                   pkg.12
Executive Order 14110, 第14110号行政令                                  eo.14110
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_ORDINALS = {
    word: number
    for words in (
        "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth "
        "fifteenth sixteenth seventeenth eighteenth nineteenth twentieth",
        "erste zweite dritte vierte fünfte sechste siebte achte neunte zehnte elfte zwölfte dreizehnte vierzehnte "
        "fünfzehnte sechzehnte siebzehnte achtzehnte neunzehnte zwanzigste",
        "一 二 三 四 五 六 七 八 九 十 十一 十二 十三 十四 十五 十六 十七 十八 十九 二十",
    )
    for number, word in enumerate(words.split(), 1)
}
_ORDINAL = "|".join(sorted(_ORDINALS, key=len, reverse=True))
_NUMBER = r"(?:no|nr|number|nummer)\.?\s*"
_PAPER = r"(?:announcement|notice|decree|circular|bekanntmachung|mitteilung|erlass|ankündigung)"

_PATTERNS = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        ("fr", r"\b(?P<a>\d{2,3})\s*(?:f\.?\s?r\.?|fed\.?\s*reg\.?)\s*(?P<b>\d{3,6})\b"),
        ("no", r"(?P<a>(?:19|20)\d\d)\s*年\s*第\s*(?P<b>\d{1,4})\s*号"),
        ("no", r"[〔\[(（](?P<a>(?:19|20)\d\d)[〕\])）]\s*第?\s*(?P<b>\d{1,4})\s*号"),
        (
            "no",
            rf"\b{_PAPER}\s+{_NUMBER}(?P<b>\d{{1,4}})(?:\s*/\s*|\s+(?:of|von|aus|in)\s+|\s*\()(?P<a>(?:19|20)\d\d)\b",
        ),
        ("no", rf"\b{_PAPER}\s+(?P<a>(?:19|20)\d\d)[\s,]+{_NUMBER}(?P<b>\d{{1,4}})\b"),
        ("eu", r"\((?:eu|eg|ec)\)\s*(?P<a>(?:19|20)\d\d)/(?P<b>\d{1,4})\b"),
        ("eu", rf"\((?:eu|eg|ec)\)\s*{_NUMBER}(?P<b>\d{{1,4}})/(?P<a>(?:19|20)\d\d)\b"),
        (
            "pkg",
            r"\b(?P<a>\d{1,2})(?:st|nd|rd|th|\.)\s*(?:\w+\s+)?(?:sanctions\s+)?(?:package|sanktionspakets?|paket)\b",
        ),
        ("pkg", rf"\b(?P<o>{_ORDINAL})[nrsm]?\s+(?:\w+\s+)?(?:sanctions\s+)?(?:package|sanktionspakets?|paket)\b"),
        ("pkg", rf"第(?:(?P<a>\d{{1,2}})|(?P<o>{_ORDINAL}))轮(?:对\w{{1,4}})?制裁"),
        ("eo", r"\b(?:executive order|e\.?o\.?|dekret)\s*(?:no\.?|nr\.?)?\s*(?P<a>1\d{4})\b"),
        ("eo", r"(?P<a>1\d{4})\s*号(?:行政令|总统令|行政命令)"),
    )
)


def document_numbers(folded: str) -> Iterator[str]:
    """The document numbers in a text in small letters, as tokens."""
    for kind, pattern in _PATTERNS:
        for match in pattern.finditer(folded):
            found = {name: value for name, value in match.groupdict().items() if value}
            if "o" in found:
                found["a"] = str(_ORDINALS[found["o"]])
            yield f"{kind}.{'-'.join(str(int(found[name])) for name in 'ab' if name in found)}"
