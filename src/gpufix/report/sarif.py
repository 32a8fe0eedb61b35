"""SARIF 2.1.0, for code-scanning services and editors."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from gpufix.checks.judge import INTERNAL_CODES
from gpufix.diagnosis.baseline import Places, identity
from gpufix.model import Diagnosis, Evidence, Finding, Gap, Severity
from gpufix.plugins import all_rules
from gpufix.text.clean import below, clean
from gpufix.text.json_output import dumps
from gpufix.text.site import rule_page

Json = dict[str, Any]


def rule_entries(diagnosis: Diagnosis) -> Iterator[Json]:
    """Every rule that ran, then codes that are no rule's (DOC001)."""
    judged = set(diagnosis.judged) | {f.code for f in diagnosis.findings}
    known = {rule.code: rule for rule in all_rules()[0] if rule.code in judged}
    for code, rule in known.items():
        yield _rule(code, rule.name, rule.page)
    named = {f.code: f.name for f in diagnosis.findings if f.code not in known}
    for code, name in named.items():
        yield _rule(code, name, name)


def _rule(code: str, name: str, page: str) -> Json:
    page = clean(page, keep_newlines=True)
    return {
        "id": clean(code),
        "name": "".join(part.capitalize() for part in clean(name).split("-")),
        "shortDescription": {"text": page.strip().partition("\n")[0]},
        **({"helpUri": address} if (address := rule_page(clean(code))) else {}),
        "help": {"text": page, "markdown": f"# {clean(code)} {clean(name)}\n\n{page}"},
        "properties": {"tags": ["gpu", clean(code)[:3]]},
    }


def of_package(finding: Finding) -> bool:
    """Whether it is about installed packages, and about no line of the project."""
    if not finding.code.startswith(_OF_PACKAGES):
        return False
    return not any(item.line for item in finding.evidence)


_OF_PACKAGES = ("WHL", "SYM", "ABI", "GPU")


def notification(gap: Gap) -> Json:
    """Something that could not be looked at."""
    return _notification("not-looked-at", f"{gap.section}: {gap.subject}: {gap.reason}")


def _notification(kind: str, text: str) -> Json:
    return {"descriptor": {"id": kind}, "level": "warning", "message": {"text": message(text)}}


def text(finding: Finding) -> str:
    """What a result says: consequences and remedies, too."""
    about = "" if finding.subject in finding.message else f"{finding.subject}: "
    lines = [about + finding.message]
    lines += [e.text for e in finding.evidence[:10] if not e.path]
    lines += [f"so: {f.code} {f.subject}: {f.message}" for _, f in below(finding)]
    lines += [f"fix ({fix.safety}): {fix.title}" for fix in finding.fixes[:2]]
    return "\n".join(lines)


def message(text: str) -> str:
    """A plain-text message string (§3.11.5, §3.11.6): no placeholder, no embedded link."""
    safe = clean(text, keep_newlines=True).replace("](", "] (")
    return safe.replace("{", "{{").replace("}", "}}") or "-"


def uri(path: str) -> str:
    """A URI reference: absolute paths get the file scheme, a colon cannot be read as a scheme."""
    try:
        raw = path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # from a snapshot: no path of a disk
        raw = path.encode("utf-8", "surrogatepass")
    quoted = quote(raw, safe="/")
    return f"file://{quoted}" if PurePosixPath(path).is_absolute() else quoted


SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_LEVEL = {Severity.error: "error", Severity.warning: "warning", Severity.advice: "note"}
_BASE_IDS = {"project": "%SRCROOT%", "environment": "ENVIRONMENT"}
_RELATED = 20


def render(
    diagnosis: Diagnosis, source_root: str | None = None, manifest: str | None = None
) -> str:
    """One run as one JSON object, ASCII only, with a newline.

    `source_root` is the folder that relative paths start from (the repository's, where the
    project is a part of one), `manifest` the project's file that stands for its environment.
    Services reject a whole file when one of its results names no file, so a finding that is about
    the environment is located at the manifest, else at the interpreter.
    """
    return dumps(_Log(diagnosis, source_root, manifest).log()) + "\n"


