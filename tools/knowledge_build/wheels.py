"""The CUDA toolkit as wheels: which of them bring a compiler, and what fits together."""

from __future__ import annotations

from typing import Any

# What a build of a torch extension needs from a toolkit.
EXTRAS = ("nvcc", "crt", "nvvm", "cudart", "cccl", "cublas", "cusparse", "cusolver", "nvrtc")


def build(tables: Any) -> Any:
    packages = {}
    for name, row in tables("cuda_toolkits")["pypi_packages"].items():
        if name.startswith("nvidia-cuda-nvcc"):
            packages[name] = {
                "versions": row.get("versions_on_pypi") or row.get("versions_probed") or [],
                "nvcc": row.get("has_nvcc_driver", False),
                "ptxas": row.get("has_ptxas", False),
                "source": "measured: wheel contents",
            }
    toolkits = {}
    for version, extras in tables("cuda_toolkit_pypi")["versions"].items():
        toolkits[version] = {
            extra: [p["package"] + p["spec"] for p in extras[extra]]
            for extra in EXTRAS
            if extra in extras
        }
    source = "METADATA of the PyPI package cuda-toolkit"
    return {"source": source, "packages": packages, "toolkits": toolkits}
