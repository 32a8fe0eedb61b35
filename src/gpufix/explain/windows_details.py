"""Windows: which package's DLL could not be loaded, and what it needs."""

from __future__ import annotations

import re

from gpufix.explain.explanation import Explanation, context
from gpufix.explain.frames import frames
from gpufix.explain.log_scan import Hit
from gpufix.explain.releases_with import brought_as
from gpufix.knowledge.messages import message_of

_DLL = re.compile(
    r"(?:site|dist)-packages[/\\]+(?P<package>[A-Za-z]\w*)[/\\]+(?:[\w.-]{1,60}[/\\]+){0,6}(?P<file>[\w.-]{1,80}\.(?:dll|pyd))",
    re.IGNORECASE,
)
_IMPORTING = re.compile(r"DLL load failed while importing (?P<name>\w{2,80})", re.IGNORECASE)
# The extension module -> what pip calls its package.
_PACKAGES = {
    "_imaging": "pillow", "_imagingft": "pillow", "_multiarray_umath": "numpy", "win32api": "pywin32", "win32file": "pywin32",
    "pywintypes": "pywin32", "_win32sysloader": "pywin32", "onnx_cpp2py_export": "onnx", "onnxruntime_pybind11_state": "onnxruntime",
    "cv2": "opencv-python", "libtriton": "triton-windows", "_fused": "sageattention", "_qattn_sm80": "sageattention",
    "_qattn_sm89": "sageattention", "flash_attn_2_cuda": "flash-attn", "tokenizers": "tokenizers", "_pywrap_tensorflow_internal": "tensorflow",
    "_message": "protobuf", "etree": "lxml", "_rust": "cryptography", "QtCore": "PyQt5", "QtWidgets": "PyQt5",
}  # fmt: skip
_OF_PYTHON = frozenset(
    {"_ssl", "_ctypes", "_sqlite3", "_bz2", "_lzma", "_socket", "pyexpat", "_tkinter", "_hashlib", "_decimal", "_uuid"}
)  # fmt: skip
# An extension of torch, or one whose name tells no package.
_OF_TORCH = re.compile(r"_|torch|c10|\w+_cuda$")
_RUNTIME = "the Visual C++ runtime (https://aka.ms/vs/17/release/vc_redist.x64.exe)"


def dll(explanation: Explanation, hit: Hit) -> Explanation:
    """The package whose DLL it is; torch's own keep the row's remedy."""
    around = context(hit, 200, 400)
    if "fbgemm.dll" in around:
        own = message_of("fbgemm-openmp")
        return explanation.but(
            id=own.id, rule=own.rule, what=own.what, do=own.do, source=own.source
        )
    if re.search("zluda", around, re.IGNORECASE):
        return explanation.but(
            what="A DLL was not found: torch's CUDA files are ZLUDA's here, which open those of AMD's HIP SDK.",
            do="Install AMD's HIP SDK at the release that this ZLUDA names. Set HIP_PATH, put its bin folder (C:\\Program Files\\AMD\\ROCm\\…\\bin) on PATH, and "
            "open a new terminal. Then copy ZLUDA's files into torch\\lib again.",
        )
    if part := _BACK_END.search(hit.shown):
        return explanation.but(**_OF_BACK_END[part["of"].lower()])
    found = _DLL.search(around)
    if found is None and (module := _IMPORTING.search(hit.shown)):
        return _of_module(explanation, module["name"], hit)
    if found is None or found["package"] == "torch":
        return explanation
    package = found["package"]
    if package == "intel_extension_for_pytorch":
        return explanation.but(
            do="Install the Intel GPU driver and oneAPI's runtime (`pip install intel-cmplr-lib-rt intel-sycl-rt`), at the "
            "versions that this release names. From torch 2.5 on torch's own XPU builds need no extension "
            "(--index-url https://download.pytorch.org/whl/xpu)."
        )
    torchs = package in ("torchvision", "torchaudio", "torchcodec", "xformers")
    same = (
        " of the installed torch, from the same index" if torchs else " for this Python and torch"
    )
    return explanation.but(
        do=f"Reinstall {package} at the release{same} (`python -m pip install --force-reinstall --no-deps {package}`); "
        f"install {_RUNTIME}; `gpufix inspect` on {found['file']} names what it lacks."
    )


