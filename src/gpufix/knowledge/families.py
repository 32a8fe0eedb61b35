"""Package families: what must agree, what may only be there alone, what brings the GPU part.

The rows' own words are explained in tools/knowledge_build/rows.py.
"""

from __future__ import annotations

from collections.abc import Container
from functools import cache
from typing import Any, Literal

from packaging.specifiers import SpecifierSet

from gpufix.frozen import Frozen
from gpufix.knowledge import name_spans
from gpufix.knowledge.data_table import at_least, source, table
from gpufix.model.host import Vendor


class Pair(Frozen):
    """Two distributions that must agree, how, and what happens where they do not."""

    one: str
    other: str
    agree: Literal["release", "prefix", "minor", "declared", "floor", "table"]
    moves: Literal["one", "other"]
    optional: bool  # what moves may be done without
    vendor: Vendor  # whose GPUs it is about
    needs: tuple[tuple[str, str], ...]  # of a table: (`one` from this version on, `other`'s range)
    outcome: Literal["raises", "gpu", "builds", "unchecked"]
    says: str
    switch: str | None  # the variable that has them not compared
    source: str


class Alone(Frozen):
    """Distributions of which one may be installed; most lay the same files."""

    distributions: tuple[str, ...]
    gpu: tuple[str, ...]  # those that bring GPU code, where not all do
    asked: bool  # who installs one of them asks for the GPU
    along: dict[str, tuple[str, ...]]  # what goes with one that is removed
    core: str | None  # a pattern of paths below the site folder: whose these are works
    lost: str
    source: str


class Part(Frozen):
    """What a framework has its GPU back end from."""

    framework: str
    vendor: Vendor
    together: tuple[tuple[str, ...], ...]  # alternatives, each of which is whole or broken
    code_in: tuple[str, ...]  # or these distributions hold GPU code themselves
    extra: str | None  # the requirement that brings it: "jax[cuda{major}]"
    instead: str | None  # the distribution that takes its place, at its version
    build: dict[str, str]  # the variables with which its source is built for GPUs "{archs}"
    headers: tuple[str, ...]  # of the toolkit, that this build includes
    by_hand: str | None  # else the command that builds it
    says: str
    source: str


class Chosen(Frozen):
    """A package that opens the one of its libraries that is for torch's CUDA."""

    distribution: str
    library: str  # its name; "{cuda}" is "128"
    major_since: str | None  # from this version on another of the same major will do
    variable: str | None  # names another CUDA
    says: str
    source: str

    def cuda_of(self, name: str) -> str | None:
        """The CUDA that a library of this name is for."""
        head, tail = self.library.split("{cuda}")
        cuda = name.removeprefix(head).removesuffix(tail)
        return cuda if cuda.isdigit() and name == f"{head}{cuda}{tail}" else None


class Switch(Frozen):
    """A variable that has installed packages take something else, at a value of `on`."""

    variable: str
    on: tuple[str, ...]  # in lower case
    readers: dict[str, str]  # distribution -> the versions that ask for it
    wants: tuple[str, ...]  # of which one must be there; () = the value takes the CPU
    says: str
    source: str


class Gone(Frozen):
    """A module that a distribution has no more from the release `until` on. `last`: the last that was seen to.

    `to`: the distribution that has it instead.
    """

    module: str
    distribution: str
    until: str
    source: str
    last: str = ""
    to: str = ""

    @property
    def releases(self) -> str:
        """Those that have it, as pip writes them."""
        return f"<={self.last}" if self.last else f"<{self.until}"


class OneOf(Frozen):
    """Distributions of which a package needs one and declares none."""

    package: str
    versions: str
    names: tuple[str, ...]
    also: tuple[str, ...]  # globs of others that will do
    extras: dict[str, str]  # its own that bring one: "cuda12", "gpu", "cpu"
    what: str  # they are: "back end"
    says: str
    source: str


class Lookalike(Frozen):
    """Distributions that are not what their name lets people expect."""

    distributions: tuple[str, ...]
    versions: str
    module: str  # what people import, and these do not have
    meant: str  # what brings it, in words
    instead: str | None  # the distribution that does, where it has another name
    empty: bool  # they hold no module at all
    source: str


class Libraries(Frozen):
    """The requirement that brings the CUDA libraries of a distribution, and who opens them."""

    extra: str  # "jax-cuda12-plugin[with-cuda]"
    since: str | None  # the first release that has it
    opened_by: str | None
    source: str


@cache
def pairs() -> tuple[Pair, ...]:
    """Every pair that must agree."""
    rows = table("families")["pairs"]
    return tuple(Pair(**_sourced(row) | {"needs": tuple(row["needs"].items())}) for row in rows)


@cache
def alone() -> tuple[Alone, ...]:
    """Every group of which one may be installed."""
    rows = (_tuples(row) for row in table("families")["alone"])
    along = ((row, {k: tuple(v) for k, v in row["along"].items()}) for row in rows)
    return tuple(Alone(**row | {"along": removed}) for row, removed in along)


@cache
def parts() -> tuple[Part, ...]:
    """Every framework that has its GPU back end from elsewhere."""
    rows = (_tuples(row) for row in table("families")["parts"])
    return tuple(Part(**(row | {"together": tuple(map(tuple, row["together"]))})) for row in rows)


@cache
def chosen() -> tuple[Chosen, ...]:
    """Every package that has a library for each CUDA."""
    return tuple(Chosen(**_sourced(row)) for row in table("families")["chosen"])


@cache
def switches() -> tuple[Switch, ...]:
    """Every variable that has packages take something else."""
    return tuple(Switch(**_tuples(row)) for row in table("families")["switches"])


