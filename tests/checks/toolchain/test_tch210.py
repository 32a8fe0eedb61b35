"""TCH210: the variables that say which GPUs to build for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import builders as b
import source_tree as t
from rows import Fires, rows

from gpufix.checks.registry import ERROR, WARNING, Fault
from gpufix.checks.toolchain.tch210_arch_list_misses_target import arch_list_misses_target
from gpufix.evidence.view import View
from gpufix.model import Environment, Evidence, Severity
from gpufix.model.payload import EnvironmentVariable

TORCH, ROCM, CMAKE = "TORCH_CUDA_ARCH_LIST", "PYTORCH_ROCM_ARCH", "CUDAARCHS"
WITH_CMAKE = {"project": b.project(markers=["setup.py", "CMakeLists.txt"])}
SAFE = ["set-arch-list safe"]


def of(value: str | None, *named: str, variable: str = TORCH, **sections: object) -> View:
    env = {} if value is None else {variable: value}
    return b.view(b.healthy(**({"environment": b.environment(**env)} | sections)), *named)


def cmake(value: str, *named: str, **sections: object) -> View:
    return of(value, *named, variable=CMAKE, **(WITH_CMAKE | sections))


def amd(value: str | None, variable: str = ROCM, **sections: object) -> View:
    env = {} if value is None else {variable: value}
    return b.view(b.healthy_amd(environment=b.environment(**env), **sections))


def blind(*named: str, **sections: object) -> View:
    """No GPU is visible, and no list is set."""
    return of(None, *named, **({"gpus": []} | sections))


def tree(files: dict[str, str | bytes], **sections: Any) -> Callable[[Path], View]:
    return lambda root: t.look(t.write(root, files), "sm_89", **sections)


def textual(name: str, value: str, **files: str) -> Callable[[Path], View]:
    """A project that builds with torch, for sm_120, and no torch here."""
    tree = {"setup.py": t.setup(), "ext.cu": "", **files}
    return t.project(tree, "sm_120", env={name: value}, torch=None, gpus=[])


def fault(text: str, name: str = TORCH, severity: Severity = ERROR, *lines: str) -> Fault:
    return Fault(
        severity,
        name,
        text,
        evidence=tuple(Evidence(text=f"set by {line}") for line in lines),
        needs=("torch-gpu",),
        payload=EnvironmentVariable(name),
    )


# A wheel that is fetched where there is one, as many attention packages do it.
GUESSES = """\
import urllib.error
import urllib.request
from setuptools import setup
from torch.utils.cpp_extension import BuildExtension, CUDAExtension
from wheel.bdist_wheel import bdist_wheel
class Fetched(bdist_wheel):
    def run(self):
        try:
            urllib.request.urlretrieve("https://example.com/x.whl", "x.whl")
        except urllib.error.HTTPError:
            super().run()
