"""Which RDMA ports NCCL can use, and which it is told to."""

from __future__ import annotations

from collections.abc import Sequence

from gpufix.evidence.node_readings import ports
from gpufix.evidence.view import View
from gpufix.model import InfinibandPort


def active(view: View) -> list[InfinibandPort]:
    """Ports that are up."""
    return [port for port in ports(view) if port.state == "ACTIVE"]


def usable(view: View) -> list[InfinibandPort]:
    """Those that this user may open as well."""
    return [port for port in active(view) if port.verbs]


def chosen(value: str, names: Sequence[str]) -> list[str]:
    """The names that NCCL takes by a list such as "mlx5_0,mlx5_1", "=eth0", "^docker".

    "^" excludes, "=" asks for whole names; else the beginning of a name is enough.
    """
    exclude, value = value.startswith("^"), value.removeprefix("^")
    exact, value = value.startswith("="), value.removeprefix("=")
    wanted = [part.split(":")[0] for part in value.split(",") if part]

    def matches(name: str) -> bool:
        return any(name == one if exact else name.startswith(one) for one in wanted)

    return [name for name in names if matches(name) is not exclude]
