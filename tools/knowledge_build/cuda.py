"""CUDA toolkits: drivers, architectures, PTX ISA."""

from __future__ import annotations

from typing import Any

from .sources import Sources

_DRIVERS = "NVIDIA CUDA Toolkit release notes, driver tables (docs.nvidia.com/cuda/cuda-toolkit-release-notes)"


def _first(version: str) -> str:
    return version.removeprefix("<=")


def build(tables: Any) -> Any:
    table = tables("cuda_toolkits")
    sources = Sources()
    drivers = sources.number(_DRIVERS)
    toolkits = {}
    for version, row in table["toolkits"].items():
        linux = row["driver_linux"]
        toolkits[version] = {
            "driver_min": linux["min_for_minor_version_compat"],
            "driver_full": linux["toolkit_driver_GA"],
            "sm": " ".join(row["nvcc_sm"]),
            "ptx": row["ptx_isa"],
            "source": sources.number(row["source"]),
            "driver_source": drivers,
            "confidence": row["confidence"],
        }
    span = table["sm_first_last"]
    branches = table["driver_branch_to_max_cuda"]
    return {
        "sources": sources.texts,
        "toolkits": toolkits,
        "sm": {sm: [_first(row["first"]), row["last"]] for sm, row in span.items()},
        "branches": {b: cuda for b, cuda in branches.items() if not b.startswith("_")},
    }
