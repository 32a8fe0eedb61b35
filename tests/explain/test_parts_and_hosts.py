"""Whose file does not load, and why: parts of cuDNN, a host's libraries, a node's own module, ROCm beside CUDA; and errors that wrappers report."""

from __future__ import annotations

import pytest

from gpufix.explain.explanation import Explanation
from gpufix.explain.read import explain


def told(text: str) -> Explanation:
    answer, _ = explain([text.encode()])
    assert answer.primary is not None
    return answer.primary


NODE = (
    '  File "D:\\ui\\custom_nodes\\Gallery\\__init__.py", line 1, in <module>\n    from .{} import NODES\n'
    "ImportError: DLL load failed while importing {}: The specified module could not be found."
)
ENGINE = (
    "RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}"
)
# A text, what the cause and the advice hold, what they do not.
CASES = {
    "a part of cuDNN 8 that is not found": (
        "Could not load library cudnn_ops_infer64_8.dll. Error code 126",
        ("not found", "one cuDNN 8 release"),
        ("CTranslate2", "cudnn-cu12==9"),
    ),
    "of two releases": (
        "Could not load library cudnn_cnn_train64_8.dll. Error code 127",
        ("parts of two releases",),
        (),
    ),
    "whisper asks for it": (
        "import faster_whisper\nCould not load library cudnn_ops_infer64_8.dll. Error code 126",
        ("4.5 and newer take cuDNN 9",),
        (),
    ),
    "the host's library in a container": (
        "tool: /lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.38' not found (required by /.singularity.d/libs/libGLX.so.0)",
        ("--nv put libGLX.so.0 of the host", "glibc 2.38"),
        (),
    ),
    "a library of one's own in a container": (
        "tool: /lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.38' not found (required by /opt/libs/libGLX.so.0)",
        ("glibc 2.38",),
        ("--nv",),
    ),
    "torch's CUDA library beside a torch for ROCm": (
        "torch 2.8.0+rocm6.4\nOSError: libc10_cuda.so: cannot open shared object file: No such file or directory",
        ("built for ROCm", "built for CUDA"),
        (),
    ),
    "and without one": (
        "torch 2.8.0+cu128\nOSError: libc10_cuda.so: cannot open shared object file: No such file or directory",
        (),
        ("ROCm",),
    ),
    "a node's own compiled module": (
        NODE.format("Gallery_core", "Gallery_core"),
        ("of Gallery itself", "made for one Python"),
        ("--force-reinstall",),
    ),
    "another package's beside a node": (
        NODE.format("loader", "_imaging"),
        ("pillow",),
        ("of Gallery itself",),
    ),
    "ZLUDA in torch's place": (
        'OSError: [WinError 126] The specified module could not be found. Error loading "C:\\Comfy-ZLUDA\\venv\\lib\\site-packages\\torch\\lib\\cublas64_11.dll"',
        ("HIP SDK", "HIP_PATH"),
        ("--index-url",),
    ),
    "a release that no index has": (
        "  × No solution found when resolving dependencies:\n  ╰─▶ Because there is no version of some-package==1.2.3 and you require\n"
        "      some-package==1.2.3, we can conclude that your requirements are unsatisfiable.",
        ("have no some-package 1.2.3", "pip index versions some-package"),
        (),
    ),
    "older ones only, for one platform": (
        "  × No solution found when resolving dependencies for split (sys_platform\n  │ == 'darwin'):\n"
        "  ╰─▶ Because only torch{sys_platform == 'darwin'}<=2.5.1 is available and\n      mine:gpu depends on torch{sys_platform ==\n"
        "      'darwin'}>=2.6, we can conclude that mine:gpu's requirements are\n      unsatisfiable.",
        ("have torch<=2.5.1 only", "mine:gpu asks for torch>=2.6", "environments"),
        (),
    ),
    "what is called otherwise": (
        "ERROR: No matching distribution found for pyav>=12\nERROR: Could not find a version that satisfies the requirement pyav>=12 (from versions: none)",
        ("`pip install av`",),
        ("pip install pyav",),
    ),
    "a window of Windows'": (
        "The code execution cannot proceed because amdhip64_6.dll was not found. Reinstalling the program may fix this problem.",
        ("amdhip64_6.dll, of AMD's HIP SDK", "HIP_PATH"),
        (),
    ),
    "of nobody's DLL": (
        "The code execution cannot proceed because heater.dll was not found.",
        ("heater.dll, which the program needs",),
        ("HIP",),
    ),
    "an inner header of Thrust": (
        "a.cu:3:10: fatal error: thrust/system/cuda/detail/odd_runtime_api.h: No such file or directory",
        ("inner header of Thrust", "newer source"),
        (),
    ),
    "a public one": (
        "a.cu:3:10: fatal error: thrust/device_vector.h: No such file or directory",
        ("toolkit",),
        ("inner header",),
    ),
    "CTranslate2's own words": (
        "RuntimeError: CUDA failed with error no kernel image is available for execution on the device",
        ("CTranslate2", "CUDA_ARCH_LIST"),
        ("torch",),
    ),
    "a wrapper alone": (ENGINE, ("why stands above",), ("It was raised in",)),
    "a wrapper's error, of no row": (
        'Traceback (most recent call last):\n  File "/env/lib/python3.12/site-packages/vllm/v1/worker/odd.py", line 9, in f\n'
        f"    g()\nZeroDivisionError: integer modulo by zero\n{ENGINE}",
        ("It was raised in vllm",),
        (),
    ),
    "a procedure that a DLL lacks, in Chinese": (
        "ImportError: DLL load failed while importing _fused: 找不到指定的程序。",
        ("lacks a function", "sageattention"),
        (),
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_told(case: tuple[str, tuple[str, ...], tuple[str, ...]]) -> None:
    text, held, unheld = case
    answer = told(text)
    said = f"{answer.what} {answer.do}"
    assert [part for part in held if part not in said] == []
    assert [part for part in unheld if part in said] == []
