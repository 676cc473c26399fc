"""Bytes to text: the right codec first, then as many characters as the bytes still hold.

The order is: byte order mark, valid UTF-8, UTF-16 by its zero bytes, what header and document declare, what fits best.
A declaration is believed only as far as the bytes bear it out: Chinese pages are often mislabelled, and gb2312 and gbk
mean gb18030 in practice. One bad byte in a double-byte text shifts all pairs behind it; those runs are re-read by the
cheapest path through their bytes, so that the damage stays where it is.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass

HEAD = 4_096
"""Bytes in which a document may declare its encoding; WHATWG reads 1,024, older pages put scripts first."""

ALIASES = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "gb_2312-80": "gb18030",
    "x-gbk": "gb18030",
    "hz-gb-2312": "hz",
    "big5": "big5hkscs",
    "big5-hkscs": "big5hkscs",
    "x-x-big5": "big5hkscs",
    "iso-8859-1": "cp1252",
    "latin-1": "cp1252",
    "latin1": "cp1252",
    "us-ascii": "cp1252",
    "ascii": "cp1252",
    "shift_jis": "cp932",
    "x-sjis": "cp932",
    "euc-kr": "cp949",
    "ks_c_5601-1987": "cp949",
    "utf8": "utf-8",
}
"""Labels as the web uses them (WHATWG Encoding Standard), to the Python codec that reads most."""

BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

_META = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([A-Za-z0-9_.:-]{2,30})""", re.I)
_XML = re.compile(rb"""^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9_.:-]{2,30})""", re.I)
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")
_SAFE = re.compile(rb"[\x00-\x2f\x3a-\x3f]+")
"""Bytes that are never part of a double-byte or four-byte character in gb18030 or Big5."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A document's text, the codec that read it, and how many characters could not be read (U+FFFD)."""

    text: str
    encoding: str
    replaced: int

    @property
    def damage(self) -> float:
        """Share of the text that could not be read, 0 to 1: of the characters beyond ASCII where those are the text,
        as in Chinese, else of a fifth of all characters, which is what pages have of text beside their markup."""
        if not self.replaced:
            return 0.0
        beyond = sum(not char.isascii() for char in self.text)
        han = sum("\u4e00" <= char <= "\u9fff" for char in self.text)
        return min(1.0, self.replaced / (beyond if 2 * han > beyond else max(beyond, len(self.text) / 5)))

    @property
    def unreadable(self) -> bool:
        """Whether too much is lost: over 1 % of the text, unless that is the trace of a few bad bytes."""
        return self.damage > DAMAGE and (self.replaced > STRAY or self.damage > MOST_DAMAGE)


DAMAGE = 0.01
"""Share of unreadable characters up to which a text is fit to be quoted from, however long it is."""

STRAY = 40
"""Unreadable characters that twenty bad bytes may leave: a line or two of a page, which is read all the same."""

MOST_DAMAGE = 0.1
"""Share from which even a short text is noise: one read in a wrong codec loses a fifth and more."""


def decode(content: bytes, declared: str | None, media_type: str) -> Decoded:
    """The text of `content`; `declared` is the charset of the HTTP header, `media_type` its type.

    Never raises: bytes that no codec reads become U+FFFD and are counted.
    """
    for mark, encoding in BOMS:
        if content.startswith(mark):
            return _counted(content[len(mark) :].decode(encoding, "replace"), encoding)
    if (wide := _wide(content)) is not None:
        return _counted(content.decode(wide, "replace"), wide)
    try:
        return Decoded(content.decode("utf-8"), "utf-8", 0)
    except UnicodeDecodeError as error:
        # Cut off in the middle of the last character.
        if error.end == len(content) and error.start >= len(content) - 3:
            return Decoded(content[: error.start].decode("utf-8"), "utf-8", 0)
    if _mostly_utf8(content):
        return _counted(content.decode("utf-8", "replace"), "utf-8")
    return _legacy(content, _declared(content, declared, media_type))


def _counted(text: str, encoding: str) -> Decoded:
    return Decoded(text, encoding, text.count("\ufffd"))


def _declared(content: bytes, header: str | None, media_type: str) -> list[str]:
    """The codecs that header and document name, in the order in which they are to be believed."""
    labels = [header or ""]
    head = content[:HEAD]
    if match := _XML.search(head):
        labels.append(match[1].decode("ascii"))
    if "xml" not in media_type or "html" in media_type:
        labels += [found.decode("ascii") for found in _META.findall(head)]
    named = [name for label in labels if (name := _codec(label.strip().lower())) is not None]
    return list(dict.fromkeys(named))


