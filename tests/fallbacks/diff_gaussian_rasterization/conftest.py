"""The modules of the diff_gaussian_rasterization fallback, without and with their library."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

import needs
from gpufix.kernels.manifest import COMMON, SUITE
from gpufix.kernels.toolchain import Toolchain, parse_target

sys.path.insert(0, str(Path(__file__).parent))
NAME = "diff_gaussian_rasterization"


@pytest.fixture(scope="session")
def module(imported: Callable[[str], ModuleType]) -> ModuleType:
    """The package, whose library is not there."""
    return imported(NAME)


@pytest.fixture(scope="session")
def built(module: ModuleType) -> ModuleType:
    """The package with its library, for the GPU at hand; skips where there is none."""
    needs.require("CUDA GPU")
    import torch

    compiler = needs.path("nvcc")
    target = parse_target("sm_{}{}".format(*torch.cuda.get_device_capability()))
    command = [compiler, *Toolchain("nvcc", Path(compiler)).arguments(target), "-shared"]
    library = Path(str(module.__file__)).with_name("_gaussians.so")
    source = SUITE / "splat" / "gaussians_c.cu"
    pic = ["-Xcompiler", "-fPIC", f"-I{COMMON}"]
    subprocess.run([*command, *pic, str(source), "-o", str(library)], check=True, timeout=600)
    return module
