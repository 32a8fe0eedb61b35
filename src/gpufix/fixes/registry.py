"""How a fix is declared, and how the fixes are found.

@fix("reinstall-distribution", "WHL503")
def reinstall_distribution(finding: Finding, view: View) -> Plan | Skip: ...
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence

from gpufix.checks.registry import modules_below
from gpufix.evidence.view import View
from gpufix.frozen import Frozen
from gpufix.model import Finding, Plan, Skip

Planner = Callable[[Finding, View], Plan | Skip | None]


class Fix(Frozen):
    """A registered fix: its name, the codes it answers to, and the function that plans."""

    name: str
    codes: tuple[str, ...]
    plan: Planner
    page: str


def fix(name: str, *codes: str) -> Callable[[Planner], Planner]:
    """Declare the function below as a fix for `codes`. `None` = does not apply to this finding."""

    def declare(planner: Planner) -> Planner:
        vars(planner)["__gpufix_fix__"] = Fix(name, codes, planner, planner.__doc__ or "")
        return planner

    return declare


def declared(planner: Planner) -> Fix:
    """The fix that this function was declared to be."""
    found: Fix = vars(planner)["__gpufix_fix__"]
    return found


def by_safety(plans: Sequence[Plan]) -> list[Plan]:
    """Safest first; what mends the original before what takes its place."""
    order = ("safe", "unsafe", "manual")
    return sorted(plans, key=lambda p: (order.index(p.safety), p.fallback is not None))


def fixes_in(module: object) -> list[Fix]:
    """The fixes that a module declares."""
    found = (getattr(value, "__gpufix_fix__", None) for value in vars(module).values())
    return [f for f in found if isinstance(f, Fix)]


def builtin_fixes() -> list[Fix]:
    """Every fix of gpufix itself, by name."""
    modules = [importlib.import_module(n) for n in modules_below(__file__, "gpufix.fixes")]
    found = {f.name: f for m in modules for f in fixes_in(m)}
    return [found[name] for name in sorted(found)]
