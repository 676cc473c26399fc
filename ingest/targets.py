"""What a TARGET of `lagebild ingest` is: a source, an address, a file or a folder."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ingest.files import SUFFIXES, is_readable
from ingest.sources import ID, Kind, Source, Sources
from kb.errors import UsageError

POSSIBLE = (
    "a TARGET is a source id (lagebild sources list), an http or https address of a feed, sitemap, article or page "
    "with links, an HTML, PDF, Markdown or text file, a folder, a JSON Lines file of articles, a ZIP archive of files, "
    "or a web archive (WARC, WACZ)"
)


@dataclass(frozen=True, slots=True)
class SourceTarget:
    """A source of the registry."""

    source: Source

    def __str__(self) -> str:
        return self.source.id


@dataclass(frozen=True, slots=True)
class UrlTarget:
    """An address; what lies there is seen when it is fetched."""

    url: str

    def __str__(self) -> str:
        return self.url


@dataclass(frozen=True, slots=True)
class FileTarget:
    """A file that is there."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)


@dataclass(frozen=True, slots=True)
class FolderTarget:
    """A folder that is there, with all it holds."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)


Target = SourceTarget | UrlTarget | FileTarget | FolderTarget


def read_target(text: str, sources: Sources) -> Target:
    """The target that an argument means. A source id goes before a file of the same name; `./name` is the file.

    Raises UsageError that names the argument and says what is possible.
    """
    given = text.strip()
    if not given:
        raise UsageError(f"an empty TARGET; {POSSIBLE}")
    if given in sources:
        return _of_source(sources[given])
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*):", given)
    if scheme and scheme[1].lower() in ("http", "https"):
        return _of_address(given)
    if scheme and scheme[1].lower() == "file":
        return _of_path(Path(unquote(urlsplit(given).path)), given)
    path = Path(given).expanduser()
    if _exists(path):
        return _of_path(path, given)
    if scheme and "://" in given:
        raise UsageError(f"{given}: {scheme[1]} addresses are not fetched; {POSSIBLE}")
    if re.match(r"(?:[\w-]+\.)+[a-z]{2,}(?:[/:?]|\Z)", given, re.IGNORECASE) and not is_readable(given):
        raise UsageError(f"{given} is no source and no file; if it is an address, write https://{given}")
    if ID.match(given):
        raise UsageError(f"{given!r} is no source and no file; {sources.like(given)}{POSSIBLE}")
    raise UsageError(f"{given}: there is no such file or folder; {POSSIBLE}")


def read_targets(texts: tuple[str, ...] | list[str], sources: Sources) -> list[Target]:
    """The targets of a command, each once. Raises UsageError for the first that is none."""
    return list(dict.fromkeys(read_target(text, sources) for text in texts))


def _of_source(source: Source) -> Target:
    if source.kind is Kind.API:
        raise UsageError(f"{source.id} answers JSON of its own kind, which is not read: {source.note}")
    return SourceTarget(source)


def _of_address(given: str) -> Target:
    try:
        if urlsplit(given).hostname:
            return UrlTarget(given)
    except ValueError:
        pass
    raise UsageError(f"{given} is not an address that can be fetched; write it as https://host/path")


def _of_path(path: Path, given: str) -> Target:
    if path.is_dir():
        return FolderTarget(path.resolve())
    if not path.is_file():
        raise UsageError(f"{given}: there is no such file or folder; {POSSIBLE}")
    if path.suffix and not is_readable(path.name):
        readable = ", ".join(sorted(SUFFIXES))
        raise UsageError(f"{given}: files named {path.suffix} are not read; readable are {readable}")
    return FileTarget(path.resolve())


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False