# The part of torch for another vendor's GPU -> what it needs.
_BACK_END = re.compile(r"\b(?:c10|torch)_(?P<of>xpu|hip)\.dll", re.IGNORECASE)
_OF_BACK_END = {
    "xpu": {
        "what": "torch's part for Intel GPUs does not load: the SYCL runtime that it needs is not found.",
        "do": "Reinstall torch with what it brings (`python -m pip install --force-reinstall torch torchvision torchaudio --index-url "
        "https://download.pytorch.org/whl/xpu`: from 2.6 on its wheels require the runtime), and the newest Intel GPU driver. For an older "
        "one run oneAPI's setvars.bat in the same prompt first.",
    },
    "hip": {
        "what": "torch's part for AMD GPUs does not load: a library of ROCm that it needs is not found, or of another release.",
        "do": "Reinstall torch and its ROCm packages at one release, from one index (`python -m pip install --force-reinstall --no-cache-dir …`), and "
        "the newest AMD graphics driver; no other ROCm or HIP SDK before it on PATH.",
    },
}


def of_ctypes(explanation: Explanation, hit: Hit) -> Explanation:
    """A file that Python opens by its path: whose it is, and where Windows looks for what it needs."""
    path = explanation.captures.get("path") or explanation.captures.get("line", "")
    file = re.split(r"[\\/]", path)[-1]
    if (owner := _owner(file)) is not None:
        return explanation.but(
            what=f"{file}, of {owner[1]}, is not found.",
            do=owner[2],
        )
    found = _DLL.search(hit.shown)
    package = brought_as(found["package"]) if found else ""
    again = (
        f"reinstall {package} for this Python (`python -m pip install --force-reinstall --no-cache-dir --no-deps {package}`)"
        if package
        else "install again what brings it"
    )
    return explanation.but(
        what=f"{file} does not load: it is absent, or a DLL that it needs is not found. Python searches the file's own folder and those that the program adds, not PATH.",
        do=f"`gpufix inspect {file}` names what it lacks. Built for CUDA, it needs the CUDA toolkit of its major, and CUDA_PATH that names it "
        f"(CUDA 13 has its DLLs in bin\\x64). Or take its build for the CUDA that is here, or for the CPU. Else install {_RUNTIME}; {again}.",
    )


# The start of a DLL's name -> whose it is, and what brings it.
_OWNERS = (
    ("nvcuda|nvml|nvapi", "NVIDIA's driver", "Install the NVIDIA driver."),
    ("nvvm", "the CUDA toolkit", "Install the CUDA toolkit, with CUDA_HOME naming its folder (`conda install -c conda-forge cuda-nvcc`)."),
    ("vcruntime|msvcp|vcomp|concrt", "the Visual C++ runtime", f"Install {_RUNTIME}."),
    (
        "cudart|cublas|cudnn|cufft|curand|cusparse|cusolver|nvrtc|nvjitlink",
        "CUDA or cuDNN",
        "Install the CUDA toolkit (cuDNN) of the number in its name, with its bin folder on PATH; or the program's build for the CUDA that is here.",
    ),
    (
        "amdhip|rocblas|hipblas|hiprtc|miopen",
        "AMD's HIP SDK",
        "Install AMD's HIP SDK at the release that the program names, set HIP_PATH, put its bin folder on PATH, and open a new terminal.",
    ),
    (r"python3\d", "Python", "Install the Python of that number, or the program's build for the one that is here."),
)  # fmt: skip


