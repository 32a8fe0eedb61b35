"""RUN801."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import WARNING, Fault, rule
from gpufix.evidence import backends
from gpufix.evidence.switches import Taken, switched
from gpufix.evidence.view import View
from gpufix.model.payload import EnvironmentVariable, Switched


@rule("RUN801", "backend-variable")
def backend_variable(view: View) -> Iterator[Fault]:
    """A variable chooses a back end that is not installed.

    ## What it does
    Looks at `ATTN_BACKEND`, `SPARSE_ATTN_BACKEND` and `SPARSE_BACKEND`, and whether the package
    behind the chosen value is there; in the project's sources, which back end they choose where
    such a variable is not set, or holds a value that they do not know. And at the variables by which
    installed packages take another one (`TF_USE_LEGACY_KERAS`, `KERAS_BACKEND`, `JAX_PLATFORMS`,
    `HF_HUB_ENABLE_HF_TRANSFER`), whether the process has them or a `.pth` file or sitecustomize sets them.

    ## Why it matters
    The choice is read at import, and fails with the name of a package that nobody asked for.

    ## Example
    `ATTN_BACKEND is "flash_attn"; flash-attn is not installed.`

    ## Severity
    Warning: only programs that read the variable fail.

    ## Fix
    Safe: set it, in the environment file, to a value that the program accepts and that is shown to
    work here. torch's own attention comes first; a package only when no rule finds fault with it:
    its libraries load, those that it takes hold code for every target, its requirements hold, and
    nothing says that it is made for another torch. Otherwise no value is set, and the reason is given
    for each. A variable that switches an installed package over is unset, or set to 0 where code sets it
    only if it is not set.

    ## Source
    The sources of the programs that read these variables: the project's, else TRELLIS and TRELLIS.2;
    of the packages, which the rows name.
    """
    for name in backends.VARIABLES:
        value = view.env(name)
        wanted = backends.PACKAGES.get(value or "")
        if wanted and not any(view.dist(d) for d in wanted):
            yield Fault(
                severity=WARNING,
                subject=name,
                message=f'{name} is "{value}"; {wanted[0]} is not installed.',
                payload=EnvironmentVariable(name, value),
            )
    yield from backends.faults(view)
    for taken in switched(view):
        if taken.row.wants:
            yield _switched(taken)


def _switched(taken: Taken) -> Fault:
    row = taken.row
    return Fault(
        severity=WARNING,
        subject=row.variable,
        message=f'{row.variable} is "{taken.value}"; {row.wants[0]} is not installed: {row.says}.',
        evidence=(*([f"set by {taken.by}"] if taken.by else []), f"source: {row.source}"),
        payload=Switched(row.variable, row.wants, taken.by, taken.off),
    )
