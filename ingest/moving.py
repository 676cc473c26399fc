"""A story that keeps its name in a feed and changes its address: whether the page there is still that story.

Feeds are sloppy and may be hostile: one names all its items "1", another reuses a name for whatever is new, a third
might name a page of its own after an article of somebody else. So a name alone moves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from ingest.canonical import same_site
from ingest.work import Redo, Take
from kb.knowledge import KnowledgeBase
from kb.models import Article
from kb.origins.credit import read_credits
from kb.origins.likeness import Told, continued
from kb.storage.items import Item, Stage
from kb.storage.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Claim:
    """A source gives a page the name of an article that is stored from the address `before`. `holds`: it is that
    article, moved; `why` says by what that is told, or why it is not."""

    before: Item
    article_id: str
    holds: bool
    why: str


def claimed(kb: KnowledgeBase, ledger: Ledger, task: Take | Redo, article: Article) -> Claim | None:
    """What the name of a page in its feed says of it; None where it says nothing new."""
    if task.source is None or task.link.guid is None:
        return None
    known_at = ledger.named(task.source.id, [task.link.guid]).get(task.link.guid)
    if known_at is None or known_at == task.key:
        return None
    before = ledger.items([known_at]).get(known_at)
    if before is None or before.stage is not Stage.STORED or before.article_id is None:
        return None
    if kb.catalog.ids_at([article.url]):
        # Found at an address that it is known by, or that is another article's.
        return None
    version_id = kb.catalog.current_version(before.article_id)
    stored = kb.catalog.versions([version_id]).get(version_id) if version_id else None
    if stored is None:
        return None
    if stored.source_id != task.source.id:
        return Claim(before, stored.article_id, False, "that one came from another source")
    if not same_site(urlsplit(stored.url), urlsplit(article.url)):
        return Claim(before, stored.article_id, False, "the two are on different sites")
    holds, why = continued(
        Told(stored.title, stored.text, stored.source, read_credits(stored.text)),
        Told(article.title, article.text, article.source, read_credits(article.text)),
    )
    return Claim(before, stored.article_id, holds, why)
