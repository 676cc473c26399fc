"""Page → Article. The only package that knows trafilatura; nothing of it leaves."""

from ingest.extract.article import extract

__all__ = ["extract"]
