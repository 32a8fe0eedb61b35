"""SRC613: builds that ask for a visible GPU."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import builders as b
import source_tree as t
from rows import Fires, Given, rows

from gpufix.checks.registry import ERROR, WARNING, Fault
from gpufix.checks.source.src613_build_asks_for_gpu import build_asks_for_gpu
from gpufix.model import Severity
from gpufix.model.source_payload import GpuAsked

ROCM: dict[str, Any] = {"torch": b.torch("2.9.0+rocm6.4"), "toolkits": [b.rocm()]}
HEAD = """\
import os, sys
import torch
from setuptools import setup
from torch.utils.cpp_extension import BuildExtension, CUDAExtension, CppExtension
"""
TAIL = """
setup(name="lap", ext_modules=exts, cmdclass={"build_ext": BuildExtension})
"""
CHOICE = """\
cuda = torch.cuda.is_available()
exts = [CUDAExtension("lap", ["lap.cpp", "lap.cu"]) if cuda else CppExtension("lap", ["lap.cpp"])]
"""
FORCED = CHOICE.replace("()\n", '() or os.getenv("FORCE_CUDA", "0") == "1"\n', 1)
OWN = CHOICE.replace("()\n", '() or os.environ.get("LAP_GPU", "").upper() == "ON"\n', 1)
AMD = CHOICE.replace("()\n", "() or torch.version.hip is not None\n", 1)
OPTION = CHOICE.replace("()\n", '() or "--force_cuda" in sys.argv\n', 1)
STOPS = """\
if not torch.cuda.is_available():
    raise NotImplementedError("CUDA is not available")
exts = [CUDAExtension("lap", ["lap.cu"])]
"""
EXITS = STOPS.replace("raise NotImplementedError", "sys.exit")
ASKS = """\
major, minor = torch.cuda.get_device_capability()
flag = f"-gencode=arch=compute_{major}{minor},code=sm_{major}{minor}"
exts = [CUDAExtension("lap", ["lap.cu"], extra_compile_args={"nvcc": [flag]})]
"""
TRIED = f"""\
try:
    cap = torch.cuda.get_device_capability()
except Exception:
    cap = (9, 0)
{ASKS.partition(chr(10))[2].replace("{major}{minor}", "{cap[0]}{cap[1]}")}"""
LISTED = """\
archs = os.environ.get("LAP_ARCHS")
if archs is None:
    archs = "".join(map(str, torch.cuda.get_device_capability()))
exts = [CUDAExtension("lap", ["lap.cu"],
    extra_compile_args={"nvcc": [f"-gencode=arch=compute_{a},code=sm_{a}" for a in archs.split(";")]})]
"""
SOURCES = """\
files = ["lap.cpp", "a.cu"]
if torch.cuda.device_count() > 0:
    files += ["b.cu"]
