"""An explanation held against the patient: confirmed, refuted, or not to be told."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from gpufix.binary.demangle.mangled import is_torch_name
from gpufix.checks.judge import INTERNAL_CODES
from gpufix.checks.registry import ERROR, Fault
from gpufix.checks.runtime.run806_out_of_memory import RUN806
from gpufix.evidence.view import View
from gpufix.explain.advised import OF_LOG
from gpufix.explain.explanation import Explanation
from gpufix.explain.sameness import EXACT, named, of_module
from gpufix.fallbacks.catalogue import every
from gpufix.fixes.commands import summary
from gpufix.fixes.fallback.install_fallback import install_fallback
from gpufix.fixes.planner import Planner
from gpufix.fixes.registry import declared
from gpufix.knowledge import torch_releases
from gpufix.knowledge.data_table import numbers
from gpufix.model import Diagnosis, Finding, PlanSummary, Severity
from gpufix.model.payload import KnownConflict


def statements(explanation: Explanation, view: View) -> Iterator[str]:
    """Found here, against what the message says is needed. Unknown is left out."""
    for about in (_symbol, _library, _architecture, _toolkit, _symbol_version, _driver, _package):
        statement = about(explanation, view)
        if statement:
            yield statement


def _symbol(explanation: Explanation, view: View) -> str | None:
    """Does the installed torch define the symbol: asked of its libraries, else of the history."""
    name, torch = explanation.captures.get("symbol", ""), view.facts.torch
    if torch is None or torch.release is None or not is_torch_name(name):
        return None
    has = view.exports(name)
    if has is None:
        from gpufix.evidence.torch_symbols import history

        known = history()
        if torch.release not in known.releases or torch.build not in (None, "release"):
            return None
        has = torch.release in (known.releases_with(name) or ())
    return f"torch {torch.version} here {'defines' if has else 'does not define'} this symbol."


def _library(explanation: Explanation, view: View) -> str | None:
    """Is the library lacking to somebody here."""
    soname = explanation.captures.get("soname", "")
    if not soname or view.facts.python is None:
        return None
    lacking = sorted(
        library.distribution or library.path
        for library in view.facts.binaries.libraries
        if any(p.kind == "missing-library" and p.name == soname for p in library.problems)
    )
    if lacking:
        return f"{soname} is not found here either; {lacking[0]} needs it."
    users = [lib for lib in view.facts.binaries.libraries if lib.uses.get(soname)]
    return f"{soname} is found here: {users[0].uses[soname]}." if users else None


def _architecture(explanation: Explanation, view: View) -> str | None:
    """What torch's build carries, against the architecture named."""
    arch, torch = explanation.captures.get("arch", ""), view.facts.torch
    release = torch_releases.get(torch.version) if torch and torch.version else None
    if torch is None or release is None or torch.variant is None or not arch:
        return None
    platform = torch_releases.platform(view.facts.host.os, view.facts.host.machine)
    build = release.variants(platform).get(torch.variant)
    if build is None or not build.known:
        return None
    return f"torch {torch.version} here carries {', '.join(build.archs)}."


def _toolkit(explanation: Explanation, view: View) -> str | None:
    """Toolkit and torch, for rules about the toolkit."""
    torch = view.facts.torch
    if explanation.rule not in ("TCH202", "TCH203", "TCH204", "TCH206") or torch is None:
        return None
    chosen = next((t for t in view.facts.toolkits if t.kind == "cuda" and t.selected), None)
    has = f"CUDA {chosen.version or '?'} at {chosen.root}" if chosen else "no CUDA toolkit"
    return f"A build here would use {has}; torch is built for CUDA {torch.cuda or 'none'}."


