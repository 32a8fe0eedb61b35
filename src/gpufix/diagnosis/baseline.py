"""Known findings that a project has accepted, by places that every machine writes alike."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field, replace
from pathlib import Path
from typing import Literal, NamedTuple

from gpufix.checks.judge import INTERNAL_CODES
from gpufix.diagnosis.redaction import read
from gpufix.frozen import Frozen
from gpufix.model import Diagnosis, Finding, PatientSummary, Severity
from gpufix.model.base import Model, to_json
from gpufix.text.json_output import dumps

VERSION = 1
_LIMIT_BYTES = 16 << 20


class AcceptedFinding(Model):
    """One accepted finding. `message` is for readers, `reason` theirs to write."""

    code: str
    subject: str
    severity: Severity
    message: str
    places: list[str] = field(default_factory=list)  # a digest of each place that the finding names
    reason: str | None = None


class Baseline(Model):
    """The whole file."""

    gpufix_baseline: int
    accepted: list[AcceptedFinding] = field(default_factory=list)


class NotBaseline(ValueError):
    """A file that is not a baseline: says where."""


class Sorted(NamedTuple):
    """The findings that remain, how many were accepted, and entries that nothing matches."""

    remaining: list[Finding]
    accepted: int
    stale: list[AcceptedFinding]


def load(path: Path) -> Baseline:
    """Read a baseline. Raises NotBaseline with the place that is wrong, OSError if unreadable."""
    found = read(path, Baseline, "baseline", _LIMIT_BYTES, NotBaseline)
    if found.gpufix_baseline != VERSION:
        version = f"a baseline of version {found.gpufix_baseline}"
        raise NotBaseline(f"{path}: {version}; this gpufix reads version {VERSION}")
    return found


def of(diagnosis: Diagnosis, before: Baseline | None = None) -> Baseline:
    """Accepts every finding of a report; reasons written into an earlier baseline are kept."""
    places = Places.of(diagnosis.patient)
    reasons = {_key(e): e.reason for e in before.accepted} if before else {}
    entries = [_entry(f, places) for f in diagnosis.findings if f.code not in INTERNAL_CODES]
    kept = [replace(e, reason=reasons.get(_key(e))) for e in entries]
    return Baseline(gpufix_baseline=VERSION, accepted=sorted(kept, key=_order))


def render(baseline: Baseline) -> str:
    """ASCII JSON in a fixed order, a line a value: made to be reviewed as a diff."""
    data = to_json(baseline)
    for entry in data["accepted"]:
        if entry["reason"] is None:
            del entry["reason"]
    return dumps(data) + "\n"


def sort(diagnosis: Diagnosis, baseline: Baseline) -> Sorted:
    """Take the accepted findings out of a report. What gpufix itself failed at is never accepted."""
    places = Places.of(diagnosis.patient)
    free: dict[tuple[str, str], list[AcceptedFinding]] = {}
    for entry in baseline.accepted:
        free.setdefault(_key(entry), []).append(entry)
    known = [(f, _entry(f, places)) for f in diagnosis.findings if f.code not in INTERNAL_CODES]
    accepted: set[int] = set()
    for same_words in (True, False):  # an entry is first offered to the finding that it quotes
        for finding, now in known:
            if id(finding) not in accepted and _take(now, free, same_words):
                accepted.add(id(finding))
    remaining = [f for f in diagnosis.findings if id(f) not in accepted]
    seen = {_key(_entry(f, places)) for f in _all(diagnosis.findings)}
    unmatched = [e for left in free.values() for e in left]
    stale = [e for e in unmatched if e.code in diagnosis.judged and _key(e) not in seen]
    return Sorted(remaining, len(accepted), stale)


def identity(finding: Finding, places: Places) -> tuple[str, str]:
    """What a finding is called from run to run: code and portable subject."""
    return finding.code, places.portable(finding.subject)


def _take(
    now: AcceptedFinding, free: dict[tuple[str, str], list[AcceptedFinding]], same_words: bool
) -> bool:
    """Use up the entry that accepts this finding; False when none does."""
    candidates = free.get(_key(now), [])
    for entry in candidates:
        worse = now.severity.rank > entry.severity.rank
        same_message = now.message == entry.message or not same_words
        if same_message and not worse and set(now.places) <= set(entry.places):
            candidates.remove(entry)
            return True
    return False


def _entry(finding: Finding, places: Places) -> AcceptedFinding:
    code, subject = identity(finding, places)
    return AcceptedFinding(
        code=code,
        subject=subject,
        severity=finding.severity,
        message=places.portable(finding.message),
        places=sorted(set(_places(finding, places))),
    )


def _places(finding: Finding, places: Places) -> Iterator[str]:
    for item in finding.evidence:
        if item.path:
            named = f"{places.portable(item.path)}\0{places.portable(item.text)}"
            yield hashlib.sha256(named.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _key(entry: AcceptedFinding) -> tuple[str, str]:
    return entry.code, entry.subject


def _order(entry: AcceptedFinding) -> tuple[str, str, str, Sequence[str]]:
    return entry.code, entry.subject, entry.message, entry.places


def _all(findings: Iterable[Finding]) -> Iterator[Finding]:
    for finding in findings:
        yield finding
        yield from _all(finding.consequences)


Base = Literal["project", "environment", "elsewhere"]

_PYTHON_FOLDER = re.compile(r"(?<=lib/python)\d+\.\d+t?(?=/)")


class PortablePlace(NamedTuple):
    """A path, relative to its base; absolute where `base` is "elsewhere"."""

    base: Base
    path: str


class Places(Frozen):
    """Where the project and the environment are. None = there is none."""

    project: str | None = None
    environment: str | None = None

    @classmethod
    def of(cls, patient: PatientSummary) -> Places:
        """The folders of a report's patient."""
        return cls(patient.project, patient.prefix)

    def place(self, path: str) -> PortablePlace:
        """An environment inside the project is an environment."""
        bases: tuple[tuple[Base, str | None], ...] = (
            ("environment", self.environment),
            ("project", self.project),
        )
        inside = [
            PortablePlace(base, path[len(root.rstrip("/")) + 1 :])
            for base, root in bases
            if root and path.startswith(f"{root.rstrip('/')}/")
        ]
        # The shorter remainder belongs to the inner folder.
        return min(inside, key=lambda p: len(p.path), default=PortablePlace("elsewhere", path))

    def portable(self, text: str) -> str:
        """The text without what differs from machine to machine: roots, Python's minor version."""
        folders = [(self.environment, "{env}"), (self.project, "{project}")]
        known = [(root.rstrip("/"), name) for root, name in folders if root]
        for root, name in sorted(known, key=lambda pair: -len(pair[0])):
            if root:
                text = re.sub(rf"(?<![\w./-]){re.escape(root)}(?=/|$|[\s:;,'\"])", name, text)
        return _PYTHON_FOLDER.sub("", text)
