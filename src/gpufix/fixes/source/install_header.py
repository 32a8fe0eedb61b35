"""Headers of the system's libraries: the packages that hold them."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.evidence import conda
from gpufix.evidence.package_manager import Manager, managers
from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.knowledge import system_headers
from gpufix.knowledge.conda import CHANNEL
from gpufix.model import Advise, Finding, Plan
from gpufix.model.source_payload import SystemHeader
from gpufix.text.shell import join

NAME = "install-header"


@fix(NAME, "SRC616")
def install_header(finding: Finding, view: View) -> Plan | None:
    """The commands of apt, dnf and conda, those of this machine first: they are for an administrator."""
    wanted = finding.payload_as(SystemHeader)
    header = wanted.header
    held = system_headers.holding(header)
    if held is None:
        place = next(iter(wanted.folders))
        return finding.plan(
            NAME,
            "manual",
            f"unpack the sources that hold {header}",
            Advise(text=f"so that {place}/{header} is there, where the build looks for it"),
        )
    own, others = managers(view.facts)
    ways = {m: found for m in [*own, *others] if (found := _way(view, m, held, header))}
    first, *more = ways.values()
    return finding.plan(
        NAME,
        "manual",
        f"install what holds {header}",
        first,
        notes=[*(f"{way.text} {way.command}" for way in more), *_places(wanted)],
    )


def _places(wanted: SystemHeader) -> Iterator[str]:
    for folder in wanted.folders:
        yield f"or unpack its sources into {folder}, which the build names and which is not there"
    if wanted.header.startswith(("Eigen/", "unsupported/Eigen/")):
        yield "Debian keeps Eigen in /usr/include/eigen3: CPATH names it where the build does not"


def _way(
    view: View, manager: Manager, held: system_headers.HeaderPackage, header: str
) -> Advise | None:
    match manager:
        case "apt":
            command = join(["sudo", "apt-get", "install", held.debian])
            return Advise(text="on Debian and Ubuntu:", command=command)
        case "dnf":
            command = join(["sudo", "dnf", "install", f"*/include/{header}"])
            return Advise(text="on Fedora and RHEL:", command=command)
    if held.conda is None:
        return None
    python = view.facts.python
    command = (
        conda.add(view.facts, [held.conda], CHANNEL)
        if python is not None and python.kind == "conda"
        else join(["conda", "install", "--channel", CHANNEL, held.conda])
    )
    return Advise(text="in a conda environment:", command=command)
