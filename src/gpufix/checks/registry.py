"""How a rule is declared, and how the rules are found.

A rule is a function in a module of this package:

    @rule("RUN803", "gpu-memory-held")
    def gpu_memory_held(view: View) -> Iterator[Fault]:
        \"\"\"Other processes hold device memory. (This docstring is the rule's page.)\"\"\"

What fixes need to know of a fault is its payload (gpufix.model.payload, or one of your own). What a
check cannot look at, it yields as a Gap.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from gpufix.evidence.view import View
from gpufix.model import ADVICE, ERROR, WARNING, Evidence, Fault, Finding, Gap

__all__ = [
    "ADVICE",
    "ERROR",
    "WARNING",
    "Check",
    "Fault",
    "Rule",
    "builtin_rules",
    "declared",
    "rule",
    "rules_in",
]

_CODE = re.compile(r"[A-Z]{3}\d{3}")


Check = Callable[[View], Iterable[Fault | Gap]]


@dataclass(frozen=True)
class Rule:
    """A registered rule. `page` is its docstring, in Markdown.

    `doctor` is false for what only a run or a log can tell: the doctor never judges it.
    """

    code: str
    name: str
    check: Check
    page: str
    origin: str = "gpufix"
    doctor: bool = True

    def finding(self, fault: Fault) -> Finding:
        """A fault under this rule's code."""
        return Finding(
            code=self.code,
            name=self.name,
            severity=fault.severity,
            subject=fault.subject,
            message=fault.message,
            evidence=[e if isinstance(e, Evidence) else Evidence(text=e) for e in fault.evidence],
            breaks=list(fault.breaks),
            needs=list(fault.needs),
            payload=fault.payload,
        )


def rule(code: str, name: str, doctor: bool = True) -> Callable[[Check], Check]:
    """Declare the function below as the check of `code`. The function itself is unchanged."""
    if not _CODE.fullmatch(code):
        raise ValueError(f"rule code {code!r} is not three capitals and three digits")

    def declare(check: Check) -> Check:
        if not check.__doc__:
            raise ValueError(f"{code}: the check has no docstring, which is its page")
        page = inspect.cleandoc(check.__doc__)
        declared = Rule(code, name, check, page, check.__module__, doctor)
        vars(check)["__gpufix_rule__"] = declared
        return check

    return declare


def declared(check: Check) -> Rule:
    """The rule whose check this function was declared to be."""
    found: Rule = vars(check)["__gpufix_rule__"]
    return found


def rules_in(module: object) -> list[Rule]:
    """The rules that a module declares."""
    found = (getattr(value, "__gpufix_rule__", None) for value in vars(module).values())
    return [r for r in found if isinstance(r, Rule)]


def builtin_rules() -> list[Rule]:
    """Every rule of gpufix itself, by code. A module that does not import is a bug and raises."""
    import gpufix.checks as package

    found = pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    names = sorted(m.name for m in found if _is_rule(m.name.rpartition(".")[2]))
    modules = [importlib.import_module(name) for name in names]
    return sorted((r for m in modules for r in rules_in(m)), key=lambda r: r.code)


def _is_rule(module: str) -> bool:
    return re.match(r"[a-z]{3}\d{3}_", module) is not None
