"""WHL505's requirement-file half: pins and pages that no published build answers to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from gpufix.checks.registry import ADVICE, WARNING, Fault
from gpufix.evidence.arch_lists import listed, targets, vendor
from gpufix.evidence.gpu_code import Service, service
from gpufix.evidence.named_for import for_others
from gpufix.evidence.requirements import Requirements, parse
from gpufix.evidence.script_rows import shell_files
from gpufix.evidence.source_view import aside, at, requirement_files, toml_files
from gpufix.evidence.torch_builds.candidates import TorchBuild
from gpufix.evidence.torch_builds.existing import disputed, exists, variants
from gpufix.evidence.torch_builds.on_index import FAMILY, Pin, release_of
from gpufix.evidence.view import View
from gpufix.knowledge import listings, packages, torch_releases
from gpufix.knowledge.nearest import reason
from gpufix.knowledge.torch_releases import Release
from gpufix.knowledge.wheel_blocks import Build
from gpufix.model.source_payload import AbsentPin
from gpufix.text.names import normalise

if TYPE_CHECKING:
    from gpufix.source.source_facts import Address, Requirement

_VARIANT = re.compile(r"cpu|cu\d{3}|rocm\d+(?:\.\d+){1,2}")
_TORCH_INDEX = packages.TORCH_INDEX.partition("{")[0]


def faults(view: View) -> Iterator[Fault]:
    """One for each pin or page. Silent where the release, or the page's package, is not known."""
    host = view.facts.host
    platform = torch_releases.platform(host.os, host.machine)
    for path, facts in requirement_files(view).items():
        for line, pin in _pins(view, facts.requirements):
            why = _why(pin, facts.addresses, platform)
            if not why and not _elsewhere(view, path):
                why = _without_code(view, pin, facts.addresses, platform)
            if why:
                yield _fault(view, path, line, pin.text, f"{path} pins {pin.text}{why}.")
        yield from _pages(view, path, facts.addresses, platform)
    for path, toml in toml_files(view).items():
        for line, pin in [] if _elsewhere(view, path) else _pins(view, toml.dependencies):
            if why := _without_code(view, pin, (), platform):
                yield _fault(view, path, line, pin.text, f"{path} pins {pin.text}{why}.")
    for path, script in shell_files(view).items():
        yield from _pages(view, path, script.addresses, platform)


def _pages(view: View, path: str, rows: Sequence[Address], platform: str) -> Iterator[Fault]:
    for row in rows:
        name = _absent_page(row) if row.option else None
        if name:
            build = Build(row.torch or "", row.variant, "", platform)
            why = reason(name, build, ("torch", "cuda"))
            when = f" when it is run with {row.when}" if row.when else ""
            text = f"{path} points to a page for torch {row.torch} and {row.variant}{when}: {why}."
            found = _fault(view, path, row.line, row.url, text)
            yield replace(found, severity=ADVICE) if row.when else found


def _pins(view: View, rows: Sequence[Requirement]) -> Iterator[tuple[int, Pin]]:
    """Versions of torch, or of one of its family, pinned by ==, each with its line."""
    applies = view.derive(Requirements.of).applies
    for row in rows:
        requirement = parse(row.text)
        if requirement is None or not applies(requirement):
            continue
        name = normalise(requirement.name)
        for spec in requirement.specifier:
            if name in FAMILY and spec.operator in ("==", "==="):
                yield row.line, Pin(name=name, version=spec.version)


def _why(pin: Pin, rows: Sequence[Address], platform: str) -> str | None:
    """The rest of the message for a build that was not published, or that lies elsewhere."""
    release, local = release_of(pin), pin.version.partition("+")[2]
    if release is None or platform not in release.python_tags:
        return None
    indexes = _own_indexes(rows)
    wanted = [local] if local else indexes
    if not wanted or not all(_VARIANT.fullmatch(variant) for variant in wanted):
        return None
    have = variants(release, platform)
    elsewhere = f" from the index {', '.join(indexes)}, which does not have it: "
    if all(v not in have and not disputed(release, platform, v) for v in wanted):
        made = "" if pin.name == "torch" else f"it is made for torch {release.version}, and "
        start = ", a build that was not published: " if local else elsewhere
        return start + made + exists(release, platform, wanted[0])
    if local and indexes and local not in {row.variant for row in rows}:
        return f"{elsewhere}it lies on the index {local}"
    return None


def _elsewhere(view: View, path: str) -> bool:
    """Whether a file is for another environment than the one that is to serve the targets."""
    return aside(path) or for_others(path, vendor(view))


def _without_code(view: View, pin: Pin, rows: Sequence[Address], platform: str) -> str | None:
    """The rest of the message for a torch none of whose builds serves the targets."""
    release = _newest(pin) if pin.name == "torch" else None
    if release is None:
        return None
    local = pin.version.partition("+")[2]
    wanted = [local] if local else _own_indexes(rows)
    builds = [
        TorchBuild(release, variant)
        for variant in release.variants(platform).values()
        if variant.vendor == vendor(view) and (not wanted or variant.name in wanted)
    ]
    codes = [build.code for build in builds]
    known = [code for code in codes if code is not None]
    if not known or len(known) < len(codes):
        return None
    unserved = [
        target
        for target in targets(view)
        if all(service(code, target) is Service.none for code in known)
    ]
    return f", which has no build with code for {listed(unserved)}" if unserved else None


def _newest(pin: Pin) -> Release | None:
    """The release, or the last that a pin such as 2.5.* allows."""
    if not pin.version.endswith(".*"):
        return release_of(pin)
    start = pin.version.removesuffix("*")
    return next((r for r in reversed(torch_releases.all()) if r.version.startswith(start)), None)


def _own_indexes(rows: Sequence[Address]) -> list[str]:
    """Of torch's own indexes those that stand in place of the package index."""
    named = [r for r in rows if r.option in ("--index-url", "-i")]
    return [r.variant for r in named if r.url.startswith(_TORCH_INDEX) and "nightly" not in r.url]


def _absent_page(row: Address) -> str | None:
    """The package on whose pages an address would lie, when it has none for that torch build."""
    release = torch_releases.get(row.torch) if row.torch else None
    if release is None:
        return None
    named = [name for name in sorted(listings.on_pages()) if listings.would_list(name, row.url)]
    for name in named:
        later = release.date >= listings.read(name)
        if later or any(listings.pages(name, release.version, row.variant)):
            return None
    return named[0] if named else None


def _fault(view: View, path: str, line: int, text: str, message: str) -> Fault:
    return Fault(
        severity=WARNING,
        subject=f"{path}: {text}",
        message=message,
        evidence=(at(view, path, line, text),),
        payload=AbsentPin(path, line, text),
    )
