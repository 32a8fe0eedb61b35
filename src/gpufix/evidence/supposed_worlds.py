"""Worlds that differ from this machine, in which build files are followed as well: what has to change for each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gpufix.evidence.arch_lists import vendor
from gpufix.evidence.builds import capabilities_of, torch_seen, world_here
from gpufix.evidence.source_view import toml_files
from gpufix.evidence.view import View
from gpufix.source.builds.world import TorchSeen

_CUDA_HOME, _ROCM_HOME = "/usr/local/cuda", "/opt/rocm"
_CUDA, _ROCM = "13.0", "6.4"  # those of a torch that stands for the installed one
# Modules that a build environment has beside what is declared.
_ALWAYS = (
    "setuptools",
    "wheel",
    "packaging",
    "pkg_resources",
    "distutils",
    "_distutils_hack",
    "pip",
)


def with_gpu(view: View) -> dict[str, Any]:
    """The targets are visible."""
    seen = capabilities_of(t.arch for t in view.targets if t.vendor == vendor(view))
    return {"gpu": True, "capabilities": tuple(seen)}


def with_toolkit(view: View) -> dict[str, Any]:
    """Torch's toolkit is here; nothing changes where it is. TCH204 asks for one."""
    here = view.derive(world_here)
    if here.torch is not None and here.torch.hip:
        return {} if here.rocm_home else {"rocm_home": _ROCM_HOME}
    if here.cuda_home or here.torch is None:
        return {}
    return {"cuda_home": _CUDA_HOME, "nvcc": here.torch.cuda}


def with_cuda(view: View) -> dict[str, Any]:
    """A torch for CUDA is installed, with its toolkit and a GPU."""
    toolkits = {"cuda_home": _CUDA_HOME, "nvcc": _CUDA, "rocm_home": None}
    torch = _torch(view, f"cu{_CUDA.replace('.', '')}", cuda=_CUDA, hip=None)
    return {"torch": torch, **toolkits, "gpu": True, "capabilities": ((9, 0),)}


def with_rocm(view: View) -> dict[str, Any]:
    """A torch for ROCm is installed, with its toolkit and a GPU."""
    toolkits = {"cuda_home": None, "nvcc": None, "rocm_home": _ROCM_HOME}
    torch = _torch(view, f"rocm{_ROCM}", cuda=None, hip=_ROCM)
    return {"torch": torch, **toolkits, "gpu": True, "capabilities": None}


def _torch(view: View, build: str, cuda: str | None, hip: str | None) -> TorchSeen:
    """The installed release, built for another maker's GPUs."""
    there = torch_seen(view)
    release = there.version.partition("+")[0]
    return replace(there, version=f"{release}+{build}", cuda=cuda, hip=hip, archs=None)


def isolated(view: View, path: str) -> dict[str, Any]:
    """A folder is built in isolation, without a torch."""
    folder = path.rpartition("/")[0]
    toml = toml_files(view).get(f"{folder}/pyproject.toml" if folder else "pyproject.toml")
    declared = [r.split(";")[0] for r in (toml.requires or ())] if toml else []
    names = [n.strip().split("[")[0] for r in declared for n in [_name(r)]]
    known = {n.replace("-", "_"): True for n in (*names, *_ALWAYS)}
    return {"torch": None, "modules": known}


def _name(requirement: str) -> str:
    for at, char in enumerate(requirement):
        if not (char.isalnum() or char in "-_."):
            return requirement[:at]
    return requirement
