"""Whether NVIDIA's driver drives the GPUs that are here: its branch, and its kernel modules' flavour."""

from __future__ import annotations

from collections.abc import Iterable

from gpufix.evidence.view import View
from gpufix.frozen import Frozen
from gpufix.knowledge.data_table import at_least, numbers
from gpufix.knowledge.gpus import models
from gpufix.knowledge.gpus.drivers import Driven, Flavour, arch_of_pci, branch, driven
from gpufix.model import Driver, Gpu, Target


class DriverNeed(Frozen):
    """What a driver must be: `least` a version or branch, `last` a branch; None = either will do."""

    least: str | None = None
    last: str | None = None
    flavour: Flavour | None = None

    def __str__(self) -> str:
        """ "driver 570 or newer with the open kernel modules"; "" where nothing is known."""
        modules = f"the {self.flavour} kernel modules" if self.flavour else ""
        if self.least and self.last:
            number = f"driver {self.least} or newer, up to branch {self.last}"
        elif self.least or self.last:
            number = f"driver {self.least or self.last} or {'newer' if self.least else 'older'}"
        else:
            return modules
        return f"{number} with {modules}" if modules else number


class Present(Frozen):
    """A driver as far as it is known. `cuda` may be raised above what its branch serves."""

    version: str | None = None
    cuda: str | None = None
    flavour: Flavour | None = None

    def __str__(self) -> str:
        number = self.version or (f"one of CUDA {self.cuda}" if self.cuda else "one")
        return f"{number} with the {self.flavour} ones" if self.flavour else number


class Judged(Frozen):
    """One GPU. `seen`: the driver itself has opened it; the bus or a user told of the others."""

    arch: str
    name: str | None
    row: Driven
    seen: bool = False

    @property
    def label(self) -> str:
        """ "sm_120 (NVIDIA GeForce RTX 5080)"."""
        return f"{self.arch} ({self.name})" if self.name else self.arch


def need(rows: Iterable[Driven], least: str | None = None) -> DriverNeed:
    """What drives all of them; `least`: a version that something else asks for."""
    known = list(rows)
    firsts = [*(row.first for row in known if row.first), *([least] if least else [])]
    lasts = [row.last for row in known if row.last]
    flavours = {row.flavour for row in known if row.flavour}
    return DriverNeed(
        max(firsts, key=numbers, default=None),
        min(lasts, key=numbers, default=None),
        flavours.pop() if len(flavours) == 1 else None,
    )


def lacks(row: Driven, present: Present) -> DriverNeed | None:
    """What the driver would have to be for this GPU; None: it drives it, or nobody can tell."""
    number = branch(present.version) if present.version else None
    if number is not None:
        too_old = row.first is not None and number < int(row.first)
        too_new = row.last is not None and number > int(row.last)
    else:
        least = row.first_cuda
        too_old = bool(least and present.cuda and not at_least(present.cuda, least))
        too_new = False
    wrong = bool(present.flavour and row.flavours and present.flavour not in row.flavours)
    if not (too_old or too_new or wrong):
        return None
    return DriverNeed(row.first if too_old else None, row.last if too_new else None, row.flavour)


def present(view: View, driver: Driver) -> Present:
    """By the kernel module, which is what drives a GPU: cuda-compat brings a newer library. Numbers of
    Windows, WSL2's too, name other branches: there the CUDA that it serves tells, where that is known."""
    own = None if "compat" in (driver.library or "") else driver.version
    host = view.facts.host
    of_windows = host.wsl or (host.os == "Windows" and driver.cuda is not None)
    version = None if of_windows else driver.kernel_version or own
    return Present(version, driver.cuda, driver.flavour)


def unfit(view: View) -> tuple[Judged, DriverNeed] | None:
    """A GPU that the driver should serve and does not drive; None when it drives any of several that
    nobody named."""
    driver = next((d for d in view.facts.drivers if d.vendor == "nvidia"), None)
    if driver is None or driver.library_is_stub:
        return None
    here = present(view, driver)
    gpus = judged(view, driver)
    lacking = [(gpu, what) for gpu in gpus if (what := lacks(gpu.row, here))]
    named = any(t.gpu is None and t.vendor == "nvidia" for t in view.targets)
    return lacking[0] if lacking and (named or len(lacking) == len(gpus)) else None


def judged(view: View, driver: Driver) -> list[Judged]:
    """The GPUs of this machine; where any are named, those of them that stand here."""
    named = {t.arch: t for t in view.targets if t.vendor == "nvidia" and t.gpu is None}
    here = _here(view, driver)
    if here:
        return [gpu for gpu in here if not named or gpu.arch in named]
    rows = ((t, driven(t.arch, t.name)) for t in named.values())
    return [
        Judged(target.arch, target.name, row)
        for target, row in rows
        if row and stands_here(view, driver, target)
    ]


def stands_here(view: View, driver: Driver, target: Target) -> bool:
    """Whether a target is a GPU of this machine: another one has a driver of its own. A GPU that
    nobody can tell is taken for it."""
    here = _here(view, driver)
    if target.gpu is not None or any(gpu.arch == target.arch for gpu in here):
        return True
    unknown = driver.pci_devices or any(g.vendor == "nvidia" for g in view.facts.gpus)
    return bool(unknown) and not here


def _here(view: View, driver: Driver) -> list[Judged]:
    """All that the driver shows, else those on the bus; none where one of them cannot be told."""
    shown = [gpu for gpu in view.facts.gpus if gpu.vendor == "nvidia"]
    found = [_shown(gpu) for gpu in shown] or [_on_bus(pci_id) for pci_id in driver.pci_ids]
    told = [gpu for gpu in found if gpu]
    return told if len(told) == len(found) else []


def _shown(gpu: Gpu) -> Judged | None:
    arch = gpu.arch or (models.arch_of_name(gpu.name) if gpu.name else None)
    row = driven(arch, gpu.name) if arch else None
    return Judged(row.arch, gpu.name, row, seen=gpu.source == "nvml") if row else None


def _on_bus(pci_id: str) -> Judged | None:
    arch = arch_of_pci(pci_id)
    row = driven(arch, pci_id=pci_id) if arch else None
    return Judged(row.arch, f"PCI device 10de:{pci_id}", row) if row else None
