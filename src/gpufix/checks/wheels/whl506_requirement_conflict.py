"""WHL506."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Sequence

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from gpufix.checks.registry import ADVICE, ERROR, WARNING, Fault, rule
from gpufix.checks.source import source_pins
from gpufix.checks.wheels.whl504_pin_skew import is_torch_pin
from gpufix.evidence import conda
from gpufix.evidence.conda import MatchSpec
from gpufix.evidence.declared import declared, wheels_of
from gpufix.evidence.families import Mismatches
from gpufix.evidence.importing import Imports
from gpufix.evidence.optional import outside
from gpufix.evidence.requirements import Requirements, Unmet, bare, holds, version_of
from gpufix.evidence.switches import switched
from gpufix.evidence.view import View
from gpufix.knowledge import families, packages
from gpufix.knowledge.families import OneOf
from gpufix.knowledge.packages import Conflict
from gpufix.knowledge.standard_library import is_lost
from gpufix.model import CondaPackage, Distribution, Import
from gpufix.model.payload import (
    AbsentDepends,
    AbsentModule,
    KnownConflict,
    NoneOfSeveral,
    UnmetRequirement,
    UnmetRequirements,
)
from gpufix.text.clean import counted
from gpufix.text.names import normalise


@rule("WHL506", "requirement-conflict")
def requirement_conflict(view: View) -> Iterator[Fault]:
    """Installed versions that do not fit each other, declared or known.

    ## What it does
    Checks every declared requirement (as `pip check` does, extras that were asked for included),
    and the combinations that fail although nothing declares it: gradio 4 with a newer
    huggingface_hub, pydantic or starlette; transformers 5 with an older huggingface_hub. The
    same combinations among the pins of one requirement file. Of all packages, whether their
    imports ask at once for a module that no installed package has, declared or not; where they speak of a framework, most of
    their parts and their commands, too. Of packages for GPUs, whether they ask for a name that the
    installed release of another package has no more or not yet. Of all packages, whether code that protoc or gRPC's
    plug-in generated asks for another release of protobuf or grpcio than is here; of small ones, whether they ask for
    what this Python's own library has no more (distutils, imp), or a framework. Whether one of several that
    a package needs is there (Keras 3: a back end; cuda-core: CUDA's bindings). Of packages around the frameworks, whether another
    of these is of a later series than their extras admit, where nobody asked for these. Of conda's packages, whether those
    that they depend on are there: names of conda's, not of Python's, whose versions conda compares.

    ## Why it matters
    `ImportError: cannot import name 'HfFolder' from 'huggingface_hub'`.

    ## Example
    `gradio 4.44.1 does not work with huggingface-hub 1.2.0: ImportError: cannot import name
    'HfFolder' from 'huggingface_hub'.`

    ## Severity
    Error for combinations that are known to fail, for a library wheel that torch loads, and for an
    absent requirement or module without which the package's import fails, as its sources show; warning where only a
    module of the package asks for it, and for
    another declared requirement that does not hold: the code may never use it. Advice for what only an
    extra asks for, and for a module that
    no package brings, where an extension of torch imports it: that may be an optional part of another
    package; and for what only a module of the package asks for, of a release that the package allows by a
    range with an upper bound: JAX 0.4.30 allows jaxlib 0.4.27, which its Mosaic GPU part is ahead of.

    ## Fix
    Unsafe: versions that satisfy all. Safe where a package is merely absent, or where an extra of its own
    brings the one of several that fits the CUDA here; Unsafe, in the place
    of an extension that is absent: gpufix's replacement. Manual: what conda installed is moved by
    the `conda install` command, and a replacement that must be compiled wants a compiler first.

    ## Source
    The distributions' metadata; combinations run in throw-away environments.
    """
    known = [(c, held) for c in packages.all() if c.raises and (held := _held(view, c))]
    for conflict, held in known:
        yield _known(conflict, held)
    known_pairs = {frozenset(conflict.trigger) for conflict, _ in known}
    pairs = view.derive(Mismatches.of).found  # told by WHL508
    known_pairs |= {frozenset((m.one.name, m.other.name)) for m in pairs}
    for failing in view.facts.binaries.imports:
        if failing.wants and (dist := view.dist(failing.distribution or "")):
            wanted = Requirement(failing.wants)
            known_pairs.add(frozenset((dist.name, wanted.name)))
            yield _generated(view, failing, dist, wanted)
    grouped: dict[str, list[Unmet]] = {}
    for unmet in view.derive(Requirements.of).unmet:
        if _ours(unmet) and frozenset((unmet.dist.name, unmet.name)) not in known_pairs:
            grouped.setdefault(unmet.dist.name, []).append(unmet)
    for name, rows in grouped.items():
        yield _declared(name, rows, view.derive(Imports.of).lacking(name), _told_by(name, grouped))
    known_pairs |= {
        frozenset((row.dist.name, row.name)) for rows in grouped.values() for row in rows
    }
    for extra, unmet in outside(view):
        if frozenset((unmet.dist.name, unmet.name)) not in known_pairs:
            yield _optional(extra, unmet)
    told: dict[str, str] = {}
    for failing in sorted(view.facts.binaries.imports, key=lambda one: one.part_of is not None):
        if failing.foreign and not _is_told(failing, grouped.get(failing.distribution or "", ())):
            yield from _lacking(view, failing, told)
    for row in families.one_of():
        yield from _without_any(view, row)
    for package, specs in conda.absent(view.facts):
        yield _condas(package, specs)
    yield from source_pins.faults(view)


def _without_any(view: View, row: OneOf) -> Iterator[Fault]:
    """None of those is here of which a package needs one."""
    dist = view.dist(row.package)
    facts = view.facts
    installed = {*(d.name for d in facts.distributions), *(p.name for p in facts.conda_packages)}
    if dist is None or not _within(dist.version, row.versions):
        return
    if any(fnmatch.filter(installed, name) for name in (*row.names, *row.also)):
        return
    if any(row.package in taken.row.readers for taken in switched(view)):
        return  # RUN801: a variable chooses one
    yield Fault(
        severity=WARNING,
        subject=dist.name,
        message=f"{dist.name} {dist.version} needs a {row.what}, one of {', '.join(row.names)}; "
        f"none is installed: {row.says}.",
        evidence=(f"source: {row.source}",),
        breaks=(f"family:{dist.name}",),
        payload=NoneOfSeveral(dist.name, row.names),
    )


def _ours(unmet: Unmet) -> bool:
    """WHL504 tells of torch's own pins, WHL505 of who wants another torch."""
    if unmet.installed is None:
        return True
    return not is_torch_pin(unmet) and unmet.name != "torch"


def _held(view: View, conflict: Conflict) -> list[str]:
    """Those that do not work together, with their versions, where all of them are here; else none."""
    found: list[str] = []
    if any(view.dist(name) for name in conflict.without):
        return found
    for name, spec in conflict.trigger.items():
        one = view.facts.python if name == "python" else view.dist(name)
        if one is None or not _within(one.version, spec):
            return []
        found.append(f"{'Python' if name == 'python' else name} {one.version}")
    return found


def _within(version: str, spec: str) -> bool:
    parsed = version_of(version)
    return parsed is not None and SpecifierSet(spec).contains(parsed, prereleases=True)


def _known(conflict: Conflict, held: list[str]) -> Fault:
    first, *others = held
    beside = (
        f"with {' and '.join(others)}" if others else f"without {' or '.join(conflict.without)}"
    )
    return Fault(
        severity=ERROR,
        subject=" × ".join(conflict.trigger),
        message=f"{first} does not work {beside}: {conflict.symptom}.",
        evidence=(f"source: {conflict.source}",),
        payload=KnownConflict(
            conflict.id,
            tuple(tuple(f"{n}{spec}" for n, spec in r.items()) for r in conflict.remedies),
        ),
    )


def _told_by(name: str, grouped: dict[str, list[Unmet]]) -> str | None:
    """The distribution that lacks all that this one lacks, and more; of equals, the first one.

    What it lacks is merely absent: what brings that serves both.
    """
    own = _absent(grouped[name])
    others = {other: found for other, rows in grouped.items() if (found := _absent(rows))}
    wider = [o for o, names in others.items() if own < names or (own == names and o < name)]
    return max(wider, key=lambda other: len(others[other]), default=None) if own else None


def _absent(rows: list[Unmet]) -> set[str]:
    """The names that a distribution of pip's lacks; none when it lacks anything else."""
    plain = all(
        row.installed is None and not row.requirement.url and row.dist.source != "conda"
        for row in rows
    )
    return {row.name for row in rows} if plain else set()


def _declared(name: str, rows: list[Unmet], failing: Import | None, told_by: str | None) -> Fault:
    first = rows[0]
    others = counted(len(rows) - 1, "more requirement")
    more = f" (and {others} {'does' if len(rows) == 2 else 'do'} not hold)" if others else ""
    absent = [row.name for row in rows if row.installed is None]
    brought = [w for row in rows if row.installed is None for w in wheels_of(row.requirement)]
    way: tuple[str, ...] = ()
    if absent and failing is not None:
        way = (f"import {failing.module} fails: no {failing.missing}", *failing.chain)
    return Fault(
        severity=ERROR if way else WARNING,
        subject=name,
        message=f"{first}{more}.",
        evidence=(*(str(row) for row in rows if len(rows) > 1), *way),
        breaks=(
            *(f"dist:{missing}" for missing in (*absent, *brought)),
            *(f"mismatch:{name}:{row.name}" for row in rows if row.installed is not None),
            f"unmet:{name}",
        ),
        needs=(f"unmet:{told_by}",) if told_by else (),
        payload=UnmetRequirements(name, tuple(map(_unmet, rows))),
    )


def _optional(extra: str, unmet: Unmet) -> Fault:
    dist = unmet.dist
    return Fault(
        severity=ADVICE,
        subject=f"{dist.name} × {unmet.name}",
        message=f"{dist.name} {dist.version} asks for {bare(unmet.requirement)} with its extra {extra}; "
        f"{unmet.name} {unmet.installed} is installed.",
        payload=UnmetRequirements(dist.name, (_unmet(unmet),)),
    )


def _is_told(failing: Import, rows: Sequence[Unmet]) -> bool:
    """Whether a requirement that does not hold tells of it: what is absent may bring the module."""
    row = families.gone(failing.missing or "")
    of = failing.of or (row and row.distribution)
    return any(one.name == of if of else one.installed is None for one in rows)


def _lacking(view: View, failing: Import, told: dict[str, str]) -> Iterator[Fault]:
    """An import that fails for want of a module that nothing declares. `told`: who lacks it, too."""
    dist, lost = view.dist(failing.distribution or ""), failing.missing or ""
    if dist is None or any(dist.name in c.trigger and _held(view, c) for c in packages.all()):
        return
    of = view.dist(failing.of or normalise(lost.partition(".")[0]))
    has = f"{of.name} {of.version} does not have" if of else "no installed package has"
    if of is None and view.facts.python and is_lost(lost, view.facts.python.version):
        has = f"Python {view.facts.python.version} does not have"
    severity = ERROR if of or not _extends_torch(view, dist) else ADVICE
    part = f" (in {failing.module} only)" if failing.part_of else ""
    if part:
        severity = ADVICE if of and _vouched(view, dist, of) else WARNING
    first = dist.name if of else told.setdefault(lost.partition(".")[0], dist.name)
    needs = [f"unmet:{first}"] if first != dist.name else []
    if of and (pair := view.derive(Mismatches.of).between(dist.name, of.name)):
        needs.append(
            f"mismatch:{pair.one.name}:{pair.other.name}"
        )  # WHL508's, which knows what goes with it
    yield Fault(
        severity=severity,
        subject=dist.name,
        message=f"{dist.name} {dist.version} imports {', '.join([lost, *failing.further])}{part}, which {has}.",
        evidence=(f"import {failing.module} fails: no {lost}", *failing.chain),
        breaks=(f"unmet:{dist.name}",),
        needs=tuple(needs),
        payload=AbsentModule(dist.name, lost, of.name if of else None, tuple(failing.further)),
    )


def _generated(view: View, failing: Import, dist: Distribution, row: Requirement) -> Fault:
    """Code that was generated for another release of what it runs on."""
    here, part = view.dist(row.name), f" ({failing.module})" if failing.part_of else ""
    version = here.version if here else None
    return Fault(
        severity=WARNING if part else ERROR,
        subject=dist.name,
        message=f"{dist.name} {dist.version} has code{part} that was generated for {row}; "
        f"{row.name} {version} is installed.",
        evidence=(f"import {failing.module} fails in {failing.missing}", *failing.chain),
        breaks=(f"mismatch:{dist.name}:{row.name}", f"unmet:{dist.name}"),
        payload=UnmetRequirements(
            dist.name, (UnmetRequirement(row.name, str(row), version, direct=False),)
        ),
    )


def _vouched(view: View, dist: Distribution, of: Distribution) -> bool:
    """Whether a package allows this release by a range whose end its authors knew."""
    rows = (row for who, row in declared(view, of.name).rows if who == dist.name)
    return any(
        holds(row, of.version) and any(s.operator not in (">", ">=", "!=") for s in row.specifier)
        for row in rows
    )


def _extends_torch(view: View, dist: Distribution) -> bool:
    """Whether its libraries are for torch: it may be a part that another package can do without."""
    libraries = view.facts.binaries.libraries
    return any(x.links_torch for x in libraries if x.distribution == dist.name)


def _condas(package: CondaPackage, specs: list[MatchSpec]) -> Fault:
    others = counted(len(specs) - 1, "more package")
    more = f" (and {others} {'is' if len(specs) == 2 else 'are'} absent)" if others else ""
    return Fault(
        severity=WARNING,
        subject=package.name,
        message=f"conda's {package.name} {package.version} depends on {specs[0]}; not installed{more}.",
        evidence=(package.metadata, *(map(str, specs) if others else ())),
        payload=AbsentDepends(package.name, tuple(map(str, specs))),
    )


def _unmet(row: Unmet) -> UnmetRequirement:
    required = row.requirement
    return UnmetRequirement(
        row.name, bare(required), row.installed, direct=required.url is not None
    )