ext = CUDAExtension("x", ["ext.cu"], extra_compile_args={{"nvcc": [{0}]}})
setup(name="x", ext_modules=[ext], cmdclass={{"bdist_wheel": Fetched, "build_ext": BuildExtension}})
"""
UNSET = fault(
    f"{TORCH} is not set and no NVIDIA GPU is visible: cpp_extension has nothing to build for.",
    severity=WARNING,
)
SILENT = {
    "healthy, and no list": b.view(b.healthy()),
    "healthy AMD, and no list": b.view(b.healthy_amd()),
    "the GPU is in the list": of("8.0 8.9"),
    "machine code of its major version": of("8.0;8.6+PTX"),
    "by name": of("Ampere;Ada"),
    "native": of("native", "sm_120"),
    "PTX compiles forward": of("7.0+PTX", "sm_70", "sm_120"),
    "an empty list is none": of(""),
    "nothing to build": of("6.0", project=b.project(builds=False)),
    "no project": of("6.0", project=None),
    "no torch, and the project does without": of("6.0", torch=None),
    "no torch, and a CMake project without it": textual(
        TORCH, "6.0", **{"CMakeLists.txt": "enable_language(CUDA)\n", "setup.py": ""}
    ),
    "no torch, and the list serves": textual(TORCH, "3.5;12.0"),
    "torch for CPUs": of("6.0", torch=b.torch("2.13.0+cpu")),
    "how torch reads it is not known": of("6.0", torch=b.torch(release=None)),
    "a torch before the table": of("x", torch=b.torch("1.12.1+cu116")),
    "no target": of("6.0", gpus=[]),
    "an AMD target is no matter of CUDA's list": of("8.9", "sm_89", "gfx1100"),
    "CUDA's list means nothing to ROCm": amd("6.0", TORCH),
    "nor does CMake's": amd("x", CMAKE, **WITH_CMAKE),
    "ROCm's list means nothing to CUDA": of("gfx90a", variable=ROCM),
    "ROCm's list": amd("gfx90a;gfx1100"),
    "CMake's list without CMake": of("61-real", variable=CMAKE),
    "CMake's list": cmake("75;89-real"),
    "all that CMake knows": cmake("all-major"),
    "CMake's list without a project": of("61-real", variable=CMAKE, project=None),
    "set where no GPU is visible": of("8.9", "sm_89", gpus=[]),
    "unset where a GPU is visible": of(None, "sm_120"),
    "unset, and no target": blind(),
    "unset, and an AMD target": blind("gfx1100"),
    "unset, and torch for ROCm": blind("sm_89", torch=b.torch("2.9.0+rocm6.4")),
    "unset, and CMake only builds": blind("sm_89", project=b.project(markers=["CMakeLists.txt"])),
    "unset, and a setup.py below compiles nothing": tree(
        {"tool/setup.py": "import setuptools\nsetuptools.setup(name='t')\n", "k.cu": ""}
    ),
    "unset, and a setup_cuda.py that does not build": tree(
        {"k.cu": "", "setup_cuda.py": t.setup().partition("setup(")[0]}
    ),
    "unset, and what compiles is no setup.py": tree({"k.cu": "", "build_setup.py": t.setup()}),
}

SILENT["unset, for a wheel that may be fetched, and flags without one"] = tree(
    {"setup.py": GUESSES.format('"-arch=sm_89"'), "ext.cu": ""}, gpus=[]
)
DEMANDS = "import os\nfrom setuptools import setup\nprint(os.environ[{!r}])\nsetup()\n"
SILENT["a variable of another name"] = tree({"setup.py": DEMANDS.format("OTHER"), "ext.cu": ""})
SILENT["a variable that is asked for, and set"] = tree(
    {"setup.py": DEMANDS.format(TORCH), "ext.cu": ""}, env={TORCH: "8.9"}
)
FIRING = {
    "a setup.py ends without the variable": Fires(
        tree({"setup.py": DEMANDS.format(TORCH), "ext.cu": ""}),
        Fault(
            ERROR,
            TORCH,
            f"setup.py ends where {TORCH} is not set (KeyError).",
            evidence=(t.at("setup.py", 3, f"asks for {TORCH}"),),
            needs=("torch-gpu",),
            payload=EnvironmentVariable(TORCH),
        ),
        offers=SAFE,
    ),
    "the GPU is not in the list": Fires(
        of("8.6;9.0", "sm_120"),
        fault(f'{TORCH} is "8.6;9.0", whose code does not run on sm_120.'),
        offers=SAFE,
    ),
    "one of two is not": Fires(
        of("8.6;9.0", "sm_89", "sm_120"),
        fault(f'{TORCH} is "8.6;9.0", whose code does not run on sm_120.'),
        offers=SAFE,
    ),
    "one of two visible ones is not": Fires(
        of("8.6;9.0", gpus=[b.gpu("sm_89"), b.gpu("sm_120", index=1)]),
        fault(f'{TORCH} is "8.6;9.0", whose code does not run on sm_120.', severity=WARNING),
        offers=SAFE,
    ),
    "no torch, and the project builds with one": Fires(
        textual(TORCH, "3.5;9.0"),
        fault(f'{TORCH} is "3.5;9.0", whose code does not run on sm_120.'),
        offers=SAFE,
    ),
    "no torch, and a part that is none to any": Fires(
        textual(TORCH, "9.0;12,0"),
        fault(f'{TORCH} is "9.0;12,0"; 12,0 is no architecture to torch.'),
        offers=SAFE,
    ),
    "none of two, and a shell profile sets it": Fires(
        of(
            None,
            "sm_75",
            "sm_120",
            environment=Environment(
                process={TORCH: "8.0"},
                profile={
                    TORCH: [
                        f"~/.bashrc:142: export {TORCH}=8.0",
                        f"~/.profile:3: export {TORCH}=9.0",
                    ]
                },
            ),
        ),
        fault(
            f'{TORCH} is "8.0", whose code does not run on sm_75, sm_120.',
            TORCH,
            ERROR,
            f"~/.bashrc:142: export {TORCH}=8.0",
        ),
        offers=SAFE,
    ),
    "a comma": Fires(
        of("8.6,8.9"),
        fault(f'{TORCH} is "8.6,8.9"; 8.6,8.9 is no architecture to torch 2.9.0.'),
        offers=SAFE,
    ),
    "two parts that are none": Fires(
        of("8.9;x;y"),
        fault(f'{TORCH} is "8.9;x;y"; x, y are no architectures to torch 2.9.0.'),
        offers=SAFE,
    ),
    "torch 2.6 knows no 12.0": Fires(
        of("12.0", "sm_89", torch=b.torch("2.6.0+cu124")),
        fault(f'{TORCH} is "12.0"; 12.0 is no architecture to torch 2.6.0.'),
        offers=SAFE,
    ),
    "native before 2.9": Fires(
        of("native", torch=b.torch("2.8.0+cu128")),
        fault(f'{TORCH} is "native"; native is no architecture to torch 2.8.0.'),
        offers=SAFE,
    ),
    "what torch is not known of is not set": Fires(
        of("9.0", "sm_120", torch=b.torch("2.6.0+cu124")),
        fault(f'{TORCH} is "9.0", whose code does not run on sm_120.'),
    ),
    "CMake's list misses it": Fires(
        cmake("86-real;90-virtual", "sm_75"),
        fault(f'{CMAKE} is "86-real;90-virtual", whose code does not run on sm_75.', CMAKE),
        offers=SAFE,
    ),
    "CMake's list cannot be read": Fires(
        cmake("8.6"),
        fault(f'{CMAKE} is "8.6"; 8.6 is no architecture to CMake.', CMAKE),
        offers=SAFE,
    ),
    "CMake's list cannot be read, and there is no torch": Fires(
        cmake("8.6", torch=None),
        fault(f'{CMAKE} is "8.6"; 8.6 is no architecture to CMake.', CMAKE),
        offers=SAFE,
    ),
    "both lists miss it": Fires(
        of(
            None,
            "sm_75",
            environment=b.environment(**{TORCH: "9.0", CMAKE: "90"}),
            **WITH_CMAKE,
        ),
        [
            fault(f'{TORCH} is "9.0", whose code does not run on sm_75.'),
            fault(f'{CMAKE} is "90", whose code does not run on sm_75.', CMAKE),
        ],
        offers=SAFE,
    ),
    "ROCm's list misses it": Fires(
        amd("gfx90a gfx942"),
        fault(f'{ROCM} is "gfx90a gfx942", whose code does not run on gfx1100.', ROCM),
        offers=SAFE,
    ),
    "ROCm's list cannot be read": Fires(
        amd("navi"),
        fault(f'{ROCM} is "navi"; navi is no architecture to hipcc.', ROCM),
        offers=SAFE,
    ),
    "unset where no GPU is visible": Fires(tree({"setup.py": t.setup()}), UNSET, offers=SAFE),
    "unset where AMD's only is visible": Fires(
        tree({"setup.py": t.setup()}, gpus=[b.gpu("gfx1100")]), UNSET, offers=SAFE
    ),
    "unset, and a setup_cuda.py": Fires(
        tree({"setup_cuda.py": t.setup(), "ext.cu": ""}, gpus=[]), UNSET, offers=SAFE
    ),
    "unset, and a wheel may be fetched instead": Fires(
        tree({"setup.py": GUESSES.format(""), "ext.cu": ""}, gpus=[]), UNSET, offers=SAFE
    ),
    "unset, and an extension below the root": Fires(
        tree({"sub/ext/setup.py": t.setup()}), UNSET, offers=SAFE
    ),
}

test_silent, test_firing = rows(arch_list_misses_target, SILENT, FIRING)
