"""What other code opens before a library is loaded: against the real loader and the real `import`."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest
from fake_site import Site

import needs
from gpufix.facts.context import CollectContext
from gpufix.facts.libraries import libraries
from gpufix.facts.libraries.modules import Modules
from gpufix.model import Import, Library, PthFile

SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")
MODULE = '#include <Python.h>\nvoid need(void);\nstatic struct PyModuleDef d = {PyModuleDef_HEAD_INIT, "%s", 0, -1, 0};\n'
MODULE += "PyMODINIT_FUNC PyInit_%s(void) { need(); return PyModule_Create(&d); }\n"

HERE = "import ctypes, os\nhere = os.path.dirname(__file__)\n"
OPENS = HERE + "ctypes.CDLL(os.path.join(here, 'native', 'linux', 'libneed.so.1'))\n"
FOR_ALL = OPENS.replace("'))", "'), mode=ctypes.RTLD_GLOBAL)")
FUNCTION = """import ctypes, os

def _from_wheel(soname):
    path = os.path.join(os.path.dirname(__file__), "native", "linux", soname)
    if os.path.isfile(path):
        return ctypes.CDLL(path, ctypes.RTLD_LOCAL)
    return None

def load_library():
    try:
        return _from_wheel("libneed.so.1")
    except OSError:
        pass
"""
ASKS = (
    "try:\n    import base\nexcept ModuleNotFoundError:\n    pass\nelse:\n    base.load_library()\n"
)
PATHFINDER = """import ctypes, glob, os, sys

def load_nvidia_dynamic_lib(name):
    for entry in sys.path:
        for path in glob.glob(os.path.join(entry, "nvidia", "*", "lib", f"lib{name}.so.*")):
            return ctypes.CDLL(path, os.RTLD_NOW | os.RTLD_GLOBAL)
    raise RuntimeError(name)
