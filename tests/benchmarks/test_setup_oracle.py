"""The abstract run of setup.py against the real one, on build files of every kind that is followed.

The real files run in forks of a process with a torch of this test (`pretended`) and recorders in the
place of compilers, without a GPU and with one. What is known must be what they do.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import setup_oracle

HEAD = """\
import glob, os, sys
import torch
from setuptools import Extension, setup
from torch.utils.cpp_extension import CUDA_HOME, BuildExtension, CppExtension, CUDAExtension
"""
TAIL = 'setup(name="x", packages=[], ext_modules=exts, cmdclass={"build_ext": BuildExtension})\n'
CASES = {
    "build_py without modules": """
from setuptools.command.build_py import build_py
class Fetches(build_py):
    def run(self):
        raise SystemExit("no network")
exts = [CUDAExtension("x", ["a.cu"])]
setup(name="x", ext_modules=exts, cmdclass={"build_ext": BuildExtension, "build_py": Fetches})
""",
    "build_py with a module": """
from setuptools.command.build_py import build_py
class Fetches(build_py):
    def run(self):
        raise SystemExit("no network")
exts = [CUDAExtension("x", ["a.cu"])]
setup(name="x", py_modules=["m"], ext_modules=exts, cmdclass={"build_ext": BuildExtension, "build_py": Fetches})
""",
    "flags of many kinds": """
archs = os.getenv("ARCHS", "80;90").split(";")
flags = ["-O3", *[f"-gencode=arch=compute_{a},code=sm_{a}" for a in archs], "-D%s=%d" % ("N", 3)]
if tuple(map(int, torch.version.cuda.split("."))) >= (12, 8):
    flags += ["-new"]
exts = [CUDAExtension("x", ["a.cu"], extra_compile_args={"cxx": ["-std=c++20"], "nvcc": flags})]
""",
    "the GPU is asked": """
if torch.cuda.is_available():
    exts = [CUDAExtension("x", ["a.cu"])]
else:
    exts = [CppExtension("x", ["a.cpp"], define_macros=[("CPU", None), ("N", "1")])]
""",
    "the capability is asked": """
major, minor = torch.cuda.get_device_capability()
flags = [f"-arch=sm_{major}{minor}"]
exts = [CUDAExtension("x", ["a.cu"], extra_compile_args={"nvcc": flags})]
""",
    "it asks under try": """
try:
    seen = "%d.%d" % torch.cuda.get_device_capability(0)
except RuntimeError as error:
    seen = "8.0"
os.environ.setdefault("TORCH_CUDA_ARCH_LIST", seen)
exts = [CUDAExtension("x", ["a.cu"], extra_compile_args=["-D" + os.environ["TORCH_CUDA_ARCH_LIST"]])]
""",
    "sources are filtered": """
files = glob.glob("csrc/**/*.cu", recursive=True) + glob.glob("{}/*.cpp".format("csrc"))
skip = ["old"]
files = [f for f in files if not any(s in os.path.basename(f) for s in skip)]
exts = [CUDAExtension("x", sorted(files))]
""",
    "a module of its own": """
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from helper import flags
exts = [CUDAExtension("x", ["a.cu"], extra_compile_args={"nvcc": flags(debug=os.getenv("DEBUG"))})]
""",
    "a module run by its spec, from a copy": """
import importlib.util, shutil
shutil.copytree("tools", "copied", dirs_exist_ok=True)
spec = importlib.util.spec_from_file_location("m", os.path.join("copied", "m.py"))
m = importlib.util.module_from_spec(spec)
spec.loader.exec_module(m)
exts = [CUDAExtension("x", ["a.cu"], extra_compile_args={"nvcc": m.parameters().flags})]
""",
    "a submodule that is empty": """
def folders():
    with open(".gitmodules") as file:
        return [line.split("=", 1)[1].strip() for line in file if line.strip().startswith("path")]
for folder in folders():
    if not any(os.path.exists(os.path.join(folder, name)) for name in ["LICENSE", "setup.py"]):
        sys.exit(1)
exts = []
""",
    "a command of its own": """
Base = BuildExtension
class Own(BuildExtension):
    def build_extensions(self):
        for e in self.extensions:
            e.extra_compile_args = {"cxx": ["-late"], "nvcc": ["-late"]}
        Base.build_extensions(self)
