"""Files into articles: saved pages, PDF, Markdown, text, JSON Lines, folders."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

from ingest.archives import Unread
from ingest.children import Parser
from ingest.documents import read_file, read_folder
from ingest.files import lines_in
from ingest.pdf import paragraphs
from kb.models import Article

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
PROSE = "The office granted the request after a hearing, and it named the conditions in a letter to both parties. " * 6


def one(path: Path, parser: Parser | None = None) -> Article:
    (article,) = read_file(path, parser, NOW)
    assert isinstance(article, Article), article
    return article


def unread(path: Path) -> Unread:
    (failure,) = read_file(path, None, NOW)
    assert isinstance(failure, Unread)
    return failure


XMP = """<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/">
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">Rules on rare earths</rdf:li></rdf:Alt></dc:title>
<dc:creator><rdf:Seq><rdf:li>Ada Muster</rdf:li><rdf:li>李明</rdf:li></rdf:Seq></dc:creator>
<xmp:CreateDate>2024-07-09T10:30:00+08:00</xmp:CreateDate>
</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="r"?>"""


def pdf(path: Path, lines: list[list[str]], xmp: str = "", **about: str) -> Path:
    """A PDF with a page of Helvetica for each list of lines."""
    writer = PdfWriter()
    font = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject("/Helvetica"),
        }
    )
    for page_lines in lines:
        page = writer.add_blank_page(595, 842)
        stream = DecodedStreamObject()
        shown = "".join(f"({line}) Tj 0 -14 Td\n" for line in page_lines)
        stream.set_data(f"BT /F1 12 Tf 50 780 Td {shown} ET".encode("latin-1"))
        page[NameObject("/Contents")] = writer._add_object(stream)
        page[NameObject("/Resources")] = DictionaryObject(
            {NameObject("/Font"): DictionaryObject({NameObject("/F1"): writer._add_object(font)})}
        )
    if xmp:
        packet = DecodedStreamObject()
        packet.set_data(xmp.encode())
        packet.update({NameObject("/Type"): NameObject("/Metadata"), NameObject("/Subtype"): NameObject("/XML")})
        writer.root_object[NameObject("/Metadata")] = writer._add_object(packet)
    writer.add_metadata({f"/{key}": value for key, value in about.items()})
    with path.open("wb") as file:
        writer.write(file)
    return path


def test_a_pdf_may_say_in_xmp_alone_what_it_is(tmp_path: Path) -> None:
    lines = [["The commission has set out rules on rare earths.", "They start in June and name seven goods."]]
    article = one(pdf(tmp_path / "a.pdf", lines, XMP, Title="Microsoft Word - draft7.docx"))
    assert (article.title, article.authors) == ("Rules on rare earths", ("Ada Muster", "李明"))
    assert article.published is not None and article.published.at == datetime(2024, 7, 9, 2, 30, tzinfo=UTC)
    broken = one(pdf(tmp_path / "b.pdf", lines, XMP.replace("</rdf:RDF>", ""), Author="Ada Muster"))
    assert (broken.title, broken.authors) == ("The commission has set out rules on rare earths.", ("Ada Muster",))


def test_markdown_with_front_matter(tmp_path: Path) -> None:
    path = tmp_path / "brief.md"
    path.write_text(
        "---\ntitle: A rule explained\nurl: urn:lagebild:brief:a-rule\npublished: 2024-07-09\nlanguage: en\nsource:"
        " Briefs\nauthors: [Ada Quill]\n"
        "references:\n  - https://www.example.org/rule\n---\n\n## What it says\n\nThe rule is *short* and\nclear,"
        " see [the text](https://www.example.org/rule_(1)).\n\n"
        "- first point\n- **second** point\n\n![chart](c.png) <script>x</script>\n"
    )
    article = one(path)
    assert (article.url, article.title, article.language, article.source) == (
        "urn:lagebild:brief:a-rule",
        "A rule explained",
        "en",
        "Briefs",
    )
    assert (article.authors, article.references) == (("Ada Quill",), ("https://www.example.org/rule",))
    assert article.published is not None and (article.published.iso(), article.published.witness) == (
        "2024-07-09",
        "given",
    )
    assert (
        article.text
        == "What it says\nThe rule is short and clear, see the text.\n- first point\n- second point\nchart x"
    )


def test_markdown_without_front_matter_and_plain_text(tmp_path: Path) -> None:
    markdown = tmp_path / "notes.md"
    markdown.write_text("# Neue Regeln für Prüfchips\n\nDas Ministerium hat die Regeln erweitert.\n")
    article = one(markdown)
    assert (article.title, article.text, article.language) == (
        "Neue Regeln für Prüfchips",
        "Das Ministerium hat die Regeln erweitert.",
        "de",
    )
    assert article.url == markdown.resolve().as_uri() and article.published is None
    text = tmp_path / "note.txt"
    text.write_bytes("出口许可改为网上申请\n\n该局昨日公布了新的办理方式。".encode("gb18030"))
    assert (one(text).title, one(text).language) == ("出口许可改为网上申请", "zh")


def test_front_matter_that_is_no_yaml(tmp_path: Path) -> None:
    path = tmp_path / "broken.md"
    path.write_text("---\ntitle: [a\n---\nwords\n")
    assert unread(path).reason == "bad_front_matter"
    path.write_text("---\ntitle: a\npublished: soon\n---\nwords\n")
    assert unread(path).message.endswith("published: 'soon' is no date; write 2024-07-09 or 2024-07-09T08:30:00+08:00")


def test_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "articles.jsonl"
    lines = [
        json.dumps(
            {
                "url": "https://example.org/a?utm_source=x",
                "title": "A",
                "text": "Words of A.",
                "published": "2024-07-09T08:30:00+08:00",
                "authors": ["Ada"],
            }
        ),
        "",
        '{"title": ',
        json.dumps({"text": "Only text, and no more than this."}),
        json.dumps({"url": "https://example.org/b"}),
        json.dumps(["no object"]),
        json.dumps(
            {"title": "华为", "text": "华为发布新芯片。", "language": "zh-CN", "source": "某报"}, ensure_ascii=False
        ),
        json.dumps({"title": "T", "text": 5.5, "published": True}),
    ]
    path.write_text("\ufeff" + "\n".join(lines), encoding="utf-8")
    read = list(read_file(path, None, NOW))
    articles = [one for one in read if isinstance(one, Article)]
    assert [(one.url, one.title, one.language, one.source) for one in articles] == [
        ("https://example.org/a", "A", "en", "example.org"),
        (articles[1].url, "Only text, and no more than this.", "en", "local file"),
        (articles[2].url, "华为", "zh", "某报"),
    ]
    assert articles[0].published is not None and articles[0].published.iso() == "2024-07-09T00:30:00+00:00"
    assert len({one.id for one in articles}) == 3
    failed = [(one.target, one.reason) for one in read if isinstance(one, Unread)]
    assert failed == [
        (f"{path}:3", "bad_line"),
        (f"{path}:5", "no_text"),
        (f"{path}:6", "bad_line"),
        (f"{path}:8", "bad_value"),
    ]


def test_pdf_with_its_own_metadata(tmp_path: Path) -> None:
    first = ["On licences for test chips", "", "The ministry widened its rule, which until now looked at"
        " fini-", "shed products only, and named a period of sixty days for the",
             "decision on each request that reaches it."]  # fmt: skip
    path = pdf(
        tmp_path / "paper.pdf",
        [first],
        Title="On licences for test chips",
        Author="Ada Quill; Bo Lindqvist",
        CreationDate="D:20240709083000+02'00'",
    )
    with Parser() as parser:
        article = one(path, parser)
    assert (article.title, article.authors, article.language) == (
        "On licences for test chips",
        ("Ada Quill", "Bo Lindqvist"),
        "en",
    )
    assert "looked at finished products only, and named a period of sixty days for the decision" in article.text
    assert article.published is not None and article.published.iso() == "2024-07-09T06:30:00+00:00"


def test_pdf_paragraphs() -> None:
    page = "Ein Satz über die Ausfuhr, der am Ende der Zeile umge-\nbrochen wird und danach noch eine Weile "
    page += "weitergeht und\nendet.\nIm- und Export bleiben."
    assert (
        paragraphs([page])
        .split("\n")[0]
        .startswith("Ein Satz über die Ausfuhr, der am Ende der Zeile umgebrochen wird und danach")
    )
    pages = [
        f"Annual report of the office\nThe text of page number {n} is not like that of the others.\n{n}"
        for n in range(1, 6)
    ]
    assert "Annual report" not in paragraphs(pages) and "page number 3" in paragraphs(pages)


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"%PDF-1.4 broken", "unreadable"), (b"", "not_readable"), (b"\x89PNG\r\n\x1a\n\x00", "not_readable")],
)
def test_files_that_cannot_be_read(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "file.pdf"
    path.write_bytes(content)
    assert unread(path).reason == reason
    assert unread(tmp_path / "missing.txt").reason == "unreadable"


def test_a_scanned_pdf_says_what_to_do(tmp_path: Path) -> None:
    assert "text recognition" in unread(pdf(tmp_path / "scan.pdf", [[]])).message


@pytest.mark.parametrize(
    "mark",
    [
        "<!-- saved from url=(0034)https://www.example.org/a/one -->",
        "<!--\n Page saved with SingleFile \n url: https://www.example.org/a/one \n-->",
        '<link rel="canonical" href="https://www.example.org/a/one">',
        '<meta property="og:url" content="https://www.example.org/a/one">',
    ],
)
def test_a_saved_page_keeps_its_address(tmp_path: Path, mark: str) -> None:
    path = tmp_path / "page.html"
    path.write_text(
        f"<html><head>{mark}<meta name='robots' content='noarchive'><title>A rule</title></head><body><article>"
        f"<p>{PROSE}</p></article></body></html>"
    )
    article = one(path)
    assert (article.url, article.source) == ("https://www.example.org/a/one", "example.org")
    path.write_text(f"<html><title>A rule</title><article><p>{PROSE}</p></article></html>")
    assert (one(path).url, one(path).source) == (path.resolve().as_uri(), "local file")


def test_a_folder_is_read_in_order_and_not_left(tmp_path: Path) -> None:
    folder, outside = tmp_path / "in", tmp_path / "out.txt"
    (folder / "deep").mkdir(parents=True)
    (folder / "page_files").mkdir()
    outside.write_text("secret words")
    (folder / "page.html").write_text("<html></html>")
    (folder / "b.txt").write_text("Words of b")
    (folder / "deep" / "a.txt").write_text("Words of a")
    (folder / ".hidden.txt").write_text("hidden")
    (folder / "image.png").write_bytes(b"\x89PNG")
    (folder / "page_files" / "c.txt").write_text("script of a page")
    (folder / "link.txt").symlink_to(outside)
    read = list(read_folder(folder, None, NOW))
    assert [one.title if isinstance(one, Article) else one.reason for one in read] == [
        "Words of b",
        "outside",
        "no_text",
        "Words of a",
    ]


@pytest.mark.parametrize("link", ["Skip links", "Skip to content", "Zum Inhalt springen", "跳转至正文"])
def test_a_copied_skip_link_is_no_title(tmp_path: Path, link: str) -> None:
    file = tmp_path / "copied.txt"
    file.write_text(
        f"{link}\n\nOpenAI sperrt China\n\n" + "Die Sperre gilt ab dem 9. Juli 2024. " * 20, encoding="utf-8"
    )
    (article,) = [found for found in read_file(file) if isinstance(found, Article)]
    assert article.title == "OpenAI sperrt China"
    assert article.text.startswith("OpenAI sperrt China")


@pytest.mark.parametrize(("content", "lines"), [(b"", 1), (b"a", 1), (b"a\n", 1), (b"a\nb", 2), (b"a\n\nb\n", 3)])
def test_the_last_line_counts_whether_it_is_ended_or_not(tmp_path: Path, content: bytes, lines: int) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(content)
    assert lines_in(path) == lines
