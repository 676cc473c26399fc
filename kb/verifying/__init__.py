"""The check: does the passage a sentence cites say what the sentence says, in whatever language?"""

from __future__ import annotations

from kb.verifying.checking import Finding, check
from kb.verifying.spans import best_span

__all__ = ["Finding", "best_span", "check"]
