"""RUN801's source half: back ends that a program chooses by a variable, with a default."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import WARNING, Fault
from gpufix.checks.source_view import at, python_files
from gpufix.view import View

_SPCONV = ("113", "114", "116", "117", "118", "120", "121", "124", "126")
# A back end's name → the distributions of which one must be installed for it.
PACKAGES: dict[str, tuple[str, ...]] = {
    "xformers": ("xformers",),
    "flash_attn": ("flash-attn",),
    "flash-attn": ("flash-attn",),
    "flash_attn_3": ("flash-attn-3", "flash-attn"),
    "sageattn": ("sageattention",),
    "spconv": ("spconv", *(f"spconv-cu{v}" for v in _SPCONV)),
    "torchsparse": ("torchsparse",),
}
# Those that torch itself serves.
_OWN = ("sdpa", "torch", "native", "math", "naive")


def faults(view: View) -> Iterator[Fault]:
    """Where what the program would choose is not installed."""
    if view.facts.torch is None:
        return
    for path, facts in python_files(view).items():
        for row in facts.get("choices", []):
            names, accepts = row["variables"], row["accepts"]
            asked = next(((n, v) for n in names if (v := view.env(n))), None)
            taken = bool(asked) and (not accepts or (asked is not None and asked[1] in accepts))
            chosen = asked[1] if asked and taken else row["default"]
            packages = PACKAGES.get(chosen)
            if not packages or any(view.dist(d) for d in packages):
                continue
            if asked and taken and asked[0] in ("ATTN_BACKEND", "SPARSE_BACKEND"):
                continue  # the variable itself is at fault, and told as such
            why = f"without {names[0]}" if not asked else f'with {asked[0]}="{asked[1]}"'
            known = f" (it knows {', '.join(accepts)})" if asked and not taken else ""
            yield Fault(
                severity=WARNING,
                subject=f"{path}: {names[0]}",
                message=f"{path} chooses {chosen} {why}{known}; {packages[0]} is not installed.",
                evidence=(at(view, path, row["line"], f"{names[0]}, else {row['default']}"),),
                data={"variable": names[0], "value": chosen, "usable": usable(view, accepts)},
            )


def usable(view: View, accepts: list[str]) -> list[str]:
    """Of the values that a program knows: those that work here, installed packages first."""
    here = [a for a in accepts if a in PACKAGES and any(view.dist(d) for d in PACKAGES[a])]
    return [*here, *(own for own in _OWN if own in accepts)]
