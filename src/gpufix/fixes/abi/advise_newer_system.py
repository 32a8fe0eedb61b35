"""What to do about a system whose own C or C++ library is too old."""

from __future__ import annotations

import re
import shlex

from gpufix.evidence.view import View
from gpufix.fixes.commands import pip
from gpufix.fixes.registry import fix
from gpufix.knowledge import libstdcxx
from gpufix.knowledge.data_table import at_least
from gpufix.model import Advise, Distribution, Finding, Host, Plan
from gpufix.model.payload import UnfitLibrary

_MANYLINUX = re.compile(r"manylinux_(\d+)_(\d+)_")  # PEP 600: the glibc that a wheel needs


@fix("advise-newer-system", "ABI302")
def advise_newer_system(finding: Finding, view: View) -> Plan | None:
    """A newer system, or a container of one; for a wheel that asks for a newer glibc, another wheel."""
    unfit, host = finding.payload_as(UnfitLibrary), view.facts.host
    needed = unfit.versions[-1]
    glibc = needed.startswith("GLIBC_")
    if not glibc and unfit.path != host.libstdcxx and unfit.chosen_by not in ("cache", "default"):
        return None
    steps = [Advise(text=_of_glibc(needed, host) if glibc else _of_libstdcxx(needed))]
    dist = view.dist(unfit.distribution)
    tag = _glibc_of(dist) if glibc and dist else None
    if dist and tag and host.libc_version and not at_least(host.libc_version, tag):
        command = pip(view.facts, "install", "--force-reinstall", "--no-deps")
        steps.append(
            Advise(
                text=f"Its wheel is for glibc {tag}: installed again on this system, it is one for an "
                "older glibc, or built from source.",
                command=shlex.join([*command, f"{dist.name}=={dist.version}"]),
            )
        )
    return finding.plan("advise-newer-system", "manual", f"use a system that has {needed}", *steps)


def _of_glibc(needed: str, host: Host) -> str:
    has = f", which has {host.libc_version}" if host.libc_version else ""
    return (
        f"glibc is the system's own{has}, and changes with it: {needed} takes a newer system, or a "
        "container of one."
    )


def _of_libstdcxx(needed: str) -> str:
    gcc = libstdcxx.gcc_with(needed)
    which = f"the libstdc++ of GCC {gcc} or newer" if gcc else "a newer one"
    return f"This one is the system's: a newer system, or a container of one, brings {which}."


def _glibc_of(dist: Distribution) -> str | None:
    """The oldest glibc that one of the wheel's tags admits."""
    found = [m for tag in dist.tags if (m := _MANYLINUX.search(tag))]
    least = min(((int(m[1]), int(m[2])) for m in found), default=None)
    return f"{least[0]}.{least[1]}" if least else None
