"""setup.py files, run abstractly: what they would compile, ask, set, and how they end."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from gpufix.source.builds.run import BuildRun
from gpufix.source.builds.setup_py import run_setup
from gpufix.source.builds.world import BuildWorld, TorchSeen

ROOT = "/src"
HEAD = """\
import os, sys, glob, subprocess
from setuptools import setup, Extension
import torch
from torch.utils.cpp_extension import BuildExtension, CUDAExtension, CppExtension, CUDA_HOME
"""
TAIL = 'setup(name="x", ext_modules=[e], cmdclass={"build_ext": BuildExtension})\n'
TORCH = TorchSeen(version="2.14.1+cu130", cuda="13.0", cxx11_abi=True)


class Files:
    """Files of a project, held in memory."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = {f"{ROOT}/{name}": text for name, text in texts.items()}
        parents = {f.rpartition("/")[0] for f in self._texts}
        self._folders = {ROOT, *parents, *(p.rpartition("/")[0] for p in parents if p != ROOT)}

    def text(self, path: str) -> str | None:
        return self._texts.get(path)

    def exists(self, path: str) -> bool | None:
        return path in self._texts or path in self._folders

    def is_folder(self, path: str) -> bool | None:
        return path in self._folders

    def names_in(self, folder: str) -> list[str] | None:
        names = {p for p in (*self._texts, *self._folders) if p.rpartition("/")[0] == folder}
        return sorted(name.rpartition("/")[2] for name in names)


def run(text: str, files: Mapping[str, str] | None = None, **changes: Any) -> BuildRun:
    world = BuildWorld(
        root=ROOT,
        files=Files({"setup.py": text, **(files or {})}),
        torch=TORCH,
        cuda_home="/usr/local/cuda",
        nvcc="13.0",
    )
    return run_setup(replace(world, **changes), "setup.py")


def nvcc(body: str, files: Mapping[str, str] | None = None, **changes: Any) -> list[str]:
    """The flags for nvcc of a setup.py that makes `flags`; "?" behind those that are not sure."""
    made = 'e = CUDAExtension("x", ["a.cu"], extra_compile_args={"cxx": [], "nvcc": flags})\n'
    (extension,) = run(HEAD + body + "\n" + made + TAIL, files, **changes).extensions
    return [f"{s.text}{'' if s.sure else '?'}" for s in extension.nvcc]