"""
NEEDS, SYMBOL = "from . import needs\n", "from . import symbol\n"  # the file by name; its symbol

# name → sources by path, and whether `import p` works
CASES: dict[str, tuple[dict[str, str], bool]] = {
    "nobody opens it": ({"p/__init__.py": NEEDS}, False),
    "a sibling opens it": ({"p/__init__.py": "import base\n" + NEEDS, "base/__init__.py": OPENS}, True),
    "too late": ({"p/__init__.py": NEEDS + "import base\n", "base/__init__.py": OPENS}, False),
    "a sibling that is not imported": ({"p/__init__.py": NEEDS, "base/__init__.py": OPENS}, False),
    "for itself, where a symbol is wanted": (
        {"p/__init__.py": "import base\n" + SYMBOL, "base/__init__.py": OPENS}, False,
    ),
    "for everybody": ({"p/__init__.py": "import base\n" + SYMBOL, "base/__init__.py": FOR_ALL}, True),
    "a sibling's sibling": (
        {"p/__init__.py": "import mid\n" + NEEDS, "mid.py": "from base import inner\n",
         "base/__init__.py": "", "base/inner.py": OPENS},
        True,
    ),
    "a namespace's member": (
        {"p/__init__.py": "from name.space import base\n" + NEEDS,
         "name/space/base.py": OPENS.replace("here, 'native", "here, '..', '..', 'base', 'native")},
        True,
    ),
    "by a function that the package calls": (
        {"p/__init__.py": ASKS + NEEDS, "base/__init__.py": "from base.load import load_library\n",
         "base/load.py": FUNCTION},
        True,
    ),
    "by a function that nobody calls": (
        {"p/__init__.py": "import base\n" + NEEDS, "base/__init__.py": "from base.load import load_library\n",
         "base/load.py": FUNCTION},
        False,
    ),
    "a sibling that lacks something else": (
        {"p/__init__.py": "import base\n" + NEEDS,
         "base/__init__.py": OPENS + "try:\n    import absent\nexcept ImportError:\n    pass\n"},
        True,
    ),
    "pathfinder": (
        {"p/__init__.py": "from cuda.pathfinder import load_nvidia_dynamic_lib\n"
                          "load_nvidia_dynamic_lib('need')\n" + NEEDS,
         "cuda/pathfinder/__init__.py": PATHFINDER},
        True,
    ),
    "pathfinder, by a sibling, for everybody": (
        {"p/__init__.py": "import base\n" + SYMBOL,
         "base/__init__.py": "from cuda import pathfinder\npathfinder.load_nvidia_dynamic_lib('need')\n",
         "cuda/pathfinder/__init__.py": PATHFINDER},
        True,
    ),
    "a line of a .pth file": (
        {"p/__init__.py": SYMBOL,
         "a.pth": "import ctypes; ctypes.CDLL(sitedir + '/base/native/linux/libneed.so.1', ctypes.RTLD_GLOBAL)\n"},
        True,
    ),
    "a line that asks its caller for the folder": (
        {"p/__init__.py": SYMBOL,
         "a.pth": "import sys, os, ctypes; p = os.path.join(sys._getframe(1).f_locals['sitedir'],"
                  " 'base', 'native', 'linux', 'libneed.so.1'); ctypes.CDLL(p, mode=ctypes.RTLD_GLOBAL)\n"},
        True,
    ),
    "a .pth file that maps": (
        {"p/__init__.py": SYMBOL,
         "a.pth": "import sys, os, ctypes; d = sys._getframe(1).f_locals['sitedir']; list(map(lambda p: p, []));"
                  " list(map(ctypes.PyDLL, [])); n = list(map(ctypes.CDLL, [d + '/base/native/linux/libneed.so.1']))\n"},
        False,  # for itself alone
    ),
    "a .pth file that maps to a name": (
        {"p/__init__.py": NEEDS,
         "a.pth": "import sys, ctypes; d = sys._getframe(1).f_locals['sitedir'];"
                  " n = list(map(ctypes.CDLL, [d + '/base/native/linux/libneed.so.1']))\n"},
        True,
    ),
    "a module that a .pth file imports": (
        {"p/__init__.py": NEEDS, "a.pth": "import sys; import base\n", "base/__init__.py": OPENS}, True,
    ),
    "a .pth file that ends before": (
        {"p/__init__.py": NEEDS, "a.pth": "import absent_module\nimport base\n", "base/__init__.py": OPENS},
        False,
    ),
    "a .pth file that opens nothing": (
        {"p/__init__.py": NEEDS, "a.pth": "import sys; sys.x = 1\n", "base/__init__.py": OPENS}, False,
    ),
    "it opens another itself, and a sibling what it lacks": (
        {"p/__init__.py": "import ctypes, base\nctypes.CDLL(None)\n" + NEEDS, "base/__init__.py": OPENS},
        True,
    ),
    "sitecustomize": ({"p/__init__.py": NEEDS, "sitecustomize.py": "import base\n", "base/__init__.py": OPENS}, True),
}  # fmt: skip


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """libneed.so.1 where no loader looks, and two modules that lack it."""
    needs.require("gcc", "Python.h")
    folder = tmp_path_factory.mktemp("built") / "site"
    library = folder / "base/native/linux/libneed.so.1"
    for made in (library, folder / "p/x", folder / "nvidia/need/lib/x"):
        made.parent.mkdir(parents=True)
    _compile(library, "void need(void) {}\n", "-Wl,-soname,libneed.so.1")
    _compile(folder / f"p/needs{SUFFIX}", MODULE % ("needs", "needs"), str(library))
    _compile(folder / f"p/symbol{SUFFIX}", MODULE % ("symbol", "symbol"))
    return folder


def _compile(path: Path, text: str, *flags: str) -> None:
    source = path.with_suffix(".c")
    source.write_text(text)
    include = f"-I{sysconfig.get_path('include')}"
    subprocess.run(
        ["gcc", "-shared", "-fPIC", include, str(source), "-o", str(path), *flags], check=True
    )
    source.unlink()


def judged(site: Path, ctx: CollectContext, fake: Site) -> tuple[Import, list[Library]]:
    version = sys.version_info
    python = fake.python(
        executable=sys.executable,
        version=".".join(map(str, version[:3])),
        tag=f"cp{version[0]}{version[1]}",
        extension_suffixes=[SUFFIX, ".abi3.so", ".so"],
        sys_path=[str(site)],
        site_dirs=[str(site)],
        pth_files=[PthFile(path=str(p), runs_code=True) for p in site.glob("*.pth")],
    )
    found = libraries.collect(ctx, python, [], None)
    told = next((i for i in found.imports if i.module == "p"), Import(module="p", state="works"))
    return told, [library for library in found.libraries if library.problems]


def imports(site: Path, module: str) -> bool:
    """Whether a real Python imports it, started as one that has this site folder."""
    code = f"import sys, site; site.addsitedir({str(site)!r})\n"
    # Debian's Python has one of its own, which would come first.
    code += f"sys.path.insert(0, {str(site)!r})\n"
    code += "try:\n    import sitecustomize\nexcept ImportError:\n    pass\n"
    command = [sys.executable, "-I", "-S", "-c", f"{code}import {module}"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.needs("Linux", "gcc", "Python.h")
@pytest.mark.parametrize("name", CASES)
def test_it_is_what_import_does(
    name: str, built: Path, tmp_path: Path, ctx: CollectContext, site: Site
) -> None:
    sources, works = CASES[name]
    patient = tmp_path / "site"
    shutil.copytree(built, patient)
    if "pathfinder" in name:
        shutil.copy(patient / "base/native/linux/libneed.so.1", patient / "nvidia/need/lib")
    for path, text in sources.items():
        (patient / path).parent.mkdir(parents=True, exist_ok=True)
        (patient / path).write_text(text)
    used = "needs" if NEEDS in sources["p/__init__.py"] else "symbol"
    assert imports(patient, "p") is works
    told, faulty = judged(patient, ctx, site)
    path = str(patient / f"p/{used}{SUFFIX}")
    held = str(patient / "base/native/linux/libneed.so.1")
    lacking = [p for library in faulty for p in library.problems if p.kind == "missing-library"]
    assert all(problem.provider == held for problem in lacking)
    assert (told.state, told.library) == (("works", None) if works else ("fails", path))
    assert (path in [library.path for library in faulty]) is not works


@pytest.mark.needs("Linux", "gcc", "Python.h")
def test_a_module_that_is_imported_later(
    built: Path, tmp_path: Path, ctx: CollectContext, site: Site
) -> None:
    patient = tmp_path / "site"
    shutil.copytree(built, patient)
    (patient / "base/__init__.py").write_text(OPENS)
    for opens, works in (("import base\n", True), ("", False)):
        (patient / "p/__init__.py").write_text(opens)
        assert imports(patient, "p")
        assert imports(patient, "p.needs") is works
        told, faulty = judged(patient, ctx, site)
        assert told.state == "works"
        path = str(patient / f"p/needs{SUFFIX}")
        assert (path in [library.path for library in faulty]) is not works


@pytest.mark.parametrize(
    "text", ["from a import (", "import a; ", ";" + " " * 99, "from " + "." * 99]
)
def test_no_source_takes_long(text: str, site: Site) -> None:
    (site.folder / "p.py").write_text("x = 1\n" + (text + "\n") * (1_900_000 // len(text)))
    before = time.process_time()
    assert not Modules(site.python()).may_open("p")
    assert time.process_time() - before < 2
