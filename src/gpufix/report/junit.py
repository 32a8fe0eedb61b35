"""JUnit XML: one test case a rule that ran, so that viewers show what passed, too.

Names carry no line numbers or versions: a viewer follows one case from run to run.
"""

from __future__ import annotations

from collections import Counter
from xml.etree import ElementTree

from gpufix.checks.judge import INTERNAL_CODES
from gpufix.diagnosis.baseline import Places
from gpufix.diagnosis.verdict import Gate
from gpufix.model import Diagnosis, Finding, Gap
from gpufix.plugins import all_rules
from gpufix.text.clean import below, clean, located


def render(diagnosis: Diagnosis, gate: Gate | None = None) -> str:
    """One suite a family of rules, and one of what could not be looked at, or was not there.

    Findings that the gate lets pass are passed cases with their text; gaps are skipped cases,
    and failures under a strict gate.
    """
    report = _Report(diagnosis, gate or Gate())
    root = report.suites()
    ElementTree.indent(root)
    body = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'


class _Report:
    def __init__(self, diagnosis: Diagnosis, gate: Gate):
        self.diagnosis = diagnosis
        self.gate = gate
        self.places = Places.of(diagnosis.patient)
        self.names: Counter[str] = Counter()

    def suites(self) -> ElementTree.Element:
        root = ElementTree.Element("testsuites", name="gpufix")
        families: dict[str, list[ElementTree.Element]] = {}
        found = {f.code for f in self.diagnosis.findings}
        for code, name in _names(self.diagnosis):
            if code not in found:
                families.setdefault(code[:3], []).append(self.silent(code, name))
        for finding in self.diagnosis.findings:
            families.setdefault(finding.code[:3], []).append(self.finding(finding))
        for family in sorted(families):
            root.append(self.suite(family, families[family]))
        unseen = [self.gap(g) for g in self.diagnosis.gaps]
        if self.diagnosis.summary.unjudged:
            unseen.append(self.unseen("nothing judged", self.diagnosis.summary.unjudged))
        if unseen:
            root.append(self.suite("gaps", unseen))
        for total in ("tests", "failures", "errors", "skipped"):
            root.set(total, str(sum(int(suite.get(total, 0)) for suite in root)))
        return root

    def suite(self, family: str, cases: list[ElementTree.Element]) -> ElementTree.Element:
        suite = ElementTree.Element("testsuite", name=f"gpufix.{clean(family)}")
        for total, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            suite.set(total, str(sum(case.find(tag) is not None for case in cases)))
        suite.set("tests", str(len(cases)))
        suite.extend(sorted(cases, key=lambda case: case.get("name", "")))
        return suite

    def case(self, family: str, name: str) -> ElementTree.Element:
        """Names are unique within a report: viewers merge cases of one name."""
        name = clean(name)
        self.names[name] += 1
        if self.names[name] > 1:
            name += f" ({self.names[name]})"
        attributes = {"classname": f"gpufix.{clean(family)}", "name": name, "time": "0"}
        return ElementTree.Element("testcase", attributes)

    def silent(self, code: str, name: str) -> ElementTree.Element:
        """A rule that found nothing: passed, unless it had nothing before it."""
        case = self.case(code[:3], f"{code} {name}")
        of_sources = code.startswith("SRC") and self.diagnosis.patient.project
        if self.diagnosis.summary.unjudged and not of_sources:
            ElementTree.SubElement(case, "skipped").set("message", "nothing judged")
        return case

    def finding(self, finding: Finding) -> ElementTree.Element:
        subject = self.places.portable(finding.subject)
        case = self.case(finding.code[:3], f"{finding.code} {finding.name}: {subject}")
        own = [e for e in finding.evidence if e.path and self._inside(e.path)]
        if own:
            case.set("file", clean(self.places.place(own[0].path or "").path))
        if finding.code in INTERNAL_CODES:
            tag = "error"
        else:
            tag = "failure" if self.gate.fails(finding) else "system-out"
        answer = ElementTree.SubElement(case, tag)
        if tag != "system-out":
            answer.set("message", clean(finding.message))
            answer.set("type", finding.severity.value)
        answer.text = clean(_text(finding), keep_newlines=True)
        return case

    def gap(self, gap: Gap) -> ElementTree.Element:
        subject = self.places.portable(gap.subject)
        return self.unseen(f"{gap.section}: {subject}", f"could not look: {gap.reason}")

    def unseen(self, name: str, why: str) -> ElementTree.Element:
        case = self.case("gaps", name)
        answer = ElementTree.SubElement(case, "failure" if self.gate.strict else "skipped")
        answer.set("message", clean(why))
        return case

    def _inside(self, path: str) -> bool:
        return self.places.place(path).base == "project"


def _names(diagnosis: Diagnosis) -> list[tuple[str, str]]:
    judged = set(diagnosis.judged)
    return [(rule.code, rule.name) for rule in all_rules()[0] if rule.code in judged]


def _text(finding: Finding) -> str:
    lines = [f"{finding.severity.value}: {finding.message}"]
    lines += [f"  {located(e)}{e.text}" for e in finding.evidence[:50]]
    lines += [
        f"{'  ' * depth}so: {f.code} {f.subject}: {f.message}" for depth, f in below(finding, 1)
    ]
    for fix in finding.fixes[:2]:
        lines.append(f"fix ({fix.safety}): {fix.title}")
        lines += [f"  $ {line}" for line in (fix.command or "").splitlines()]
    return "\n".join(lines)
