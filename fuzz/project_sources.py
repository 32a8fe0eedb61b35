"""Readers of a project's files: Python, C++, CMake, shell, Docker, requirements, TOML, git's."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from fuzz_target import Target, as_file

if TYPE_CHECKING:
    from gpufix.source.builds.world import BuildWorld

ROOT = Path(__file__).parent.parent


def text_errors() -> tuple[type[BaseException], ...]:
    from gpufix.source.source_text import UndecodableText

    return (UndecodableText,)


def python() -> Callable[[bytes], object]:
    from gpufix.source.python import python_facts

    return lambda data: python_facts.scan(data, "setup.py", "/project")


def value_errors() -> tuple[type[BaseException], ...]:
    return (ValueError,)  # what ProjectSources makes a gap of


def cxx() -> Callable[[bytes], object]:
    from gpufix.source.cxx import cxx_facts

    return lambda data: [
        f(data) for f in (cxx_facts.describe, cxx_facts.describe_hip, cxx_facts.includes_alone)
    ]


class _OneFile:
    """A project of these files; whatever else is asked for is not known."""

    def __init__(self, files: dict[str, str]) -> None:
        self._files = files

    def text(self, path: str) -> str | None:
        return self._files.get(path)

    def exists(self, path: str) -> bool | None:
        return True if path in self._files else None

    def names_in(self, folder: str) -> Collection[str] | None:
        return {path.rpartition("/")[2] for path in self._files if path.startswith(f"{folder}/")}

    def is_folder(self, path: str) -> bool | None:
        return any(name.startswith(f"{path}/") for name in self._files)


def cmake() -> Callable[[bytes], object]:
    from gpufix.source.builds import cmake_syntax
    from gpufix.source.builds.cmake_result import run_cmake
    from gpufix.source.builds.cmake_state import CMakeCall
    from gpufix.source.builds.world import BuildWorld, TorchSeen
    from gpufix.source.cxx import build_files
    from gpufix.source.source_text import decode

    def read(data: bytes) -> object:
        text = decode(data).text
        files = _OneFile({"/p/CMakeLists.txt": text, "/p/sub/CMakeLists.txt": text})
        world = BuildWorld(
            root="/p", files=files, nvcc="13.0", torch=TorchSeen(version="2.9.0", cuda="13.0")
        )
        named = build_files.named(data, build_files.CMAKE)
        defines = {"WHO": None, "CMAKE_CUDA_ARCHITECTURES": None}
        call = CMakeCall(world=world, source="/p", defines=defines, cmake="3.25.1")
        return named, cmake_syntax.scan(text), run_cmake(call)

    return read


class NoFiles:
    """A project of which nobody knows the files."""

    def text(self, path: str) -> str | None:
        return None

    def exists(self, path: str) -> bool | None:
        return None

    def is_folder(self, path: str) -> bool | None:
        return None

    def names_in(self, folder: str) -> list[str] | None:
        return None


def build_world() -> BuildWorld:
    from gpufix.source.builds.world import BuildWorld, TorchSeen

    return BuildWorld(
        root="/p", files=NoFiles(), torch=TorchSeen("2.9.0+cu128", cuda="12.8"), nvcc="12.8"
    )


def shell() -> Callable[[bytes], object]:
    from gpufix.source.builds import installs
    from gpufix.source.builds.python_prints import prints
    from gpufix.source.builds.shell_options import options
    from gpufix.source.builds.shell_parser import parse
    from gpufix.source.builds.shell_run import run
    from gpufix.source.source_text import decode

    world = build_world()

    def read(data: bytes) -> object:
        text = decode(data).text
        script = parse(text)
        found = [
            run(text, "setup.sh", world, given, prints, script)
            for given in ((), *((each,) for each in options(script)[:2]))
        ]
        return [each.writes for each in found], [list(installs.installs(each)) for each in found]

    return read


def setup() -> Callable[[bytes], object]:
    from gpufix.source.builds.setup_py import run_setup
    from gpufix.source.builds.world import BuildWorld, TorchSeen
    from gpufix.source.source_text import decode

    def read(data: bytes) -> object:
        text = decode(data).text
        files = _OneFile({"/p/setup.py": text, "/p/p/version.py": text, "/p/p/a.cu": ""})
        torch = TorchSeen(version="2.9.0", cuda="13.0")
        return run_setup(BuildWorld(root="/p", files=files, nvcc="13.0", torch=torch), "setup.py")

    return read


def make() -> Callable[[bytes], object]:
    from gpufix.source.builds.make_run import run_make
    from gpufix.source.source_text import decode

    def read(data: bytes) -> object:
        text = decode(data).text
        files = _OneFile({"Makefile": text, "a.mk": "B := $(A)\nC = $(1)x\n"})
        return run_make(files, "Makefile", {"PATH": "/bin"})

    return read


def docker() -> Callable[[bytes], object]:
    from gpufix.source.builds.dockerfile import run_dockerfile
    from gpufix.source.source_text import decode

    world = build_world()
    return lambda data: [
        (stage.image, stage.run.writes, len(stage.run.commands))
        for stage in run_dockerfile(decode(data).text, "Dockerfile", world)
    ]


def requirements() -> Callable[[bytes], object]:
    from gpufix.source import requirement_files
    from gpufix.source.source_text import decode

    def read(data: bytes) -> object:
        text = decode(data).text
        return requirement_files.scan(text), requirement_files.scan_environment(text)

    return read


def toml() -> Callable[[bytes], object]:
    from gpufix.source import requirement_files
    from gpufix.source.source_text import decode

    return lambda data: requirement_files.scan_pyproject(decode(data).text)


def git_index() -> Callable[[bytes], object]:
    from gpufix.source import git_files

    return git_files.parse_index


def git_errors() -> tuple[type[BaseException], ...]:
    from gpufix.source.git_files import IndexFormatError

    return (IndexFormatError,)


def git_config() -> Callable[[bytes], object]:
    from gpufix.facts.reading import text
    from gpufix.source import git_files

    return lambda data: (
        list(git_files.parse_config(text(data))), git_files.parse_gitmodules(text(data)),
    )  # fmt: skip


def cmake_cache() -> Callable[[bytes], object]:
    from gpufix.facts.context import CollectContext
    from gpufix.facts.project.project import _cmake_cache

    return lambda data: _cmake_cache(CollectContext(environ={}), Path(as_file(data)))


def config() -> Callable[[bytes], object]:
    """`[tool.gpufix]`, as far as the command line reads it. A wrong one ends the run, by SystemExit."""
    import io
    from contextlib import redirect_stderr
    from dataclasses import replace

    import gpufix
    from gpufix.cli.config import settings
    from gpufix.facts.context import CollectContext
    from gpufix.facts.project.project import _config
    from gpufix.model import Facts, Host, Project

    facts = Facts(
        host=Host(os="Linux", kernel="6", machine="x86_64"), gpufix_version=gpufix.__version__
    )
    folder = Path(__import__("tempfile").mkdtemp())

    def read(data: bytes) -> object:
        (folder / "pyproject.toml").write_bytes(data)
        found = _config(CollectContext(environ={}), folder)
        with redirect_stderr(io.StringIO()):
            project = Project(root="/p", config=found)
            return settings(replace(facts, project=project), None, None, None, None)

    return read


def config_errors() -> tuple[type[BaseException], ...]:
    from gpufix.facts.project.project import ConfigError

    return (ConfigError, SystemExit)


def _blocks(path: str) -> Callable[[], Iterator[bytes]]:
    """The texts in triple quotes of a test file: what its cases read."""

    def seeds() -> Iterator[bytes]:
        parts = (ROOT / "tests" / path).read_text(encoding="utf-8").split('"""')[1::2]
        yield from (textwrap.dedent(part).encode() for part in parts if part.count("\n") > 1)

    return seeds