def _symbol_version(explanation: Explanation, view: View) -> str | None:
    """The highest GLIBCXX, CXXABI or GLIBC of this system, against the one asked for."""
    found = re.fullmatch(r"(GLIBCXX|CXXABI|GLIBC)_([\d.]+)", explanation.captures.get("symver", ""))
    if found is None:
        return None
    host = view.facts.host
    has = {"GLIBCXX": host.glibcxx, "CXXABI": host.cxxabi, "GLIBC": host.libc_version}[found[1]]
    if has is None:
        return None
    enough = numbers(has) >= numbers(found[2])
    return f"This system has {found[1]}_{has}: {'new enough' if enough else 'too old'}."


def _driver(explanation: Explanation, view: View) -> str | None:
    """The driver, for rules about it."""
    if explanation.rule not in ("GPU104", "GPU105", "GPU106"):
        return None
    driver = next((d for d in view.facts.drivers if d.version or d.kernel_version), None)
    if driver is None:
        return "No GPU driver is seen here."
    serves = f", which serves CUDA {driver.cuda}" if driver.cuda else ""
    return f"The driver here is {driver.version or driver.kernel_version}{serves}."


def _package(explanation: Explanation, view: View) -> str | None:
    """Is the module's or requirement's distribution installed here, and at which version."""
    told = explanation.captures
    named = told.get("package") or told.get("module") or told.get("requirement")
    if not named or view.facts.python is None:
        return None
    name = re.sub(r"[-_.]+", "-", re.split(r"[.=<>!~\[]", named)[0]).lower()
    dist = view.dist(name)
    return f"{dist.name} {dist.version} is installed here." if dist else None


State = Literal["shown", "not shown", "cannot tell"]

# Codes that name one trouble from two sides: a log often cannot tell them apart, the facts can.
_KIN = (
    {"SYM401", "ABI301", "ABI305", "JIT701", "WHL505", "WHL510"},
    {"GPU101", "GPU103", "GPU107", "GPU108", "TCH201"},
    {"GPU104", "GPU105"},
    {"GPU105", "GPU106", "TCH201", "RUN805"},
    {
        "SYM402", "SYM403", "SYM405", "WHL501", "WHL502", "WHL503", "WHL504", "WHL507", "WHL509",
        "WHL510", "RUN805",
    },
    {"SYM404", "WHL505"},
    {"TCH202", "TCH203", "TCH204"},
    {"TCH204", "TCH205", "TCH206", "TCH210", "SRC601"},
    {"TCH205", "TCH213"},
    {"TCH206", "TCH212", "WHL510"},
    {"SRC610", "RUN801", "RUN802"},
    {"WHL505", "WHL506", "WHL508", "WHL512", "SRC604"},
)  # fmt: skip
# Files that another distribution wrote, or two that are of other releases: any error may follow.
_DAMAGED = ("WHL502", "WHL503", "WHL507", "WHL508")
_UNMET = ("WHL506", "WHL509")  # what is not there, or of a release that the name is not in
_PROJECT_ONLY = ("SRC", "TCH205", "TCH206", "TCH207", "TCH208", "TCH210", "TCH213", "JIT702")


@dataclass(frozen=True, slots=True)
class Check:
    """What the patient says to it. `statements`: facts of the patient that bear on the message."""

    state: State
    reason: str
    finding: Finding | None
    plan: PlanSummary | None
    statements: tuple[str, ...]


def check(explanation: Explanation, diagnosis: Diagnosis, view: View, log: str = "FILE") -> Check:
    """Look for the same fault among the doctor's findings. `log`: the file that was explained."""
    failed = [f for f in diagnosis.findings if f.code in INTERNAL_CODES]
    if explanation.rule == RUN806.code:
        return _memory(explanation, diagnosis, view, failed)
    found = _found(explanation, diagnosis) or _of_log(diagnosis)
    if found is None:
        state, reason = _absence(explanation, diagnosis, view)
        return Check(state, reason, None, None, _lines(explanation, view, failed))
    finding, root = found
    reason = "The doctor finds the same fault here."
    if finding.code != explanation.rule:
        reason = "The doctor finds here what such a message comes from."
    if _is_of_log(finding):
        reason = "The installed releases are none that the remedy asks for."
    if finding is not root and (root.fixes or not finding.fixes):
        reason += f" It follows from {root.code}, {root.subject}: {root.message}"
    fixes = root.fixes or finding.fixes  # as `gpufix fix` chooses
    lines = _lines(explanation, view, failed)
    plan = fixes[0] if fixes else None
    if plan is not None and _is_of_log(finding):
        unsafe = " --unsafe" if plan.safety == "unsafe" else ""
        plan = replace(plan, command=f"gpufix fix --apply{unsafe} --log {shlex.quote(log)}")
    return Check("shown", reason, finding, plan, lines)


