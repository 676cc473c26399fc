"""Which files are read, and which files of a folder are articles rather than parts of a saved page."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath

PAGES = (".html", ".htm", ".xhtml")
LINES = (".jsonl", ".ndjson")
MHTML = (".mht", ".mhtml")
SUFFIXES = frozenset(
    {*PAGES, *LINES, *MHTML, ".pdf", ".md", ".markdown", ".txt", ".json"}
    | {".zip", ".tar", ".tar.gz", ".tgz", ".warc", ".wacz", ".warc.gz"}
)
"""What a readable file's name ends with."""

PACKED = (".zip", ".warc", ".warc.gz", ".wacz", ".gz", ".tar", ".tgz", ".7z", ".rar", ".bz2", ".xz", ".zst")
"""Archives: read where a person names one, never inside of one another."""

_ASSETS = re.compile(r"(?:[-_.](?:files|dateien|fichiers|archivos|bestanden|elementi|文件|檔案))\Z", re.IGNORECASE)
"""How browsers name the folder beside a saved page: its name, and this."""


def is_readable(name: str) -> bool:
    return name.lower().endswith(tuple(SUFFIXES))


def files_below(folder: Path) -> Iterator[Path]:
    """Readable files below a folder, in order of their names. Hidden ones and the parts of saved pages are passed
    over; no link to a folder is followed."""
    for place, folders, names in os.walk(folder, followlinks=False):
        pages = {Path(name).stem for name in names if name.lower().endswith(PAGES)}
        folders[:] = sorted(name for name in folders if not name.startswith(".") and not _of_page(name, pages))
        yield from (Path(place) / name for name in sorted(names) if not name.startswith(".") and is_readable(name))


def leads_out(path: Path, folder: Path) -> bool:
    """Whether a file found below a folder is a link to somewhere else."""
    return path.is_symlink() and not path.resolve().is_relative_to(folder.resolve())


def articles_among(names: Iterable[str]) -> Callable[[str], bool]:
    """Of the paths in an archive: which are files that may be articles. What lies beside them decides, too."""
    known = list(names)
    pages = {str(PurePosixPath(name).with_suffix("")) for name in known if name.lower().endswith(PAGES)}

    def wanted(name: str) -> bool:
        path = PurePosixPath(name)
        hidden = any(part.startswith((".", "__MACOSX")) and part not in ("..", ".") for part in path.parts)
        part_of_page = any(_of_page(str(parent), pages) for parent in path.parents)
        return (is_readable(name) or name.lower().endswith(PACKED)) and not hidden and not part_of_page

    return wanted


def _of_page(folder: str, pages: set[str]) -> bool:
    match = _ASSETS.search(folder)
    return match is not None and folder[: match.start()] in pages


def file_mark(path: Path) -> str:
    """A file's size and time: while they stay, its content is taken to be the same. Raises OSError."""
    about = path.stat()
    return f"{about.st_size}-{about.st_mtime_ns}"


def lines_in(path: Path) -> int:
    """How many lines a file has, whether or not the last one is ended; 1 for an empty one, so that progress has an
    end. Raises OSError."""
    ends, last = 0, b"\n"
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            ends, last = ends + block.count(b"\n"), block[-1:]
    return max(1, ends + (last != b"\n"))
