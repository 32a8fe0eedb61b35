"""DOC002: a plugin that cannot be loaded."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rows import Fires, rows

from gpufix.checks.doctor.doc002_plugin_unloadable import DOC002
from gpufix.checks.registry import ERROR, Fault
from gpufix.model import Finding
from gpufix.plugins import all_fixes, all_rules

RULES, FIXES = "Its rules have not been run.", "Its fixes have not been asked."
MODULE = "company_module_of_a_test"
GONE = "ModuleNotFoundError(\"No module named 'company_gone'\")"


def plugin(module: str | None, *groups: str, value: str = MODULE) -> Callable[[Path], Path]:
    """A distribution that names the module among its entry points; `module` None: it is absent."""

    def put(root: Path) -> Path:
        info = root / "company-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: company\nVersion: 1.0\n")
        entries = "".join(f"[gpufix.{group}]\ncompany = {value}\n" for group in groups)
        (info / "entry_points.txt").write_text(entries)
        if module is not None:
            (root / f"{MODULE}.py").write_text(module)
        return root

    return put


def loaded(root: Path) -> list[Finding]:
    """With the folder on sys.path: what is said of plugins."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(root))
        patch.delitem(sys.modules, MODULE, raising=False)
        try:
            return [*all_rules(project=False)[1], *all_fixes()[1]]
        finally:
            sys.modules.pop(MODULE, None)


def fault(reason: str, consequence: str, value: str = MODULE) -> Fault:
    message = f"The plugin company ({value}) cannot be loaded: {reason}. {consequence}"
    return Fault(ERROR, "company", message, (reason,))


SILENT = {
    "no plugin": lambda root: root,
    "neither rules nor fixes": plugin("", "checks", "fixes"),
    "a plugin of something else": plugin("import company_gone", "reports"),
}

FIRING = {
    "its rules": Fires(plugin("import company_gone", "checks"), fault(GONE, RULES)),
    "its fixes": Fires(plugin("import company_gone", "fixes"), fault(GONE, FIXES)),
    "both": Fires(
        plugin("import company_gone", "checks", "fixes"), [fault(GONE, RULES), fault(GONE, FIXES)]
    ),
    "no module": Fires(
        plugin(None, "checks"), fault(f"ModuleNotFoundError(\"No module named '{MODULE}'\")", RULES)
    ),
    "no such name in it": Fires(
        plugin("", "checks", value=f"{MODULE}:rules"),
        fault(
            f"AttributeError(\"module '{MODULE}' has no attribute 'rules'\")",
            RULES,
            f"{MODULE}:rules",
        ),
    ),
    "it raises": Fires(
        plugin("1 / 0", "fixes"), fault("ZeroDivisionError('division by zero')", FIXES)
    ),
    "a code that is none": Fires(
        plugin("from gpufix.checks.registry import page\npage('X1', 'n', 't')", "checks"),
        fault(
            "ValueError(\"rule code 'X1' is not three capitals and three or four digits\")", RULES
        ),
    ),
}

test_silent, test_firing = rows((DOC002, loaded), SILENT, FIRING)
