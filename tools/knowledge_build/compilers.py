"""Host compilers: what each nvcc accepts, and what torch.utils.cpp_extension accepts."""

from __future__ import annotations

from typing import Any

from .sources import Sources


def _bounds(table: dict[str, Any]) -> dict[str, Any]:
    return {
        cuda: [_dotted(row["min_inclusive"]), _dotted(row["max_exclusive"])]
        for cuda, row in table.items()
    }


def _dotted(version: list[int]) -> str:
    return ".".join(map(str, version))


def build(tables: Any) -> Any:
    sources = Sources()
    nvcc = {}
    for version, row in tables("cuda_toolkits")["toolkits"].items():
        hosts = row["host_compilers"]
        nvcc[version] = {
            "gcc": hosts["gcc_max_major"],
            "clang": hosts["clang_max_major"],
            "source": sources.number(row["source"]),
            "confidence": row["confidence"],
        }
    torch: list[dict[str, Any]] = []
    for version, row in tables("cpp_extension")["versions"].items():
        tables_of = {
            "gcc": _bounds(row["CUDA_GCC_VERSIONS"]),
            "clang": _bounds(row["CUDA_CLANG_VERSIONS"]),
            "archs": " ".join(row["supported_arches"]),
            "named": row["named_arches"],
            "native": row["arch_native_keyword"],
        }
        if not torch or {k: torch[-1][k] for k in tables_of} != tables_of:
            torch.append({"since": version} | tables_of)
    return {
        "sources": sources.texts,
        "nvcc": nvcc,
        "torch_source": "torch/utils/cpp_extension.py of each wheel",
        "torch": torch,
    }
