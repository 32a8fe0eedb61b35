"""AMD, Windows, macOS and engines beside torch: whose file or build fails, and what brings the right one."""

from __future__ import annotations

import pytest

from gpufix.explain.explanation import Explanation
from gpufix.explain.read import explain


def told(text: str) -> Explanation:
    answer, _ = explain([text.encode()])
    assert answer.primary is not None
    return answer.primary


# A text, what the cause and the advice hold, what they do not.
CASES = {
    "a build of Paddle": (
        "OSError: (External) CUDA error(209), no kernel image is available for execution on the device. \n"
        "  [Hint: 'cudaErrorNoKernelImageForDevice'.] (at ../paddle/phi/backends/gpu/cuda/cuda_info.cc:260)",
        ("PaddlePaddle", "cu129"),
        ("torch",),
    ),
    "CMake wants ROCm": (
        'CMake Error at CMakeLists.txt:4 (find_package):\n  By not providing "Findhip.cmake" in CMAKE_MODULE_PATH this project has\n'
        '  asked CMake to find a package configuration file provided by "hip", but\n  CMake did not find one.',
        ("ROCm's development files", "/opt/rocm"),
        (),
    ),
    "the driver's library was found by its path": (
        'level=DEBUG msg="Unable to load nvcuda" library=/usr/lib/libcuda.so.535.183.01 error="nvcuda init failure: 999"',
        ("nvidia_uvm",),
        ("is not where the loader looks",),
    ),
    "a program's own DLL": (
        '  File "C:\\Python311\\Lib\\site-packages\\llama_cpp\\_ctypes_extensions.py", line 67, in load_shared_library\n'
        "FileNotFoundError: Could not find module 'C:\\Python311\\Lib\\site-packages\\llama_cpp\\lib\\ggml.dll' (or one of its dependencies). "
        "Try using the full path with constructor syntax.",
        ("ggml.dll", "CUDA_PATH", "llama-cpp-python"),
        (),
    ),
    "the driver's DLL by ctypes": (
        "FileNotFoundError: Could not find module 'nvml.dll' (or one of its dependencies). Try using the full path with constructor syntax.",
        ("NVIDIA's driver",),
        ("CUDA_PATH",),
    ),
    "a platform of vLLM's is no package": (
        "DEBUG [__init__.py:99] CUDA platform is not available because: NVML Shared Library Not Found\n"
        "DEBUG [__init__.py:120] ROCm platform is not available because: No module named 'amdsmi'",
        ("amdsmi", "/opt/rocm/share/amd_smi"),
        ("install platform",),
    ),
    "torch for Intel": (
        'OSError: [WinError 126] The specified module could not be found. Error loading "C:\\v\\Lib\\site-packages\\torch\\lib\\c10_xpu.dll" '
        "or one of its dependencies.",
        ("SYCL", "whl/xpu"),
        ("Visual C++",),
    ),
    "torch for AMD": (
        'OSError: [WinError 127] The specified procedure could not be found. Error loading "C:\\v\\Lib\\site-packages\\torch\\lib\\torch_hip.dll" '
        "or one of its dependencies.",
        ("AMD GPUs",),
        ("Visual C++",),
    ),
    "macOS names the file of the package": (
        "ImportError: dlopen(/v/lib/python3.13/site-packages/mlx/core.cpython-313-darwin.so, 0x0002): Library not loaded: @rpath/libmlx.dylib\n"
        "  Reason: tried: '/v/lib/python3.13/site-packages/mlx/lib/libmlx.dylib' (no such file)",
        ("libmlx.dylib", "Reinstall mlx"),
        (),
    ),
    "macOS names Homebrew's": (
        "ImportError: dlopen(/v/lib/python3.12/site-packages/torchaudio/lib/_torchaudio.so, 0x0006): Library not loaded: "
        "/opt/homebrew/opt/libomp/lib/libomp.dylib",
        ("brew install libomp",),
        (),
    ),
    "the GPU's memory in XLA's loader": (
        "jax.errors.JaxRuntimeError: RESOURCE_EXHAUSTED: Failed to load in-memory CUBIN (compiled for a different GPU?).: "
        "CUDA_ERROR_OUT_OF_MEMORY: out of memory",
        ("memory",),
        ("capability",),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_whose_file_or_build_it_is(case: str) -> None:
    text, held, absent = CASES[case]
    found = told(text)
    said = f"{found.what} {found.do}"
    assert all(word in said for word in held), said
    assert not any(word in said for word in absent), said


def test_a_module_of_python_is_not_the_projects_code() -> None:
    text = (
        'Traceback (most recent call last):\n  File "C:\\envs\\a\\lib\\site-packages\\some_tool\\load.py", line 66, in start\n    os.makedirs(where)\n'
        '  File "C:\\envs\\a\\lib\\os.py", line 225, in makedirs\n    mkdir(name, mode)\nValueError: odd'
    )
    answer, _ = explain([text.encode()])
    assert answer.primary is None or "os.py" not in answer.primary.what
