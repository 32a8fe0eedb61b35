"""Plans that would give pip what is conda's: the conda command, which the user runs, instead."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from gpufix.model import Advise, Facts, Install, Plan, Skip
from gpufix.pip_names import Objection, objections


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


def _all_condas(step: Install, found: Sequence[Objection]) -> bool:
    """Whether conda can do all that the step does: a torch index means nothing to it."""
    known = [o for o in found if o.package and o.requirement and not o.requirement.extras]
    return len(known) == len(step.install) and not (step.uninstall or step.index)


def _by_hand(plan: Plan, step: Install, found: Sequence[Objection], facts: Facts) -> Plan:
    python = facts.python
    options = ["--prefix", python.prefix] if python else []
    options += ["--force-reinstall"] if step.reinstall else []
    specs = [f"{o.package}{o.requirement.specifier}" for o in found if o.requirement]
    advice = Advise(
        text="; ".join(dict.fromkeys(o.reason for o in found)),
        command=shlex.join(["conda", "install", *options, *specs]),
    )
    return plan.model_copy(update={"safety": "manual", "steps": [advice]})