BuildExtension = Own
exts = [CUDAExtension("x", ["a.cu"])]
""",
    "an assertion": "assert os.environ.get('NEEDED'), 'NEEDED is not set'\nexts = []\n",
    "it exits": "sys.exit('no') if '--x' not in sys.argv else None\nexts = []\n",
    "a module that nobody has": "import no_such_module\nexts = []\n",
    "a variable that is not set": "exts = [CppExtension('x', [os.environ['NO_SUCH']])]\n",
    "a copy of what is not there": "import shutil\nshutil.copytree('gone/x', 'y')\nexts = []\n",
    "two calls of setup()": """
setup(name="y", packages=[], ext_modules=[CUDAExtension("y", ["csrc/a.cu"])],
      cmdclass={"build_ext": BuildExtension})
exts = [CUDAExtension("x", ["a.cu"])]
""",
    "a name that only a GPU gives": """
if torch.cuda.is_available():
    exts = [CUDAExtension("x", ["a.cu"])]
""",
    "the same in a function": """
def made():
    if torch.cuda.is_available():
        kind = CUDAExtension
    return [kind("x", ["a.cu"])]
exts = made()
""",
    "a name that only a run could tell, in a comprehension": """
from concurrent.futures import ThreadPoolExecutor
def made():
    with ThreadPoolExecutor(1) as pool:
        kept = {pool: each for each in ["a.cu"]}
    return [CUDAExtension("x", list(kept.values()))]
exts = made()
""",
    "a name that a comprehension gives": """
kept = [last for each in ["a.cu"] if (last := each)]
exts = [CUDAExtension("x", [last, *kept])]
""",
    "names that a text gives": "exec('exts = []')\nif len(sys.argv) > 99:\n    exts = None\n",
    "a plain extension": "exts = [Extension('x', ['a.c'], extra_compile_args=['-O1'])]\n",
}
FILES = {
    "a.cu": "", "csrc/a.cu": "", "csrc/sub/b.cu": "", "csrc/old.cu": "", "csrc/c.cpp": "",
    ".gitmodules": '[submodule "t/c"]\n\tpath = t/c\n\turl = https://example.org/c\n',
    "helper.py": "def flags(debug=None):\n    return ['-g'] if debug else ['-O2']\n",
    "tools/m.py": "from types import SimpleNamespace\n"
    "def parameters():\n    return SimpleNamespace(flags=['-m'])\n",
}  # fmt: skip
TORCH = {
    "__init__.py": "from . import _C, cuda, torch_version, version\n__version__ = '2.13.0'\n",
    "_C.py": "_GLIBCXX_USE_CXX11_ABI = True\n",
    "cuda.py": "",
    "version.py": "hip = None\n",
    "torch_version.py": "class TorchVersion(str):\n    pass\n",
    "utils/__init__.py": "",
    "utils/cpp_extension.py": """
import os
from setuptools.command.build_ext import build_ext
class BuildExtension(build_ext):
    pass
def _find_cuda_home():
    return os.environ.get("CUDA_HOME")
def library_paths(device_type="cpu"):
    return []
""",
}


@pytest.fixture(scope="module")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[setup_oracle.Recorder]:
    """A process with a torch that build files may ask."""
    pretended = tmp_path_factory.mktemp("torch")
    for name, text in TORCH.items():
        path = pretended / "torch" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    made = setup_oracle.Recorder(sys.executable, "/opt/cuda", PYTHONPATH=str(pretended))
    yield made
    made.close()


@pytest.mark.some(8)
@pytest.mark.parametrize("case", CASES)
def test_what_is_foretold_is_what_happens(
    case: str, recorder: setup_oracle.Recorder, tmp_path: Path
) -> None:
    for name, text in {**FILES, "setup.py": HEAD + CASES[case] + TAIL}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    verdicts: list[Any] = []
    for gpu, truth in zip((False, True), recorder.real(tmp_path, "setup.py"), strict=True):
        run = setup_oracle.foretold(tmp_path, "setup.py", gpu, truth, "/opt/cuda")
        verdicts.append(setup_oracle.compare(run, truth, str(tmp_path)))
    assert [verdict for verdict, _ in verdicts] == ["same", "same"], json.dumps(verdicts)
