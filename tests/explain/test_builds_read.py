"""Builds and installs: what the text itself says of them."""

from __future__ import annotations

import pytest

from gpufix.explain.read import explain

SAYS = {
    "a probe of distutils is no cause": (
        "/usr/bin/mpicc _configtest.o -llmpe -o _configtest\n/usr/bin/ld: cannot find -llmpe: No such file or directory\n",
        None,
        "",
    ),
    "a library that is linked is": (
        "gcc -shared kit.o -llmpe -o kit.so\n/usr/bin/ld: cannot find -llmpe: No such file or directory\n",
        "ld-other-lib",
        "liblmpe",
    ),
    "CCCL's headers of CUDA 13": (
        "kit.cpp:5:10: fatal error: thrust/sort.h: No such file or directory\n",
        "cuda-headers",
        "include/cccl",
    ),
    "what CMake lists as not found": (
        "CMake Error: The following variables are used in this project, but they are set to NOTFOUND.\n"
        "Please set them or make sure they are set and tested correctly in the CMake files:\nWIDGET_LIBRARY\n"
        '    linked by target "kit" in directory /srv/kit\n',
        "cmake-notfound",
        "-DWIDGET_LIBRARY",
    ),
    "CMake's own words, behind margins": (
        "54.1       CMake Error at cmake/Deps.cmake:12 (message):\n54.1         kit needs Widget 3, which could not be found.\n54.1\n"
        "54.1         Set WIDGET_ROOT.\n54.1       Call Stack (most recent call first):\n54.1         CMakeLists.txt:9 (include)\n",
        "cmake-stops",
        "CMAKE_PREFIX_PATH",
    ),
    "a stop of CMake without words": (
        "CMake Error at CMakeLists.txt:3 (project):\n\n\n-- Configuring\n",
        "nvcc-exit",
        "further up",
    ),
    "wheels for other Pythons, of NVIDIA's stand-in": (
        "INFO:wheel-stub:Testing wheel kit_gpu-1.2-cp312-cp312-linux_x86_64.whl against tag cp39-cp39-linux_x86_64\n"
        "RuntimeError: Didn't find wheel for kit_gpu 1.2\n",
        "wheel-stub",
        "--python 3.12",
    ),
    "a wheel for another system, of uv": (
        "  Caused by: A path dependency is incompatible with the current platform: kit-1.0-cp311-cp311-linux_x86_64.whl\n\n"
        "hint: The wheel is compatible with CPython 3.11 (`cp311`), but you're using CPython 3.12 (`cp312`)\n",
        "uv-other-wheel",
        "holds cp312 in place of cp311",
    ),
    "a setup.py that imports its own package": (
        "Collecting git+https://github.com/NVlabs/nvdiffrast\n  Preparing metadata (setup.py) ... error\n"
        '  File "C:\\Temp\\req\\setup.py", line 9, in <module>\n    import nvdiffrast\n'
        "ModuleNotFoundError: No module named 'nvdiffrast'\n",
        "detectron-c",
        "embedded",
    ),
    "one that somebody else's code imports": (
        'Collecting kit\n  File "/srv/run.py", line 9, in <module>\n    import nvdiffrast\n'
        "ModuleNotFoundError: No module named 'nvdiffrast'\n",
        "detectron-c",
        "git+https",
    ),
    "a header of the toolkit that is not understood": (
        'C:/Program Files/NVIDIA GPU Computing Toolkit/CUDA/v12.6/include\\cuda/std/x.h(88): error: expected a ">"\n',
        "compile-error",
        "Visual Studio 2022",
    ),
    "a header of the project": (
        '/srv/kit/include/x.h(88): error: expected a ">"\n',
        "compile-error",
        "Nothing known",
    ),
    "no toolkit in Visual Studio": (
        "-- Selecting Windows SDK version 10.0.19041.0 to target Windows 10.0.19045.\n-- The CUDA compiler identification is unknown\n",
        "cmake-no-cuda-compiler",
        "Visual Studio Integration",
    ),
    "a cudatoolkit that no channel in use has": (
        "LibMambaUnsatisfiableError: Encountered problems while solving:\n"
        "  - nothing provides cudatoolkit >=11.1,<11.2 needed by pytorch-1.10.0-py3.6_cuda11.1_cudnn8.0.5_0\n",
        "conda-unsatisfiable",
        "-c conda-forge",
    ),
    "cuDNN, by CMake's words": (
        "CMake Error at cmake/FindCUDNN.cmake:19 (find_library):\n  Could not find cudnn_LIBRARY using the following names: cudnn, libcudnn.so.\n",
        "cmake-find",
        "libcudnn9-dev",
    ),
    "apex's check of the minor version": (
        "Cuda compilation tools, release 12.3, V12.3.52\nRuntimeError: Cuda extensions are being compiled with a version of Cuda that does not match "
        "the version used to compile Pytorch binaries.  Pytorch binaries were compiled with Cuda 12.1.\n",
        "cuda-version-mismatch",
        "cuda-12.1",
    ),
    "jaxlib for CUDA": (
        "ERROR: Could not find a version that satisfies the requirement jaxlib==0.4.25+cuda12.cudnn89 (from versions: 0.4.24, 0.4.25)\n"
        "ERROR: No matching distribution found for jaxlib==0.4.25+cuda12.cudnn89\n",
        "no-distribution",
        "jax_cuda_releases.html",
    ),
    "a package that only its project's page has": (
        "Looking in links: https://data.pyg.org/whl/torch-2.2.0+cpu.html\n"
        "ERROR: Could not find a version that satisfies the requirement pyg_lib (from versions: none)\n"
        "ERROR: No matching distribution found for pyg_lib\n",
        "no-distribution-torch",
        "pip install pyg-lib -f",
    ),
}


@pytest.mark.parametrize(("text", "row", "do"), SAYS.values(), ids=SAYS)
def test_the_remedy_is_the_one_of_the_text(text: str, row: str | None, do: str) -> None:
    primary = explain([text.encode()])[0].primary
    assert (primary.id if primary else None) == row
    assert primary is None or do in primary.do, primary.do
