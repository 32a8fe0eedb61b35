"""SYM404."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import Fault, rule
from gpufix.evidence.severity import weigh
from gpufix.evidence.torch_symbols import TorchUser, file_of, installed, torch_users
from gpufix.evidence.view import View
from gpufix.model import Gap, Problem, Severity
from gpufix.model.payload import ExtensionModules


@rule("SYM404", "operator-not-registered")
def operator_not_registered(view: View) -> Iterator[Fault | Gap]:
    """A library that registers operators with torch does not load, so they do not exist.

    ## What it does
    Finds libraries that are no Python modules, are opened by their package
    (`torch.ops.load_library`), register operators, and cannot be loaded with the installed torch.

    ## Why it matters
    The package swallows the loader's error, and the program fails later and elsewhere:
    `RuntimeError: operator torchvision::nms does not exist`.

    ## Example
    `The operators of torchvision 0.21.0 are not registered: _C.so does not load with torch
    2.9.0.`

    ## Severity
    Error where the package's import fails by it, and where a GPU that must be served loses all code
    that the package has for it; advice where the import does without and says nothing; else warning.
    A gap where it is not known. Silent where an alternative loads, and for a library that is
    missing: SYM402 tells.

    ## Fix
    Unsafe: install the release made for this torch.

    ## Source
    torch/_ops.py (`load_library`); torchvision/extension.py.
    """
    for user in view.derive(torch_users):
        opened = [x for x in user.libraries if x.opened_by == "source"]
        weighed = weigh(view, [(x, p) for x in opened for p in x.problems if _of_torch(p)])
        yield from weighed.gaps()
        if weighed.severity is not None:
            files = sorted(set(map(file_of, weighed.libraries)))
            yield _fault(view, user, files, weighed.severity)


def _of_torch(problem: Problem) -> bool:
    """A library that it lacks is SYM402's cause, whatever it registers."""
    return problem.kind != "missing-library"


def _fault(view: View, user: TorchUser, files: list[str], severity: Severity) -> Fault:
    verb = "does" if len(files) == 1 else "do"
    return Fault(
        severity=severity,
        subject=user.owner,
        message=f"The operators of {user.label} are not registered: {', '.join(files)} {verb} not "
        f"load with {installed(view)}.",
        needs=(
            f"symbols:{user.owner}",
            f"abi:{user.owner}",
            f"family:{user.owner}",
            f"load:{user.owner}",
            "torch",
        ),
        payload=ExtensionModules(user.owner),
    )