class _Log:
    def __init__(self, diagnosis: Diagnosis, source_root: str | None, manifest: str | None):
        self.diagnosis = diagnosis
        self.patient = diagnosis.patient
        self.portable = Places.of(diagnosis.patient)
        self.roots = Places(source_root or self.patient.project, self.patient.prefix)
        self.manifest = manifest

    def log(self) -> Json:
        rules = list(rule_entries(self.diagnosis))
        index = {rule["id"]: number for number, rule in enumerate(rules)}
        driver = {
            "name": "gpufix",
            "semanticVersion": self.diagnosis.gpufix_version,
            "rules": rules,
        }
        run = {
            "tool": {"driver": driver},
            "invocations": [self.invocation()],
            "originalUriBaseIds": self.base_ids(),
            "columnKind": "unicodeCodePoints",
            "results": list(self.results(index)),
            "properties": {
                "targets": [clean(t.arch) for t in self.diagnosis.targets],
                "verdict": self.diagnosis.summary.verdict,
                "notJudged": [clean(name) for name in self.diagnosis.not_judged],
            },
        }
        return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}

    def base_ids(self) -> Json:
        bases = {"project": self.roots.project, "environment": self.roots.environment}
        return {
            _BASE_IDS[base]: {"uri": uri(root.rstrip("/") + "/")}
            for base, root in bases.items()
            if root
        }

    def invocation(self) -> Json:
        """What could not be looked at, and which check crashed, are said here."""
        crashed = [f for f in self.diagnosis.findings if f.code in INTERNAL_CODES]
        out: Json = {"executionSuccessful": not crashed}
        notes = [notification(g) for g in self.diagnosis.gaps]
        if self.diagnosis.summary.unjudged:
            notes.append(_notification("nothing-judged", self.diagnosis.summary.unjudged))
        return {**out, "toolExecutionNotifications": notes} if notes else out

    def results(self, index: dict[str, int]) -> Iterator[Json]:
        seen: Counter[str] = Counter()
        for finding in self.diagnosis.findings:
            name = "\0".join(identity(finding, self.portable))
            digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:32]
            seen[digest] += 1
            fingerprint = f"{digest}:{seen[digest]}"
            location = self.location(finding)
            out: Json = {
                "ruleId": clean(finding.code),
                "ruleIndex": index[clean(finding.code)],
                "level": _LEVEL[finding.severity],
                "message": {"text": message(text(finding))},
                "locations": [location],
                "partialFingerprints": {"gpufixFinding/v1": fingerprint},
            }
            if "region" not in location.get("physicalLocation", {}):
                # Where a line is named, GitHub's uploader computes this from the line itself.
                out["partialFingerprints"]["primaryLocationLineHash"] = fingerprint
            related = list(self.related(finding.evidence))
            if related:
                out["relatedLocations"] = related
            yield out

    def location(self, finding: Finding) -> Json:
        """The first place in the project, else the manifest, else the interpreter.

        Of an installed package: its own file, else the interpreter, never a file of the project.
        """
        out: Json = {"logicalLocations": [{"name": clean(finding.subject), "kind": "resource"}]}
        base = "environment" if of_package(finding) else "project"
        own = [e for e in finding.evidence if e.path and self.base(e.path) == base]
        place = next((e for e in own if e.line), own[0] if own else None)
        if place and place.path:
            out["physicalLocation"] = self.physical(place.path, place.line)
        elif of_package(finding) and self.patient.executable:
            out["physicalLocation"] = self.physical(self.patient.executable)
        elif self.manifest or self.patient.executable:
            out["physicalLocation"] = self.physical(self.manifest or self.patient.executable or "")
        return out

    def related(self, evidence: Sequence[Evidence]) -> Iterator[Json]:
        for item in [e for e in evidence if e.path][:_RELATED]:
            yield {
                "physicalLocation": self.physical(item.path or "", item.line),
                "message": {"text": message(item.text)},
            }

    def base(self, path: str) -> str:
        return self.roots.place(path).base

    def physical(self, path: str, line: int | None = None) -> Json:
        place = self.roots.place(path)
        out: Json = {"artifactLocation": {"uri": uri(place.path)}}
        if place.base in _BASE_IDS:
            out["artifactLocation"]["uriBaseId"] = _BASE_IDS[place.base]
        if line is not None and line > 0:
            out["region"] = {"startLine": line}
        return out
