"""Install one of several packages, of which another needs one."""

from __future__ import annotations

from gpufix.evidence.gpu_parts import cuda_here, newest_major
from gpufix.evidence.requirements import parse
from gpufix.evidence.view import View
from gpufix.fixes.pins import immovable
from gpufix.fixes.registry import fix
from gpufix.knowledge import families
from gpufix.model import Advise, Distribution, Finding, Install, Plan
from gpufix.model.payload import NoneOfSeveral

NAME = "choose-one-of"


@fix(NAME, "WHL506")
def choose_one_of(finding: Finding, view: View) -> Plan | None:
    """By the package's own extra for this machine. Else which one is for the user to say: whole frameworks."""
    if not isinstance(finding.payload, NoneOfSeveral):
        return None
    dist = view.dist(finding.payload.distribution)
    if dist and immovable(dist) is None and (extra := _extra(dist, view)):
        wanted = f"{dist.name}[{extra}]=={dist.version}"
        return finding.plan(
            NAME,
            "safe",
            f"install {wanted}",
            Install(install=[wanted], dependencies=True, freeze=True),
        )
    names = ", ".join(finding.payload.names)
    return finding.plan(
        NAME,
        "manual",
        f"install one of {names}",
        Advise(text=f"which one {finding.subject} is to use is yours to say"),
    )


def _extra(dist: Distribution, view: View) -> str | None:
    """The extra that the installed release declares: for the CUDA that is here, else the newest that fits."""
    row = next((r for r in families.one_of() if r.package == dist.name), None)
    if row is None:
        return None
    there = {what: extra for what, extra in row.extras.items() if _declares(dist, extra)}
    majors = [int(what[4:]) for what in there if what.startswith("cuda")]
    major = cuda_here(view)
    gpu = major is not None or any(target.vendor == "nvidia" for target in view.targets)
    if majors and (gpu or "cpu" not in there):
        best = major if major in majors else newest_major(view, majors)
        return there.get(f"cuda{best}")
    return there.get("gpu" if gpu and "gpu" in there else "cpu")


def _declares(dist: Distribution, extra: str) -> bool:
    """Whether a requirement of the release is that extra's."""
    rows = (row for text in dist.requires if (row := parse(text)) and row.marker)
    return any(f'extra == "{extra}"' in str(row.marker) for row in rows)
