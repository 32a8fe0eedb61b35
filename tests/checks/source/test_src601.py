"""SRC601: architectures in setup.py, CMake files, scripts and Dockerfiles against the targets."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import builders as b
import source_tree as t
from rows import Fires, Given, Unseen, rows

from gpufix.checks.registry import ADVICE, ERROR, WARNING, Fault
from gpufix.checks.source.src601_hard_coded_arch import hard_coded_arch
from gpufix.model import Payload, Severity
from gpufix.model.source_payload import (
    ArchAssignment,
    ArchExport,
    ArchFlags,
    ArchWord,
    CMakeArchs,
    NvccFlags,
    ProjectVariable,
)

ROCM: dict[str, Any] = {"torch": b.torch("2.9.0+rocm6.4"), "toolkits": [b.rocm()]}
CUDA13: dict[str, Any] = {"torch": b.torch("2.9.0+cu130"), "toolkits": [b.toolkit("13.0")]}
LIST = "TORCH_CUDA_ARCH_LIST"
FOLLOWED = ["follow-arch-list safe"]


def gencode(number: str) -> str:
    """The flag for machine code of one GPU."""
    return f"-gencode=arch=compute_{number},code=sm_{number}"


def quoted(*numbers: str) -> str:
    return ", ".join(f'"{gencode(n)}"' for n in numbers)


def py(
    flags: str = "",
    before: str = "",
    *named: str,
    path: str = "setup.py",
    files: dict[str, str] | None = None,
    **sections: Any,
) -> Given:
    """A build file in Python with these nvcc flags (line 8), and statements (from line 4) before."""
    targets = named or ("sm_120",) * ("gpus" not in sections)
    held = [f'*{name}.get("nvcc", [])' for name in ("x", "flags") if f"{name} = {{" in before]
    flags = ", ".join(filter(None, (flags, *held)))
    more = {"ext.cu": "", **(files or {})}
    return t.project({path: t.setup(flags, before), **more}, *targets, **sections)


def files(path: str, text: str, *named: str, **sections: Any) -> Given:
    """Another build file beside a setup.py without flags, or a CMake file beside a source alone."""
    beside = (
        {"a.cu": ""} if path.endswith(("CMakeLists.txt", ".cmake")) else {"setup.py": t.setup()}
    )
    return t.project({**beside, path: text}, *(named or ("sm_120",)), **sections)


CUDA = "project(x LANGUAGES CXX CUDA)"
BUILT = "add_library(x SHARED a.cu)"
ASKED_FOR = (
    f"{CUDA}\nif(ARCHS)\nset(CMAKE_CUDA_ARCHITECTURES ${{ARCHS}})\n"
    f"else()\nset(CMAKE_CUDA_ARCHITECTURES 75-real)\nendif()\n{BUILT}\n"
)

STARTING = """\
import subprocess
from pathlib import Path
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
class Build(build_ext):
    def build_extension(self, ext):
        here = Path(__file__).resolve().parent
        subprocess.check_call(["cmake", "-S", str(here), "-B", self.build_temp, {also}])
        subprocess.check_call(["cmake", "--build", self.build_temp])
setup(name="x", ext_modules=[Extension("x", [])], cmdclass={{"build_ext": Build}})
"""


def cmake(text: str, *named: str, head: str = CUDA, last: str = BUILT, **sections: Any) -> Given:
    """A CMakeLists.txt with this from line 2 on, and a library of CUDA sources."""
    return files("CMakeLists.txt", f"{head}\n{text}\n{last}\n", *named, **sections)


def cmake_files(texts: dict[str, str], *named: str, **sections: Any) -> Given:
    """A project of these CMake files and one source."""
    return t.project({"a.cu": "", **texts}, *(named or ("sm_120",)), **sections)


def set_list(value: str, name: str = LIST) -> str:
    return f'os.environ["{name}"] = "{value}"'


def builds(
    archs: str,
    evidence: dict[int, str],
    severity: Severity = ERROR,
    missed: str = "sm_120",
    lines: tuple[int, ...] | None = None,
    **payload: Any,
) -> Fault:
    """setup.py's own flags serve not every target."""
    return Fault(
        severity,
        "setup.py",
        f"setup.py builds for {archs}; nothing of that runs on {missed}, and torch's own "
        "architecture flags are left out.",
        evidence=tuple(t.at("setup.py", line, text) for line, text in evidence.items()),
        payload=ArchFlags("setup.py", tuple(evidence) if lines is None else lines, **payload),
    )


def dropped(names: str, nvcc: str, evidence: dict[int, str], lines: tuple[int, ...] = ()) -> Fault:
    """nvcc knows an architecture no more, or not yet."""
    return Fault(
        ERROR,
        "setup.py",
        f"setup.py asks nvcc for {names}; nvcc {nvcc} generates no code for "
        f"{'them' if ',' in names else 'it'}.",
        evidence=tuple(t.at("setup.py", line, text) for line, text in evidence.items()),
        payload=ArchFlags("setup.py", lines or tuple(evidence)),
    )


def word(text: str, default: str, line: int = 8) -> Fault:
    """A flag that only contains "arch"."""
    return Fault(
        WARNING,
        "setup.py",
        f'setup.py hands nvcc {text!r}; torch takes any flag that contains "arch" for a choice of '
        f"architecture and leaves its own out: code and PTX for {default} only.",
        evidence=(t.at("setup.py", line, text),),
        payload=ArchWord("setup.py", (line,)),
    )


def sets(
    value: str,
    severity: Severity = ERROR,
    path: str = "setup.py",
    line: int = 4,
    name: str = LIST,
    missed: str = "sm_120",
    default: bool = False,
) -> Fault:
    """A Python file sets the list, and its code does not run."""
    return Fault(
        severity,
        path,
        f'{path} sets {name} to "{value}", whose code does not run on {missed}.',
        evidence=(t.at(path, line, set_list(value, name)),),
        payload=ArchAssignment(path, line, name, default),
    )


def blanks(severity: Severity, path: str = "setup.py", line: int = 4) -> Fault:
    return Fault(
        severity,
        path,
        f"{path} blanks {LIST}; without a visible GPU torch has no architecture to build for.",
        evidence=(t.at(path, line, set_list("")),),
        payload=ArchAssignment(path, line, LIST, False),
    )


STARTS = """\
import os
import subprocess
from setuptools import setup
from setuptools.command.build_py import build_py
class Own(build_py):
    def run(self):
        {0}
setup(name="x", py_modules=["x"], cmdclass={{"build_py": Own}})
"""


def starting(call: str, *named: str, **sections: Any) -> Given:
    """A setup.py whose build_py starts a program (line 7), without torch in the file."""
    files = {"setup.py": STARTS.format(call), "k.cu": ""}
    return t.project(files, *(named or ("sm_120",)), **sections)


def starts(
    spelled: str, shown: str, missed: str = "sm_120", severity: Severity = ERROR, one: bool = False
) -> Fault:
    return Fault(
        severity,
        "setup.py",
        f"setup.py starts nvcc for {shown}; nothing of that runs on {missed}.",
        evidence=(t.at("setup.py", 7, spelled),),
        payload=NvccFlags("setup.py", refused=False, one=one),
    )


def fixes(
    what: str,
    shown: str,
    why: str,
    severity: Severity = ERROR,
    follows: str | None = "CUDAARCHS",
    path: str = "CMakeLists.txt",
    line: int = 2,
    root: str = "CMakeLists.txt",
) -> Fault:
    """A CMake file fixes them."""
    return Fault(
        severity,
        path,
        f"{path} fixes {what} at {shown}; {why}.",
        evidence=(t.at(path, line, f"{what}: {shown}"),),
        payload=CMakeArchs(path, line, follows, root),
    )


def made(flags: str = "") -> str:
    """A Makefile whose default goal runs nvcc in line 4."""
    return f"F += {flags}\nall: a.o\na.o: a.cu\n\tnvcc $(F) -c a.cu -o a.o\n"


def makes(
    archs: str,
    lines: dict[int, str],
    severity: Severity = WARNING,
    variants: tuple[str, ...] = (),
    path: str = "Makefile",
) -> Fault:
    """A finding on a Makefile."""
    return Fault(
        severity,
        path,
        f"{path} starts nvcc for {archs}; nothing of that runs on sm_120.",
        evidence=tuple(t.at(path, line, text) for line, text in lines.items()),
        payload=NvccFlags(path, refused=False, one=False, variants=variants),
    )


