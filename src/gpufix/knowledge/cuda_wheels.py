"""The CUDA toolkit as wheels. Only CUDA 13's bring nvcc; older ones bring ptxas alone."""

from __future__ import annotations

from dataclasses import dataclass

from gpufix.knowledge.table import table
from gpufix.knowledge.versions import minor, numbers


@dataclass(frozen=True, slots=True)
class NvccWheel:
    """A distribution that sounds like nvcc, and what is really in it."""

    name: str
    versions: tuple[str, ...]
    has_nvcc: bool
    has_ptxas: bool
    source: str


@dataclass(frozen=True, slots=True)
class ToolkitWheel:
    """One version of the meta-package cuda-toolkit: extra -> the pins that it brings."""

    version: str
    extras: dict[str, list[str]]
    source: str

    @property
    def compiles(self) -> bool:
        """Whether its [nvcc] brings a compiler driver."""
        return any(pin.startswith("nvidia-cuda-nvcc==") for pin in self.extras.get("nvcc", []))


def nvcc_wheels() -> dict[str, NvccWheel]:
    """The distributions named nvidia-cuda-nvcc*."""
    data = table("cuda_wheels")["packages"]
    return {
        name: NvccWheel(name, tuple(r["versions"]), r["nvcc"], r["ptxas"], r["source"])
        for name, r in data.items()
    }


def toolkit(cuda: str) -> ToolkitWheel | None:
    """The newest listed cuda-toolkit of a CUDA version ("13.0" or "13.0.2")."""
    data = table("cuda_wheels")
    exact = data["toolkits"].get(cuda)
    fitting = [cuda] if exact else [v for v in data["toolkits"] if minor(v) == minor(cuda)]
    if not fitting:
        return None
    version = max(fitting, key=numbers)
    return ToolkitWheel(version, data["toolkits"][version], data["source"])
