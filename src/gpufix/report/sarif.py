"""SARIF 2.1.0, for code-scanning services and editors.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/sarif-v2.1.0-errata01-os-complete.html
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence

from gpufix.baseline import identity
from gpufix.gate import INTERNAL_CODES
from gpufix.model import Diagnosis, Evidence, Finding, Severity
from gpufix.places import Places
from gpufix.report import sarif_parts as parts
from gpufix.report.clean import clean
from gpufix.report.sarif_parts import Json

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
    return json.dumps(_Log(diagnosis, source_root, manifest).log(), indent=2) + "\n"


class _Log:
    def __init__(self, diagnosis: Diagnosis, source_root: str | None, manifest: str | None):
        self.diagnosis = diagnosis
        self.patient = diagnosis.patient
        self.portable = Places.of(diagnosis.patient)
        self.roots = Places(source_root or self.patient.project, self.patient.prefix)
        self.manifest = manifest

    def log(self) -> Json:
        rules = list(parts.rules(self.diagnosis))
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
            "properties": {"targets": [clean(t.arch) for t in self.diagnosis.targets]},
        }
        return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}

    def base_ids(self) -> Json:
        bases = {"project": self.roots.project, "environment": self.roots.environment}
        return {
            _BASE_IDS[base]: {"uri": parts.uri(root.rstrip("/") + "/")}
            for base, root in bases.items()
            if root
        }

    def invocation(self) -> Json:
        """What could not be looked at, and which check crashed, are said here."""
        crashed = [f for f in self.diagnosis.findings if f.code in INTERNAL_CODES]
        out: Json = {"executionSuccessful": not crashed}
        if self.diagnosis.gaps:
            out["toolExecutionNotifications"] = [parts.notification(g) for g in self.diagnosis.gaps]
        return out

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
                "message": {"text": parts.message(parts.text(finding))},
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
        """The first place in the project, else the manifest, else the interpreter."""
        out: Json = {"logicalLocations": [{"name": clean(finding.subject), "kind": "resource"}]}
        own = [e for e in finding.evidence if e.path and self.base(e.path) == "project"]
        place = next((e for e in own if e.line), own[0] if own else None)
        if place and place.path:
            out["physicalLocation"] = self.physical(place.path, place.line)
        elif self.manifest or self.patient.executable:
            out["physicalLocation"] = self.physical(self.manifest or self.patient.executable or "")
        return out

    def related(self, evidence: Sequence[Evidence]) -> Iterator[Json]:
        for item in [e for e in evidence if e.path][:_RELATED]:
            yield {
                "physicalLocation": self.physical(item.path or "", item.line),
                "message": {"text": parts.message(item.text)},
            }

    def base(self, path: str) -> str:
        return self.roots.place(path).base

    def physical(self, path: str, line: int | None = None) -> Json:
        place = self.roots.place(path)
        out: Json = {"artifactLocation": {"uri": parts.uri(place.path)}}
        if place.base in _BASE_IDS:
            out["artifactLocation"]["uriBaseId"] = _BASE_IDS[place.base]
        if line is not None and line > 0:
            out["region"] = {"startLine": line}
        return out
