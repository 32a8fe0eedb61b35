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
import re
from collections.abc import Callable, Iterable
from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from typing import Literal, TypeVar

from gpufix.evidence.view import View
from gpufix.frozen import Frozen
from gpufix.model import ADVICE, ERROR, WARNING, Evidence, Fault, Finding, Gap, Payload
from gpufix.model.base import from_json, is_own, to_json

__all__ = [
    "ADVICE",
    "ERROR",
    "WARNING",
    "Check",
    "Fault",
    "Rule",
    "Scope",
    "builtin_rules",
    "declared",
    "modules_below",
    "page",
    "rule",
    "rules_in",
]

_CODE = re.compile(r"[A-Z]{3}\d{3,4}")
_PACKAGE = "gpufix.checks"
_ON_SOURCE = f"{_PACKAGE}.source."
_ON_NODES = tuple(f"{_PACKAGE}.{name}." for name in ("node", "network", "fleet"))
_OF_NODES = ("NOD", "NET", "FLT")


Check = Callable[[View], Iterable[Fault | Gap]]
Scope = Literal["all", "patient", "node"]  # what is judged: an environment, or the machine itself
F = TypeVar("F", Finding, Gap)


class Rule(Frozen):
    """A registered rule. `page` is Markdown, its check's docstring.

    `check` None: only a run or a log can tell; the doctor never judges it.
    """

    code: str
    name: str
    check: Check | None
    page: str
    origin: str = "gpufix"

    @property
    def doctor(self) -> bool:
        """Whether the doctor judges it."""
        return self.check is not None

    @property
    def scope(self) -> Scope:
        """Whether it judges a node or a patient."""
        return "node" if self.code.startswith(_OF_NODES) else "patient"

    def finding(self, fault: Fault) -> Finding:
        """A fault under this rule's code. Raises ValueError for one of a third party that is none."""
        if not isinstance(fault.payload, (Payload, type(None))):
            given = type(fault.payload).__name__
            raise ValueError(f"a payload is an instance of Payload, not a {given}")
        found = Finding(
            code=self.code,
            name=self.name,
            severity=fault.severity,
            subject=fault.subject,
            message=fault.message,
            evidence=[e if isinstance(e, Evidence) else Evidence(text=e) for e in fault.evidence],
            breaks=list(fault.breaks),
            needs=list(fault.needs),
        )
        return replace(self.valid(found), payload=fault.payload)

    def valid(self, found: F) -> F:
        """What was found. No type checker has seen a third party's: it is what its JSON says.

        Raises ValueError.
        """
        if is_own(self.origin):
            return found
        values = {f.name: to_json(getattr(found, f.name)) for f in fields(found)}
        return from_json(type(found), values)


def page(code: str, name: str, text: str) -> Rule:
    """A rule without a check: found by a run, in a log, or in gpufix itself."""
    _require_code(code)
    return Rule(code, name, None, inspect.cleandoc(text))


def rule(code: str, name: str) -> Callable[[Check], Check]:
    """Declare the function below as the check of `code`. The function itself is unchanged."""
    _require_code(code)

    def declare(check: Check) -> Check:
        if not check.__doc__:
            raise ValueError(f"{code}: the check has no docstring, which is its page")
        text = inspect.cleandoc(check.__doc__)
        vars(check)["__gpufix_rule__"] = Rule(code, name, check, text, check.__module__)
        return check

    return declare


def _require_code(code: str) -> None:
    if not _CODE.fullmatch(code):
        raise ValueError(f"rule code {code!r} is not three capitals and three or four digits")


def declared(check: Check) -> Rule:
    """The rule whose check this function was declared to be."""
    found: Rule = vars(check)["__gpufix_rule__"]
    return found


def rules_in(module: object) -> list[Rule]:
    """The rules that a module declares."""
    found = (
        value if isinstance(value, Rule) else getattr(value, "__gpufix_rule__", None)
        for value in vars(module).values()
    )
    return [r for r in found if isinstance(r, Rule)]


@cache
def builtin_rules(project: bool = True, scope: Scope = "all") -> tuple[Rule, ...]:
    """Every rule of gpufix itself, by code. A module that does not import is a bug and raises.

    Without a project the rules on its source find nothing, and reading them would take a tenth of
    the doctor's time: their modules are not imported, and their pages are empty. So it is with the
    rules that are not of the scope.
    """
    found = {
        r.code: r
        for name in modules_below(__file__, _PACKAGE)
        for r in _rules_of(name, _wanted(name, project, scope))
    }
    return tuple(found[code] for code in sorted(found))


def _wanted(module: str, project: bool, scope: Scope) -> bool:
    if module.startswith(_ON_NODES):
        return scope != "patient"
    return scope != "node" and (project or not module.startswith(_ON_SOURCE))


def modules_below(file: str, package: str) -> list[str]:
    """The names of the modules in the folder of a package's file, and below it."""
    folder = Path(file).parent
    found = (path.relative_to(folder).with_suffix("").parts for path in folder.rglob("*.py"))
    return sorted(".".join((package, *parts)) for parts in found if parts[-1] != "__init__")


def _rules_of(module: str, wanted: bool) -> list[Rule]:
    """src601_hard_coded_arch.py holds SRC601 hard-coded-arch, and no other rule; other files hold none.

    Raises ValueError for a file of another name: where it is not wanted, its rule would not be known.
    """
    code, _, name = module.rpartition(".")[2].partition("_")
    code, name = code.upper(), name.replace("_", "-")
    named = [(code, name)] if _CODE.fullmatch(code) else []
    if not wanted:
        return [Rule(*row, _silent, "") for row in named]
    found = rules_in(importlib.import_module(module))
    if [(r.code, r.name) for r in found] != named:
        holds = ", ".join(f"{r.code} {r.name}" for r in found) or "no rule"
        raise ValueError(
            f"{module} holds {holds}: a rule's file is named CODE_NAME, and holds it alone"
        )
    return found


def _silent(view: View) -> Iterable[Fault | Gap]:
    return ()
