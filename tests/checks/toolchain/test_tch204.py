"""TCH204: whether a build finds a compiler for GPU code, and the headers that torch includes."""

from __future__ import annotations

import builders as b
import source_tree as t
from rows import Fires, Given, rows

from gpufix.checks.registry import ERROR, WARNING, Fault
from gpufix.checks.toolchain.tch204_toolkit_missing import toolkit_missing
from gpufix.evidence.view import View
from gpufix.model import Gap, Toolkit
from gpufix.model.payload import HiddenToolkit, MissingHeaders, RocmHeaders

SPLIT = b.toolkit(missing_headers=["cusparse.h"])
EMPTY = b.toolkit(root="/opt/cuda", compiler=None, origin="CUDA_HOME")
ASIDE = b.toolkit(origin="/opt", selected=False)
OLDER = b.toolkit("12.6", origin="/opt", selected=False)
GAP = Gap(section="toolkits", subject="toolkits", reason="crash")


def of(*toolkits: object, env: dict[str, str] | None = None, **sections: object) -> View:
    environment = b.environment(**(env or {}))
    return b.view(b.healthy(toolkits=list(toolkits), environment=environment, **sections))


def amd(*toolkits: object, **sections: object) -> View:
    return b.view(b.healthy_amd(toolkits=list(toolkits), **sections))


def missing(tool: str, message: str, *evidence: str) -> Fault:
    return Fault(ERROR, tool, message, evidence=evidence, breaks=("toolkit",), needs=("torch-gpu",))


def lacking(*headers: str, shown: str = "") -> Fault:
    root = "/usr/local/cuda-12.8"
    shown = shown or ", ".join(headers)
    return Fault(
        WARNING,
        root,
        f"CUDA 12.8 in {root} (from /usr/local) lacks {shown}, which torch's CUDA headers include.",
        needs=("torch-gpu",),
        payload=MissingHeaders(headers),
    )


WRAPPER = b.toolkit(root="/opt/cuda-12.8", origin="PATH", wrapper="/usr/local/bin/nvcc")
FINDS = "cmake_minimum_required(VERSION 3.20)\nproject(p CXX)\n{}\nadd_library(k a.cpp)\n"


def cmake(text: str, toolkit: Toolkit = WRAPPER, **env: str) -> Given:
    """A CMake build, and the toolkit that PATH leads to."""
    files = {"CMakeLists.txt": FINDS.format(text), "a.cpp": "", "k.cu": ""}
    return t.project(files, toolkits=[toolkit], environment=b.environment(**env))


CORE = b.rocm(
    "7.13.0", root=f"{b.SITE}/_rocm_sdk_core", origin="wheel", missing_headers=["hipblas/hipblas.h"]
)
UNPACKED = b.rocm("7.13.0", root=f"{b.SITE}/_rocm_sdk_devel", origin="wheel", selected=False)


def packed(why: str, root: str | None = None, devel: bool = False) -> Fault:
    return Fault(
        WARNING,
        CORE.root,
        f"ROCm 7.13 in {CORE.root} (from wheel) lacks hipblas/hipblas.h, which torch's headers "
        f"include: {why}.",
        needs=("torch-gpu",),
        payload=RocmHeaders(root, devel),
    )


SILENT = {
    "ROCM_HOME names ROCm's unpacked headers": amd(
        CORE, UNPACKED, environment=b.environment(ROCM_HOME=UNPACKED.root)
    ),
    "a ROCm of the system, some headers apart": amd(b.rocm(missing_headers=["thrust/complex.h"])),
    "CMake without torch": cmake("find_package(CUDAToolkit)"),
    "CMake, and torch under an option that is off": cmake(
        "option(T OFF)\nif(T)\n  find_package(Torch)\nendif()"
    ),
    "CMake, and FindCUDA is led by a variable": cmake(
        "find_package(Torch)", CUDA_PATH="/opt/cuda-12.8"
    ),
    "CMake, and nvcc where its toolkit is": cmake("find_package(Torch)", b.toolkit(origin="PATH")),
    "CMake, and headers where the wrapper is": cmake(
        "find_package(Torch)",
        b.toolkit(origin="PATH", wrapper="/usr/bin/nvcc", headers=["cusparse.h"]),
    ),
    "healthy": b.view(b.healthy()),
    "healthy AMD": b.view(b.healthy_amd()),
    "nothing to build": of(project=b.project(builds=False)),
    "no project": of(project=None),
    "torch for CPUs": of(torch=b.torch("2.13.0+cpu")),
    "no torch": of(torch=None),
    "toolkits could not be looked for": of(gaps=[GAP]),
    "hipcc could not be looked for": amd(gaps=[GAP]),
    "headers come through CPATH": of(SPLIT, env={"CPATH": "/srv/cuda/include"}),
    "headers come from wheels": of(SPLIT, env={"CPLUS_INCLUDE_PATH": f"{b.SITE}/nvidia/cu12"}),
}

