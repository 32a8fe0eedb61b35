"""Pins of packages that one of torch's own indexes may or may not have."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gpufix.evidence.torch_builds.existing import disputed, variants
from gpufix.frozen import Frozen
from gpufix.knowledge import listings, packages, torch_releases
from gpufix.knowledge.torch_releases import Release
from gpufix.text.names import normalise

FAMILY = ("torch", "torchvision", "torchaudio")
_PIN = re.compile(r"(?<![\w.-])([A-Za-z][\w.-]*)\s*={2,3}\s*([\w.+!]+)")


class Pin(Frozen):
    """A version that is asked for by ==."""

    name: str
    version: str

    @property
    def text(self) -> str:
        return f"{self.name}=={self.version}"


def pins(text: str) -> Iterator[Pin]:
    """Those of requirements or commands, whatever their markers."""
    for name, version in _PIN.findall(text):
        yield Pin(normalise(name), version)


def release_of(pin: Pin) -> Release | None:
    """The torch release that a pin of the family means."""
    public = pin.version.partition("+")[0]
    if pin.name == "torch":
        return torch_releases.get(public)
    for release in torch_releases.all():
        row = packages.for_torch(release.version).get(pin.name)
        if row and public in row.exact:
            return release
    return None


def on_index(pin: Pin, variant: str, platform: str) -> bool | None:
    """None where no table tells of the package, or of this version, on torch's own indexes."""
    public, _, local = pin.version.partition("+")
    if pin.name not in FAMILY:
        return listings.on_index(pin.name, public, variant)
    release = release_of(pin)
    if release is None or platform not in release.python_tags:
        return None
    if disputed(release, platform, variant):
        return None
    return variant in variants(release, platform) and local in ("", variant)
