"""What an environment held before its Python changed."""

from __future__ import annotations

from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.model import Advise, Finding, Install, Plan
from gpufix.model.payload import LeftBehind


@fix("install-left-behind", "ABI304")
def install_left_behind(finding: Finding, view: View) -> Plan | None:
    """The same releases for the Python that is there now, where they have wheels for it."""
    left = finding.payload
    if not isinstance(left, LeftBehind) or view.facts.python is None:
        return None
    version = ".".join(view.facts.python.version.split(".")[:2])
    return finding.plan(
        "install-left-behind",
        "safe",
        f"install what lies in {left.folder} for Python {version}",
        Install(install=list(left.packages)),
    )


@fix("return-to-python", "ABI304")
def return_to_python(finding: Finding, view: View) -> Plan | None:
    """The environment recreated with the Python that it was made for."""
    left, python = finding.payload, view.facts.python
    if not isinstance(left, LeftBehind) or python is None:
        return None
    return finding.plan(
        "return-to-python",
        "manual",
        f"recreate the environment with Python {left.version}",
        Advise(
            text="Its packages are for that Python: list them first, and install them again.",
            command=f"python{left.version} -m venv --clear {python.prefix}",
        ),
    )
