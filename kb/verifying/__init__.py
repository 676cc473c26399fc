"""The check: does the passage a sentence cites say what the sentence says, in whatever language?

check(sentence, evidence)       the verdict on one sentence, with its reason
best_span(sentence, passage)    the words of a passage that carry a sentence best
share_told(text, other)         how much of it is told there
shares_topic(text, others)      whether they have anything in common
contradictions(passages)        where passages differ from each other in a figure or date
"""

from __future__ import annotations

from kb.verifying.alignment import share_told, shares_topic
from kb.verifying.checking import Finding, check
from kb.verifying.disagreement import Disagreement, contradictions
from kb.verifying.spans import best_span

__all__ = ["Disagreement", "Finding", "best_span", "check", "contradictions", "share_told", "shares_topic"]
