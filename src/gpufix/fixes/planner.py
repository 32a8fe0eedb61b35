"""From a finding to its plans; a fix that fails is a finding, and conda's packages are not pip's."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from packaging.requirements import Requirement

from gpufix.checks.doctor.doc003_fix_crashed import Crash, crashed
from gpufix.evidence import conda
from gpufix.evidence.requirements import PipObjection, objections
from gpufix.evidence.view import View
from gpufix.fixes.commands import summary
from gpufix.fixes.foresight import objection
from gpufix.fixes.own_environment import elsewhere
from gpufix.fixes.registry import Fix, by_safety
from gpufix.model import Advise, Facts, Finding, Install, Plan, Skip, Step, WriteFile
from gpufix.model.base import Invalid, from_json, is_own, to_json
from gpufix.text import clean


def permitted(plan: Plan, code: str, subject: str, facts: Facts) -> Plan | Skip:
    """The plan as it is, unless an installation of it touches a name that is not for pip."""
    for step in plan.steps:
        found = list(objections(step, facts)) if isinstance(step, Install) else []
        if not found:
            continue
        if isinstance(step, Install) and plan.steps == [step] and _all_condas(step, found):
            return _by_hand(plan, step, found, facts)
        reason = "; ".join(dict.fromkeys(o.reason for o in found))
        return Skip(fix=plan.fix, code=code, subject=subject, reason=reason)
    return plan


def _on_windows(plan: Plan, facts: Facts) -> Plan:
    """There nothing is applied: undo rests on what only Linux has shown to hold."""
    python = facts.python
    if python is None or python.platform != "win32" or plan.safety == "manual":
        return plan
    chosen = ["it changes a version you chose"] if plan.safety == "unsafe" else []
    why = "gpufix changes nothing on Windows, where `gpufix undo` could not restore it"
    return replace(plan, safety="manual", notes=[*plan.notes, *chosen, why])


def _all_condas(step: Install, found: Sequence[PipObjection]) -> bool:
    """Whether conda can do all that the step does: a torch index means nothing to it."""
    known = [o for o in found if o.package and o.requirement and not o.requirement.extras]
    return len(known) == len(step.install) and not (step.uninstall or step.index or step.links)


def _by_hand(plan: Plan, step: Install, found: Sequence[PipObjection], facts: Facts) -> Plan:
    asked = [(o.package, o.requirement) for o in found if o.package and o.requirement]
    if step.reinstall:
        packages = {name: _exact(requirement) for name, requirement in asked}
        command = conda.reinstall(facts, packages)
    else:
        command = conda.add(facts, [f"{name}{r.specifier}" for name, r in asked])
    advice = Advise(text="; ".join(dict.fromkeys(o.reason for o in found)), command=command)
    return replace(plan, safety="manual", steps=[advice])


def _exact(requirement: Requirement) -> str:
    """The version that it asks for with ==; "" for any."""
    return next((s.version for s in requirement.specifier if s.operator == "=="), "")


_MODES = range(0o10000)


class Planner:
    """The fixes, the view that they plan on, and what went wrong in them so far."""

    def __init__(self, fixes: Sequence[Fix], view: View, foresee: bool = True):
        """`foresee` False: who asks judges each step itself, as a build's variables are found."""
        self._fixes, self._view, self._foresee = fixes, view, foresee
        self._crashes: dict[str, list[Crash]] = {}
        self._offers: dict[int, tuple[Finding, list[Plan | Skip]]] = {}  # a finding's id → it

    def offers(self, finding: Finding) -> list[Plan | Skip]:
        """The plans for one finding, safest first, then the reasons of fixes that have none."""
        if id(finding) not in self._offers:
            self._offers[id(finding)] = (finding, self._ask(finding))
        return list(self._offers[id(finding)][1])

    def _ask(self, finding: Finding) -> list[Plan | Skip]:
        found = [
            self.attempt(fix, finding.code, finding.subject, partial(fix.plan, finding, self._view))
            for fix in self._fixes
            if finding.code in fix.codes
        ]
        found = [self._foreseen(answer, finding) for answer in found]
        plans = by_safety([p for p in found if isinstance(p, Plan)])
        return [*plans, *(s for s in found if isinstance(s, Skip))]

    def _foreseen(self, answer: Plan | Skip | None, finding: Finding) -> Plan | Skip | None:
        """The answer; no plan that the rules would not let pass."""
        if not isinstance(answer, Plan) or not self._foresee:
            return answer
        against = objection(answer, finding, self._view)
        if against is None:
            return answer
        return finding.skip(answer.fix, against)

    def plans(self, finding: Finding) -> list[Plan]:
        """The plans alone."""
        return [p for p in self.offers(finding) if isinstance(p, Plan)]

    def attempt(
        self, fix: Fix, code: str, subject: str, ask: Callable[[], object]
    ) -> Plan | Skip | None:
        """What `ask` has the fix say about a finding of this code and subject; None if it crashes.

        No plan gives pip what is conda's, whoever made it.
        """
        facts, module = self._view.facts, str(getattr(fix.plan, "__module__", "?"))
        try:
            found = checked(ask(), facts, is_own(module))
            if not isinstance(found, Plan):
                return found
            allowed = permitted(found, code, subject, facts)
            return (
                _on_windows(elsewhere(allowed, facts), facts)
                if isinstance(allowed, Plan)
                else allowed
            )
        except Exception as error:  # one fix that crashes must not keep the others from mending
            known = self._crashes.setdefault(fix.name, [])
            trace = () if known else clean.trace(error)
            reason, place = clean.words(error), _place(fix, error)
            known.append(Crash(str(fix.name), module, code, subject, reason, place, trace))
            return None

    def crashed(self) -> list[Finding]:
        """One DOC003 for each fix that crashed."""
        return [crashed(rows) for rows in self._crashes.values()]


