"""Files of a folder that stand before installed modules, and modules that are nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_site import Site

from gpufix.facts.collect import collect as collect_all
from gpufix.facts.context import CollectContext
from gpufix.facts.project.script_folder import collect
from gpufix.facts.python import interpreter

INSTALLED = {
    "cuda/bindings/__init__.py": b"",
    "triton/__init__.py": b"def jit(f): ...\n",
    "triton/language/__init__.py": b"",
    "cupy/__init__.py": b"from cupy._core import ndarray\ndef asarray(x): ...\n",
    "cupy/_core/__init__.py": b"ndarray = 1\n",
    "mesh/__init__.py": b"from mesh import _C\n",
    "mesh/_C.abi3.so": b"\x7fELF",
    "apex/__init__.py": b"from pyramid import session\n",
}
# Files of the folder -> what is hidden and lost, or nowhere: "FILE hides NAME", "nowhere NAME".
CASES: dict[str, tuple[dict[str, str], set[str]]] = {
    "a script called as a namespace": (
        {"cuda.py": "X = 1\n", "main.py": "from cuda.bindings import runtime\n"},
        {"cuda.py hides cuda.bindings.runtime"},
    ),
    "a script that imports what it is called": (
        {"triton.py": "import triton\n\n@triton.jit\ndef kernel(): ...\n"},
        {"triton.py hides triton.jit"},
    ),
    "a script called as a package, of which a name is imported": (
        {"cupy.py": "print(1)\n", "run.py": "from cupy import asarray\n"},
        {"cupy.py hides cupy.asarray"},
    ),
    "a folder called as a package": (
        {"triton/__init__.py": "", "run.py": "import triton.language as tl\n"},
        {"__init__.py hides triton.language"},
    ),
    "a checkout without its compiled module": (
        {"mesh/__init__.py": "from mesh import _C\n", "train.py": "import mesh\n"},
        {"__init__.py hides mesh._C"},
    ),
    "a checkout whose compiled module was built in place": (
        {
            "mesh/__init__.py": "from mesh import _C\n",
            "mesh/_C.abi3.so": "",
            "train.py": "import mesh\n",
        },
        set(),
    ),
    "a folder without __init__.py hides nothing": (
        {"triton/weights.bin": "", "run.py": "import triton\ntriton.jit(1)\n"},
        set(),
    ),
    "nobody asks for what is hidden": ({"cuda.py": "X = 1\n", "main.py": "import os\n"}, set()),
    "it has what is asked for": (
        {"cupy.py": "def asarray(x): ...\n", "run.py": "from cupy import asarray\n"},
        set(),
    ),
    "what it binds only a run could tell": (
        {"cupy.py": "def __getattr__(n): ...\n", "run.py": "from cupy import asarray\n"},
        set(),
    ),
    "under a condition": (
        {
            "cuda.py": "",
            "run.py": "try:\n    from cuda.bindings import x\nexcept ImportError: ...\n",
        },
        set(),
    ),
    "no Python": ({"cuda.py": "(", "main.py": "import cuda.bindings\n"}, set()),
    "in a folder of scripts": (
        {
            "scripts/triton.py": "import triton\ntriton.jit(1)\n",
            "scripts/run.py": "import own\n",
            "scripts/own.py": "",
        },
        {"triton.py hides triton.jit"},
    ),
    "in a package, and among tests": (
        {
            "tools/__init__.py": "",
            "tools/triton.py": "import triton\ntriton.jit(1)\n",
            "tests/cuda.py": "",
            "tests/a.py": "import cuda.bindings\n",
        },
        set(),
    ),
    "in a package's own folder": (
        {"__init__.py": "", "cuda.py": "", "a.py": "import cuda.bindings\n"},
        set(),
    ),
    "a module that is nowhere": ({"run.py": "import warp as wp\n"}, {"nowhere warp"}),
    "a name that an installed package lacks": (
        {"run.py": "from apex import amp\n"},
        {"nowhere apex.amp"},
    ),
    "a module of the folder itself": ({"run.py": "import own.x\n", "own/x.py": ""}, set()),
    "a module of a folder that is a namespace": ({"run.py": "import own\n", "own/x.py": ""}, set()),
}


@pytest.fixture
def installed(site: Site) -> Site:
    site.install("stack", files=INSTALLED)
    return site


def found(site: Site, folder: Path, **more: object) -> set[str]:
    ctx = CollectContext(environ={}, home=Path("/nobody"), cwd=folder)
    shadows, unmet = collect(ctx, site.python(**more), None)
    told = {f"{Path(s.path).name} hides {s.lost}" for s in shadows}
    return told | {f"nowhere {name}" for name in unmet}


def put(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize("case", CASES)
def test_what_stands_in_the_way(case: str, installed: Site, tmp_path: Path) -> None:
    files, wanted = CASES[case]
    assert found(installed, put(tmp_path / "work", files)) == wanted


def test_a_folder_on_pythonpath(installed: Site, tmp_path: Path) -> None:
    tools = put(tmp_path / "tools", {"cuda.py": "", "use.py": "import cuda.bindings\n"})
    path = [str(tools), str(installed.folder)]
    here = put(tmp_path / "work", {"run.py": "import os\n"})
    assert found(installed, here, sys_path=path) == {"cuda.py hides cuda.bindings"}


@pytest.mark.parametrize("hides", [True, False])
def test_the_folder_is_the_project_then(
    hides: bool, installed: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plan for the file needs to look around it."""
    files = {"cuda.py": "", "use.py": "import cuda.bindings\n" if hides else "import os\n"}
    here = put(tmp_path / "work", files)
    monkeypatch.setattr(interpreter, "collect", lambda *_: installed.python())
    facts = collect_all(CollectContext(environ={}, home=Path("/nobody"), cwd=here), None, None)
    assert (facts.project.root if facts.project else None) == (str(here) if hides else None)


def test_a_home_is_nobodys_project(installed: Site, tmp_path: Path) -> None:
    files, _ = CASES["a script called as a namespace"]
    ctx = CollectContext(environ={}, home=put(tmp_path, files), cwd=tmp_path)
    assert collect(ctx, installed.python(), None) == ([], {})