def _codec(label: str) -> str | None:
    """Python's name of the codec of a label; None for none, and for UTF-8, which has been tried."""
    try:
        name = codecs.lookup(ALIASES.get(label, label)).name
        b"".decode(name)
    except (LookupError, ValueError):
        return None
    return name if name != "utf-8" else None


def _wide(content: bytes) -> str | None:
    """UTF-16 or UTF-32 without a mark: markup leaves zeros in it, nearly all on one side; other text has none."""
    if content[:4] in (b"<\x00\x00\x00", b"\x00\x00\x00<"):
        return "utf-32-le" if content[0] else "utf-32-be"
    even, odd = content[:HEAD:2].count(0), content[1:HEAD:2].count(0)
    if max(even, odd) < 8 or min(even, odd) > max(even, odd) / 2:
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _mostly_utf8(content: bytes) -> bool:
    """Whether the bytes are UTF-8 with some damage: nearly all high bytes form valid sequences."""
    text = content.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    whole = sum(not char.isascii() for char in text) - broken
    return whole > 4 * broken


def _legacy(content: bytes, declared: list[str]) -> Decoded:
    runs = _HIGH_RUN.findall(content)
    high = sum(map(len, runs))
    # Western text has single letters with accents; double-byte text comes in long runs.
    candidates = list(DOUBLE) if high > 2 * len(runs) else []
    shares = {codec: _share(content.decode(codec, "replace"), codec) for codec in candidates}
    chinese = max(shares, key=shares.__getitem__, default=None)
    plausible = chinese is not None and shares[chinese] > PLAUSIBLE
    for codec in declared:
        if codec in DOUBLE or (plausible and codec in WESTERN):
            continue
        text = content.decode(codec, "replace")
        if text.count("\ufffd") <= 0.01 * high:
            return _counted(text, codec)
    if chinese is not None and plausible:
        return _double_byte(content, chinese)
    for codec in declared:
        if codec in DOUBLE:
            return _double_byte(content, codec)
    guessed = _guessed(content)
    return _counted(content.decode(guessed, "replace"), guessed)


def _guessed(content: bytes) -> str:
    from charset_normalizer import from_bytes

    found = from_bytes(content[:200_000]).best()
    return ALIASES.get(found.encoding, found.encoding) if found is not None else "cp1252"


WESTERN = {"cp1252", "iso8859-15", "cp850", "mac-roman"}
"""Codecs that read any bytes, so that Chinese which reads well is believed before them."""

PLAUSIBLE = 0.6
"""Share of everyday characters above which bytes are taken for Chinese. Chinese news read in the right codec gives
0.9 and more (0.65 with a bad byte in every other sentence), in the wrong one under 0.45, Cyrillic under 0.3."""


def _double_byte(content: bytes, codec: str) -> Decoded:
    try:
        text = content.decode(codec)
    except UnicodeDecodeError:
        return _counted(_repaired(content, codec), codec)
    return _counted(text if _share(text, codec) >= CLEAN else _repaired(content, codec), codec)


CLEAN = 0.985
"""Share of everyday characters from which a text without errors is taken as it is; below it each run is looked at,
since pairs that are shifted by one byte often stay valid to the end of a sentence."""


def _share(text: str, codec: str) -> float:
    """The share of everyday characters among those beyond ASCII; unreadable ones are not."""
    cost = DOUBLE[codec]
    beyond = [char for char in text if not char.isascii()]
    return sum(char != "\ufffd" and cost(char) <= EVERYDAY for char in beyond) / len(beyond) if beyond else 0.0


def _repaired(content: bytes, codec: str) -> str:
    """The text with each doubtful run re-read by its cheapest path."""
    parts: list[str] = []
    position = 0
    for match in _SAFE.finditer(content):
        parts += (_run(content[position : match.start()], codec), match[0].decode("ascii"))
        position = match.end()
    return "".join(parts) + _run(content[position:], codec)


def _run(run: bytes, codec: str) -> str:
    try:
        text = run.decode(codec)
        if _share(text, codec) >= CLEAN or text.isascii():
            return text
    except UnicodeDecodeError:
        pass
    return run.decode(codec, "replace") if len(run) > LONGEST_RUN else _cheapest(run, codec)


