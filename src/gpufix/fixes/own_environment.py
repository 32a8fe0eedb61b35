"""Plans for a Python that its system manages (PEP 668): pip refuses there, a venv of its own does."""

from __future__ import annotations

from dataclasses import replace

from gpufix.model import Advise, Build, Facts, Install, InstallFallback, Plan
from gpufix.text.shell import join

_FOLDER = ".venv"
_ALONE = "make an environment: in this Python pip changes nothing"


def elsewhere(plan: Plan, facts: Facts) -> Plan:
    """The plan as it is, or, where an installer would refuse it, how to make an environment."""
    python = facts.python
    installs = any(isinstance(s, (Install, InstallFallback, Build)) for s in plan.steps)
    if python is None or not python.externally_managed or not installs:
        return plan
    pip = [f"{_FOLDER}/bin/python", "-m", "pip", "install"]
    wanted = [text for s in plan.steps if isinstance(s, Install) for text in s.install]
    folders = [s.path for s in plan.steps if isinstance(s, Build)]
    steps = [
        Advise(
            text=f"{python.executable} is the system's ({python.externally_managed}): pip changes "
            "nothing there. An environment has what is installed into it.",
            command=join([python.executable, "-m", "venv", _FOLDER]),
        )
    ]
    if wanted or folders:
        command = join([*pip, *wanted, *folders])
        steps.append(Advise(text="Into it, with what else is needed:", command=command))
    return replace(
        plan,
        title=f"{plan.title}, in an environment of its own" if len(steps) > 1 else _ALONE,
        safety="manual",
        steps=list(steps),
        fallback=None,
        moves_torch=None,
        elsewhere=None,
    )
