"""RUN801."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks import source_backends
from gpufix.checks.registry import WARNING, Fault, rule
from gpufix.view import View

# Variable → value → the distributions of which one must be installed for it.
# From the READMEs and sources of TRELLIS and the libraries named.
_BACKENDS: dict[str, dict[str, tuple[str, ...]]] = {
    "ATTN_BACKEND": {
        "xformers": ("xformers",),
        "flash_attn": ("flash-attn",),
        "flash-attn": ("flash-attn",),
        "flash_attn_3": ("flash-attn-3", "flash-attn"),
    },
    "SPARSE_ATTN_BACKEND": {"xformers": ("xformers",), "flash_attn": ("flash-attn",)},
    "SPARSE_BACKEND": {
        "spconv": (
            "spconv",
            *(f"spconv-cu{v}" for v in ("113", "114", "116", "117", "118", "120", "121", "124")),
        ),
        "torchsparse": ("torchsparse",),
    },
}


@rule("RUN801", "backend-variable")
def backend_variable(view: View) -> Iterator[Fault]:
    """A variable chooses a back end that is not installed.

    ## What it does
    Looks at `ATTN_BACKEND`, `SPARSE_ATTN_BACKEND` and `SPARSE_BACKEND`, and whether the package
    behind the chosen value is there; in the project's sources, which back end they choose where
    such a variable is not set, or holds a value that they do not know.

    ## Why it matters
    The choice is read at import, and fails with the name of a package that nobody asked for.

    ## Example
    `ATTN_BACKEND is "flash_attn"; flash-attn is not installed.`

    ## Severity
    Warning: only programs that read the variable fail.

    ## Fix
    Safe: set it to one that is installed (torch's own SDPA needs no package), in the environment
    file.

    ## Source
    The READMEs of the programs that read these variables (TRELLIS).
    """
    for name, backends in _BACKENDS.items():
        value = view.env(name)
        wanted = backends.get((value or "").lower())
        if value and wanted and not any(view.dist(d) for d in wanted):
            yield Fault(
                severity=WARNING,
                subject=name,
                message=f'{name} is "{value}"; {wanted[0]} is not installed.',
                data={"variable": name, "value": value},
            )
    yield from source_backends.faults(view)
