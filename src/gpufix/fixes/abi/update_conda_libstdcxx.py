"""A newer libstdc++ in a conda environment."""

from __future__ import annotations

from gpufix.evidence import conda
from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.knowledge import libstdcxx
from gpufix.knowledge.data_table import numbers
from gpufix.model import Advise, Finding, Plan, Skip
from gpufix.model.payload import UnfitLibrary

NAME = "update-conda-libstdcxx"
# conda-forge dropped the suffix with GCC 14 and keeps a wrapper of the old name
# (ctng-compilers-feedstock, pull request 148); their versions are GCC's.
_PACKAGES = ("libstdcxx", "libstdcxx-ng")


@fix(NAME, "ABI302")
def update_conda_libstdcxx(finding: Finding, view: View) -> Plan | Skip | None:
    """The `conda install` command, to be run by hand: only conda changes what is conda's.

    In an environment without a libstdc++ of its own, where the system's is too old, it brings one.
    The RPATH of conda's Python has the environment's lib folder searched before the system's, for
    every library that has no RUNPATH.
    """
    unfit, python = finding.payload_as(UnfitLibrary), view.facts.python
    if python is None or python.kind != "conda":
        return None
    own = [p.name for name in _PACKAGES for p in view.facts.conda_packages if p.name == name]
    taken = unfit.path == f"{python.prefix}/lib/libstdc++.so.6"
    if not taken and (own or unfit.chosen_by not in ("cache", "default")):
        return None
    known = [libstdcxx.gcc_with(version) for version in unfit.versions]
    releases = [gcc for gcc in known if gcc]
    if not releases or len(releases) < len(known):
        return finding.skip(NAME, f"which GCC brings {unfit.versions[-1]} is not known here")
    gcc = max(releases, key=numbers)
    spec = f"{own[0] if own else _PACKAGES[-1]}>={gcc}"
    return finding.plan(
        NAME,
        "manual",
        f"have conda install the libstdc++ of GCC {gcc} or newer",
        Advise(
            text=f"{unfit.versions[-1]} came with GCC {gcc}.", command=conda.add(view.facts, [spec])
        ),
    )