def _payloads() -> Iterator[bytes]:
    paths = sorted((ROOT / "src/gpufix/fallbacks").rglob("*.py"), key=lambda p: p.stat().st_size)
    yield from (path.read_bytes() for path in paths[:8])
    yield from _blocks("source/test_answers.py")()
    yield (
        b"import os, torch\nfrom setuptools import setup\n"
        b"from torch.utils.cpp_extension import CUDAExtension as C\n"
        b"os.environ['TORCH_CUDA_ARCH_LIST'] = '7.0;8.6+PTX'\nflags = ['-gencode=arch=compute_70,code=sm_70']\n"
        b"setup(name='x', ext_modules=[C('x', ['a.cu'], extra_compile_args={'nvcc': flags + ['-O3']})])\n"
    )


def _kernels() -> Iterator[bytes]:
    yield from (
        p.read_bytes()[:8192] for p in sorted((ROOT / "src/gpufix/kernels").rglob("*.cu*"))[:8]
    )
    yield (
        b"#include <torch/extension.h>\n#if CUDA_VERSION >= 9000\n__global__ void f(float* p) {\n"
        b"  if (threadIdx.x < 3) __syncthreads();\n  p[0] = __shfl_down_sync(0xffffffff, p[0], 1);\n}\n#endif\n"
        b"void g(at::Tensor x) { AT_CHECK(x.type().is_cuda()); f<<<1, 32>>>(x.data<float>()); }\n"
    )


