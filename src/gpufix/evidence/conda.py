"""The commands by which conda's own programs change what is conda's, and its specifications."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from gpufix.frozen import Frozen
from gpufix.knowledge.conda import distributions
from gpufix.model import CondaPackage, CondaPrefix, Facts
from gpufix.text.shell import join

_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"  # no option, nothing for a shell
# The words of a row of `depends`: "forge::libgcc >=13", "python_abi 3.11.* *_cp311", "libgcc".
_ROW = re.compile(rf"(?:[^\s\[]*::)?({_NAME})(?:\s+([^\s\[\];]+)(?:\s+([^\s\[\];]+))?)?")


class MatchSpec(Frozen):
    """What a conda package depends on. Names that begin with "__" are facts of the machine."""

    name: str
    version: str | None = None
    build: str | None = None

    @property
    def is_virtual(self) -> bool:
        """ "__glibc >=2.17": no package."""
        return self.name.startswith("__")

    def __str__(self) -> str:
        return " ".join(part for part in (self.name, self.version, self.build) if part)


def match_spec(row: str) -> MatchSpec | None:
    """A row of `depends` without its channel; None for one in a form that is not known here."""
    found = _ROW.fullmatch(row.strip())
    return MatchSpec(*found.groups()) if found else None


def is_name(text: str) -> bool:
    """Whether conda's programs would take it for the name of a package."""
    return re.fullmatch(_NAME, text) is not None


def absent(facts: Facts) -> Iterator[tuple[CondaPackage, list[MatchSpec]]]:
    """Each package with the rows of its `depends` for which nothing is installed, by conda or by pip.

    Versions are conda's to compare. Where some package could not be read, nothing is said.
    """
    if any(gap.section == "conda" for gap in facts.gaps):
        return
    here = {package.name for package in facts.conda_packages}
    pips = {dist.name for dist in facts.distributions}
    for package in facts.conda_packages:
        specs = [spec for row in package.depends if (spec := match_spec(row))]
        lacking = [
            spec
            for spec in specs
            if not (spec.is_virtual or spec.name in here)
            and pips.isdisjoint(distributions(spec.name))
        ]
        if lacking:
            yield package, lacking


def add(facts: Facts, specs: Sequence[str], channel: str | None = None) -> str:
    """The command line that installs what MatchSpecs ask for. pixi's manifest names the channels."""
    managed = facts.conda or CondaPrefix()
    if managed.program == "pixi":
        return join(["pixi", "add", *manifest_options(managed), *specs])
    whence = ["--channel", channel] if channel else []
    return join([managed.program, "install", *_prefix(facts), *whence, *specs])


def reinstall(facts: Facts, packages: Mapping[str, str]) -> str:
    """The command line that puts packages there again: name → version, or "" for that of the lock."""
    managed = facts.conda or CondaPrefix()
    if managed.program == "pixi":
        chosen = ["--environment", managed.environment] if managed.environment else []
        return join(["pixi", "reinstall", *manifest_options(managed), *chosen, *packages])
    specs = [f"{name}={version}" if version else name for name, version in packages.items()]
    return join([managed.program, "install", *_prefix(facts), "--force-reinstall", *specs])


def manifest_options(managed: CondaPrefix) -> list[str]:
    """Which pixi manifest a command is for; none where the environment's marker names none."""
    return ["--manifest-path", managed.manifest] if managed.manifest else []


def _prefix(facts: Facts) -> list[str]:
    return ["--prefix", facts.python.prefix] if facts.python else []


def override(facts: Facts, cuda: str | None) -> str:
    """What makes conda choose a CUDA build on a machine on which it sees no driver: a prefix."""
    seen = any(d.vendor == "nvidia" and d.cuda for d in facts.drivers)
    return "" if seen or not cuda else f"CONDA_OVERRIDE_CUDA={cuda} "