def commands(text: str) -> Fault:
    return Fault(
        WARNING,
        "go.sh",
        f"go.sh builds with {text}, whose code does not run on sm_120.",
        evidence=(t.at("go.sh", 1, text),),
        payload=ArchExport("go.sh", 1, text, "command"),
    )


def exports(
    path: str,
    line: int,
    value: str,
    severity: Severity,
    name: str = LIST,
    missed: str = "sm_120",
    when: str = "",
) -> Fault:
    """A script or a Dockerfile sets the list."""
    file = "docker" if "Dockerfile" in path else "shell"
    payload: Payload = ArchExport(path, line, name, file)  # type: ignore[arg-type]
    return Fault(
        severity,
        path,
        f'{path} sets {name} to "{value}"{when and f" when it is run with {when}"}, whose code does not run on {missed}.',
        evidence=(t.at(path, line, f"{name}={value}"),),
        payload=payload,
    )


KNOB = """
knob = os.environ.get("CUDA_ARCHITECTURES")
flags = {"nvcc": ["-O3"]}
fixed = ["-gencode=arch=compute_75,code=sm_75"]
done = False
if knob:
    for arch in knob.split(";"):
        flags["nvcc"].append(f"-gencode=arch=compute_{arch},code=sm_{arch}")
    done = True
if not done:
    try:
        import torch
        major, minor = torch.cuda.get_device_capability(0)
        flags["nvcc"].append(f"-arch=sm_{major}{minor}")
        done = True
    except Exception:
        pass
if not done:
    flags["nvcc"].extend(fixed)
"""
MADE = """\
knob = os.getenv("MY_CUDA_ARCHS", "80,90")
m = ["-gencode=arch=compute_%s,code=sm_%s" % (a, a) for a in knob.split(",")]"""
KNOB_ALONE = """\
knob = os.environ.get("MY_CUDA_ARCHS")
made = ["-arch=sm_%s" % a for a in (knob or "").split(";")]
"""
PTX_120 = '"-gencode=arch=compute_120,code=compute_120"'
ASKS = "import torch\nmajor, minor = torch.cuda.get_device_capability()\n"
ASKED = f'{ASKS}f = f"-gencode=arch=compute_{{major}}{{minor}},code=sm_{{major}}{{minor}}"'
ASKED_FLAG = "-gencode=arch=compute_……,code=sm_……"
GFX_ASKED = f'{ASKS}f = f"--offload-arch=gfx{{major}}{{minor}}"'
SURE = 'x = {"nvcc": []}\n'
UNSURE = 'from some import cuda; x = {"nvcc": []}\nif cuda() >= 11:\n    '
NVCC_80 = 'subprocess.check_call(["nvcc", "-gencode", "arch=compute_80,code=sm_80", "k.cu"])'