def named(explanation: Explanation, _: Hit) -> Explanation:
    """Whose DLL it is that Windows names in its window."""
    name = explanation.captures.get("name", "")
    owner = _owner(name)
    if owner is None:
        return explanation
    return explanation.but(
        what=f"Windows does not find {name}.dll, of {owner[1]}: not beside the program, and not on PATH.",
        do=owner[2],
    )


def _owner(name: str) -> tuple[str, str, str] | None:
    return next((one for one in _OWNERS if re.match(one[0], name, re.IGNORECASE)), None)


def _of_module(explanation: Explanation, name: str, hit: Hit) -> Explanation:
    """The package of an extension module that is named without its path."""
    if name in _OF_PYTHON:
        return explanation.but(
            rule=None,
            what=f"{name} is a part of Python itself; a DLL that it needs was not found.",
            do="In conda: `conda activate` the environment first, or put its Library\\bin on PATH; else `conda install --force-reinstall "
            "python openssl libffi sqlite`. Without conda: repair that Python by its installer, or take another (`uv python install`); "
            "no second Python's folder may stand before it on PATH.",
        )
    if folder := _folder_of(name, hit):
        return explanation.but(
            what=f"{name} is a compiled file (.pyd) of {folder} itself, and does not load. It is made for one Python (cp311 in its name is 3.11), or lacks a DLL.",
            do=f"Take {folder}'s release or files for this Python (`python -VV`), its newest state, or the one that holds {name}.py; or run it with the Python "
            f"that the file's name says. Or install {_RUNTIME}.",
        )
    package = _PACKAGES.get(name) or _named_before(hit) or ("" if _OF_TORCH.match(name) else name)
    if package == "torch" or not package:
        return explanation
    ways = [f"install {_RUNTIME}"]
    if package in ("triton-windows", "sageattention", "flash-attn"):
        ways.append(
            f"reinstall {package} at the release that is built for this torch, CUDA and Python (`python -m pip install "
            f"--force-reinstall --no-deps {package}`; its releases list the wheels)"
        )
    else:
        again = (
            f"`python -m pip install --force-reinstall --no-cache-dir {package}` for this Python"
        )
        ways.insert(package in _OLDER_RUNTIME, again)
    if older := _OLDER_RUNTIME.get(package):
        ways.append(f'or take a release that older runtimes do for: `pip install "{older}"`')
    if note := _NOTES.get(package):
        ways.append(note)
    first, *others = ways
    return explanation.but(do=f"{first[0].upper()}{first[1:]}; {'; '.join(others)}.")


def _folder_of(name: str, hit: Hit) -> str | None:
    """The folder, of no package, whose own file imports the module from beside itself."""
    asks = re.compile(
        rf'File "(?P<path>[^"\n]{{1,300}})", line \d+, in [^\n]{{1,80}}\n[^\n]{{0,40}}from \.(?:\w+\.)*{re.escape(name)} import '
    )
    found = list(asks.finditer(context(hit, 3000, 0)))
    parts = re.split(r"[/\\]", found[-1]["path"]) if found else []
    return parts[-2] if len(parts) > 1 and "site-packages" not in parts else None


# The last releases that ran with the Visual C++ runtime of before 2024.
_OLDER_RUNTIME = {
    "onnxruntime": "onnxruntime<=1.20.1",
    "onnx": "onnx==1.16.1",
    "sageattention": "sageattention==1.0.6",
}
_NOTES = {
    "pywin32": "then `python Scripts\\pywin32_postinstall.py -install` with that Python, as administrator",
    "opencv-python": "on Windows N and Server also the Media Feature Pack",
    "numpy": "only one of conda's numpy and pip's",
}


def _named_before(hit: Hit) -> str | None:
    """The package whose file was importing, as the traceback's last frame says."""
    package = next(
        (frame.package for frame in reversed(frames(context(hit, 2000, 0))) if frame.package), None
    )
    return package.replace("_", "-") if package else None
