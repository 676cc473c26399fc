"""What of a checked answer may reach a reader, whatever the model wrote.

    defused(text, shown)          addresses, images, HTML and code taken out
    leaked(text, prompt)          the model gives away its prompt: the whole answer is withheld
    strays(sentence, …)           a sentence that obeys a passage rather than the question: withheld
    Stream                        the first, for an answer that is still being written

A model that obeyed an article writes something that stands in no passage and answers no question. Where an
article shown to it gave orders, or quoted some, such a sentence is not shown, not even as unsupported.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from kb.answer.citing import MARKER
from kb.answer.prompting import Prompt
from kb.models import Passage, Sentence, Verdict
from kb.text.orders import gives_orders, matter, unurged, urges
from kb.text.words import HAN
from kb.verifying import check, shares_topic

LONGEST = 6_000
"""Characters of an answer; more than five sentences of any language, or of what a reader would check."""

TAKEN_OUT = "[…]"
"""Stands where an address was."""

WAIT = 300
"""Characters that are held back at most while a bracket is open."""

KNOWN = 0.34
"""Least share of a sentence's matter (kb/text/orders.py) that stands in passages or question; below, it is about
something else, or written out of shape."""

RUN = 8
"""Words of the rule in a row that no answer has by chance."""

ADDRESS = re.compile(
    r"(?:[a-z][a-z0-9+.-]{1,15}://|www\.)[^\s<>\"'`，。；、！？（）【】《》“”]+"
    r"|[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
    r"|\b(?:[a-z0-9-]+\.)+(?-i:com|org|net|info|biz|xyz|top|site|online|shop|app|dev|club|live|icu|[a-z]{2})\b"
    r"(?:/[^\s<>\"'`，。；、]*)?",
    re.IGNORECASE | re.ASCII,
)
_LINK = re.compile(r"!?\[([^\[\]]*)\]\((?:[^()\s]|\([^()]*\))*(?:\s+\"[^\"]*\")?\)")
_REFERENCE = re.compile(r"^\s*\[[^\]]+\]:\s*\S+.*$", re.MULTILINE)
_HTML = re.compile(r"<!--.*?(?:-->|$)|</?[a-z!][^<>]*>|<(?:script|img|iframe|svg|style)\b.*", re.IGNORECASE | re.DOTALL)
_FENCE = re.compile(r"^[ \t]*(?:`{3,}|~{3,})[^\n]*$", re.MULTILINE)
_OPENED = re.compile(r"(?:!?\[[^\[\]]*|!?\[[^\[\]]*\]|!?\[[^\[\]]*\]\([^()]*|<[^<>]*)$")
_PAUSE = re.compile(r"\s+|(?<=[\u3000-\u9fff\uff00-\uffef])")
_WORD = re.compile(r"\w+")


def defused(text: str, shown: Sequence[Passage]) -> str:
    """The text of an answer without images, HTML, code fences and addresses; an address that the passages tell
    stays, as plain text. At most LONGEST characters."""
    bare = _REFERENCE.sub("", _FENCE.sub("", text))
    bare = _HTML.sub("", _LINK.sub(r"\1", bare)).replace("`", "")
    evidence = "\n".join(_plain(passage) for passage in shown).casefold()
    bare = ADDRESS.sub(lambda match: match.group() if _stands(match.group(), evidence) else TAKEN_OUT, bare)
    return bare[:LONGEST].strip() if bare != text or len(text) > LONGEST else text


def _stands(address: str, evidence: str) -> bool:
    # "z.B", "e.g": what has no longer part is an abbreviation.
    return address.rstrip(".,;:").casefold() in evidence or max(map(len, re.split(r"\W", address))) < 3


def leaked(text: str, prompt: Prompt) -> bool:
    """Whether an answer gives away its prompt: the name of the block of passages, or a run of words of the rule."""
    if prompt.nonce and prompt.nonce in text:
        return True
    words = [word.lower() for word in _WORD.findall(prompt.system)]
    said = " ".join(word.lower() for word in _WORD.findall(text))
    return any(" ".join(words[at : at + RUN]) in said for at in range(len(words) - RUN + 1))


def strays(sentence: Sentence, question: str, shown: Sequence[Passage], language: str) -> bool:
    """Whether a checked sentence of an answer in `language` is to be withheld.

    It is, if its passages do not carry it and it speaks to its reader as an order does or sends him to an address.
    Where a passage shown gives orders or quotes some, it also is if it is an order, carried or not; if it has nothing
    in common with the question and is not carried by what else its passages say; or if hardly a word of it is known,
    as when letters are changed or spaces left out.
    """
    bare = MARKER.sub("", sentence.text)
    ordering = gives_orders(bare)
    if sentence.verdict is not Verdict.SUPPORTED and (ordering or TAKEN_OUT in bare):
        return True
    if not any(urges(passage.text) for passage in shown):
        return False
    cited = [_plain(shown[number - 1]) for number in sentence.citations]
    if ordering or not (shares_topic(bare, [question]) or check(bare, cited).verdict is Verdict.SUPPORTED):
        return True
    if (HAN.search(bare) is None) is (language == "zh"):
        return False
    same = [_plain(passage) for passage in shown if passage.version.language == language]
    return bool(same) and _misshapen(bare, "\n".join([question, *same]))


def _plain(passage: Passage) -> str:
    version = passage.version
    when = version.published.iso() if version.published else ""
    return f"{version.title}\n{version.source}\n{when}\n{unurged(passage.text)}"


def _misshapen(text: str, known: str) -> bool:
    said = matter(text)
    return len(said) > 1 and len(said & matter(known)) < KNOWN * len(said)


class Stream:
    """The same for an answer that is still being written: what may be shown at once, held back to the end of a word
    or of what a bracket opens."""

    def __init__(self, shown: Sequence[Passage]) -> None:
        self._shown = shown
        self._held = ""

    def feed(self, text: str) -> str:
        """The text that can be shown now."""
        self._held += text
        pauses = [match.end() for match in _PAUSE.finditer(self._held)]
        if len(self._held) < WAIT:
            pauses = [at for at in pauses if not _OPENED.search(self._held[:at])]
        at = max(pauses, default=0)
        ready, self._held = self._held[:at], self._held[at:]
        return self._clean(ready)

    def end(self) -> str:
        """What was held back when the answer ended."""
        held, self._held = self._held, ""
        return self._clean(held)

    def _clean(self, text: str) -> str:
        core = text.strip()
        return text.replace(core, defused(core, self._shown), 1) if core else text