MESON = {"meson.build": "project('x', 'cuda')\n", "k.cu": ""}
SILENT = {
    "where torch is built for CUDA it does not come so far": py(
        before="import torch\ntorch.version.hip.split('.')\nos.environ['TORCH_CUDA_ARCH_LIST'] = '7.5'\n"
    ),
    "Autotools, in a folder with autogen.sh, are not read": Unseen(
        t.project({"b/autogen.sh": "", "b/configure.ac": "AC_INIT\n", "k.cu": ""}),
        ["/src/project/b/configure.ac"],
    ),
    "Autotools alone are not read": Unseen(
        t.project({"configure.ac": "AC_INIT\n", "k.cu": ""}), ["/src/project/configure.ac"]
    ),
    "Autotools beside CMake": t.project(
        {"configure.ac": "AC_INIT\n", "k.cu": "", "CMakeLists.txt": "project(x)\n"}
    ),
    "Meson alone is not read": Unseen(t.project(MESON), ["/src/project/meson.build"]),
    "Meson as a folder's back end is not read": Unseen(
        t.project(
            {
                **{f"a/{name}": text for name, text in MESON.items()},
                "a/pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "mesonpy"\n',
            }
        ),
        ["/src/project/a/meson.build"],
    ),
    "Meson beside what builds it": t.project({**MESON, "setup.py": t.setup()}),
    "nvcc is started: with PTX": starting('os.system("nvcc -arch=sm_80 -c k.cu")'),
    "nvcc is started: for the target": starting(NVCC_80.replace("80", "120")),
    "nvcc is started: for its default": starting('os.system("nvcc -O3 -c k.cu")'),
    "nvcc is started: for what it finds": starting('os.system(f"nvcc -arch=sm_{a()} -c k.cu")'),
    "nvcc is started: with the target's flags": starting(
        NVCC_80, env={"NVCC_APPEND_FLAGS": gencode("120")}
    ),
    "nvcc is started: never": starting(f"if False: {NVCC_80}"),
    "nvcc is asked": starting('subprocess.check_output(["nvcc", "--version"])'),
    "nvcc is named": starting('os.system("echo nvcc -gencode arch=compute_80,code=sm_80")'),
    "nvcc is started: for AMD": starting(NVCC_80, "gfx1101", **ROCM),
    "no flags": py(),
    "served": py(quoted("120")),
    "served by PTX": py('"-gencode=arch=compute_80,code=compute_80"'),
    "-arch brings PTX": py('"-arch=sm_80"'),
    "each target by one flag": py(quoted("80", "120"), "", "sm_86", "sm_120"),
    "native": py('"-arch=native"'),
    "no torch: served": py(quoted("120"), torch=None),
    "no torch, and the target is of another vendor": py(quoted("75"), "", "gfx1100", torch=None),
    "no torch: the list serves": py("", set_list("7.5 9.0+PTX"), torch=None),
    "no torch: the list is blank": py("", set_list(" "), torch=None),
    "CPU torch": py(quoted("75"), torch=b.torch("2.9.0+cpu")),
    "no target": py(quoted("75"), gpus=[]),
    "the other vendor's target": py(quoted("75"), "", "gfx1100"),
    "guarded by the list": py(
        f'*([] if os.environ.get("{LIST}") else [{quoted("75")}])', env={LIST: "12.0"}
    ),
    "for ROCm only": py(
        "", f'import torch\n{SURE}if torch.version.hip:\n    x["nvcc"].append("-arch=sm_75 ")'
    ),
    "dead": py("", f'x = {{}}\nif False:\n    x["nvcc"] = [{quoted("75")}]'),
    "in a comment": py(f"# {quoted('75')}\n"),
    "in a docstring": py("", f'"""{gencode("75")}"""'),
    "arch of a Mac": py(
        "", f'import sys\n{SURE}if sys.platform == "darwin":\n    x["nvcc"] += ["-arch", "arm64"]'
    ),
    "an extension of another framework": t.project(
        {
            "setup.py": t.setup(),
            "ext.cu": "",
            "tools/paddle.py": t.setup(quoted("75")).replace("from torch.", "from paddle."),
        },
        "sm_120",
    ),
    "in a test": t.project(
        {"setup.py": t.setup(), "ext.cu": "", "tests/ops/test_build.py": t.setup(quoted("75"))},
        "sm_120",
    ),
    "the project's variable is set": py("", KNOB, env={"CUDA_ARCHITECTURES": "90;120"}),
    "the project's variable in the environment file": py(
        "", MADE, environment=b.environment(MY_CUDA_ARCHS="120")
    ),
    "the project's variable holds no number": py("", KNOB, env={"CUDA_ARCHITECTURES": "native"}),
    "the project's default": py("*m", MADE, "sm_90"),
    "the build asks the GPU": py("", KNOB, gpus=[b.gpu("sm_120")]),
    "the build asks the GPU, none is here": py('f"-arch=sm_{major}{minor}"', ASKS),
    "made by a run, nothing fixed": py("*m", 'm = ["-arch=sm_%s" % a for a in ask()]'),
    "made by a run, something fixed": py(f'{quoted("75")}, f"-arch=sm_{{ask()}}"'),
    "a target's own variant": py(quoted("90a"), "", "sm_90"),
    "AMD: its own flags": py(f'{quoted("75")}, "--offload-arch=gfx1100"', "", "gfx1100", **ROCM),
    "hipcc's flags only, on CUDA": py('"--offload-arch=gfx1100"'),
    "AMD: flags of nvcc only": py(quoted("75"), "", "gfx1100", **ROCM),
    "AMD: the build asks the GPU": py("f", GFX_ASKED, gpus=[b.gpu("gfx1100")], **ROCM),
    "nvcc still has it": py(quoted("70", "90"), "", "sm_90"),
    "nvcc had it, and only a run tells": py(
        "", f'{UNSURE}x["nvcc"] = [{quoted("70", "90")}]', "sm_90", **CUDA13
    ),
    "AMD: nvcc is not asked": py(
        f'"--offload-arch=gfx1100", {quoted("30")}',
        "",
        "gfx1100",
        torch=b.torch("2.9.0+rocm6.4"),
        toolkits=[b.rocm(), b.toolkit()],
    ),
    "a toolkit that nobody lists": py(quoted("70", "120"), toolkits=[b.toolkit("99.0")]),
    "a word, and nvcc is told beside it": py(
        '"-Iresearch/x"', env={"NVCC_APPEND_FLAGS": gencode("120")}
    ),
    "a word, and nvcc is told before it": py(
        '"-Iresearch/x"', env={"NVCC_PREPEND_FLAGS": gencode("120")}
    ),
    "a word that torch passes over": py('"-DTORCH_EXTENSION_NAME=research"'),
    "a word, on ROCm": py('"-Iresearch/x"', "", "gfx1100", **ROCM),
    "a word, perhaps": py("", f'{UNSURE}x["nvcc"].append("-Iresearch/x")'),
    "a word, never": py("", f'{SURE}if False:\n    x["nvcc"].append("-Iresearch/x")'),
    "the list: a default": py("", f'os.environ.setdefault("{LIST}", "7.5")', env={LIST: "12.0"}),
    "the list: serves": py("", set_list("8.0+PTX")),
    "the list: native": py("", set_list("native")),
    "the list: one of two serves": py("", f"if a():\n    {set_list('7.5')}\n{set_list('12.0')}"),
    "the list: not known": py("", f'{set_list("7.5")}\nos.environ["{LIST}"] = ask()'),
    "the list: beside flags that keep torch's out": py(quoted("120"), set_list("7.5")),
    "the list: never": py("", f"if False:\n    {set_list('7.5')}"),
    "the list: of the other vendor": py("", set_list("gfx1100", "PYTORCH_ROCM_ARCH")),
    "the list: of a torch before the table": py("", set_list("7.5"), torch=b.torch("0.4.0+cu92")),
    "the list: torch's release is not known": py(
        "", set_list("7.5"), torch=b.torch("2.9.0+cu128", release=None)
    ),
    "the list: blank, and a GPU is here": py("", set_list(" "), gpus=[b.gpu("sm_120")]),
    "the list: blank on ROCm": py(  # torch then takes what it was itself built for
        "", set_list("", "PYTORCH_ROCM_ARCH"), "gfx1100", **ROCM
    ),
    "the list: in a function that nothing calls": py("", f"def f():\n    {set_list('7.5')}"),
    "the list: nvcc had it, in a function": py(
        "", f"def f():\n    {set_list('6.0 9.0')}", "sm_90", **CUDA13
    ),
    "the list: nvcc had it, one of two": py(
        "", f"{set_list('6.0 9.0')}\n{set_list('9.0')}", "sm_90", **CUDA13
    ),
    "the list: nvcc had it, not in a build file": t.project(
        {"setup.py": "", "a.cu": "", "a.py": f"import os\n{set_list('6.0 9.0')}"}, "sm_90", **CUDA13
    ),
    "CMake: numbers bring PTX": cmake("set(CMAKE_CUDA_ARCHITECTURES 70 75)"),
    "CMake: serves": cmake("set(CMAKE_CUDA_ARCHITECTURES 90-real 120)"),
    "CMake: a default that CUDAARCHS outranks": cmake(
        'set(CMAKE_CUDA_ARCHITECTURES 75-real CACHE STRING "")', env={"CUDAARCHS": "120"}
    ),
    "CMake: in a comment": cmake("# set(CMAKE_CUDA_ARCHITECTURES 75-real)"),
    "CMake: in a bracket comment": cmake("#[[ set(CMAKE_CUDA_ARCHITECTURES 75-real) ]]"),
    "CMake: where it is unset": cmake(
        "if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)\nset(CMAKE_CUDA_ARCHITECTURES 75-real)\nendif()",
        env={"CUDAARCHS": "120"},
    ),
    "CMake: a condition that does not hold": cmake(
        "if(X)\nset(CMAKE_CUDA_ARCHITECTURES 75-real)\nendif()"
    ),
    "CMake: the condition of a caller, who passes it": cmake_files(
        {
            "CMakeLists.txt": ASKED_FOR,
            "pyproject.toml": '[build-system]\nbuild-backend = "scikit_build_core.build"\n'
            'requires = []\n[tool.scikit-build.cmake.define]\nARCHS = "120"\n',
        }
    ),
    "CMake: the condition of a caller, which only a run tells": cmake_files(
        {
            "CMakeLists.txt": ASKED_FOR,
            "setup.py": 'run(["cmake", f"-DARCHS={archs}"])\n',
        }
    ),
    "CMake: what setup.py starts gives the list": cmake_files(
        {"CMakeLists.txt": ASKED_FOR, "setup.py": STARTING.format(also='"-DARCHS=120"')}
    ),
    "CMake: what setup.py starts gives a list that only a run tells": cmake_files(
        {"CMakeLists.txt": ASKED_FOR, "setup.py": STARTING.format(also='"-DARCHS=" + ask()')}
    ),
    "CMake: the condition of a caller, whose script sets what setup.py hands on": cmake_files(
        {
            "CMakeLists.txt": ASKED_FOR,
            "setup.py": 'run(["cmake", *os.environ["CMAKE_ARGS"].split()])\n',
            "go.sh": 'CMAKE_ARGS="-DARCHS=120" pip install .  # cmake 3.18\n',
        }
    ),
    "CMake: the condition of a caller, whose image has cmake and sets what setup.py hands on": cmake_files(
        {
            "CMakeLists.txt": ASKED_FOR,
            "setup.py": 'run(["cmake", *os.environ["CMAKE_ARGS"].split()])\n',
            "go.sh": 'apt-get install -y cmake git && CMAKE_ARGS="-DARCHS=120" pip install .\n',
        }
    ),
    "CMake: the condition of a script that calls cmake, and nothing else does": cmake_files(
        {"CMakeLists.txt": ASKED_FOR, "go.sh": "cmake -B b -DARCHS=120\n"}
    ),
    "CMake: carried along": files(
        "third_party/x/CMakeLists.txt",
        f"{CUDA}\nset(CMAKE_CUDA_ARCHITECTURES 75-real)\nadd_library(x SHARED ../../a.cu)\n",
    ),
    "CMake: nothing to build": t.project(
        {"CMakeLists.txt": f"{CUDA}\nset(CMAKE_CUDA_ARCHITECTURES 75-real)\n"}, "sm_120"
    ),
    "CMake: a target without CUDA sources": cmake(
        "set(CMAKE_CUDA_ARCHITECTURES 75-real)", last="add_library(x SHARED a.cpp)"
    ),
    "CMake: a file that nobody includes": cmake_files(
        {
            "CMakeLists.txt": f"{CUDA}\n{BUILT}\n",
            "cmake/gpu.cmake": "set(CMAKE_CUDA_ARCHITECTURES 75-real)\n",
        }
    ),
    "CMake: flags beside nvcc's own default": cmake(
        f"project(x LANGUAGES CUDA)\nadd_compile_options({gencode('80')})",
        head="cmake_minimum_required(VERSION 3.18)",
    ),
    "CMake: on ROCm": cmake("set(CMAKE_CUDA_ARCHITECTURES 75-real)", "gfx1100", **ROCM),
    "CMake: flags beside CUDAARCHS": cmake(
        f"add_compile_options({gencode('80')})", env={"CUDAARCHS": "120"}
    ),
    "CMake: flags beside torch's list": cmake(
        f"add_compile_options({gencode('80')})",
        head="project(x)\nfind_package(Torch REQUIRED)",
        env={LIST: "12.0"},
    ),
    "CMake: flags that bring PTX": cmake("add_compile_options(-arch=sm_80)"),
    "CMake: nvcc had it, perhaps": cmake(
        "if(X)\nset(CMAKE_CUDA_ARCHITECTURES 60 90)\nendif()", "sm_90", **CUDA13
    ),
    "a script: cmake that serves": files(
        "go.sh", "cmake -B b -DCMAKE_CUDA_ARCHITECTURES='75;120'\n"
    ),
    "a script: a word of the project's own": files(
        "go.sh", "cmake -DCMAKE_CUDA_ARCHITECTURES=NATIVE .\n"
    ),
    "a script: cmake asks the GPU": files("go.sh", "cmake -DCMAKE_CUDA_ARCHITECTURES=native .\n"),
    "a script: cmake with what nobody knows": files(
        "go.sh", 'cmake -DCMAKE_CUDA_ARCHITECTURES="$1" .\n'
    ),
    "a script: cmake under a condition": files(
        "go.sh", "if grep -q x y; then\n  cmake -DCMAKE_CUDA_ARCHITECTURES=75 .\nfi\n"
    ),
    "a Makefile: nvcc that serves": files("Makefile", made("-arch=sm_80")),
    "a Makefile: machine code by -code that serves": files(
        "Makefile", made("-arch=compute_120 -code=sm_120")
    ),
    "a Makefile: a variable hands nvcc more": files(
        "Makefile", made(gencode("80")), env={"NVCC_APPEND_FLAGS": gencode("120")}
    ),
    "a Makefile: an AMD target": files("Makefile", made(gencode("80")), "gfx1100"),
    "a Makefile of tests": files("tests/Makefile", made(gencode("80"))),
    "a Makefile that another one of the folder hides": t.project(
        {"setup.py": t.setup(), "GNUmakefile": "all:\n", "Makefile": made(gencode("80"))}, "sm_120"
    ),
    "a Makefile: it stops": files("Makefile", f"$(error no)\n{made(gencode('80'))}"),
    "a Makefile: under a condition that does not hold": files(
        "Makefile", f"ifeq ($(X),1)\nF = {gencode('80')}\nendif\n{made()}"
    ),
    "a script: nvcc that serves": files("go.sh", "nvcc -arch=compute_75 a.cu\n"),
    "a script: nvcc without any": files("go.sh", "nvcc -O3 a.cu\n"),
    "a script: a condition": files("go.sh", f'if [ "$X" ]; then\n  export {LIST}="7.5"\nfi\n'),
    "a script: only a run would tell": files(
        "go.sh", f'if grep -q x y; then\n  export {LIST}="7.5"\nfi\n'
    ),
    "a script: given way to another value": files(
        "go.sh", f"export {LIST}=7.5\nexport {LIST}=12.0\npip install .\n"
    ),
    "a script: for the shell only": files("go.sh", f"{LIST}=7.5 && pip install .\n"),
    "a script: after its end": files("go.sh", f"exit 0\nexport {LIST}=7.5\n"),
    "a script: a function that nobody calls": files("go.sh", f"f() {{ export {LIST}=7.5; }}\n"),
    "a script: the variable outranks it": files(
        "go.sh", f"export {LIST}=${{{LIST}:-7.5}}\n", env={LIST: "12.0"}
    ),
    "a script: text": files("go.sh", f"echo 'export {LIST}=7.5'\n"),
    "a script: serves": files("go.sh", f"export {LIST}='7.5+PTX'\n"),
    "a script: blank": files("go.sh", f"export {LIST}=' '\n"),
    "a script: serves, on ROCm": files(
        "go.sh", "export PYTORCH_ROCM_ARCH=gfx1100\n", "gfx1100", **ROCM
    ),
    "a script: of the other vendor": files("go.sh", "export PYTORCH_ROCM_ARCH=gfx1100\n"),
    "a script: of the other vendor, on ROCm": files(
        "go.sh", f"export {LIST}=7.5\n", "gfx1100", **ROCM
    ),
    "a script: torch's release is not known": files(
        "go.sh", f"export {LIST}=7.5\n", torch=b.torch("2.9.0+cu128", release=None)
    ),
    "a script: no torch, and served": files("go.sh", f"export {LIST}=12.0\n", torch=None),
    "a Dockerfile: serves": files("Dockerfile", f'ENV {LIST}="9.0 12.0"\n'),
    "a Dockerfile: for a RUN that builds nothing": files("Dockerfile", f"RUN export {LIST}=7.5\n"),
    "a Dockerfile: a comment": files("Dockerfile", f"# ENV {LIST}=7.5\n"),
    "a Dockerfile: a comment in between": files(
        "Dockerfile", f"RUN a \\\n# export {LIST}=7.5 \\\n && b\n"
    ),
    "a Dockerfile: a word that Docker refuses": files(
        "Dockerfile", f"FROM scratch\nENV MY=${{NO?is not set}}\nENV {LIST}=${{A?}}\n"
    ),
    "a Dockerfile: another variable": files("Dockerfile", f"ENV MY_{LIST}=7.5\n"),
    "a Dockerfile: a list that a variable hands on whole": files(
        "Dockerfile", f"FROM x\nARG L='7.5 12.0+PTX'\nENV {LIST}=${{L}}\n"
    ),
    "a Dockerfile: made of a variable": files("Dockerfile", f"ARG L\nENV {LIST}=${{L}}\n"),
    "a Dockerfile: printed": files("Dockerfile", f"RUN echo export {LIST}=7.5\n"),
    "a Dockerfile: a choice": files(
        "Dockerfile", f'RUN if [ -n "$OLD" ]; then export {LIST}=7.5; fi\n'
    ),
    "a Dockerfile: otherwise": files("Dockerfile", f"RUN test -e x || export {LIST}=7.5\n"),
    "a Dockerfile: a list of arguments": files("Dockerfile", 'RUN ["sh", "-c", "true"]\n'),
    "a Dockerfile: nothing": files("Dockerfile", "\n"),
}