def checked(answer: object, facts: Facts, own: bool = False) -> Plan | Skip | None:
    """The answer, if it is a plan that can be shown and carried out. Raises TypeError, ValueError.

    Unless the fix is gpufix's `own`, no type checker has seen it: the answer is what its JSON says.
    """
    if answer is None:
        return None
    if not isinstance(answer, (Plan, Skip)):
        raise TypeError(f"it returned a {type(answer).__name__}, not a Plan, a Skip or None")
    model: type[Plan | Skip] = type(answer)
    try:
        found = answer if own else from_json(model, to_json(answer))
        if isinstance(found, Plan):
            for step in found.steps:
                _require_usable(step)
            summary(found, facts)  # its commands can be written down
    except Exception as error:
        reason = str(error) if isinstance(error, Invalid) else clean.words(error)
        raise ValueError(f"its {model.__name__} is not valid: {reason}") from error
    return found


def _require_usable(step: Step) -> None:
    """What no type says. Raises ValueError or LookupError."""
    given = to_json(step)
    for path in (given.get("path", ""), given.get("root", ""), *given.get("paths", ())):
        if "\0" in path:
            raise ValueError(f"the path {path!r} holds a NUL")
    if isinstance(step, WriteFile):
        step.content.encode(step.encoding)
        if step.mode is not None and step.mode not in _MODES:
            raise ValueError(f"{step.mode} is no file mode")


def _place(fix: Fix, error: Exception) -> tuple[str, int] | None:
    """The innermost frame of the fix's own file; where the fix begins, if it came to none."""
    code = getattr(inspect.unwrap(fix.plan), "__code__", None)
    came = clean.places(error)[1:]  # the first is the planner's
    if code is None:
        return came[-1] if came else None
    file = clean.plain(code.co_filename)
    own = [place for place in came if place[0] == file]
    return own[-1] if own else (file, code.co_firstlineno)