def gone(module: str) -> Gone | None:
    """Which distribution had a module, or what it is part of, and up to which release."""
    rows = (r for r in _gone() if not r.to and f"{module}.".startswith(f"{r.module}."))
    return max(rows, key=lambda row: len(row.module), default=None)


def lost_by(distribution: str) -> list[Gone]:
    """The modules, of no package above, that a distribution has no more."""
    return [
        r for r in _gone() if not r.to and r.distribution == distribution and "." not in r.module
    ]


def moved(module: str) -> Gone | None:
    """Which distribution had a module that another one has now."""
    return next((row for row in _gone() if row.to and row.module == module), None)


@cache
def _gone() -> tuple[Gone, ...]:
    return tuple(Gone(**_tuples(row)) for row in table("families")["gone"])


def gone_name(module: str) -> Gone | None:
    """As `gone`; else a name that the later of the recorded releases define nowhere."""
    package, name = module.partition(".")[0], module.rpartition(".")[2]
    if row := gone(module):
        return row
    seen = name_spans.span(package, name)
    if seen is None or not seen.last:
        return None
    return Gone(f"{package}.{name}", package, seen.without, name_spans.source(), seen.last)


def instead_of(name: str, installed: Container[str]) -> str | None:
    """The installed edition of a project that lays the same files as one of this name: "onnxruntime-gpu"."""
    others = (
        other for group in alone() if name in group.distributions for other in group.distributions
    )
    return next((o for o in others if o.startswith(f"{name}-") and o in installed), None)


@cache
def one_of() -> tuple[OneOf, ...]:
    """Every package that needs one of several others."""
    return tuple(OneOf(**_tuples(row)) for row in table("families")["one_of"])


@cache
def lookalikes() -> tuple[Lookalike, ...]:
    """Every distribution that is another than its name lets people expect."""
    return tuple(Lookalike(**_tuples(row)) for row in table("families")["lookalikes"])


@cache
def switch_names() -> frozenset[str]:
    """Their variables."""
    return frozenset(row.variable for row in switches())


@cache
def names() -> frozenset[str]:
    """The distributions of all families."""
    return frozenset(
        {pair.one for pair in pairs()}
        | {name for group in alone() for name in group.distributions}
        | {part.framework for part in parts()}
        | {row.distribution for row in chosen()}
    )


def libraries(distribution: str) -> Libraries | None:
    """What brings the CUDA libraries of a distribution."""
    row = table("families")["libraries"].get(distribution)
    return Libraries(**_sourced(row)) if row else None


def releases(distribution: str) -> tuple[str, ...]:
    """Its published versions, newest first; empty where no listing is known."""
    return tuple(table("families")["releases"].get(distribution, ()))


def code(distribution: str) -> dict[str, tuple[str, ...]]:
    """By release, newest first, the GPU code that its wheel was read to hold; {} where none was read."""
    rows = table("families")["code"].get(distribution, {})
    return {v: tuple(rows[v].split()) for v in releases(distribution) if v in rows}


def side_by_side(distribution: str) -> tuple[str, ...]:
    """Distributions of the same project, of which one may be installed; others than this one."""
    groups = (g.distributions for g in alone() if distribution in g.distributions)
    return tuple(name for group in groups for name in group if name != distribution)


@cache
def _editions() -> dict[str, dict[str, tuple[str, ...]]]:
    """By each name that a project has: all of them, by platform."""
    rows = [row["names"] for row in table("families")["editions"]]
    plain = [{platform: tuple(names) for platform, names in row.items()} for row in rows]
    return {name: row for row in plain for names in row.values() for name in names}


def editions(distribution: str, platform: str) -> tuple[str, ...]:
    """What the same project is called for "cuda13" or "rocm", best first; () = not known."""
    return _editions().get(distribution, {}).get(platform, ())


def for_python(distribution: str, python: str) -> tuple[str, ...] | None:
    """Its listed releases for a Python ("3.13"), newest first; None where it is not known."""
    rows = table("families")["pythons"].get(distribution)
    if not rows:
        return None
    return tuple(v for v in releases(distribution) if _pythons(rows, v).contains(python))


def pythons(distribution: str, version: str) -> str:
    """The Pythons that a listed release is for; "" = not known."""
    return str(_pythons(table("families")["pythons"].get(distribution, {}), version))


def _pythons(rows: dict[str, str], version: str) -> SpecifierSet:
    found = [text for since, text in rows.items() if at_least(version, since)]
    return SpecifierSet(found[-1] if found else "")


def cuda_major(distribution: str, version: str) -> int | None:
    """The CUDA major of the build on the package index; None where no row tells."""
    row = table("families")["cuda"].get(distribution)
    since = row["since"] if row else {}
    majors = [major for first, major in since.items() if at_least(version, first)]
    return majors[-1] if majors else None


def for_cuda(distribution: str, major: int) -> str | None:
    """The versions whose build on the package index is for a CUDA major: ">=1.19.0,<1.27.0"."""
    row = table("families")["cuda"].get(distribution)
    since = list(row["since"].items()) if row else []
    for at, (first, found) in enumerate(since):
        if found == major:
            return ",".join([f">={first}", *(f"<{after}" for after, _ in since[at + 1 : at + 2])])
    return None


def _tuples(row: dict[str, Any]) -> dict[str, Any]:
    lists = {key: tuple(value) for key, value in row.items() if isinstance(value, list)}
    return _sourced(row) | lists


def _sourced(row: dict[str, Any]) -> dict[str, Any]:
    number: int = row["source"]
    return row | {"source": source("families", number)}
