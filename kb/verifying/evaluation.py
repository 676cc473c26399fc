"""How well the check does on labelled claims: `lagebild eval claims FILE`."""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from kb.errors import UsageError
from kb.models import Verdict
from kb.verifying.checking import Finding, Similarity, check
from kb.verifying.reading import language_of

TRUE_LABELS = frozenset({"supported", "true", "entailment"})
_FALSE = "unsupported contradicted partial partially_supported not_supported false refuted neutral contradiction"
FALSE_LABELS = frozenset(_FALSE.split())
ALARMS = (Verdict.UNSUPPORTED, Verdict.CONTRADICTED)
"""Verdicts that tell a reader not to believe the sentence; partial only asks for care."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One labelled claim; `error_class` names what is wrong with it, "" if nothing or not said."""

    text: str
    evidence: tuple[str, ...]
    label: str
    error_class: str
    pair: str

    @property
    def supported(self) -> bool:
        return self.label in TRUE_LABELS


def read_claims(path: Path) -> Iterator[Claim]:
    """The claims of a JSON Lines file with `claim`, `evidence` (text or list of texts) and `label`; optional are
    `error_class`, `claim_language`, `evidence_language`. Raises UsageError naming the line that cannot be used."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read as claims: {error}") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            yield _claim(row)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UsageError(
                f"{path} line {number} is not a claim ({error!r}); each line needs claim, evidence and a "
                f"label out of {sorted(TRUE_LABELS | FALSE_LABELS)}"
            ) from error


def _claim(row: Mapping[str, object]) -> Claim:
    evidence = row["evidence"]
    texts = tuple(str(text) for text in evidence) if isinstance(evidence, list) else (str(evidence),)
    label = str(row["label"]).strip().lower()
    if label not in TRUE_LABELS | FALSE_LABELS:
        raise ValueError(f"unknown label {label!r}")
    text = str(row["claim"])
    of_claim = str(row.get("claim_language") or language_of(text))
    of_evidence = str(row.get("evidence_language") or language_of(" ".join(texts)))
    return Claim(text, texts, label, str(row.get("error_class") or ""), f"{of_claim}-{of_evidence}")


def evaluate_claims(path: str | Path, *, similarity: Similarity | None = None) -> dict[str, object]:
    """Counts, recall by error class, precision, recall and F1 of supported, false alarms by language pair, seconds.

    `caught` is the share of a class called unsupported or contradicted, `not_supported` the share not called supported
    (partial included). A false alarm is a true sentence called unsupported or contradicted. Pairs are claim-evidence.
    """
    claims = list(read_claims(Path(path)))
    if not claims:
        raise UsageError(f"{path} holds no claims")
    findings = []
    seconds = []
    for claim in claims:
        started = time.perf_counter()
        findings.append(check(claim.text, claim.evidence, similarity=similarity))
        seconds.append(time.perf_counter() - started)
    return _summary(claims, findings, sorted(seconds))


def _summary(claims: list[Claim], findings: list[Finding], seconds: list[float]) -> dict[str, object]:
    pairs = list(zip(claims, findings, strict=True))
    hits = sum(claim.supported and finding.verdict is Verdict.SUPPORTED for claim, finding in pairs)
    called = sum(finding.verdict is Verdict.SUPPORTED for finding in findings)
    true = sum(claim.supported for claim in claims)
    precision, recall = _ratio(hits, called), _ratio(hits, true)
    classes: dict[str, list[Finding]] = defaultdict(list)
    by_pair: dict[str, list[Finding]] = defaultdict(list)
    for claim, finding in pairs:
        if claim.supported:
            by_pair[claim.pair].append(finding)
        else:
            classes[claim.error_class or claim.label].append(finding)
    alarms = [finding for found in by_pair.values() for finding in found if finding.verdict in ALARMS]
    return {
        "claims": len(claims),
        "true": true,
        "verdicts": dict(Counter(finding.verdict.value for finding in findings)),
        "supported": {
            "precision": precision,
            "recall": recall,
            "f1": _ratio(2 * precision * recall, precision + recall),
        },
        "errors": {
            name: {
                "claims": len(found),
                "caught": _ratio(sum(finding.verdict in ALARMS for finding in found), len(found)),
                "not_supported": _ratio(sum(finding.verdict is not Verdict.SUPPORTED for finding in found), len(found)),
            }
            for name, found in sorted(classes.items())
        },
        "false_alarms": {
            "rate": _ratio(len(alarms), true),
            "partial": _ratio(
                sum(claim.supported and finding.verdict is Verdict.PARTIAL for claim, finding in pairs), true
            ),
            "by_pair": {
                name: {"claims": len(found), "rate": _ratio(sum(f.verdict in ALARMS for f in found), len(found))}
                for name, found in sorted(by_pair.items())
            },
            "by_code": dict(Counter(finding.code for finding in alarms)),
        },
        "seconds": {"p50": _at(seconds, 0.5), "p95": _at(seconds, 0.95), "total": round(sum(seconds), 3)},
    }


def _ratio(part: float, whole: float) -> float:
    return round(part / whole, 4) if whole else 0.0


def _at(ordered: list[float], share: float) -> float:
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 5)