LONGEST_RUN = 100_000
"""Bytes without one space or tag that are still re-read. No prose is longer."""

FREQUENT, EVERYDAY, RARE, ODD, LOST = 0.5, 1.5, 3.0, 5.0, 6.0
"""Costs of one character on a path: the 500 most frequent, the other everyday ones, the second level of the standard,
the rest; and of a byte given up. Text in step costs about 1 a character, text that is one byte off 3 and more."""


def _cheapest(run: bytes, codec: str) -> str:
    """The reading with the least cost: shortest path over byte positions, from the end to the start."""
    cost_of = DOUBLE[codec]
    size = len(run)
    costs = [0.0] * (size + 1)
    steps: list[tuple[int, str]] = [(0, "")] * size
    for start in range(size - 1, -1, -1):
        byte = run[start]
        ascii = byte < 0x80
        options = [(costs[start + 1] + (EVERYDAY if ascii else LOST), 1, chr(byte) if ascii else "\ufffd")]
        for width in () if ascii else (2, 4):
            char = _one(run[start : start + width], codec)
            if char and start + width <= size:
                options.append((costs[start + width] + cost_of(char), width, char))
        costs[start], width, char = min(options)
        steps[start] = (width, char)
    parts: list[str] = []
    position = 0
    while position < size:
        width, char = steps[position]
        parts.append(char)
        position += width
    return "".join(parts)


def _one(pair: bytes, codec: str) -> str:
    """The single character that all of `pair` encodes, or nothing."""
    try:
        char = pair.decode(codec)
    except UnicodeDecodeError:
        return ""
    return char if len(char) == 1 else ""


FREQUENT_CHARACTERS = frozenset(
    "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多定行学法所民得经"
    "十三之进着等部度家电力里如水化高自二理起小物现实加量都两体制机当使点从业本去把性好应开它合还因由其些然前外天政四日那社义事平形相全"
    "表间样与关各重新线内数正心反你明看原又么利比或但质气第向道命此变条只没结解问意建月公无系军很情者最立代想已通并提直题党程展五果料象"
    "员革位入常文总次品式活设及管特件长求老头基资边流路级少图山统接知较将组见计别她手角期根论运农指几九区强放决西被干做必战先回则任取据处"
    "队南给色光门即保治北造百规热领七海口东导器压志世金增争济阶油思术极交受联什认六共权收证改清己美再采转更单风切打白教速花带安场身车例真"
    "务具万每目至达走积示议声报斗完类八离华名确才科张信马节话米整空元况今集温传土许步群广石记需段研界拉林律叫且究观越织装影算低持音众书布复"
    "容儿须际商非验连断深难近矿千周委素技备半办青省列习响约支般史感劳便团往历市克何除消构府称太准精值号率族维划选标写存候毛亲快效斯院查江型"
    "眼王按格养易置派层片始却专状育厂京识适属包火住调满县局照参红细引听该铁价严，。、“”：；（）《》？！"
)
"""The most frequent characters of modern simplified Chinese and its punctuation."""


def _cost_gb(char: str) -> float:
    """By the rows of GB 2312: level 1 holds the 3,755 most used characters, level 2 the next 3,008."""
    if char in FREQUENT_CHARACTERS:
        return FREQUENT
    pair = char.encode("gb18030")
    if len(pair) != 2 or pair[1] < 0xA1:
        return ODD
    if 0xB0 <= pair[0] <= 0xD7 or 0xA1 <= pair[0] <= 0xA3:
        return EVERYDAY
    return RARE if 0xD8 <= pair[0] <= 0xF7 else ODD


def _cost_big5(char: str) -> float:
    """By the rows of Big5: level 1 holds the 5,401 most used characters, level 2 the next 7,652."""
    try:
        pair = char.encode("big5hkscs")
    except UnicodeEncodeError:
        # Half of a pair that Big5-HKSCS has only together.
        return ODD
    if len(pair) != 2:
        return ODD
    if 0xA1 <= pair[0] <= 0xC6:
        return FREQUENT if char in FREQUENT_CHARACTERS else EVERYDAY
    return RARE if 0xC9 <= pair[0] <= 0xF9 else ODD


DOUBLE: dict[str, Callable[[str], float]] = {"gb18030": _cost_gb, "big5hkscs": _cost_big5}
