"""MHTML (.mht, .mhtml: a page saved with its parts in one file, RFC 2557) → the page itself.

The file is a mail: parts with headers, the page among them. Its pictures, styles and frames are left where they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message

from kb.errors import CollectError

PAGES = ("text/html", "application/xhtml+xml")

MOST_PARTS = 10_000


@dataclass(frozen=True, slots=True)
class MainPart:
    """The page of an MHTML file: its address, if the file says it, its bytes, and their stated encoding."""

    url: str | None
    content: bytes
    charset: str | None


def read(content: bytes, name: str) -> MainPart:
    """The page of an MHTML file that messages call `name`. Raises CollectError `not_readable` if it holds none."""
    mail: Message = message_from_bytes(content)
    pages = [part for part in _parts(mail, name) if part.get_content_type() in PAGES]
    if not pages:
        raise CollectError("not_readable", f"{name} holds no page; save the page anew, as HTML or as MHTML")
    start = str(mail.get_param("start") or "")
    # The root of the parts is the first one, unless the file names another (RFC 2387).
    page = next((part for part in pages if start and part.get("Content-ID", "").strip() == start), pages[0])
    body = page.get_payload(decode=True)
    stated = (page.get("Content-Location"), mail.get("Snapshot-Content-Location"), mail.get("Content-Location"))
    url = next((each for one in stated if (each := _address(one))), None)
    return MainPart(url, body if isinstance(body, bytes) else b"", page.get_content_charset())


def _parts(mail: Message, name: str) -> Iterator[Message]:
    for number, part in enumerate(mail.walk()):
        if number == MOST_PARTS:
            raise CollectError("too_large", f"{name} has more than {MOST_PARTS:,} parts")
        if not part.is_multipart():
            yield part


def _address(stated: object) -> str | None:
    """An http(s) address that a header states; long ones are folded there."""
    url = "".join(str(stated or "").split())
    return url if url.lower().startswith(("http://", "https://")) else None
