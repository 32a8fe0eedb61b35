"""PEP 668: where a system manages its Python, a plan says how to make an environment."""

from __future__ import annotations

import builders as b
import pytest

from gpufix.fixes.own_environment import elsewhere
from gpufix.model import Advise, Build, Facts, Install, InstallFallback, Plan, SetVariables, Step

MARKER = "/usr/lib/python3.11/EXTERNALLY-MANAGED"
SYSTEMS = b.facts(
    python=b.python(executable="/usr/bin/python3", kind="system", externally_managed=MARKER)
)
VENV = "/usr/bin/python3 -m venv .venv"


def plan(*steps: Step) -> Plan:
    return Plan(fix="f", codes=["WHL506"], title="install b", safety="unsafe", steps=list(steps))


UNCHANGED: dict[str, tuple[Facts, Plan]] = {
    "an environment of one's own": (b.facts(), plan(Install(install=["b==1"]))),
    "no Python": (b.facts(python=None), plan(Install(install=["b==1"]))),
    "a system's Python that pip changes": (
        b.facts(python=b.python(kind="system")),
        plan(Install(install=["b==1"])),
    ),
    "no installation": (SYSTEMS, plan(SetVariables(variables={"A": "1"}))),
    "advice": (SYSTEMS, plan(Advise(text="a", command="conda install b"))),
}


@pytest.mark.parametrize("case", UNCHANGED)
def test_what_can_be_carried_out_stays(case: str) -> None:
    facts, given = UNCHANGED[case]
    assert elsewhere(given, facts) == given


MOVED: dict[str, tuple[Plan, list[str]]] = {
    "an installation": (
        plan(Install(install=["b[x]==1", "c>=2"])),
        [VENV, ".venv/bin/python -m pip install 'b[x]==1' 'c>=2'"],
    ),
    "a build": (
        plan(Build(path="/src/my ext")),
        [VENV, ".venv/bin/python -m pip install '/src/my ext'"],
    ),
    "a removal only": (plan(Install(uninstall=["b"])), [VENV]),
    "a fallback": (
        plan(InstallFallback(name="b", distribution="b", version="1.0+gpufix")),
        [VENV],
    ),
}


@pytest.mark.parametrize("case", MOVED)
def test_what_pip_refuses_there_is_for_an_environment(case: str) -> None:
    given, commands = MOVED[case]
    made = elsewhere(given, SYSTEMS)
    steps = [step for step in made.steps if isinstance(step, Advise)]
    assert (made.safety, [step.command for step in steps]) == ("manual", commands)
    assert len(steps) == len(made.steps)
    assert MARKER in steps[0].text
