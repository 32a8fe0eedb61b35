"""Which fallbacks there are: the `about.json` of each folder."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from gpufix.files import own
from gpufix.frozen import Frozen
from gpufix.text.names import normalise

ROOT = Path(__file__).parent
LOCAL = "gpufix"  # the local version by which an installed fallback is known
_KEYS = {
    "distribution", "version", "import", "replaces", "requires", "summary", "functions", "covers",
    "build", "calls", "bounds_memory", "sources",
}  # fmt: skip


class UnknownFallback(ValueError):
    """No fallback goes by this name; the message lists those there are."""


class AboutError(ValueError):
    """An about.json that says something nobody understands."""


class Native(Frozen):
    """One library that is compiled when the fallback is installed.

    `source`: a .cu file that both nvcc and hipcc compile, relative to the gpufix package.
    `library`: where the shared library goes, relative to site-packages.
    """

    source: str
    library: str


class Calls(Frozen):
    """What projects call of another library, and what of the fallback takes the same arguments.

    `names`: dotted, each the same function; `instead`: "nvdiffrast_chunked.rasterize";
    `not_within`: classes of that library in whose `with` the call means something else.
    """

    names: tuple[str, ...]
    instead: str
    not_within: tuple[str, ...] = ()


class Fallback(Frozen):
    """One about.json. `imports`: top-level modules of the original, the package itself first."""

    name: str
    folder: Path
    distribution: str
    version: str
    imports: tuple[str, ...]
    replaces: tuple[str, ...]  # normalised names of distributions, its own included
    requires: tuple[str, ...]
    summary: str
    functions: tuple[str, ...] = ()  # names by which tracebacks speak of it
    covers: tuple[str, ...] = ()  # sentences: what of the original's API there is, and what not
    build: tuple[Native, ...] = ()
    calls: tuple[Calls, ...] = ()
    sources: tuple[
        str, ...
    ] = ()  # of the kernel suite, for the payload to compile: "ssim/ssim.cuh"
    bounds_memory: bool = False  # works in parts where memory is short: a remedy for RUN806

    def goes_by(self, name: str) -> bool:
        """Whether a user could mean it: folder, distribution or import name."""
        wanted = normalise(name)
        return wanted in {*self.replaces, *(normalise(n) for n in (self.name, *self.imports))}

    def last_in(self, words: str) -> int:
        """Where a log last speaks of it, by a module, a distribution or a function; -1: nowhere."""
        names = {self.name, *self.imports, *self.replaces, *self.functions, self.distribution}
        pattern = "|".join(re.escape(name) for name in sorted(names))
        found = re.finditer(rf"(?<![\w-])(?:{pattern})(?![\w-])", words)
        return max((match.start() for match in found), default=-1)


def every() -> tuple[Fallback, ...]:
    """All of them, by name. Raises AboutError."""
    return _read(ROOT)


def get(name: str) -> Fallback:
    """The one of this folder, distribution or import name. Raises UnknownFallback."""
    for fallback in every():
        if fallback.goes_by(name):
            return fallback
    known = ", ".join(f.name for f in every()) or "none"
    raise UnknownFallback(f"there is no fallback for {name!r}; there are: {known}")


def replacing(distribution: str) -> Fallback | None:
    """The one that takes the place of a distribution (normalised name)."""
    return next((f for f in every() if distribution in f.replaces), None)


def is_ours(version: str) -> bool:
    """Whether an installed version is a fallback's: "1.0.0+gpufix"."""
    return version.partition("+")[2].split(".")[-1] == LOCAL


@cache
def _read(root: Path) -> tuple[Fallback, ...]:
    paths = sorted(root.glob("*/about.json"))
    return tuple(parse(path.parent, json.loads(own(path))) for path in paths)


def parse(folder: Path, about: Mapping[str, Any]) -> Fallback:
    """Checks every key: a typo is an error, not a default. Raises AboutError."""
    try:
        if unknown := about.keys() - _KEYS:
            raise AboutError(f"{folder.name}: unknown keys {sorted(unknown)}")
        return Fallback(
            name=folder.name,
            folder=folder,
            distribution=about["distribution"],
            version=about["version"],
            imports=tuple(about["import"]),
            replaces=tuple(
                dict.fromkeys(map(normalise, (about["distribution"], *about.get("replaces", ()))))
            ),
            requires=tuple(about.get("requires", ())),
            summary=about["summary"],
            functions=tuple(about.get("functions", ())),
            covers=tuple(about.get("covers", ())),
            build=tuple(Native(**row) for row in about.get("build", ())),
            calls=tuple(_calls(**row) for row in about.get("calls", ())),
            sources=tuple(about.get("sources", ())),
            bounds_memory=about.get("bounds_memory", False),
        )
    except (KeyError, TypeError) as error:
        raise AboutError(f"{folder.name}: {error!r}") from error


def _calls(names: Iterable[str], instead: str, not_within: Iterable[str] = ()) -> Calls:
    return Calls(tuple(names), instead, tuple(not_within))