FLAGS = {
    "f-strings": ('n = 90\nflags = [f"-arch=sm_{n:03d}", f"{n!r}"]', ["-arch=sm_090", "90"]),
    "kinds": (
        "import pathlib, types\nfrom collections.abc import Mapping, Sequence\n"
        "rows = [({}, Mapping), ([], Mapping), ([], Sequence), (pathlib.Path('.'), pathlib.PurePath),\n"
        "    (1, object), (len, types.BuiltinFunctionType), (pathlib.Path('.'), os.PathLike)]\n"
        "flags = ['-' + ('y' if isinstance(value, kind) else 'n') for value, kind in rows[:5]]\n"
        "flags += ['-x' for value, kind in rows[5:] if isinstance(value, kind)]",
        ["-y", "-n", "-y", "-y", "-y", "-x?", "-x?"],
    ),
    "the folder of a path that is not known": (
        "flags = ['-I' + os.path.dirname(ask()), '-I' + os.path.dirname(f'/a/{ask()}'),\n"
        "    '-I' + os.path.dirname(f'{ask()}/b')]",
        ["-I\0", "-I/a/\0", "-I\0"],
    ),
    "percent": ('flags = ["-arch=sm_%d%s" % (9, "0a")]', ["-arch=sm_90a"]),
    "format": ('flags = ["-arch={0}_{n}".format("sm", n=90)]', ["-arch=sm_90"]),
    "a comprehension": ('flags = ["-a" + x for x in "1,2,3".split(",") if x != "2"]', ["-a1", "-a3"]),
    "a default argument": (
        "def archs(of=os.getenv('ARCHS', '80;90')):\n    return of.split(';')\n"
        "flags = ['-arch=sm_' + a for a in archs()]",
        ["-arch=sm_80", "-arch=sm_90"],
    ),
    "a generator": ("def g():\n    yield '-a'\n    yield from ['-b']\nflags = list(g())", ["-a", "-b"]),
    "nvcc's own version": (
        "out = subprocess.check_output([CUDA_HOME + '/bin/nvcc', '-V']).decode().split()\n"
        "v = out[out.index('release') + 1].split(',')[0]\nflags = ['-v' + v]",
        ["-v13.0"],
    ),
    "cmake's own version, which nobody knows": (
        "import re\nout = subprocess.check_output(['cmake', '--version']).decode()\n"
        "flags = ['-v' + re.search(r'version ([0-9.]+)', out).group(1)]",
        ["-v\0"],
    ),
    "the driver, where there is none": (
        "import ctypes\nfor name in 'libcuda.so', 'libcuda.dylib', '/usr/local/cuda/compat/libcuda.so':\n"
        "    try:\n        ctypes.CDLL(name)\n    except OSError:\n        continue\n"
        "    break\nelse:\n    name = 'none'\nflags = ['-' + name]",
        ["-none"],
    ),
    "versions": (
        "import re\nfrom packaging.version import parse\n"
        "flags = ['-new'] if parse(torch.__version__) >= parse('2.10') else ['-old']",
        ["-new"],
    ),
    "torch compares as a version": ("flags = ['-n'] if torch.__version__ > '2.9' else []", ["-n"]),
    "tuples": ("v = tuple(map(int, torch.version.cuda.split('.')))\nflags = ['-n'] * (v >= (12, 8))",
               ["-n"]),
    "a helper of the project": ("from helper import flags", ["-h"]),
    "a file that is executed": ("ns = {}\nexec(open('v.py').read(), ns)\nflags = [ns['F']]", ["-v"]),
    "a class": (
        "class F:\n    base = ['-a']\n    def __init__(self, n=1):\n        self.n = n\n"
        "    @property\n    def all(self):\n        return self.base + ['-n%d' % self.n]\nflags = F(2).all",
        ["-a", "-n2"],
    ),
    "removed from the command line": (
        "f = '--x' in sys.argv\nif f:\n    sys.argv.remove('--x')\nflags = ['-x'] if f else ['-o']",
        ["-o"],
    ),
    "not known": ("flags = ['-a', '-arch=' + ask(), *ask().split()]", ["-a", "-arch=\0", "\0"]),
    "one way or the other": (
        "flags = ['-a']\nif ask():\n    flags.append('-b')\nelse:\n    flags += ['-c']",
        ["-a", "-c?", "-b?"],
    ),
    "asked twice": (
        "flags = []\nif ask():\n    flags += ['-b']\nif not ask():\n    flags += ['-b']", ["-b?", "-b?"],
    ),
    "an exception that is taken": (
        "try:\n    flags = [os.environ['NO_SUCH_FLAG']]\nexcept KeyError:\n    flags = ['-none']",
        ["-none"],
    ),
    "a TOML file": (
        "import tomllib\nflags = ['-D' + tomllib.load(open('p.toml', 'rb'))['project']['name']]",
        ["-Dx"],
    ),
    "no TOML": (
        "import tomllib\ntry:\n    flags = [tomllib.loads('=')['a']]\nexcept ValueError:\n    flags = ['-n']",
        ["-n"],
    ),
    "a set and a dictionary": (
        "d = {'k': {'b', 'a'}}\nd.setdefault('m', []).append('-m')\nflags = sorted(d['k']) + d['m']",
        ["a", "b", "-m"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FLAGS)
def test_flags(case: str) -> None:
    body, wanted = FLAGS[case]
    files = {"helper.py": "flags = ['-h']\n", "v.py": "F = '-v'\n", "p.toml": 'project.name = "x"'}
    found = nvcc(body, files)
    assert sorted(found) == sorted(wanted)


def test_cmake_prints_its_release() -> None:
    body = (
        "import re\nfrom packaging.version import parse\n"
        "out = subprocess.check_output(['cmake', '--version'])\n"
        "found = parse(re.search(r'version\\s*([\\d.]+)', out.decode()).group(1))\n"
        "flags = ['-new' if found >= parse('3.24.0') else '-old']"
    )
    assert [
        nvcc(body, cmake=release, modules={"packaging": True}) for release in ("3.25.1", "3.20.0")
    ] == [["-new"], ["-old"]]


def test_sources_that_a_pattern_names_and_a_condition_drops() -> None:
    body = (
        "files = glob.glob('csrc/**/*.cu', recursive=True) + ['a.cpp']\n"
        "SKIP = ('old',)\nkept = []\nfor f in sorted(files):\n"
        "    if torch.version.hip is None and any(s in f for s in SKIP):\n        continue\n"
        "    kept.append(f)\ne = CUDAExtension('x', kept)\n"
    )
    files = {"csrc/a.cu": "", "csrc/old.cu": "", "csrc/sub/b.cu": "", "csrc/c.cpp": ""}
    (extension,) = run(HEAD + body + TAIL, files).extensions
    assert [s.text for s in extension.sources] == ["a.cpp", "csrc/a.cu", "csrc/sub/b.cu"]


def test_the_build_command_of_its_own_changes_flags() -> None:
    own = (
        "class Own(BuildExtension):\n    def build_extensions(self):\n"
        "        for e in self.extensions:\n            e.extra_compile_args['nvcc'].append('-late')\n"
        "        super().build_extensions()\n"
        "e = CUDAExtension('x', ['a.cu'], extra_compile_args={'nvcc': ['-early']})\n"
    )
    (extension,) = run(HEAD + own + TAIL.replace("BuildExtension", "Own")).extensions
    assert [s.text for s in extension.nvcc] == ["-early", "-late"]


ENDS = {
    "well": ("e = CppExtension('x', ['a.cpp'])\n" + TAIL, ("done", "", "")),
    "raised": ("raise RuntimeError('no %s' % 1)", ("error", "RuntimeError", "no 1")),
    "left": ("sys.exit('not here')", ("exit", "SystemExit", "not here")),
    "asserted": ("assert 1 > 2, 'never'", ("error", "AssertionError", "never")),
    "no GPU": (
        "torch.cuda.get_device_capability()",
        ("error", "RuntimeError", "Found no NVIDIA driver on your system."),
    ),
    "a file in a folder that a program was told of": (
        "import shutil, subprocess\nsubprocess.run(['cmake', '.', f'-DOUT={os.getcwd()}/lib'])\n"
        "shutil.copy(os.getcwd() + '/lib/x.so', 'y.so')\n"
        + "e = CppExtension('x', ['a.cpp'])\n"
        + TAIL,
        ("done", "", ""),
    ),
    "a file in a folder in which a program ran": (
        "import shutil, subprocess\nsubprocess.run(['make'], cwd='lib')\n"
        "shutil.copy('lib/x.so', 'y.so')\n" + "e = CppExtension('x', ['a.cpp'])\n" + TAIL,
        ("done", "", ""),
    ),
    "a file that no program was told of": (
        "import shutil, subprocess\nsubprocess.run(['cmake', '.', '-DOUT=lib'])\n"
        "shutil.copy('bin/x.so', 'y.so')\n",
        ("error", "FileNotFoundError", "No such file or directory: 'bin/x.so'"),
    ),
    "a variable that is not set": (
        "os.environ['CUDA_ARCHS_X']",
        ("error", "KeyError", "'CUDA_ARCHS_X'"),
    ),
}


@pytest.mark.parametrize("case", ENDS)
def test_ends(case: str) -> None:
    body, wanted = ENDS[case]
    (end,) = run(HEAD + body).endings
    assert (end.state, end.error, end.message) == wanted
    assert end.sure


_ASKED = "".join(f"if ask({n}):\n    pass\n" for n in range(40))


@pytest.mark.parametrize(
    ("body", "fails"),
    [
        ("torch.version.hip.split('.')", True),
        ("if any(ask(n) for n in os.sep) or ask('b'):\n    torch.version.hip.split('.')", False),
        ("x = None if ask('b') else 'x'\nx.split('.')", False),
        ("import logging\nlogging.getLogger().info('x')\nint('x')", True),
    ],
)
def test_one_end_of_more_ways_than_are_followed(body: str, fails: bool) -> None:
    made = run(f"{HEAD}{_ASKED}{body}\n")
    assert (made.fails is not None) is fails


def test_without_torch_the_handler_decides() -> None:
    tried = "try:\n    import torch\nexcept ImportError:\n    {}\n"
    stops = run(tried.format("raise RuntimeError('install torch')"), torch=None)
    assert stops.fails is not None
    assert stops.fails.message == "install torch"
    assert run(
        tried.format("torch = None") + "from setuptools import setup\nsetup()", torch=None
    ).called


def test_cuda_home_is_asked_for_by_the_extension() -> None:
    found = run(HEAD + "e = CUDAExtension('x', ['a.cu'])\n" + TAIL, cuda_home=None, nvcc=None)
    assert found.fails is not None
    assert found.fails.error == "OSError"


def test_what_it_sets_and_asks() -> None:
    body = (
        "os.environ['TORCH_CUDA_ARCH_LIST'] = os.environ.get('MY_ARCHS', '9.0')\n"
        "e = CUDAExtension('x', ['a.cu'])\n"
    )
    found = run(HEAD + body + TAIL, environment={"MY_ARCHS": "12.0"})
    assert [(w.name, w.value, w.place.line) for w in found.writes] == [
        ("TORCH_CUDA_ARCH_LIST", "12.0", 5)
    ]
    asked = {(q.kind, q.subject): q.default for q in found.asked}
    assert asked["variable", "MY_ARCHS"] == "9.0"


HOSTILE = {
    "endless": "while True:\n    x = 1\n",
    "doubling": "a = ['x']\nfor _ in range(64):\n    a = a + a\nb = 'x'\nfor _ in range(64):\n    b = b + b\n",
    "powers": "a = 2\nfor _ in range(64):\n    a = a ** a\nb = 'x' * 10 ** 12\n",
    "deep": "def f():\n    return f()\nf()\n",
    "many ways": "".join(f"if a{n}():\n    x = {n}\n" for n in range(40)),
    "a slow pattern": "import re\nre.match('(a+)+b', 'a' * 60)\nre.search('.*.*.*.*x', 'y' * 4000)\n",
    "a wide format": "x = '%9999999d' % 1\ny = '{:>99999999}'.format(1)\nz = f'{1:>99999999}'\n",
    "a list in itself": "a = []\na.append(a)\nb = a == a\nc = a in a\nd = str(a)\nfor x in a: a.append(x)\n",
    "a big range": "x = [y for y in range(10 ** 12)]\n",
    "nested": "x = " + "[" * 60 + "]" * 60 + "\n",
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_files_end_soon(case: str) -> None:
    start = time.process_time()
    run(HEAD + HOSTILE[case] + "e = CppExtension('x', ['a.cpp'])\n" + TAIL)
    assert time.process_time() - start < 5


def test_a_folder_that_is_copied_is_imported_from_its_copy() -> None:
    body = (
        "import shutil\nfrom pathlib import Path\nhere = Path(__file__).parent.resolve()\n"
        "shutil.copytree(here / 'common' / 'tools', here / 'tools')\n"
        "from tools.flags import flags\n"
    )
    files = {"common/tools/__init__.py": "", "common/tools/flags.py": "flags = ['-c']\n"}
    assert nvcc(body, files) == ["-c"]


def test_a_copy_of_what_is_not_there_ends_the_build() -> None:
    made = run(HEAD + "import shutil\nshutil.copytree('third_party/x', 'x')\nsetup(name='x')\n")
    assert made.fails is not None and made.fails.error == "FileNotFoundError"


@pytest.mark.parametrize("output", ["made.so", "lib/made.so"])
def test_what_a_program_may_have_written_is_there(output: str) -> None:
    start = f"import shutil, subprocess\nsubprocess.run(['hipcc', '-o', '{output}', 'k.hip'])\n"
    for body in (f"shutil.copy2('{output}', 'b.so')", f"open('{output}').read()"):
        assert run(f"{start}{body}\n").fails is None
    assert run(f"{start}assert os.path.exists('{output}')\n").fails is None
    assert run(f"{start}open('other.so')\n").fails is not None


def test_a_module_run_by_its_spec() -> None:
    body = (
        "import importlib.util\n"
        "spec = importlib.util.spec_from_file_location('b', os.path.join('pkg', 'build.py'))\n"
        "m = importlib.util.module_from_spec(spec)\nspec.loader.exec_module(m)\n"
        "flags = m.parameters().flags\n"
    )
    build = "from types import SimpleNamespace\ndef parameters():\n    return SimpleNamespace(flags=['-s'])\n"
    assert nvcc(body, {"pkg/build.py": build}) == ["-s"]


@pytest.mark.parametrize("made", ['"{}/src/*.cu".format("cuda")', '"%s/src/*.cu" % "cuda"'])
def test_a_pattern_that_is_formatted(made: str) -> None:
    body = f"e = CUDAExtension('x', glob.glob({made}))\n"
    (extension,) = run(HEAD + body + TAIL, {"cuda/src/a.cu": ""}).extensions
    assert [s.text for s in extension.sources] == ["cuda/src/a.cu"]


def test_a_folder_that_asks_for_its_module_when_it_is_a_text() -> None:
    body = (
        "class Include:\n    def __str__(self):\n        import pybind11\n"
        "        return pybind11.get_include()\n"
        "e = CppExtension('x', ['a.cpp'], include_dirs=[Include()])\n"
    )
    made = run(HEAD + body + TAIL, modules={"pybind11": False})
    assert made.fails is not None and made.fails.missing == "pybind11"
    assert run(HEAD + body + TAIL).fails is None


def test_a_method_called_by_the_class_outside() -> None:
    own = (
        "class Own(BuildExtension):\n    def build_extensions(self):\n"
        "        BuildExtension.build_extensions(self)\n"
        "e = CUDAExtension('x', ['a.cu'])\n"
    )
    (extension,) = run(HEAD + own + TAIL.replace("BuildExtension", "Own")).extensions
    assert extension.name == "x"


@pytest.mark.parametrize(
    ("programs", "ends"),
    [({"cmake": "/usr/bin/cmake"}, [(None, True)]), ({}, [("RuntimeError", False), (None, False)])],
)
def test_a_program_on_path(programs: dict[str, str], ends: list[tuple[str | None, bool]]) -> None:
    """One that nobody has looked for may be there."""
    body = "import shutil as s\nif s.which('cmake') is None:\n    raise RuntimeError('no cmake')\n"
    made = run(HEAD + body + "setup(name='x')\n", programs=programs)
    assert [(each.error or None, each.sure) for each in made.endings] == ends
