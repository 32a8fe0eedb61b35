"""Libraries of the system that no wheel brings: the packages that hold them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from gpufix.evidence import conda
from gpufix.evidence.package_manager import Manager, debian_index, managers
from gpufix.evidence.requirements import Requirements
from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.knowledge import system_libraries
from gpufix.knowledge.conda import CHANNEL
from gpufix.model import Advise, Finding, Plan, Skip
from gpufix.model.payload import MissingLibrary, UnfitLibrary
from gpufix.text.clean import and_more
from gpufix.text.shell import join

NAME = "install-system-library"
_OF_TORCH = ("libtorch", "libc10")


@fix(NAME, "SYM402")
def install_system_library(finding: Finding, view: View) -> Plan | Skip | None:
    """The commands of apt, dnf and conda, those of this machine first: they are for an administrator."""
    lacking = finding.payload_as(MissingLibrary)
    if isinstance(lacking, UnfitLibrary) or lacking.wheels or lacking.held:
        return None
    known = [name for name in lacking.names if system_libraries.holding(name)]
    if not known:
        return finding.skip(NAME, _unknown(lacking.names[0], view, lacking.distribution))
    own, others = managers(view.facts)
    steps = [s for m in own or others if (s := _MANAGERS[m](view, known)) is not None]
    elsewhere = [s for m in others if own and (s := _MANAGERS[m](view, known)) is not None]
    if not steps:
        has = "; ".join(f"{s.text} {s.command}" for s in elsewhere)
        reason = f"this system's release has no package that holds {known[0]}; {has}"
        return finding.skip(NAME, reason)
    notes = [f"{s.text} {s.command}" for s in elsewhere]
    notes += [_unknown(name, view) for name in lacking.names if name not in known]
    return finding.plan(NAME, "manual", f"install what holds {_listed(known)}", *steps, notes=notes)


def _unknown(name: str, view: View, owner: str = "") -> str:
    if name.startswith(_OF_TORCH):
        here = "has none" if view.facts.torch else "is not installed"
        return f"{name} comes with torch, which {here}"
    absent = view.derive(Requirements.of).absent(owner)
    reason = f"no wheel and no package of the system is known here that brings {name}"
    if not absent:
        return reason
    return f"{reason}; {owner} requires {absent[0]}{and_more(absent)}, not installed: install that first"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return ", ".join(names[:2]) + more


def _apt(view: View, names: Sequence[str]) -> Advise | None:
    """Debian's names; where the release is not known, those of Debian 12."""
    index = debian_index(view.facts.host)
    packages = _each(names, lambda held: held.debian[index or 0])
    if _alternatives(names):
        packages = ["ffmpeg"]
    if not packages:
        return None
    return Advise(
        text="on Debian and Ubuntu:", command=join(["sudo", "apt-get", "install", *packages])
    )


def _dnf(view: View, names: Sequence[str]) -> Advise:
    """Packages of RPM provide the names of their libraries."""
    wide = "()(64bit)" if view.facts.host.machine.endswith("64") else ""
    wanted = ["/usr/bin/ffmpeg"] if _alternatives(names) else [f"{name}{wide}" for name in names]
    return Advise(text="on Fedora and RHEL:", command=join(["sudo", "dnf", "install", *wanted]))


def _conda(view: View, names: Sequence[str]) -> Advise | None:
    packages = _each(names, lambda held: held.conda)
    if _alternatives(names):
        packages = ["ffmpeg"]
    python = view.facts.python
    if not packages:
        return None
    if python is not None and python.kind == "conda":
        command = conda.add(view.facts, packages, CHANNEL)
    else:
        command = join(["conda", "install", "--channel", CHANNEL, *packages])
    return Advise(text="in a conda environment:", command=command)


_MANAGERS: dict[Manager, Callable[[View, Sequence[str]], Advise | None]] = {
    "apt": _apt,
    "dnf": _dnf,
    "conda": _conda,
}


def _each(
    names: Sequence[str], of: Callable[[system_libraries.SystemPackage], str | None]
) -> list[str]:
    held = [row for name in names if (row := system_libraries.holding(name))]
    found: Iterator[str] = filter(None, map(of, held))
    return list(dict.fromkeys(found))


def _alternatives(names: Sequence[str]) -> bool:
    """Whether they are FFmpeg's, of several majors: libraries for each, of which one does."""
    majors = [set(system_libraries.ffmpeg(name)) for name in names]
    return bool(majors) and all(majors) and not set.intersection(*majors)
