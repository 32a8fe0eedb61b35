"""The package manager of a machine or environment, told by os-release and by who made the Python."""

from __future__ import annotations

from typing import Literal, TypeAlias

from gpufix.knowledge.data_table import at_least
from gpufix.model import Facts, Host

Manager: TypeAlias = Literal["apt", "dnf", "conda"]
_BY_ID: dict[str, Manager] = {
    "debian": "apt",
    "ubuntu": "apt",
    "fedora": "dnf",
    "rhel": "dnf",
    "centos": "dnf",
    "amzn": "dnf",
}
# Whose libraries are named as Debian 13's: "t64" came with Ubuntu 24.04.
_LIKE_13 = {"debian": "13", "ubuntu": "24.04"}


def managers(facts: Facts) -> tuple[list[Manager], list[Manager]]:
    """The patient's own, one at most, and the others: conda for what conda made, else the machine's."""
    own: list[Manager] = ["conda"] if facts.python and facts.python.kind == "conda" else []
    own += [_BY_ID[name] for name in facts.host.distro_ids if name in _BY_ID]
    every: tuple[Manager, ...] = ("apt", "dnf", "conda")
    return own[:1], [manager for manager in every if manager not in own[:1]]


def debian_index(host: Host) -> int | None:
    """0 for packages named as in Debian 12, 1 as in Debian 13; None when it is none of Debian's kin."""
    for name in host.distro_ids:
        if name in _LIKE_13:
            own = host.distro_ids[0] == name and host.distro_version
            return int(bool(own and at_least(str(host.distro_version), _LIKE_13[name])))
    return None
