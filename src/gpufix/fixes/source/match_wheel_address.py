"""Point a requirement file to the wheels for the installed torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gpufix.evidence.source_view import absolute, requirement_files
from gpufix.evidence.torch_builds.on_index import FAMILY, on_index, pins
from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.fixes.source.planned_edits import rewrite
from gpufix.knowledge import listings, packages, torch_releases
from gpufix.knowledge.packages import TORCH_INDEX, index_url
from gpufix.model import Finding, Plan, Skip, Torch
from gpufix.model.source_payload import AbsentPin, WheelAddress
from gpufix.source.edits import Edit, Offsets, applied

NAME = "match-wheel-address"
_TORCH_INDEX = TORCH_INDEX.partition("{")[0]


@fix(NAME, "WHL505")
def match_wheel_address(finding: Finding, view: View) -> Plan | Skip | None:
    """torch's own index by its variant; another page only where it is known to exist."""
    found = finding.payload
    if isinstance(found, AbsentPin):
        return finding.skip(NAME, "which build is wanted in its place is for you to say")
    if not isinstance(found, WheelAddress) or view.facts.torch is None:
        return None
    path, url, lines = found.path, found.url, found.lines
    new = _address(url, view.facts.torch)
    if new is None:
        reason = f"no page like {url} is known for torch {view.facts.torch.version}"
        return finding.skip(NAME, reason)

    if absent := _absent(view, found, view.facts.torch):
        reason = f"{new} is not known to have {', '.join(absent)}, which {path} asks for"
        return finding.skip(NAME, reason)

    def change(text: str) -> str | None:
        offsets, edits = Offsets(text), []
        for line in lines:
            start = text.find(url, offsets.line_start(line))
            if start < 0:
                return None
            edits.append(Edit(start, start + len(url), new))
        return applied(text, edits)

    write = rewrite(view, path, change)
    if write is None:
        return finding.skip(NAME, f"{path} could not be changed")
    return finding.plan(NAME, "unsafe", f"point {path} to {new}", write)


def _absent(view: View, found: WheelAddress, torch: Torch) -> list[str]:
    """Pins of what such places serve that the place for this torch is not known to have."""
    host, variant = view.facts.host, torch.variant or ""
    platform = torch_releases.platform(host.os, host.machine)
    here = [pin for text in _asked(view, found) for pin in pins(text)]
    if found.url.startswith(_TORCH_INDEX):
        served = [pin for pin in here if pin.name in FAMILY or listings.key(pin.name)]
        absent = [pin for pin in served if not on_index(pin, variant, platform)]
    else:
        served = [pin for pin in here if listings.would_list(pin.name, found.url)]
        absent = [
            pin
            for pin in served
            if not listings.on_page(pin.name, pin.version, torch.release or "", variant)
        ]
    return sorted({pin.text for pin in absent})


def _asked(view: View, found: WheelAddress) -> Iterator[str]:
    """What is installed from an address: a file's requirements, or the commands that name it."""
    if facts := requirement_files(view).get(found.path):
        yield from (row.text for row in facts.requirements)
    elif source := view.source(absolute(view, found.path)):
        lines = source.text.splitlines()
        yield from (_command(lines, line) for line in found.lines)


def _command(lines: Sequence[str], number: int) -> str:
    """The command that a line belongs to, with the lines that it goes on in."""
    first = last = number - 1
    while first > 0 and lines[first - 1].rstrip().endswith("\\"):
        first -= 1
    while last + 1 < len(lines) and lines[last].rstrip().endswith("\\"):
        last += 1
    return " ".join(lines[first : last + 1])


def _address(url: str, torch: Torch) -> str | None:
    """The same index or page for the installed build."""
    variant, release = torch.variant or "", torch.release or ""
    if url.startswith(_TORCH_INDEX) and url.rstrip("/").count("/") == 4:
        try:
            return index_url(variant)
        except ValueError:
            return None
    for name in packages.names():
        page = packages.find_links(name, release, variant)
        if page and url.startswith(page.partition("torch-")[0]):
            return page
    return None