def headline(explanation: Explanation, found: Check) -> Explanation:
    """What the patient makes of the message: its finding outranks what the text leaves open.

    The remedy is the plan that `gpufix fix` would carry out.
    """
    finding, plan = found.finding, found.plan
    if finding is None or explanation.rule == RUN806.code:
        return explanation
    if plan is not None:
        explanation = explanation.but(do=f"{plan.title[:1].upper()}{plan.title[1:]}.")
    if finding.code == explanation.rule:
        return explanation
    if _is_of_log(finding):
        return explanation.but(rule=finding.code)
    alone = f"The text only reads as {explanation.rule}." if explanation.rule else None
    return explanation.but(
        alone, rule=finding.code, role="cause", what=f"{finding.subject}: {finding.message}"
    )


def _memory(
    explanation: Explanation, diagnosis: Diagnosis, view: View, failed: Sequence[Finding]
) -> Check:
    """Memory ran out: who holds it here, and what of gpufix's asks for less."""
    held = next((f for f in diagnosis.findings if f.code == "RUN803"), None)
    plan, crashed = _fallback(explanation, view)
    lines = list(_lines(explanation, view, [*failed, *crashed]))
    if held is not None:
        lines += [evidence.text for evidence in held.evidence[:5]]
        return Check("shown", "Other processes hold memory here.", held, plan, tuple(lines))
    if plan is None:
        lines += _smaller(explanation, view)
    state, reason = _absence(explanation, diagnosis, view)
    return Check(state, reason, None, plan, tuple(lines))


def _smaller(explanation: Explanation, view: View) -> Iterator[str]:
    """Installed extensions that gpufix has a replacement for which works in parts."""
    for fallback in every():
        if not fallback.bounds_memory or not any(view.dist(name) for name in fallback.replaces):
            continue
        named_one = explanation.but(captures={**explanation.captures, "extension": fallback.name})
        plan, _ = _fallback(named_one, view)
        if plan is not None:
            yield f"{plan.title} works with less memory: {plan.command or 'gpufix fix'}"


def _lines(explanation: Explanation, view: View, failed: Sequence[Finding]) -> tuple[str, ...]:
    """What the patient says to the message, and what could not be judged or planned."""
    return (*statements(explanation, view), *(f"{f.code}: {f.message}" for f in failed))


def _fallback(explanation: Explanation, view: View) -> tuple[PlanSummary | None, list[Finding]]:
    """For an extension that asks for too much memory: a rebuild would not help, a replacement can.

    And DOC003, should the fix crash.
    """
    found, planner = ran_out(explanation), Planner([declared(install_fallback)], view)
    plans = planner.plans(found) if found else []
    return summary(plans[0], view.facts) if plans else None, planner.crashed()


def ran_out(explanation: Explanation) -> Finding | None:
    """RUN806 of a log, about the extension that it names: no look at files shows it."""
    if explanation.rule != RUN806.code:
        return None
    subject = explanation.captures.get("extension", "GPU memory")
    return RUN806.finding(Fault(ERROR, subject, explanation.what, (explanation.shown,)))


