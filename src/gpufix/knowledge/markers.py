"""The PEP 508 environment of a patient, not of gpufix's own Python."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gpufix.model import Python

if TYPE_CHECKING:
    from packaging.requirements import Requirement

_NAMES = {"cpython": "CPython", "pypy": "PyPy"}


def environment(
    python: Python | None, system: str = "Linux", machine: str = "", release: str = ""
) -> dict[str, str]:
    """The variables of markers. Without a Python: of one that nothing asks for."""
    version = python.version if python else "3.0.0"
    windows = python is not None and python.platform == "win32"
    if windows:
        system, machine = "Windows", machine or (python.machine if python else None) or "AMD64"
    implementation = python.implementation if python else "cpython"
    return {
        "implementation_name": implementation,
        "implementation_version": version,
        "os_name": "nt" if windows else "posix",
        "platform_machine": machine,
        "platform_python_implementation": _NAMES.get(implementation, implementation),
        "platform_release": release,
        "platform_system": system,
        "platform_version": "",
        "python_full_version": version,
        "python_version": ".".join(version.split(".")[:2]),
        "sys_platform": "win32" if windows else system.lower(),
        "extra": "",
    }


def applies(requirement: Requirement, here: Mapping[str, str]) -> bool:
    """Whether its marker holds; one that compares what has no order does not."""
    from packaging.markers import UndefinedComparison

    try:
        return requirement.marker is None or requirement.marker.evaluate(dict(here))
    except UndefinedComparison:  # platform_machine ~= "amd64"
        return False
