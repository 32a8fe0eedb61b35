"""The wall: every rule has silent and firing rows, and its page promises what it is offered."""

from __future__ import annotations

import importlib.util
import re
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

from gpufix.checks import registry
from gpufix.checks.registry import Rule, builtin_rules
from gpufix.fixes.registry import builtin_fixes

HERE = Path(__file__).parent
SOURCES = Path(registry.__file__).parent
RULES = {rule.code: rule for rule in builtin_rules()}
# The safety of a plan, as the "Fix" section of a page begins a promise: "Safe: …", "Safe where …".
PROMISE = re.compile(r"\b(Safe|Unsafe|Manual)\b")


@cache
def tables(code: str) -> ModuleType:
    """The module of a rule's rows."""
    found = list(HERE.glob(f"*/test_{code.lower()}.py"))
    assert len(found) == 1, f"tests/checks/<family>/test_{code.lower()}.py: {len(found)} files"
    path = found[0]
    if path.stem in sys.modules:
        return sys.modules[path.stem]
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def fix_section(rule: Rule) -> str:
    return rule.page.partition("## Fix\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("code", RULES)
def test_every_rule_has_rows_of_both_kinds(code: str) -> None:
    module = tables(code)
    assert module.SILENT and module.FIRING


@pytest.mark.parametrize("code", RULES)
def test_rows_stand_where_the_rule_does(code: str) -> None:
    """A rule's file and its rows are in folders of one name."""
    files = {p.parent.name for p in SOURCES.rglob(f"{code.lower()}_*.py")}
    assert files <= {Path(str(tables(code).__file__)).parent.name}


@pytest.mark.parametrize("code", RULES)
def test_a_page_promises_what_its_rows_are_offered(code: str) -> None:
    """Each fix of the registry has a row; the safeties on the page are those of the plans."""
    offers = {tuple(o.split()) for row in tables(code).FIRING.values() for o in row.offers}
    assert {name for name, _ in offers} == {f.name for f in builtin_fixes() if code in f.codes}
    promised = {word.lower() for word in PROMISE.findall(fix_section(RULES[code]))}
    assert promised == {safety for _, safety in offers}
