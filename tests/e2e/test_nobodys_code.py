"""Whoever looks at an environment and a project runs nothing of either.

A canary is a file that somebody else's program would run, read as code, or start: each leaves its name in
a folder when it is. The commands that only look must leave that folder empty.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import venvs
from venvs import Venv

TOOLS = [
    "gcc",
    "g++",
    "cc",
    "c++",
    "gcc-12",
    "g++-12",
    "clang",
    "clang++",
    "clang-18",
    "nvcc",
    "hipcc",
    "ninja",
    "cmake",
    "make",
    "git",
    "uv",
    "pip",
    "pip3",
    "c++filt",
    "nm",
    "ldd",
    "ldconfig",
    "readelf",
    "objdump",
    "patchelf",
    "nvidia-smi",
    "rocminfo",
    "amd-smi",
    "uname",
    "lspci",
    "conda",
    "env",
    "sh",
]
# Variables by which a program, or a file that one reads as code, is named.
NAME_A_PROGRAM = (
    "GIT_EXTERNAL_DIFF", "GIT_PAGER", "GIT_SSH_COMMAND", "GIT_SSH", "GIT_ASKPASS", "GIT_EDITOR",
    "GIT_PROXY_COMMAND", "SSH_ASKPASS", "PAGER", "MANPAGER", "EDITOR", "VISUAL", "BROWSER", "SHELL",
    "NVCC_CCBIN", "CUDACXX", "CUDAHOSTCXX", "HIPCXX", "CMAKE_MAKE_PROGRAM", "CMAKE_CXX_COMPILER_LAUNCHER",
    "LD", "AR", "MAKE", "UV_PYTHON", "CONDA_EXE", "LESSOPEN",
)  # fmt: skip
NAME_A_FILE = {
    "BASH_ENV": "canary.sh",
    "ENV": "canary.sh",
    "MAKEFILES": "Makefile",
    "CMAKE_TOOLCHAIN_FILE": "toolchain.cmake",
    "UV_CONFIG_FILE": "uv.toml",
    "GIT_TEMPLATE_DIR": ".git",
    "PIP_TARGET": "target",
    "PYTHONHISTFILE": "startup.py",
    "INPUTRC": "canary.sh",
}
# What `python -m` itself has imported, with the project first on sys.path, before gpufix has a say.
IMPORTED_BY_PYTHON = "import sys; print(*sys.modules)"


@dataclass(frozen=True)
class Scene:
    """An environment and a project full of canaries, and the folder where they sing."""

    venv: Venv
    project: Path
    sung: Path

    def python(self, name: str) -> str:
        """Python source that notes `name`; it needs no module that a canary might stand for."""
        return f"open({str(self.sung / name)!r}, 'w').close()\n"

    def shell(self, name: str) -> str:
        return f"#!/bin/sh\n: > '{self.sung / name}'\nexit 0\n"

    def program(self, path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def environ(self) -> dict[str, str]:
        """The environment is active, and so are the variables that others read."""
        named = dict.fromkeys(NAME_A_PROGRAM, str(self.project / "canary.sh"))
        files = {name: str(self.project / file) for name, file in NAME_A_FILE.items()}
        git = {f"GIT_CONFIG_{part}_0": value for part, value in self._git_setting().items()}
        return (
            self.venv.environ()
            | named
            | files
            | git
            | {
                "GIT_CONFIG_COUNT": "1",
                "GIT_DIR": str(self.project / ".git"),
                "MAKEFLAGS": f"--eval=$(shell touch {self.sung}/makeflags)",
                "NVCC_PREPEND_FLAGS": f"-ccbin {self.project}/canary.sh",
                "CMAKE_GENERATOR": "Ninja",
                "PATH": f"{self.venv.path / 'bin'}:{os.environ['PATH']}",
                "VIRTUAL_ENV": str(self.venv.path),
                "PYTHONSTARTUP": str(self.project / "startup.py"),
                "PYTHONBREAKPOINT": "canary.breakpoint",
                "GIT_CONFIG_GLOBAL": str(self.project / "gitconfig"),
                "PIP_CONFIG_FILE": str(self.project / "pip.conf"),
                "GCC_EXEC_PREFIX": f"{self.project}/gcc/",
                "COMPILER_PATH": f"{self.project}/gcc",
                "CC": "gcc",
                "CXX": str(self.project / "bin" / "g++"),
                "CUDA_HOME": str(self.project / "cuda"),
                "LD_LIBRARY_PATH": "",
            }
        )

    def _git_setting(self) -> dict[str, str]:
        return {"KEY": "core.fsmonitor", "VALUE": str(self.project / "canary.sh")}

    def run(self, *command: str) -> None:
        """Run it in the project, and say what sang."""
        done = subprocess.run(
            command, cwd=self.project, env=self.environ(), capture_output=True, text=True,
            check=False, timeout=300,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        assert done.returncode in (0, 1), done.stderr
        assert sorted(path.name for path in self.sung.iterdir()) == []


def in_site(scene: Scene) -> None:
    site = scene.venv.site
    for name in (
        "sitecustomize",
        "usercustomize",
        "gpufix",
        "pynvml",
        "typer",
        "rich",
        "torch",
        "pip",
    ):
        (site / f"{name}.py").write_text(scene.python(f"site-{name}"))
    (site / "a.pth").write_text(f"import sys; {scene.python('pth')}")
    info = site / "plugin-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugin\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[gpufix.checks]\nx = sitecustomize\n")
    user = scene.venv.home / f".local/lib/{site.parent.name}/site-packages"
    user.mkdir(parents=True)
    (user / "usercustomize.py").write_text(scene.python("user-site"))
    (user / "user.pth").write_text(f"import sys; {scene.python('user-pth')}")


def as_python_tools(scene: Scene) -> None:
    for folder in (scene.venv.path / "bin", scene.project / "bin"):
        for name in TOOLS:
            text = f"#!{scene.venv.python}\n{scene.python(f'tool-{name}')}"
            scene.program(folder / name, text)


def as_shell_tools(scene: Scene) -> None:
    for folder in (scene.venv.path / "bin", scene.project / "bin", scene.project / "cuda/bin"):
        for name in TOOLS:
            scene.program(folder / name, scene.shell(f"tool-{name}"))


def as_wrappers(scene: Scene) -> None:
    """Scripts that hand on to a program of the project."""
    for name in TOOLS:
        target = scene.project / "lib" / name
        scene.program(target, scene.shell(f"behind-{name}"))
        scene.program(scene.venv.path / "bin" / name, f'#!/bin/sh\nexec "{target}" "$@"\n')


def of_gcc_and_nvcc(scene: Scene) -> None:
    for name in (
        "cc1",
        "cc1plus",
        "collect2",
        "as",
        "ld",
        "lto-wrapper",
        "cudafe++",
        "cicc",
        "ptxas",
    ):
        scene.program(scene.project / "gcc" / name, scene.shell(f"gcc-{name}"))
    (scene.project / "specs").write_text("*cpp:\n-wrapper ./canary.sh\n")
    (scene.project / "gcc" / "specs").write_text("*cpp:\n-wrapper ./canary.sh\n")
    (scene.project / "nvcc.profile").write_text("TOP = .\n")


def of_the_project(scene: Scene) -> None:
    project = scene.project
    for name in (
        "setup", "conftest", "noxfile", "build", "canary", "startup", "kernel", "sitecustomize",
        "usercustomize", "tasks", "fabfile", "dodo",
    ):  # fmt: skip
        (project / f"{name}.py").write_text(scene.python(f"project-{name}"))
    (project / "backend").mkdir()
    (project / "backend" / "backend.py").write_text(scene.python("backend"))
    (project / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["backend"]\n'
        "[tool.gpufix]\nignore = []\n"
    )
    (project / "pip.conf").write_text("[global]\nno-index = true\n")
    (project / ".pdbrc").write_text(f"import os;; {scene.python('pdbrc')}")
    command = f"touch {scene.sung}"
    (project / "Makefile").write_text(f"X := $(shell {command}/make)\nall:\n\t{command}/make\n")
    (project / "CMakeLists.txt").write_text(
        f"project(x LANGUAGES CXX CUDA)\nexecute_process(COMMAND {command}/cmake)\nfind_package(Torch)\n"
    )
    shutil.copy(project / "Makefile", project / "GNUmakefile")
    for name in ("toolchain.cmake", "CTestCustom.cmake", "PreLoad.cmake"):
        (project / name).write_text(f"execute_process(COMMAND {command}/{name})\n")
    (project / "CMakeUserPresets.json").write_text(
        '{"version": 3, "configurePresets": [{"name": "x", "toolchainFile": "toolchain.cmake"}]}'
    )
    (project / "uv.toml").write_text('index-url = "file:///nowhere"\n')
    (project / ".python-version").write_text("./canary.sh\n")
    (project / "pyvenv.cfg").write_text(
        f"home = {project}/bin\ninclude-system-site-packages = true\n"
    )
    (project / ".envrc").write_text(f"{command}/envrc\n")
    for name in (".bashrc", ".profile", ".bash_profile", ".zshenv"):
        (scene.venv.home / name).write_text(f"{command}/{name.removeprefix('.')}\n")
    for path in (scene.venv.home / ".config/pip/pip.conf", scene.venv.home / ".config/uv/uv.toml"):
        path.parent.mkdir(parents=True)
        path.write_text("")
    (project / "CMakePresets.json").write_text('{"version": 2, "configurePresets": []}')
    (project / "build.sh").write_text(f"{command}/build.sh\nexport TORCH_CUDA_ARCH_LIST=7.0\n")
    (project / "requirements.txt").write_text("torch\n-e .\n")
    (project / "kernel.cu").write_text(f"#include <torch/extension.h>\n// $({command}/cu)\n")
    git = project / ".git"
    (git / "hooks").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    config = f'[core]\n\tfsmonitor = "{command}/fsmonitor"\n\tpager = "{command}/pager"\n'
    config += f'\thooksPath = hooks\n\tsshCommand = "{command}/ssh"\n[alias]\n\tls-files = "!{command}/alias"\n'
    config += f'[filter "x"]\n\tsmudge = "{command}/smudge"\n\tclean = "{command}/clean"\n'
    config += (
        f'[diff]\n\texternal = "{command}/diff"\n[credential]\n\thelper = "!{command}/credential"\n'
    )
    included = f"[include]\n\tpath = {project}/included\n"
    for path in (git / "config", project / "gitconfig", scene.venv.home / ".gitconfig"):
        path.write_text(config + included)
    (project / "included").write_text(config)
    (git / "info").mkdir()
    (git / "info/attributes").write_text("* filter=x diff=x\n")
    (project / ".gitattributes").write_text("* filter=x\n")
    (project / ".gitmodules").write_text(
        '[submodule "m"]\n\tpath = m\n\turl = ./m\n\tupdate = !x\n'
    )
    for hook in ("post-checkout", "post-index-change", "fsmonitor-watchman"):
        scene.program(git / "hooks" / hook, scene.shell(f"hook-{hook}"))


def as_modules_at_hand(scene: Scene) -> None:
    """What a Python that looks in the folder at hand would take for its own."""
    done = subprocess.run(
        [sys.executable, "-m", "probe_of_startup"],
        cwd=_with(scene.sung.parent / "probe", "probe_of_startup.py", IMPORTED_BY_PYTHON),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    started = {name.partition(".")[0] for name in done.stdout.split()}
    others = {
        "pynvml",
        "typer",
        "click",
        "rich",
        "pydantic",
        "packaging",
        "tomli",
        "torch",
        "numpy",
    }
    for name in sorted((set(sys.stdlib_module_names) | others) - started - {"__main__", "gpufix"}):
        (scene.project / f"{name}.py").write_text(scene.python(f"module-{name}"))


def _with(folder: Path, name: str, text: str) -> Path:
    folder.mkdir()
    (folder / name).write_text(text)
    return folder


CANARIES = (
    in_site, as_python_tools, as_shell_tools, as_wrappers, of_gcc_and_nvcc, of_the_project,
    as_modules_at_hand,
)  # fmt: skip
COMMANDS = (
    ("doctor",),
    ("doctor", "--deep", "--gpu", "sm_90", "."),
    ("fix",),
    ("fix", "--format", "json", "--unsafe", "--gpu", "sm_90", "."),
    ("recommend", "--gpu", "sm_90"),
    ("snapshot",),
    ("explain", "log"),
    ("inspect", "lib.so", "--python", "venv"),
    ("env",),
)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    made = Scene(venvs.create(tmp_path / "venv"), tmp_path / "project", tmp_path / "sung")
    made.project.mkdir()
    made.sung.mkdir()
    made.program(made.project / "canary.sh", made.shell("named-by-a-variable"))
    (made.project / "setup.py").write_text("from torch.utils.cpp_extension import CUDAExtension\n")
    (made.project / "log").write_text(
        "ImportError: /x.so: undefined symbol: _ZN2at3fooEvENKUlT_E_clIiEEDaS0_\n"
    )
    (made.project / "lib.so").symlink_to("/proc/self/exe")
    (made.project / "venv").symlink_to(made.venv.path)
    return made


# Those that stand at different places are looked at together; each by itself is slow.
APART = (in_site, as_python_tools, of_gcc_and_nvcc, of_the_project, as_modules_at_hand)
TOGETHER = [
    APART,
    *(
        pytest.param((each,), marks=pytest.mark.slow)
        for each in (*APART, as_shell_tools, as_wrappers)
    ),
]


@pytest.mark.parametrize(
    "canaries", TOGETHER, ids=lambda all: "-".join(each.__name__ for each in all)
)
def test_nothing_of_it_is_run(canaries: tuple[Callable[[Scene], None], ...], scene: Scene) -> None:
    for each in canaries:
        each(scene)
    starter = scene.sung.parent / "start" / "gpufix"  # what pip installs as `gpufix`
    starter.parent.mkdir()
    starter.write_text("from gpufix.__main__ import main\nmain()\n")
    for command in COMMANDS:
        scene.run(sys.executable, "-s", str(starter), *command)
    scene.run(sys.executable, "-s", "-m", "gpufix", "doctor")


@pytest.mark.parametrize("canaries", CANARIES, ids=lambda each: each.__name__)
def test_canaries_sing(canaries: Callable[[Scene], None], scene: Scene) -> None:
    """Those that can be run by hand leave a mark: else their silence would say nothing."""
    canaries(scene)
    by_hand = {
        in_site: [str(scene.venv.python), "-c", ""],
        as_python_tools: [str(scene.venv.path / "bin/conda")],
        as_shell_tools: [str(scene.venv.path / "bin/conda")],
        as_wrappers: [str(scene.venv.path / "bin/conda")],
        of_gcc_and_nvcc: [str(scene.project / "gcc/cc1")],
        of_the_project: [sys.executable, str(scene.project / "setup.py")],
        as_modules_at_hand: [sys.executable, "-c", "import json"],
    }
    subprocess.run(by_hand[canaries], cwd=scene.project, check=False, capture_output=True)
    assert list(scene.sung.iterdir())


@pytest.mark.some(4)
@pytest.mark.parametrize("given", ["venv", "venv/bin/python", "venv/bin/python3"])
@pytest.mark.parametrize("command", ["doctor", "fix", "recommend", "snapshot"])
def test_a_script_in_place_of_python_is_not_run(command: str, given: str, scene: Scene) -> None:
    for name in ("python", "python3"):
        scene.program(scene.venv.path / "bin" / name, scene.shell(f"interpreter-{name}"))
    done = scene.venv.gpufix(command, "--python", str(scene.venv.path.parent / given))
    assert done.returncode == 2
    assert "is a script of the environment: it is not run" in done.stderr
    assert list(scene.sung.iterdir()) == []


def test_what_was_not_run_is_said(scene: Scene) -> None:
    as_shell_tools(scene)
    report = scene.venv.doctor(env=scene.environ(), cwd=scene.project)
    gaps = {gap["subject"]: gap["reason"] for gap in report["gaps"]}
    assert gaps[str(scene.venv.path / "bin" / "gcc")].endswith("it is not run")
