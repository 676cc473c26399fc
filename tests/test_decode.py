"""Bytes to text: lying declarations, damage, UTF-16."""

from __future__ import annotations

import random
from difflib import SequenceMatcher

import pytest

from ingest.decode import Decoded, decode

SIMPLE = (
    "海关总署昨日公布，自八月一日起调整出口许可的办理方式。申请企业须在网上提交合同、最终用户说明和技术参数，审核期限为二十个工作日。"
    "多位业内人士认为，新办法减少了往返次数，但对中小企业来说，准备材料的时间并没有缩短。记者在窗口看到，前来咨询的人比平时多了一倍。"
    "一位负责人表示，过渡期内两种方式同时有效，企业可以自行选择；如果材料不齐，将一次性告知，不再反复退回。"
)  # fmt: skip
COMPLEX = (
    "貿易署昨日宣布，自八月一日起調整出口許可的辦理方式。申請企業須在網上提交合約、最終使用者說明和技術參數，審核期限為二十個工作天。"
    "多位業內人士認為，新辦法減少了往返次數，但對中小企業來說，準備文件的時間並沒有縮短。記者在窗口看到，前來諮詢的人比平時多了一倍。"
    "一位負責人表示，過渡期內兩種方式同時有效，企業可以自行選擇；如果文件不齊，將一次告知，不再反覆退回。"
)  # fmt: skip
GERMAN = "Für die Übergangsfrist gilt: Größere Mengen müssen früher gemeldet werden, heißt es in der Mitteilung. " * 4


def document(text: str, declared: str) -> str:
    paragraphs = "".join(f"<p>{part}。</p>\n" for part in text.split("。") if part)
    return f'<html><head><meta charset="{declared}"><title>x</title></head><body>{paragraphs}</body></html>'


def damaged(content: bytes, times: int, seed: int) -> bytes:
    """`content` with bytes changed, put in and taken out behind its head."""
    chance = random.Random(seed)
    changed = bytearray(content)
    for _ in range(times):
        place = chance.randrange(110, len(changed))
        kind = chance.choice("cip")
        if kind == "c":
            changed[place] = chance.randrange(0x80, 0x100)
        elif kind == "i":
            changed.insert(place, chance.randrange(0x80, 0x100))
        else:
            del changed[place]
    return bytes(changed)


def kept(original: str, read: str) -> float:
    matcher = SequenceMatcher(None, original, read, autojunk=False)
    return sum(block.size for block in matcher.get_matching_blocks()) / len(original)


LIES = ["utf-8", "gb2312", "big5", "iso-8859-1", "windows-1252", "nonsense", None]


@pytest.mark.parametrize("header", LIES)
@pytest.mark.parametrize("meta", ["utf-8", "gb2312", "big5", "iso-8859-1"])
@pytest.mark.parametrize(
    ("codec", "text"), [("gbk", SIMPLE), ("gb18030", SIMPLE), ("gb2312", SIMPLE), ("big5", COMPLEX), ("utf-8", COMPLEX)]
)
def test_lying_declarations_do_not_matter(codec: str, text: str, meta: str, header: str | None) -> None:
    original = document(text, meta)
    read = decode(original.encode(codec), header, "text/html")
    assert (read.text, read.replaced) == (original, 0)


@pytest.mark.parametrize("times", [1, 3, 6, 20])
@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(
    ("codec", "text"), [("gbk", SIMPLE), ("gb18030", SIMPLE), ("big5", COMPLEX), ("utf-8", SIMPLE)]
)
def test_damage_stays_where_it_is(codec: str, text: str, seed: int, times: int) -> None:
    original = document(text, "utf-8")
    read = decode(damaged(original.encode(codec), times, seed), "utf-8", "text/html")
    # Each blow may cost the character it hits, and one beside it.
    assert kept(original, read.text) >= 0.99 - 2 * times / len(original)


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be", "utf-16", "utf-8-sig", "utf-32"])
def test_wide_encodings(codec: str) -> None:
    original = document(SIMPLE, "utf-8")
    assert decode(original.encode(codec), "gb2312", "text/html").text == original


@pytest.mark.parametrize(
    ("codec", "header"), [("cp1252", "iso-8859-1"), ("cp1252", None), ("iso-8859-1", "utf-8"), ("utf-8", "iso-8859-1")]
)
def test_german(codec: str, header: str | None) -> None:
    original = f"<html><body><p>{GERMAN}</p></body></html>"
    assert decode(original.encode(codec), header, "text/html").text == original


def test_a_declared_codec_is_used_where_it_fits() -> None:
    original = (
        "<html><meta charset=windows-1251><p>"
        + "Новые правила вступают в силу первого августа, сообщили в министерстве. " * 3
    )
    assert decode(original.encode("windows-1251"), None, "text/html").text == original
    japanese = document("新しい規則は八月一日から施行されると経済産業省が発表した。", "shift_jis")
    assert decode(japanese.encode("shift_jis"), None, "text/html").text == japanese


def test_what_is_cut_off_in_a_character() -> None:
    assert decode(SIMPLE.encode()[:-4], None, "text/html").text == SIMPLE[:-2]


@pytest.mark.parametrize(
    ("lost", "size", "unreadable"),
    [(0, 500, False), (40, 500, False), (41, 500, True), (41, 9_000, False), (99, 9_000, True), (30, 100, True)],
)
def test_a_few_bad_bytes_do_not_make_a_text_unreadable(lost: int, size: int, unreadable: bool) -> None:
    assert Decoded("字" * (size - lost) + "\ufffd" * lost, "gb18030", lost).unreadable is unreadable


def test_nothing_and_noise_do_not_raise() -> None:
    assert decode(b"", None, "").text == ""
    noise = random.Random(4).randbytes(20_000)
    assert decode(noise, "gbk", "text/html").text
    assert decode(b"\x81" * 300_000, "gb18030", "text/html").damage >= 0.0
    assert decode("a\ufffdb".encode(), None, "").replaced == 0