def _found(explanation: Explanation, diagnosis: Diagnosis) -> tuple[Finding, Finding] | None:
    """The finding that is about the same, and its cause: of this rule, of one that the text leaves
    open, of its kin; else any error about exactly what the text names.

    Where the text names a library, a symbol, a package or an owner, the finding must, too.
    """
    names = named(explanation)
    every = [
        (f, root) for root in diagnosis.findings for f in (root, *_below(root)) if not _is_of_log(f)
    ]
    kin = {code for group in _KIN if explanation.rule in group for code in group}
    for codes, must_name in (
        ({explanation.rule}, names.strict),
        (set(explanation.open), names.strict),
        (kin, True),
    ):
        ranked = [
            (names.score(f), f, root)
            for f, root in every
            if f.code in codes and of_module(explanation, f)
        ]
        best = max(ranked, key=lambda row: row[0], default=None)
        if best is not None and (best[0] or not must_name):
            return best[1], best[2]
    unmet = _UNMET if names.imported and explanation.rule is None else ()
    errors = [
        (names.score(f), f, root)
        for f, root in every
        if (f.severity is Severity.error or f.code in (*_DAMAGED, *unmet))
        and f.code not in INTERNAL_CODES
    ]
    about = [row for row in errors if row[0] >= EXACT]
    damaged = [row for row in about if row[1].code in _DAMAGED and names.imported]
    best = max(damaged or about, key=lambda row: row[0], default=None)
    return best[1:] if best is not None else None


def _of_log(diagnosis: Diagnosis) -> tuple[Finding, Finding] | None:
    """What only the log shows of what is installed."""
    found = next((f for f in diagnosis.findings if _is_of_log(f)), None)
    return (found, found) if found else None


def _is_of_log(finding: Finding) -> bool:
    return isinstance(finding.payload, KnownConflict) and finding.payload.conflict == OF_LOG


def _below(finding: Finding) -> Iterator[Finding]:
    for consequence in finding.consequences:
        yield consequence
        yield from _below(consequence)


def _absence(explanation: Explanation, diagnosis: Diagnosis, view: View) -> tuple[State, str]:
    """Why the doctor shows no such finding, as far as that can be said."""
    rule = explanation.rule or ""
    torch = f"torch {view.facts.torch.version}" if view.facts.torch else "no torch"
    python = f"Python {view.facts.python.version}" if view.facts.python else "no Python"
    who = f"This environment ({python}, {torch})"
    if view.facts.python is None and rule != RUN806.code:
        return "cannot tell", "There is no environment to look into: name one with --python."
    if explanation.rule is None:
        return "cannot tell", f"No rule of the catalogue looks for this; {who[0].lower()}{who[1:]}."
    if rule == RUN806.code:
        return "cannot tell", "Only a run or a log shows this; files do not."
    if explanation.role == "symptom" and rule in ("SRC604", "WHL506"):
        return (
            "cannot tell",
            "Only the log shows what was asked for and is not there; files do not.",
        )
    if view.facts.torch is None and rule[:3] in ("GPU", "SYM", "ABI", "JIT"):
        return "cannot tell", f"{who} is not the one: name that of the message with --python."
    if rule.startswith("GPU") and not diagnosis.targets:
        return "cannot tell", "No GPU is visible here: name the one in question with --gpu."
    if rule.startswith(_PROJECT_ONLY) and view.facts.project is None:
        return "cannot tell", "This is judged for a project: run gpufix in its folder."
    gaps = [gap for gap in diagnosis.gaps if _bears(rule, gap.section)]
    if gaps:
        return "cannot tell", f"{gaps[0].subject} could not be looked at: {gaps[0].reason}."
    return "not shown", (
        f"{who} does not show it: the message comes from another environment, or from a state "
        "that has changed since."
    )


def _bears(rule: str, section: str) -> bool:
    about = {"GPU": ("gpus", "drivers"), "SYM": ("binaries",), "ABI": ("binaries",)}
    return section in about.get(rule[:3], ())
