"""What of a checked answer may reach a reader, whatever the model wrote.

    defused(text, shown)          addresses, images, HTML and code taken out
    leaked(text, prompt)          the model gives away its prompt: the whole answer is withheld
    strays(sentence, …)           a sentence that obeys a passage rather than the question: withheld
    Stream                        the first, for an answer that is still being written

A model that obeyed an article writes something that stands in no passage and answers no question. Where an
article shown to it gave orders, such a sentence is not shown, not even as unsupported.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from kb.answer.citing import MARKER
from kb.answer.prompting import Prompt
from kb.models import Passage, Sentence, Verdict
from kb.text.orders import gives_orders, orders, told
from kb.verifying import shares_topic

LONGEST = 6_000
"""Characters of an answer; more than five sentences of any language, or of what a reader would check."""

TAKEN_OUT = "[…]"
"""Stands where an address was."""

WAIT = 300
"""Characters that are held back at most while a bracket is open."""

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
    evidence = "\n".join(f"{passage.version.title}\n{told(passage.text)}" for passage in shown).casefold()
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


def strays(sentence: Sentence, question: str, shown: Sequence[Passage]) -> bool:
    """Whether a checked sentence is to be withheld: its passages do not carry it, and it speaks to its reader as an
    order does, or sends him to an address; or a passage shown gives orders or asks things, and the sentence has
    nothing in common with the question."""
    if sentence.verdict is Verdict.SUPPORTED:
        return False
    bare = MARKER.sub("", sentence.text)
    if gives_orders(bare) or TAKEN_OUT in bare:
        return True
    if sentence.verdict in (Verdict.PARTIAL, Verdict.UNCHECKED) or not any(orders(each.text) for each in shown):
        return False
    return not shares_topic(bare, [question])


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