NINE = [str(n) for n in (50, 52, 60, 61, 70, 75, 80, 86, 89)]
EACH = {8 + n: gencode(number) for n, number in enumerate(NINE)}

OLD_CMAKE = [tool for tool in b.build_tools() if tool.name != "cmake"] + [b.tool("cmake", "3.25.1")]
MODULES = '[submodule "m"]\n\tpath = m\n\turl = https://example.org/m\n'

FIRING = {
    "nvcc is started": Fires(
        starting(NVCC_80), starts("arch=compute_80,code=sm_80", "sm_80"), offers=FOLLOWED
    ),
    "nvcc is started: a line of shell": Fires(
        starting(f'os.system("cd a; CC=gcc /opt/cuda/bin/nvcc {gencode("90")} k.cu && ls")'),
        starts(gencode("90"), "sm_90"),
        offers=FOLLOWED,
    ),
    "nvcc is started: perhaps": Fires(
        starting(f"if a(): {NVCC_80}"),
        starts("arch=compute_80,code=sm_80", "sm_80", severity=WARNING),
        offers=FOLLOWED,
    ),
    "nvcc is started: for one GPU": Fires(
        starting(f'os.system("nvcc {gencode("90")} -cubin k.cu")'),
        starts(gencode("90"), "sm_90", one=True),
    ),
    "nvcc is started: flags of the user's": Fires(
        starting(NVCC_80, env={"NVCC_APPEND_FLAGS": "-lineinfo"}),
        starts("arch=compute_80,code=sm_80", "sm_80"),
    ),
    "nvcc is started: for what it refuses": Fires(
        starting(f'os.system("nvcc {gencode("70")} {gencode("120")} k.cu")', **CUDA13),
        Fault(
            ERROR,
            "setup.py",
            "setup.py starts nvcc for sm_70; nvcc 13.0 generates no code for it.",
            evidence=(t.at("setup.py", 7, f"{gencode('70')} {gencode('120')}"),),
            payload=NvccFlags("setup.py", refused=True, one=False),
        ),
    ),
    "a script: cmake": Fires(
        files("go.sh", "cmake -B b -D TCNN_CUDA_ARCHITECTURES=75-real\ncmake --build b\n"),
        commands("-D TCNN_CUDA_ARCHITECTURES=75-real"),
    ),
    "a Makefile: nvcc": Fires(
        files("Makefile", made("-O3 -arch=compute_75 -code=sm_75")),
        makes("sm_75", {4: "-arch=compute_75 -code=sm_75"}),
        offers=FOLLOWED,
    ),
    "a Makefile: what it includes": Fires(
        t.project(
            {
                "setup.py": t.setup(),
                "k/Makefile": "A := 80\ninclude ../make/rules.mk\n",
                "make/rules.mk": made("-gencode arch=compute_$(A),code=sm_$(A)"),
            },
            "sm_120",
        ),
        makes("sm_80", {4: "arch=compute_80,code=sm_80"}, path="make/rules.mk"),
        offers=FOLLOWED,
    ),
    "a Makefile: a goal that make does not choose": Fires(
        files("Makefile", f"all:\n\techo\nold: a.cu\n\tnvcc {gencode('80')} a.cu\n"),
        makes("sm_80", {4: gencode("80")}, ADVICE),
        offers=FOLLOWED,
    ),
    "a Makefile: written for a variant": Fires(
        files("Makefile", made(gencode("90a"))),
        makes("sm_90a", {4: gencode("90a")}, ADVICE, ("sm_90a",)),
    ),
    "a script: nvcc": Fires(
        files("go.sh", "nvcc -O3 -gencode arch=compute_75,code=sm_75 a.cu -o a\n"),
        commands("-gencode arch=compute_75,code=sm_75"),
    ),
    "a literal list": Fires(py(quoted("75")), builds("sm_75", {8: gencode("75")}), offers=FOLLOWED),
    "appended": Fires(
        py("*cc", 'cc = []\ncc.append("-gencode")\ncc.append("arch=compute_80,code=sm_80")'),
        builds("sm_80", {6: "arch=compute_80,code=sm_80"}),
        offers=FOLLOWED,
    ),
    "a loop over literals": Fires(
        py(
            "*cc",
            'cc = []\nfor n in ("70", "80"):\n'
            '    cc.append(f"-gencode=arch=compute_{n},code=sm_{n}")',
        ),
        builds("sm_70, sm_80", {6: gencode("70")}),
        offers=FOLLOWED,
    ),
    "a named constant": Fires(
        py("*cc", f"N = {quoted('80')}\ncc = [N]"),
        builds("sm_80", {4: gencode("80")}),
    ),
    "a split text": Fires(
        py(f'*"-O3 {gencode("75")}".split()'),
        builds("sm_75", {8: gencode("75")}),
        offers=FOLLOWED,
    ),
    "one of two targets": Fires(
        py(quoted("90"), "", "sm_90", "sm_120"),
        builds("sm_90", {8: gencode("90")}),
        offers=FOLLOWED,
    ),
    "one of two GPUs that are visible": Fires(
        py(quoted("90"), gpus=[b.gpu("sm_90"), b.gpu("sm_120", index=1)]),
        builds("sm_90", {8: gencode("90")}, WARNING),
        offers=FOLLOWED,
    ),
    "no torch": Fires(
        py(quoted("75"), torch=None), builds("sm_75", {8: gencode("75")}), offers=FOLLOWED
    ),
    "no torch, for AMD": Fires(
        py('"--offload-arch=gfx90a"', "", "gfx1100", torch=None, toolkits=[]),
        builds("gfx90a", {8: "--offload-arch=gfx90a"}, missed="gfx1100"),
        offers=FOLLOWED,
    ),
    "both targets": Fires(
        py(quoted("75"), "", "sm_90", "sm_120"),
        builds("sm_75", {8: gencode("75")}, missed="sm_90, sm_120"),
        offers=FOLLOWED,
    ),
    "PTX of a later GPU": Fires(
        py('"-gencode=arch=compute_90,code=[sm_90,compute_90]"', "", "sm_80"),
        builds(
            "sm_90 and PTX of sm_90",
            {8: "-gencode=arch=compute_90,code=[sm_90,compute_90]"},
            missed="sm_80",
        ),
        offers=FOLLOWED,
    ),
    "under a condition that only a run tells": Fires(
        py("", f'{UNSURE}x["nvcc"] = [{quoted("80")}]'),
        builds("sm_80", {6: gencode("80")}, WARNING),
        offers=FOLLOWED,
    ),
    "one certain, one perhaps": Fires(
        py(quoted("75"), f'{UNSURE}x["nvcc"] = [{quoted("80")}]'),
        builds("sm_80, sm_75", {6: gencode("80"), 10: gencode("75")}),
        offers=FOLLOWED,
    ),
    "more flags than are shown": Fires(
        py(",\n".join(quoted(n) for n in NINE)),
        builds(", ".join(f"sm_{n}" for n in NINE), dict([*EACH.items()][:8]), lines=tuple(EACH)),
        offers=FOLLOWED,
    ),
    "a script that builds": Fires(
        t.project({"a.py": t.setup(quoted("75")), "ext.cu": ""}, "sm_120"),
        Fault(
            ERROR,
            "a.py",
            "a.py builds for sm_75; nothing of that runs on sm_120, and torch's own architecture "
            "flags are left out.",
            evidence=(t.at("a.py", 8, gencode("75")),),
            payload=ArchFlags("a.py", (8,)),
        ),
        offers=FOLLOWED,
    ),
    "beside a test": Fires(
        py(quoted("75"), path="z/setup.py", files={"tests/setup.py": t.setup(quoted("75"))}),
        Fault(
            ERROR,
            "z/setup.py",
            "z/setup.py builds for sm_75; nothing of that runs on sm_120, and torch's own "
            "architecture flags are left out.",
            evidence=(t.at("z/setup.py", 8, gencode("75")),),
            payload=ArchFlags("z/setup.py", (8,)),
        ),
        offers=FOLLOWED,
    ),
    "the project's variable, unset": Fires(
        py("", KNOB),
        builds(
            "sm_75 (CUDA_ARCHITECTURES is its own setting)",
            {7: gencode("75")},
            setting=ProjectVariable("CUDA_ARCHITECTURES", "", (), "120"),
        ),
        offers=FOLLOWED,
    ),
    "the project's variable, set": Fires(
        py("", KNOB, env={"CUDA_ARCHITECTURES": "80;90a"}),
        builds(
            "sm_80, sm_90a (CUDA_ARCHITECTURES is its own setting)",
            {11: gencode("80")},
            setting=ProjectVariable("CUDA_ARCHITECTURES", "", (), "120"),
        ),
        offers=FOLLOWED,
    ),
    "the project's default": Fires(
        py("*m", MADE),
        builds(
            "sm_80, sm_90 (MY_CUDA_ARCHS is its own setting)",
            {5: gencode("80")},
            setting=ProjectVariable("MY_CUDA_ARCHS", "", (), "120"),
        ),
        offers=FOLLOWED,
    ),
    "the project's variable, unset, has no default": Fires(
        py(f"*made, {quoted('75')}", KNOB_ALONE),
        builds(
            "sm_75 (MY_CUDA_ARCHS is its own setting)",
            {10: gencode("75")},
            setting=ProjectVariable("MY_CUDA_ARCHS", "", (), "120"),
        ),
        offers=FOLLOWED,
    ),
    "AMD: the build asks the GPU, else it takes a fixed one": Fires(
        py('f, "--offload-arch=gfx1030"', GFX_ASKED, "gfx1100", **ROCM),
        builds(
            "gfx1030",
            {6: "--offload-arch=gfx……", 10: "--offload-arch=gfx1030"},
            missed="gfx1100",
            lines=(10,),
        ),
        offers=FOLLOWED,
    ),
    "a variable that is read and decides nothing, where only a run tells": Fires(
        py("", f'knob = os.getenv("MY_CUDA_ARCHS")\n{UNSURE}x["nvcc"] = [{quoted("75")}]'),
        builds("sm_75", {7: gencode("75")}, WARNING),
        offers=FOLLOWED,
    ),
    "the build asks another GPU": Fires(
        py("f", ASKED, "sm_120", gpus=[b.gpu("sm_80"), b.gpu("sm_120", 1)]),
        builds("sm_80", {6: gencode("80")}),
    ),
    "AMD: the build asks another GPU": Fires(
        py("f", GFX_ASKED, "gfx1100", **ROCM, gpus=[b.gpu(), b.gpu("gfx1030"), b.gpu("gfx1100")]),
        builds("gfx1030", {6: "--offload-arch=gfx……"}, missed="gfx1100", lines=()),
    ),
    "code for one variant only": Fires(
        py(quoted("90a")),
        builds("sm_90a", {8: gencode("90a")}, ADVICE, variants=("sm_90a",)),
    ),
    "code for a family only": Fires(
        py(quoted("100f"), "", "sm_90"),
        builds("sm_100f", {8: gencode("100f")}, ADVICE, missed="sm_90", variants=("sm_100f",)),
    ),
    "a variant beside PTX for others": Fires(
        py(f"{quoted('90a')},\n{PTX_120}", "", "sm_100"),
        builds(
            "sm_90a and PTX of sm_120",
            {8: gencode("90a"), 9: "-gencode=arch=compute_120,code=compute_120"},
            missed="sm_100",
        ),
        offers=FOLLOWED,
    ),
    "a variant among others": Fires(
        py(f"{quoted('90a')},\n{quoted('80')}"),
        builds("sm_90a, sm_80", {8: gencode("90a"), 9: gencode("80")}),
        offers=FOLLOWED,
    ),
    "AMD: its own flags": Fires(
        py(f'{quoted("75")}, "--offload-arch=gfx1100"', "", "gfx1201", **ROCM),
        builds("gfx1100", {8: "--offload-arch=gfx1100"}, missed="gfx1201"),
        offers=FOLLOWED,
    ),
    "AMD: gfx90a is no variant": Fires(
        py('"--offload-arch=gfx90a"', "", "gfx1201", **ROCM),
        builds("gfx90a", {8: "--offload-arch=gfx90a"}, missed="gfx1201"),
        offers=FOLLOWED,
    ),
    "AMD: no variable of the project's own": Fires(
        py('"--offload-arch=gfx1030"', MADE, "gfx1201", **ROCM, env={"MY_CUDA_ARCHS": "90"}),
        builds("gfx1030", {9: "--offload-arch=gfx1030"}, missed="gfx1201"),
        offers=FOLLOWED,
    ),
    "what nvcc has dropped": Fires(
        py(f"{quoted('70')},\n{quoted('90')}", "", "sm_90", **CUDA13),
        dropped("sm_70", "13.0", {8: gencode("70")}, (8, 9)),
        offers=FOLLOWED,
    ),
    "what nvcc has dropped, one of two in a flag": Fires(
        py('"-gencode=arch=compute_60,code=[sm_60,sm_90]"', "", "sm_90", **CUDA13),
        dropped("sm_60", "13.0", {8: "-gencode=arch=compute_60,code=[sm_60,sm_90]"}),
        offers=FOLLOWED,
    ),
    "what nvcc does not know yet": Fires(
        py(
            ",\n".join(map(quoted, ("120", "90", "103"))), "", "sm_90", toolkits=[b.toolkit("12.4")]
        ),
        dropped("sm_103, sm_120", "12.4", {8: gencode("120"), 10: gencode("103")}, (8, 9, 10)),
        offers=FOLLOWED,
    ),
    "what nvcc has dropped, made in part by a run": Fires(
        py(f'{quoted("60")},\nf"-arch=sm_{{ask()}}"', "", "sm_90", **CUDA13),
        dropped("sm_60", "13.0", {8: gencode("60")}, (8, 9)),
        offers=FOLLOWED,
    ),
    "a word that only contains arch": Fires(
        py('"-Iresearch/glm"'), word("-Iresearch/glm", "sm_52"), offers=FOLLOWED
    ),
    "a word, CUDA 13": Fires(
        py('"-Iresearch/glm"', **CUDA13), word("-Iresearch/glm", "sm_75"), offers=FOLLOWED
    ),
    "a word, no toolkit": Fires(
        py('"-Iresearch/glm"', toolkits=[]),
        word("-Iresearch/glm", "its default GPU"),
        offers=FOLLOWED,
    ),
    "two words": Fires(
        py('"-Iresearch/glm",\n"--march"', env={"NVCC_APPEND_FLAGS": "-O3"}),
        Fault(
            WARNING,
            "setup.py",
            "setup.py hands nvcc '-Iresearch/glm'; torch takes any flag that contains \"arch\" for a "
            "choice of architecture and leaves its own out: code and PTX for sm_52 only.",
            evidence=(t.at("setup.py", 8, "-Iresearch/glm"), t.at("setup.py", 9, "--march")),
            payload=ArchWord("setup.py", (8, 9)),
        ),
    ),
    "the list": Fires(py("", set_list("7.5;8.0")), sets("7.5;8.0"), offers=FOLLOWED),
    "the list: one of two targets": Fires(
        py("", set_list("9.0"), "sm_90", "sm_120"), sets("9.0"), offers=FOLLOWED
    ),
    "the list: no torch": Fires(py("", set_list("7.5"), torch=None), sets("7.5"), offers=FOLLOWED),
    "the list: perhaps": Fires(
        py("", f"if a():\n    {set_list('7.5')}"), sets("7.5", WARNING, line=5), offers=FOLLOWED
    ),
    "the list: not in a build file": Fires(
        t.project({"run.py": f"import os\n{set_list('7.5')}", "a.cu": ""}, "sm_120"),
        sets("7.5", WARNING, "run.py", 2),
        offers=FOLLOWED,
    ),
    "the list: one of two values, a blank between": Fires(
        py("", f"if a():\n    {set_list('7.5')}\nelse:\n    {set_list('8.0')}"),
        Fault(
            WARNING,
            "setup.py",
            f'setup.py sets {LIST} to "7.5" or "8.0", whose code does not run on sm_120.',
            evidence=(
                t.at("setup.py", 5, set_list("7.5")),
                t.at("setup.py", 7, set_list("8.0")),
            ),
            payload=ArchAssignment("setup.py", 5, LIST, False),
        ),
        offers=FOLLOWED,
    ),
    "the list: its default": Fires(
        py("", f'os.environ.setdefault("{LIST}", "7.5")'),
        sets("7.5", default=True),
        offers=FOLLOWED,
    ),
    "the list: another before its default": Fires(
        py("", f'{set_list("8.0")}\nos.environ.setdefault("{LIST}", "7.5")'),
        sets("8.0"),
        offers=FOLLOWED,
    ),
    "the flags, and a list that the file sets": Fires(
        py("*f", f'{set_list("7.5")}\nf = [] if os.getenv("{LIST}") == "x" else [{quoted("75")}]'),
        builds("sm_75", {5: gencode("75")}),
        offers=FOLLOWED,
    ),
    "the list: beside flags without an architecture": Fires(
        py('"-Iresearch/glm"', set_list("7.5")),
        [word("-Iresearch/glm", "sm_52"), sets("7.5")],
        offers=FOLLOWED,
    ),
    "the list on ROCm": Fires(
        py("", set_list("gfx1030", "PYTORCH_ROCM_ARCH"), "gfx1100", **ROCM),
        sets("gfx1030", name="PYTORCH_ROCM_ARCH", missed="gfx1100"),
        offers=FOLLOWED,
    ),
    "the list: what nvcc has dropped": Fires(
        py("", set_list("6.0 7.0 9.0"), "sm_90", **CUDA13),
        Fault(
            ERROR,
            "setup.py",
            f'setup.py sets {LIST} to "6.0 7.0 9.0"; nvcc 13.0 generates no code for sm_60, sm_70.',
            evidence=(t.at("setup.py", 4, set_list("6.0 7.0 9.0")),),
            payload=ArchAssignment("setup.py", 4, LIST, False),
        ),
        offers=FOLLOWED,
    ),
    "a blank list": Fires(py("", set_list("")), blanks(ERROR), offers=FOLLOWED),
    "a blank list, perhaps": Fires(
        py("", f"if a():\n    {set_list('')}"), blanks(ADVICE, line=5), offers=FOLLOWED
    ),
    "a blank list, not in a setup.py": Fires(
        py("", set_list(""), path="build.py"), blanks(ADVICE, "build.py"), offers=FOLLOWED
    ),
    "a blank list and an iGPU of AMD": Fires(
        py("", set_list(""), "sm_120", gpus=[b.gpu("gfx1036")]), blanks(ERROR), offers=FOLLOWED
    ),
    "a blank list, or one that serves": Fires(
        py("", f"{set_list('12.0')}\nif a():\n    {set_list('')}"),
        Fault(
            ADVICE,
            "setup.py",
            f"setup.py blanks {LIST}; without a visible GPU torch has no architecture to build for.",
            evidence=(
                t.at("setup.py", 4, set_list("12.0")),
                t.at("setup.py", 6, set_list("")),
            ),
            payload=ArchAssignment("setup.py", 4, LIST, False),
        ),
        offers=FOLLOWED,
    ),
}


