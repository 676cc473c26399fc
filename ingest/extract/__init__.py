"""Page → Article. The only package that knows trafilatura; nothing of it leaves."""

from ingest.extract.article import extract, warm

__all__ = ["extract", "warm"]
