"""Rules and fixes of third parties, from gpufix's own environment (never from the patient)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from gpufix.checks.doctor.doc002_plugin_unloadable import unloadable
from gpufix.checks.registry import Rule, Scope, builtin_rules, rules_in
from gpufix.files import read
from gpufix.fixes.registry import Fix, builtin_fixes, fixes_in
from gpufix.model import Finding

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

T = TypeVar("T")
_METADATA = (".dist-info", "egg-info")
_ENTRY_POINTS = 1 << 20  # bytes


def all_rules(project: bool = True, scope: Scope = "all") -> tuple[list[Rule], list[Finding]]:
    """Built-in rules and plugins', and one DOC002 finding for each plugin that fails to load.

    `project`: whether there is one to judge; see builtin_rules.
    """
    rules, broken = _load("gpufix.checks", rules_in, "Its rules have not been run.")
    merged = {
        r.code: r for r in [*rules, *builtin_rules(project, scope)]
    }  # a plugin replaces none of ours
    return [merged[code] for code in sorted(merged)], broken


def all_fixes() -> tuple[list[Fix], list[Finding]]:
    """Built-in fixes and plugins', and one DOC002 finding for each plugin that fails to load."""
    fixes, broken = _load("gpufix.fixes", fixes_in, "Its fixes have not been asked.")
    merged = {f.name: f for f in [*fixes, *builtin_fixes()]}
    return [merged[name] for name in sorted(merged)], broken


def _load(
    group: str, members: Callable[[object], list[T]], consequence: str
) -> tuple[list[T], list[Finding]]:
    found: list[T] = []
    broken: list[Finding] = []
    for entry in _entry_points(group):
        try:
            found.extend(members(entry.load()))
        except Exception as error:
            broken.append(unloadable(entry.name, entry.value, consequence, error))
    return found, broken


def _entry_points(group: str) -> Iterable[EntryPoint]:
    """Those of a group. importlib.metadata takes a thirtieth of a doctor's run, mostly for nothing."""
    others = (f for f in sys.meta_path if f is not PathFinder and hasattr(f, "find_distributions"))
    if not any(others) and not any(_declare(folder, group.encode()) for folder in sys.path):
        return ()
    from importlib.metadata import entry_points

    return entry_points(group=group)


def _declare(folder: str, group: bytes) -> bool:
    """Whether distributions in a folder of sys.path name the group among their entry points."""
    try:
        held = [each for each in Path(folder).iterdir() if each.name.lower().endswith(_METADATA)]
    except FileNotFoundError:
        return False
    except OSError:
        return True  # it may be an archive, which importlib.metadata can read
    return any(group in _read(each / "entry_points.txt") for each in held)


def _read(file: Path) -> bytes:
    try:
        return read(file, _ENTRY_POINTS)
    except OSError:
        return b""