REAL = "no code of that runs on sm_120"
ALONE = f"{REAL}; what does comes from {{}} only"
ASIDE = "only builds with CMake are concerned, setup.py does without"
FIRING |= {
    "CMake: behind a release that is not here": Fires(
        cmake(
            "set(CMAKE_CUDA_ARCHITECTURES 90-real)",
            head=f"cmake_minimum_required(VERSION 3.30) {CUDA}",
            tools=OLD_CMAKE,
        ),
        fixes("CMAKE_CUDA_ARCHITECTURES", "90-real", REAL),
        offers=FOLLOWED,
    ),
    "CMake: behind a submodule that is empty": Fires(
        cmake_files(
            {
                ".gitmodules": MODULES,
                "CMakeLists.txt": f"{CUDA}\nset(CMAKE_CUDA_ARCHITECTURES 90-real)\n"
                f"add_subdirectory(m)\n{BUILT}\n",
            }
        ),
        fixes("CMAKE_CUDA_ARCHITECTURES", "90-real", REAL),
        offers=FOLLOWED,
    ),
    "CMake": Fires(
        cmake('set(CMAKE_CUDA_ARCHITECTURES\n  "75-real;80-real")'),
        fixes("CMAKE_CUDA_ARCHITECTURES", "75-real;80-real", REAL),
        offers=FOLLOWED,
    ),
    "CMake: a default": Fires(
        cmake('set(CMAKE_CUDA_ARCHITECTURES 75-real CACHE STRING "")'),
        fixes("CMAKE_CUDA_ARCHITECTURES", "75-real", REAL),
        offers=FOLLOWED,
    ),
    "CMake: a variable that it does not read": Fires(
        cmake("set(CMAKE_CUDA_ARCHITECTURES 75-real)", env={"CUDAARCHS": "120"}),
        fixes("CMAKE_CUDA_ARCHITECTURES", "75-real", REAL),
        offers=FOLLOWED,
    ),
    "CMake: one of two targets": Fires(
        cmake("set(CMAKE_CUDA_ARCHITECTURES 90-real)", "sm_90", "sm_120"),
        fixes("CMAKE_CUDA_ARCHITECTURES", "90-real", REAL),
        offers=FOLLOWED,
    ),
    "CMake: a target that is there perhaps": Fires(
        cmake(
            "set(CMAKE_CUDA_ARCHITECTURES 75-real)",
            last="find_package(X)\nif(X_FOUND)\nadd_library(x SHARED a.cu)\nendif()",
        ),
        fixes("CMAKE_CUDA_ARCHITECTURES", "75-real", REAL, WARNING),
        offers=FOLLOWED,
    ),
    "CMake: the property of a target": Fires(
        cmake(
            'set_target_properties(x PROPERTIES CUDA_ARCHITECTURES "70-real;75-real")',
            head=f"{CUDA}\n{BUILT}",
            last="",
        ),
        fixes("CUDA_ARCHITECTURES", "70-real;75-real", REAL, line=3),
        offers=FOLLOWED,
    ),
    "CMake: a file that is included": Fires(
        cmake_files(
            {
                "CMakeLists.txt": f"{CUDA}\ninclude(cmake/gpu.cmake)\n{BUILT}\n",
                "cmake/gpu.cmake": "\nset(CMAKE_CUDA_ARCHITECTURES 75-real)\n",
            }
        ),
        fixes("CMAKE_CUDA_ARCHITECTURES", "75-real", REAL, path="cmake/gpu.cmake"),
        offers=FOLLOWED,
    ),
    "CMake: what nvcc has dropped": Fires(
        cmake("set(CMAKE_CUDA_ARCHITECTURES 60 70 90)", "sm_90", **CUDA13),
        fixes(
            "CMAKE_CUDA_ARCHITECTURES",
            "60;70;90",
            "nvcc 13.0 generates no code for sm_60, sm_70",
        ),
        offers=FOLLOWED,
    ),
    "CMake: what nvcc has dropped, and one of two targets": Fires(
        cmake("set(CMAKE_CUDA_ARCHITECTURES 60-real 90-real)", "sm_90", "sm_120", **CUDA13),
        fixes(
            "CMAKE_CUDA_ARCHITECTURES",
            "60-real;90-real",
            f"{REAL}; nvcc 13.0 generates no code for sm_60",
        ),
        offers=FOLLOWED,
    ),
    "CMake: flags": Fires(
        cmake(f'set(CMAKE_CUDA_FLAGS "${{CMAKE_CUDA_FLAGS}} {gencode("75")}")'),
        fixes("nvcc's flags", "sm_75", REAL),
        offers=FOLLOWED,
    ),
    "CMake: flags, the variable serves one of two": Fires(
        cmake(
            f"add_compile_options({gencode('80')})", "sm_90", "sm_120", env={"CUDAARCHS": "90-real"}
        ),
        fixes("nvcc's flags", "sm_80", REAL),
        offers=FOLLOWED,
    ),
    "CMake: flags, torch's variable serves none": Fires(
        cmake(
            f"add_compile_options({gencode('80')})",
            head=f"{CUDA}\nfind_package(Torch REQUIRED)",
            env={LIST: "7.5", "CUDAARCHS": "120"},
        ),
        fixes("nvcc's flags", "sm_80", REAL, follows=LIST, line=3),
        offers=FOLLOWED,
    ),
    "CMake: flags, torch is not here": Fires(
        cmake(
            f"add_compile_options({gencode('80')})",
            head=f"{CUDA}\nfind_package(Torch REQUIRED)",
            env={LIST: "9.0"},
            torch=None,
        ),
        fixes("nvcc's flags", "sm_80", ALONE.format(LIST), ADVICE, LIST, line=3),
        offers=FOLLOWED,
    ),
    "CMake: flags, torch's release is not known": Fires(
        cmake(
            f"add_compile_options({gencode('80')})",
            head=f"{CUDA}\nfind_package(Torch REQUIRED)",
            torch=b.torch("2.9.0+cu128", release=None),
        ),
        fixes("nvcc's flags", "sm_80", ALONE.format(LIST), ADVICE, LIST, line=3),
        offers=FOLLOWED,
    ),
    "CMake: flags that nvcc has dropped": Fires(
        cmake(f"add_compile_options({gencode('60')})", **CUDA13),
        fixes(
            "nvcc's flags",
            "sm_60",
            f"{REAL}; nvcc 13.0 generates no code for sm_60",
        ),
        offers=FOLLOWED,
    ),
    "CMake: flags that nvcc has dropped, and PTX that serves": Fires(
        cmake("add_compile_options(-arch=sm_60)", **CUDA13),
        fixes("nvcc's flags", "sm_60 and PTX of sm_60", "nvcc 13.0 generates no code for sm_60"),
        offers=FOLLOWED,
    ),
    "CMake: flags, another file asks for torch": Fires(
        cmake_files(
            {
                "CMakeLists.txt": f"{CUDA}\nfind_package(Torch REQUIRED)\ninclude(flags.cmake)\n{BUILT}\n",
                "flags.cmake": f"add_compile_options({gencode('80')})\n",
            },
        ),
        fixes("nvcc's flags", "sm_80", ALONE.format(LIST), ADVICE, LIST, "flags.cmake", 1),
        offers=FOLLOWED,
    ),
    "CMake: flags, another file enables CUDA": Fires(
        cmake_files(
            {
                "CMakeLists.txt": f"{CUDA}\ninclude(flags.cmake)\n{BUILT}\n",
                "flags.cmake": f"add_compile_options({gencode('80')})\n",
            },
        ),
        fixes("nvcc's flags", "sm_80", REAL, path="flags.cmake", line=1),
        offers=FOLLOWED,
    ),
    "CMake: flags of the old FindCUDA": Fires(
        cmake(
            f"list(APPEND CUDA_NVCC_FLAGS {gencode('75')})",
            head="project(x)\nfind_package(CUDA)",
            last="cuda_add_library(x a.cu)",
        ),
        fixes("nvcc's flags", "sm_75", REAL, follows=None, line=3),
    ),
    "CMake: several lines of flags, one cause": Fires(
        cmake(
            f"list(APPEND CUDA_NVCC_FLAGS {gencode('75')})\n"
            f"list(APPEND CUDA_NVCC_FLAGS {gencode('80')})",
            head="project(x)\nfind_package(CUDA)",
            last="cuda_add_library(x a.cu)",
        ),
        replace(
            fixes("nvcc's flags", "sm_75, sm_80", REAL, follows=None, line=3),
            evidence=(
                t.at("CMakeLists.txt", 3, "nvcc's flags: sm_75"),
                t.at("CMakeLists.txt", 4, "nvcc's flags: sm_80"),
            ),
        ),
    ),
    "CMake: beside a setup.py that does without": Fires(
        t.project(
            {
                "a.cu": "",
                "setup.py": t.setup(),
                "cmake/x/CMakeLists.txt": "set(CMAKE_CUDA_ARCHITECTURES 75-real)\n"
                f"{CUDA}\nadd_library(x SHARED ../../a.cu)\n",
            },
            "sm_120",
        ),
        fixes(
            "CMAKE_CUDA_ARCHITECTURES",
            "75-real",
            f"{REAL}; {ASIDE}",
            ADVICE,
            path="cmake/x/CMakeLists.txt",
            line=1,
            root="cmake/x/CMakeLists.txt",
        ),
        offers=FOLLOWED,
    ),
    "CMake: beside a setup.py that calls it": Fires(
        t.project(
            {
                "a.cu": "",
                "setup.py": "from setuptools import setup\nsetup(name='x')\n",
                "CMakeLists.txt": f"set(CMAKE_CUDA_ARCHITECTURES 75-real)\n{CUDA}\n{BUILT}\n",
            },
            "sm_120",
        ),
        fixes("CMAKE_CUDA_ARCHITECTURES", "75-real", REAL, line=1),
        offers=FOLLOWED,
    ),
    "CMake: what setup.py starts gives another list than a script names": Fires(
        t.project(
            {
                "a.cu": "",
                "CMakeLists.txt": ASKED_FOR,
                "setup.py": STARTING.format(also='"-DARCHS=80-real"'),
                "ask.py": 'print("cmake", "-DARCHS=120")\n',
            },
            "sm_120",
        ),
        fixes("CMAKE_CUDA_ARCHITECTURES", "80-real", REAL.replace("75", "80"), line=3),
        offers=FOLLOWED,
    ),
    "CMake: the condition of a script, which is not the setup.py that calls it": Fires(
        t.project(
            {
                "a.cu": "",
                "CMakeLists.txt": ASKED_FOR,
                "setup.py": 'run(["cmake", "."])\n',
                "go.sh": "cmake -B b \\\n  -DARCHS=120\n",
            },
            "sm_120",
        ),
        fixes("CMAKE_CUDA_ARCHITECTURES", "75-real", REAL, line=5),
        offers=FOLLOWED,
    ),
    "a script": Fires(
        files("a/go.sh", f'#!/bin/sh\nexport A=1 \\\n  {LIST}="7.5 8.0"\n'),
        exports("a/go.sh", 3, "7.5 8.0", WARNING),
        offers=FOLLOWED,
    ),
    "a script: one variable": Fires(
        files("go.sh", f"export {LIST}='7.5 8.0'\n", "sm_90", "sm_120"),
        exports("go.sh", 1, "7.5 8.0", WARNING, missed="sm_90, sm_120"),
        offers=FOLLOWED,
    ),
    "a script: without torch": Fires(
        files("go.sh", f"export {LIST}=7.5\n", torch=None),
        exports("go.sh", 1, "7.5", WARNING),
        offers=FOLLOWED,
    ),
    "a script: for CMake, without torch": Fires(
        files("go.sh", "export CUDAARCHS=75-real\n", torch=None),
        exports("go.sh", 1, "75-real", WARNING, "CUDAARCHS"),
        offers=FOLLOWED,
    ),
    "a script on ROCm": Fires(
        files("go.sh", "export PYTORCH_ROCM_ARCH=gfx1030\n", "gfx1100", **ROCM),
        exports("go.sh", 1, "gfx1030", WARNING, "PYTORCH_ROCM_ARCH", "gfx1100"),
        offers=FOLLOWED,
    ),
}

