"""RUN801's source half: back ends that a program chooses by a variable, with a default."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from gpufix.evidence.source_view import at, python_files
from gpufix.evidence.view import View
from gpufix.frozen import Frozen
from gpufix.model import WARNING, Fault
from gpufix.model.payload import EnvironmentVariable

_SPCONV = ("113", "114", "116", "117", "118", "120", "121", "124", "126")
# A back end's name → the distributions of which one must be installed for it.
PACKAGES: dict[str, tuple[str, ...]] = {
    "xformers": ("xformers",),
    "flash_attn": ("flash-attn",),
    "flash-attn": ("flash-attn",),
    "flash_attn_3": ("flash-attn-3", "flashattn-hopper"),
    "sageattn": ("sageattention",),
    "spconv": ("spconv", *(f"spconv-cu{v}" for v in _SPCONV)),
    "torchsparse": ("torchsparse",),
}
# Those that torch itself serves. The last two take the memory of a whole attention matrix.
OWN = ("sdpa", "torch", "native")
OWN_AND_SLOW = ("math", "naive")


class Reading(Frozen):
    """Where a program takes a back end: the first variable that is set, if it knows the value."""

    where: str  # a file of the project, or a program
    variables: tuple[str, ...]
    accepts: tuple[str, ...]  # () = not seen in the source
    default: str
    line: int = 0

    def deciding(self, env: Callable[[str], str | None]) -> tuple[str, str] | None:
        """The variable that decides, and its value; None: the default decides."""
        return next(((name, value) for name in self.variables if (value := env(name))), None)

    def chosen(self, env: Callable[[str], str | None]) -> str:
        """The back end that the program takes."""
        deciding = self.deciding(env)
        known = deciding is not None and (not self.accepts or deciding[1] in self.accepts)
        return deciding[1] if deciding and known else self.default


# microsoft/TRELLIS 6b0d647, trellis/modules/{attention,sparse}/__init__.py; microsoft/TRELLIS.2
# 5565d24, trellis2/modules/{attention,sparse}/config.py.
_KNOWN = (
    Reading(
        "TRELLIS's dense attention",
        ("ATTN_BACKEND",),
        ("xformers", "flash_attn", "sdpa", "naive"),
        "flash_attn",
    ),
    Reading(
        "TRELLIS's sparse attention",
        ("SPARSE_ATTN_BACKEND", "ATTN_BACKEND"),
        ("xformers", "flash_attn"),
        "flash_attn",
    ),
    Reading(
        "TRELLIS's sparse convolution", ("SPARSE_BACKEND",), ("spconv", "torchsparse"), "spconv"
    ),
    Reading(
        "TRELLIS.2's dense attention",
        ("ATTN_BACKEND",),
        ("xformers", "flash_attn", "flash_attn_3", "sdpa", "naive"),
        "flash_attn",
    ),
    Reading(
        "TRELLIS.2's sparse attention",
        ("SPARSE_ATTN_BACKEND", "ATTN_BACKEND"),
        ("xformers", "flash_attn", "flash_attn_3"),
        "flash_attn",
    ),
)
# Judged for themselves, whatever reads them.
VARIABLES = ("ATTN_BACKEND", "SPARSE_ATTN_BACKEND", "SPARSE_BACKEND")


def readings(view: View, variable: str) -> list[Reading]:
    """Who reads a variable: the project's files; where none does, the programs known to."""
    of_project = [r for r in _of_project(view) if variable in r.variables]
    return of_project or [r for r in _KNOWN if variable in r.variables]


def _of_project(view: View) -> Iterator[Reading]:
    for path, facts in python_files(view).items():
        for row in facts.choices:
            if not row.variables:  # no source makes one, a snapshot that was written by hand can
                continue
            yield Reading(path, row.variables, row.accepts, row.default, row.line)


def faults(view: View) -> Iterator[Fault]:
    """Where what the program would choose is not installed."""
    if view.facts.torch is None:
        return
    found: dict[tuple[str, str, str], Fault] = {}
    for reading in _of_project(view):
        deciding, chosen = reading.deciding(view.env), reading.chosen(view.env)
        packages = PACKAGES.get(chosen)
        if not packages or any(view.dist(d) for d in packages):
            continue
        taken = deciding is not None and chosen == deciding[1]
        if deciding and taken and deciding[0] in VARIABLES:
            continue  # the variable itself is at fault, and told as such
        fault = _fault(view, reading, deciding, "" if taken else ", ".join(reading.accepts))
        same = (reading.variables[0], chosen, fault.message.partition(" chooses ")[2])
        known = found.setdefault(same, fault)
        if known is not fault:  # several files that read one variable alike: one finding
            found[same] = replace(known, evidence=(*known.evidence, *fault.evidence))
    yield from found.values()


def _fault(view: View, reading: Reading, deciding: tuple[str, str] | None, accepts: str) -> Fault:
    path, name, chosen = reading.where, reading.variables[0], reading.chosen(view.env)
    why = f'with {deciding[0]}="{deciding[1]}"' if deciding else f"without {name}"
    known = f" (it knows {accepts})" if deciding and accepts else ""
    missing = PACKAGES[chosen][0]
    return Fault(
        severity=WARNING,
        subject=f"{path}: {name}",
        message=f"{path} chooses {chosen} {why}{known}; {missing} is not installed.",
        evidence=(at(view, path, reading.line, f"{name}, else {reading.default}"),),
        payload=EnvironmentVariable(name, chosen, path),
    )