def _index() -> Iterator[bytes]:
    import hashlib
    import struct

    def entry(mode: int, path: bytes) -> bytes:
        raw = (
            bytes(24)
            + struct.pack(">I", mode)
            + bytes(12)
            + b"\1" * 20
            + struct.pack(">H", len(path))
            + path
        )
        return raw.ljust(len(raw) // 8 * 8 + 8, b"\0")

    body = (
        b"DIRC" + struct.pack(">II", 2, 2) + entry(0o100644, b"a.py") + entry(0o160000, b"lib/glm")
    )
    yield body + hashlib.sha1(body).digest()


def _scripts() -> Iterator[bytes]:
    text = (ROOT / "tests/source/shell_scripts.txt").read_text(encoding="utf-8")
    yield from (part.partition("\n")[2].encode() for part in text.split("=== ")[1:])


TARGETS = {
    "python": Target(python, value_errors, _payloads),
    "cxx": Target(cxx, value_errors, _kernels),
    "cmake": Target(cmake, text_errors, lambda: [
        b"cmake_minimum_required(VERSION 3.18)\nproject(x LANGUAGES CXX CUDA)\nfind_package(Torch REQUIRED)\n"
        b'set(CMAKE_CUDA_ARCHITECTURES "70;80-real" CACHE STRING "")\nif(NOT A) # b\nadd_library(x a.cu ${B})\n'
        b'endif()\nset(CMAKE_CXX_FLAGS "${CMAKE_CXX_FLAGS} -D_GLIBCXX_USE_CXX11_ABI=0")\nset(a [=[ b ]=])\n',
    ]),
    "setup": Target(setup, text_errors, lambda: [
        b"import os, torch\nfrom setuptools import setup\nfrom torch.utils.cpp_extension import CUDAExtension, BuildExtension\n"
        b"flags = ['-O3']\nif torch.version.cuda and os.environ.get('X', '0') == '0':\n    flags += ['-gencode=arch=compute_80,code=sm_80']\n"
        b"setup(name='x', cmdclass={'build_ext': BuildExtension}, ext_modules=[CUDAExtension('x', ['p/a.cu'], extra_compile_args={'nvcc': flags})])\n",
    ]),
    "make": Target(make, text_errors, lambda: [
        b"NVCC ?= nvcc\nARCH := $(shell nvcc --version)\ninclude a.mk\nifeq ($(X),1)\nF = -O2\nelse\nF += -arch=sm_80\nendif\n"
        b"all: $(patsubst %.cu,%.o,$(wildcard *.cu))\n%.o: %.cu\n\t@$(NVCC) $(F) -c $< -o $@\ndefine D\nx\nendef\n.PHONY: all\n",
    ]),
    "shell": Target(shell, text_errors, lambda: [
        b"#!/bin/bash\nset -e\nexport TORCH_CUDA_ARCH_LIST=\"7.0;${X:-8.0}\"\ncd a && pip install --no-build-isolation .\n"
        b"if [ $(nvcc --version | grep 12) ]; then\n  A=1 python setup.py build 'x y'\nfi\ncat <<EOF\nx $Y\nEOF\n",
        *_scripts(),
    ]),
    "docker": Target(docker, text_errors, lambda: [
        b"FROM nvidia/cuda:12.1-devel AS b\nARG A=8.6\nENV TORCH_CUDA_ARCH_LIST=\"7.0 ${A}\" B=c\n"
        b"RUN pip install torch==2.1 && \\\n    # x\n    python setup.py install\nSHELL [\"/bin/bash\", \"-c\"]\nRUN <<E\na\nE\n",
    ]),
    "requirements": Target(requirements, text_errors, lambda: [
        b"--extra-index-url https://u:p@download.pytorch.org/whl/cu118\ntorch==2.0.1+cu118 ; python_version < '3.11' \\\n"
        b"  --hash=sha256:00\n-e git+https://github.com/a/b.git@c#egg=b\n-r other.txt # x\n",
        b"name: x\nchannels: [pytorch, nvidia]\ndependencies:\n  - python=3.10\n  - pip:\n    - torch>=2\n    - -e .\n",
    ]),
    "toml": Target(toml, value_errors, lambda: [
        b'[build-system]\nrequires = ["setuptools", "torch>=2"]\nbuild-backend = "setuptools.build_meta"\n'
        b'[project]\nname = "x"\ndependencies = ["torch==2.1"]\n[tool.uv]\nindex-url = "https://a:b@c/d"\n',
    ]),
    "git_index": Target(git_index, git_errors, _index),
    "git_config": Target(git_config, seeds=lambda: [
        b'[submodule "lib/glm"]\n\tpath = lib/glm\n\turl = ../glm.git ; x\n[core]\n\teditor = "a \\"b\\" \\\n c"\n[a "b\\\\"] x\n',
    ]),
    "cmake_cache": Target(cmake_cache, seeds=lambda: [
        b"# x\nTorch_DIR:PATH=/a/b\nPython3_EXECUTABLE:FILEPATH=/usr/bin/python3\nCMAKE_CUDA_COMPILER:STRING=NOTFOUND\n",
    ]),
    "config": Target(config, config_errors, lambda: [
        b'[tool.gpufix]\ngpu = ["sm_90"]\nselect = "GPU"\nignore = ["TCH207"]\nfail-on = "warning"\n',
    ]),
}  # fmt: skip