WITHOUT = "CUDA_HOME is not set, and no nvcc is on PATH or in /usr/local/cuda"
NEEDED = "building CUDA sources needs one."
FOUND = "CUDA 12.8 in /usr/local/cuda-12.8 (from /opt)"
FIRING = {
    "ROCm's wheels without headers": Fires(
        amd(CORE), packed("rocm-sdk-devel is not installed"), ["expand-rocm-headers manual"]
    ),
    "ROCm's headers, still packed": Fires(
        amd(CORE, distributions=[b.dist("rocm-sdk-devel", "7.13.0")]),
        packed("rocm-sdk-devel is installed, and not unpacked", devel=True),
        ["expand-rocm-headers manual"],
    ),
    "ROCm's headers, unpacked and not named": Fires(
        amd(CORE, UNPACKED),
        packed(f"{UNPACKED.root} has them", UNPACKED.root),
        ["expand-rocm-headers safe"],
    ),
    "CMake, and a wrapper": Fires(
        cmake("find_package(Torch)"),
        Fault(
            ERROR,
            "/usr/local/bin/nvcc",
            "find_package(Torch) in CMakeLists.txt takes /usr/local for the toolkit, because "
            "/usr/local/bin/nvcc is the first nvcc on PATH; it hands on to /opt/cuda-12.8/bin/nvcc.",
            evidence=(t.at("CMakeLists.txt", 3, "find_package(Torch)"),),
            needs=("torch-gpu",),
            payload=HiddenToolkit("/opt/cuda-12.8"),
        ),
        ["point-cuda-home safe"],
    ),
    "no toolkit": Fires(of(), missing("nvcc", f"{WITHOUT}; {NEEDED}")),
    "no toolkit, and wheels would bring one": Fires(
        of(torch=b.torch("2.13.0+cu130")),
        missing("nvcc", f"{WITHOUT}; {NEEDED}"),
        offers=["install-toolkit-wheels unsafe"],
    ),
    "a gap about one toolkit leaves the others judged": Fires(
        of(gaps=[Gap(section="toolkits", subject="/opt/x", reason="no permission")]),
        missing("nvcc", f"{WITHOUT}; {NEEDED}"),
    ),
    "one elsewhere": Fires(
        of(ASIDE),
        missing("nvcc", f"{WITHOUT}; there is {FOUND}."),
        offers=["point-cuda-home safe"],
    ),
    "CUDA_HOME is wrong, and two are elsewhere": Fires(
        of(EMPTY, ASIDE, OLDER, env={"CUDA_HOME": "/opt/cuda"}),
        missing(
            "nvcc",
            f"CUDA_HOME is /opt/cuda, which holds no nvcc; {FOUND} does.",
            "CUDA 12.6 in /usr/local/cuda-12.6 (from /opt)",
        ),
        offers=["point-cuda-home safe"],
    ),
    "CUDA_PATH is wrong, and none is elsewhere": Fires(
        of(EMPTY, env={"CUDA_PATH": "/opt/cuda"}),
        missing("nvcc", f"CUDA_PATH is /opt/cuda, which holds no nvcc; {NEEDED}"),
    ),
    "CUDA_HOME outranks CUDA_PATH": Fires(
        of(env={"CUDA_PATH": "/opt/b", "CUDA_HOME": "/opt/a"}),
        missing("nvcc", f"CUDA_HOME is /opt/a, which holds no nvcc; {NEEDED}"),
    ),
    "ROCm is no CUDA": Fires(of(b.rocm()), missing("nvcc", f"{WITHOUT}; {NEEDED}")),
    "no hipcc": Fires(
        amd(b.toolkit()),
        missing(
            "hipcc",
            "No hipcc was found: there is no ROCm here; building HIP sources needs one.",
        ),
    ),
    "run-time pieces of ROCm": Fires(
        amd(b.rocm(compiler=None)),
        missing(
            "hipcc",
            "No hipcc was found: /opt/rocm holds ROCm's run-time pieces only; building HIP "
            "sources needs one.",
        ),
    ),
    "a header that lies in no wheel": Fires(of(SPLIT), lacking("cusparse.h")),
    "CPATH leads elsewhere": Fires(of(SPLIT, env={"CPATH": "/srv/mine"}), lacking("cusparse.h")),
    "headers that lie in wheels": Fires(
        of(SPLIT, distributions=[b.dist("torch", "2.9.0+cu128"), b.dist("nvidia-cusparse-cu12")]),
        lacking("cusparse.h"),
        offers=["set-cpath safe"],
    ),
    "five headers, of which four are named": Fires(
        of(b.toolkit(missing_headers=["a.h", "b.h", "c.h", "d.h", "e.h"])),
        lacking("a.h", "b.h", "c.h", "d.h", "e.h", shown="a.h, b.h, c.h, d.h"),
    ),
}

test_silent, test_firing = rows(toolkit_missing, SILENT, FIRING)