exts = [CUDAExtension("lap", files)]
"""


def py(body: str, *named: str, path: str = "setup.py", **sections: Any) -> Given:
    """A setup.py that makes `exts` (from line 5 on), for targets that are not visible."""
    files = {path: HEAD + body + TAIL, "lap.cu": "", "a.cu": "", "b.cu": "", "lap.cpp": ""}
    return t.project(files, *(named or ("sm_90",)), **sections)


def says(text: str, severity: Severity, line: int, what: str, served: str = "sm_90") -> Fault:
    return Fault(
        severity,
        "setup.py",
        f"setup.py {text}; {served} is to be served.",
        evidence=(t.at("setup.py", line, what),),
        payload=GpuAsked("setup.py"),
    )


def without(served: str = "sm_90") -> Fault:
    text = "builds lap without its GPU code where torch sees no GPU"
    return says(text, WARNING, 5, "asks for a visible GPU", served)


STOPPED = "stops where torch sees no GPU (NotImplementedError: CUDA is not available)"
LIVE = "stops where torch sees no GPU (RuntimeError: Found no NVIDIA driver on your system.)"
FORCE = ["force-gpu-build safe"]


def beside(dockerfile: str) -> Given:
    """The setup.py that FORCE_CUDA forces, and a Dockerfile."""
    files = {
        "setup.py": HEAD + FORCED + TAIL,
        "lap.cu": "",
        "lap.cpp": "",
        "Dockerfile": dockerfile,
    }
    return t.project(files, "sm_90")


def plain(line: int) -> Fault:
    told = without()
    text = "FORCE_CUDA, not exported: no program sees it"
    return replace(told, evidence=(*told.evidence, t.at("Dockerfile", line, text)))


SILENT = {
    "builds always": py('exts = [CUDAExtension("lap", ["lap.cu"])]'),
    "a GPU is here": py(CHOICE, "sm_90", gpus=[b.gpu("sm_90")]),
    "a torch for the CPU": py(CHOICE, torch=b.torch("2.9.0+cpu")),
    "no torch": py(CHOICE, torch=None),
    "another vendor's target": py(CHOICE, "gfx1100"),
    "forced already": py(FORCED, env={"FORCE_CUDA": "1"}),
    "AMD's torch is asked for beside it": py(AMD, "gfx1100", **ROCM),
    "taken from a default where it cannot be asked": py(TRIED),
    "asked and printed": py(
        'print(torch.cuda.is_available())\nexts = [CUDAExtension("lap", ["lap.cu"])]'
    ),
    "a test's": py(STOPS, path="tests/setup.py"),
    "carried along": py(STOPS, path="third_party/lap/setup.py"),
    "it stops with a GPU as well": py("raise RuntimeError(str(torch.cuda.is_available()))"),
    "only a run tells": py(CHOICE.replace("cuda else", "cuda and ask() else")),
}
FIRING = {
    "code is left out": Fires(py(CHOICE), without()),
    "a variable forces it": Fires(py(FORCED), without(), offers=FORCE),
    "it is set, and not to that": Fires(
        py(FORCED, env={"FORCE_CUDA": "0"}), without(), offers=FORCE
    ),
    "a variable of its own forces it": Fires(py(OWN), without(), offers=FORCE),
    "an option forces it": Fires(py(OPTION), without(), offers=["force-gpu-build manual"]),
    "another vendor's GPU is here": Fires(py(CHOICE, gpus=[b.gpu("gfx1036")]), without()),
    "a Dockerfile sets it for the shell alone": Fires(
        beside("FROM x\nRUN FORCE_CUDA=1 && pip install .\n"), plain(2), offers=FORCE
    ),
    "a Dockerfile sets it for the build": Fires(
        beside("FROM x\nRUN FORCE_CUDA=1 pip install .\n"), without(), offers=FORCE
    ),
    "a Dockerfile exports it": Fires(
        beside("FROM x\nRUN FORCE_CUDA=1 && export FORCE_CUDA && pip install .\n"),
        without(),
        offers=FORCE,
    ),
    "two targets": Fires(py(FORCED, "sm_90", "sm_120"), without("sm_90, sm_120"), offers=FORCE),
    "ROCm": Fires(py(FORCED, "gfx1100", **ROCM), without("gfx1100"), offers=FORCE),
    "it stops": Fires(py(STOPS), says(STOPPED, ERROR, 6, "NotImplementedError"), offers=()),
    "it exits": Fires(
        py(EXITS),
        says(
            "stops where torch sees no GPU (SystemExit: CUDA is not available)",
            ERROR,
            6,
            "SystemExit",
        ),
    ),
    "it asks for the capability": Fires(py(ASKS), says(LIVE, ERROR, 5, "RuntimeError")),
    "a list takes the place of the capability": Fires(
        py(LISTED), says(LIVE, ERROR, 7, "RuntimeError"), offers=FORCE
    ),
    "a source is left out": Fires(
        py(SOURCES),
        says("leaves b.cu out where torch sees no GPU", WARNING, 6, "asks for a visible GPU"),
    ),
}

test_silent, test_firing = rows(build_asks_for_gpu, SILENT, FIRING)
