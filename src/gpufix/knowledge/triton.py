"""Which ptxas Triton runs for which GPU, and the variable that names another one."""

from __future__ import annotations

from gpufix.frozen import Frozen
from gpufix.knowledge.data_table import at_least, numbers, table


class TritonPtxas(Frozen):
    """The ptxas for one architecture. `path`: below the package. `variable` None: no shell can set
    it. `newest`: the last CUDA whose ptxas may take its place; None = any."""

    path: str
    variable: str | None
    newest: str | None
    ships: str | None  # the CUDA of the wheel's own; None = not listed


def ptxas(version: str, capability: int) -> TritonPtxas | None:
    """What a Triton runs for 120 (12.0); None for a Triton before the first row."""
    data = table("triton")
    rows = [
        row for row in data["toolchain"] if numbers(version) and at_least(version, row["since"])
    ]
    if not rows:
        return None
    row = rows[-1]
    newer = bool(row["newer"]) and capability >= row["newer_from"]
    shipped = data["ships"].get(".".join(map(str, numbers(version)[:3])), [])
    return TritonPtxas(
        path=row["newer"] if newer else row["program"],
        variable=row["newer_variable"] if newer else row["variable"],
        newest=row["cuda"],
        ships=shipped[-1 if newer else 0] if shipped else None,
    )


def after(version: str) -> list[str]:
    """The listed releases that are newer, oldest first."""
    listed = sorted(table("triton")["ships"], key=numbers)
    return [other for other in listed if not at_least(version, other)]