IMAGES = {
    "ENV": (f'\nENV A=1 {LIST}="7.0 8.0"', 2, "7.0 8.0", LIST),
    "the old ENV": (f"ENV {LIST} 7.0 8.0", 1, "7.0 8.0", LIST),
    "ARG": (f"FROM x\nARG {LIST}=7.5", 2, "7.5", LIST),
    "ENV of several lines": (
        "ENV A=1 \\\n  # why\n\n  CUDAARCHS=75-real",
        4,
        "75-real",
        "CUDAARCHS",
    ),
    "RUN": (f"RUN a && \\\n  {LIST}=7.5 pip install .", 2, "7.5", LIST),
    "RUN with a mount": (
        f"RUN --mount=type=cache,target=/c \\\n  export {LIST}=7.5 && pip install .",
        2,
        "7.5",
        LIST,
    ),
    "RUN of a document": (
        f"RUN <<EOF\nset -e\nexport {LIST}=7.5\nmake\nEOF\nENV B=1",
        3,
        "7.5",
        LIST,
    ),
}
# An image takes the list from its Dockerfile alone: nothing is offered.
FIRING |= {
    "a script: a condition that holds": Fires(
        files("go.sh", f"if true; then\n  export {LIST}=7.5\nfi\n"),
        exports("go.sh", 2, "7.5", WARNING),
        offers=FOLLOWED,
    ),
    "a script: a function": Fires(
        files("go.sh", f"f() {{\n  export {LIST}=7.5\n}}\nf\n"),
        exports("go.sh", 2, "7.5", WARNING),
        offers=FOLLOWED,
    ),
    "a script: by way of another variable": Fires(
        files("go.sh", f"A=7.5\nexport {LIST}=$A\n"), exports("go.sh", 2, "7.5", WARNING)
    ),
    "a script: a default": Fires(
        files("go.sh", f"export {LIST}=${{{LIST}:-7.5}}\n"),
        exports("go.sh", 1, "7.5", WARNING),
        offers=FOLLOWED,
    ),
    "a script: with an option": Fires(
        files("go.sh", f"case $1 in\n  -o|--old) export {LIST}=7.5 ;;\nesac\npip install .\n"),
        exports("go.sh", 2, "7.5", ADVICE, when="--old"),
        offers=FOLLOWED,
    ),
}
ONE = "docker/Dockerfile.cuda"
FIRING["a Dockerfile: a list that a line hands on, and another"] = Fires(
    files(
        ONE,
        f"ARG {LIST}=7.5\nRUN A=${{{LIST}}} && export {LIST}=$A && pip install . && "
        f"export {LIST}=8.0 && pip install .\n",
    ),
    [
        replace(
            exports(ONE, 1, "7.5", ADVICE),
            evidence=(t.at(ONE, 1, f"{LIST}=7.5"), t.at(ONE, 2, f"{LIST}=7.5")),
        ),
        exports(ONE, 2, "8.0", ADVICE),
    ],
)
FIRING |= {
    f"a Dockerfile: {case}": Fires(
        files("docker/Dockerfile.cuda", f"{text}\n"),
        exports("docker/Dockerfile.cuda", line, value, ADVICE, name),
    )
    for case, (text, line, value, name) in IMAGES.items()
}

test_silent, test_firing = rows(hard_coded_arch, SILENT, FIRING)
