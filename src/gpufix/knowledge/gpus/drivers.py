"""Which branches of NVIDIA's driver drive a GPU, and with which kernel modules."""

from __future__ import annotations

from functools import cache
from typing import Literal

from gpufix.frozen import Frozen
from gpufix.knowledge.data_table import at_least, numbers, source, table

Flavour = Literal["proprietary", "open"]


class Driven(Frozen):
    """What drives a GPU: branches from `first` to `last` ("570"; None = not known, or still does).

    `flavours`: of the kernel modules, () = not known. `worked`: another was seen at work too.
    """

    arch: str
    first: str | None
    last: str | None
    flavours: tuple[Flavour, ...]
    worked: bool
    source: str

    @property
    def flavour(self) -> Flavour | None:
        """The one that must be; None where both do, or it is not known."""
        return self.flavours[0] if len(self.flavours) == 1 else None

    @property
    def first_cuda(self) -> str | None:
        """The highest CUDA that the first branch serves: a driver that serves less is an older one."""
        return branch_cuda(self.first) if self.first else None


@cache
def driven(arch: str, name: str | None = None, pci_id: str | None = None) -> Driven | None:
    """The row of "sm_90", or that of one of its products by name or PCI device id."""
    rows = [row for row in table("drivers")["architectures"] if row["arch"] == arch]
    own = (r for r in rows if pci_id in r["ids"] or any(n in (name or "") for n in r["names"]))
    row = next(own, None) or next((r for r in rows if not r["ids"]), None)
    if row is None:
        return None
    return Driven(
        arch=arch,
        first=row["first"],
        last=row["last"],
        flavours=tuple(row["flavours"]),
        worked=row["worked"],
        source=source("drivers", row["source"]),
    )


def arch_of_pci(pci_id: str) -> str | None:
    """ "2b85" -> "sm_120"; None = not listed."""
    for arch, spans in table("drivers")["pci"].items():
        if any(span[0] <= pci_id <= span[-1] for span in spans):
            return str(arch)
    return None


def branch(version: str) -> int | None:
    """ "570.86.15" -> 570; None for what is no discrete driver's number, as Jetson's 35.3.1."""
    first = numbers(version)[:1]
    return first[0] if first and first[0] >= 100 else None


def branch_cuda(number: str) -> str | None:
    """The highest CUDA that a branch serves."""
    row = table("drivers")["branches"].get(number)
    return row[0] if row else None


def best_branch(least: str, last: str | None) -> str | None:
    """The branch to install: the last one there is for a GPU, else the oldest long-lived one from
    `least` up that is still supported."""
    if last:
        return last
    rows = table("drivers")["branches"].items()
    fit = (n for n, (_, kind, _, ended, _) in rows if kind == "LTSB" and not ended)
    return next((number for number in sorted(fit) if at_least(number, least)), None)


def end_of_life(number: str) -> str | None:
    """ "2028-06"; None = none, or not known."""
    row = table("drivers")["branches"].get(number)
    return row[2] if row else None


def package_command(distro: str | None, number: str, flavour: Flavour | None) -> str | None:
    """What an administrator types on this distribution; the open flavour where both do."""
    for names, of_open, of_proprietary, _ in table("drivers")["packages"]:
        if distro and distro.startswith(tuple(names)):
            command = of_proprietary if flavour == "proprietary" else of_open
            return str(command).replace("{branch}", number) if command else None
    return None
