"""What an import runs, told from sources: against a real `import` of the same files."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gpufix.source.python.import_world import Found, Loads, Outcome, version_of
from gpufix.source.python.importing import Parsed, Session, outcome

SO = ".so"  # a module of this suffix is no library: every loader refuses it
CASES: dict[str, tuple[dict[str, str], str]] = {
    # silent: the import works
    "nothing is imported": ({"p/__init__.py": "", "p/bad.so": ""}, "works"),
    "caught": (
        {"p/__init__.py": "try:\n    from . import bad\nexcept ImportError:\n    bad = None\n"},
        "works",
    ),
    "caught as one of several": (
        {"p/__init__.py": "try:\n    import p.bad\nexcept (KeyError, ImportError) as e:\n    e\n"},
        "works",
    ),
    "caught by a bare except": ({"p/__init__.py": "try:\n    import p.bad\nexcept:\n    pass\n"}, "works"),
    "suppressed": (
        {"p/__init__.py": "import contextlib\nwith contextlib.suppress(ImportError):\n    import p.bad\n"},
        "works",
    ),
    "in a context manager of Python's own": (
        {"p/__init__.py": "import warnings\nwith warnings.catch_warnings():\n    import p.bad\n"},
        "p/bad.so",
    ),
    "in a function that nobody calls": (
        {"p/__init__.py": "def load():\n    from . import bad\n    return bad\n"},
        "works",
    ),
    "for type checkers": (
        {"p/__init__.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from . import bad\n"},
        "works",
    ),
    "for another system": (
        {"p/__init__.py": "import sys\nif sys.platform == 'win32':\n    from . import bad\n"},
        "works",
    ),
    "for an older Python": (
        {"p/__init__.py": "import sys\nif sys.version_info < (3, 8):\n    from . import bad\n"},
        "works",
    ),
    "an alternative serves": (
        {
            "p/__init__.py": "try:\n    from .bad import x\nexcept ImportError:\n    from .good import x\n",
            "p/good.py": "x = 1\n",
        },
        "works",
    ),
    "one of many serves": (
        {
            "p/__init__.py": "from importlib import import_module\n"
            "for n in ('bad', 'bad2', 'good'):\n"
            "    try:\n        impl = import_module(f'.{n}', __package__)\n        break\n"
            "    except ImportError as e:\n        last = e\n"
            "else:\n    raise ImportError('none') from last\n",
            "p/good.py": "",
            "p/bad2.so": "",
        },
        "works",
    ),
    "a function that returns where one serves": (
        {
            "p/__init__.py": "def load():\n"
            "    for n in [5, 6]:\n        try:\n            return __import__('p.v%d' % n)\n"
            "        except ImportError:\n            continue\n"
            "    raise RuntimeError('none')\nload()\n",
            "p/v6.py": "",
            "p/v5.so": "",
        },
        "works",
    ),
    "another module with the same name, earlier": (
        {"p/__init__.py": "from .both import x\n", "p/both/__init__.py": "x = 1\n", "p/both.so": ""},
        "works",
    ),
    "a name that is bound, not the module": (
        {"p/__init__.py": "bad = None\nfrom p.q import y\n", "p/q.py": "from p import bad\ny = bad\n"},
        "works",
    ),
    "a missing optional requirement": (
        {"p/__init__.py": "try:\n    import nowhere_at_all\nexcept ModuleNotFoundError:\n    pass\n"},
        "works",
    ),
    "what is found before is asked first": (
        {
            "p/__init__.py": "import importlib.util\n"
            "if importlib.util.find_spec('nowhere_at_all'):\n    from . import bad\n"
        },
        "works",
    ),
    "an opened library that is caught": (
        {
            "p/__init__.py": "import ctypes, os\n"
            "try:\n    ctypes.CDLL(os.path.join(os.path.dirname(__file__), 'libbad.so'))\n"
            "except OSError:\n    pass\n",
            "p/libbad.so": "",
        },
        "works",
    ),
    "caught by a class of its own": (
        {"p/__init__.py": "class Lost(Exception):\n    pass\ndef load():\n    try:\n        import p.bad\n"
         "    except ImportError as e:\n        raise Lost() from e\ntry:\n    load()\nexcept (Lost, KeyError):\n    pass\n"},
        "works",
    ),
    "caught by a name for several": (
        {"p/__init__.py": "LOST = (ImportError, OSError)\ntry:\n    import p.bad\nexcept LOST:\n    pass\n"},
        "works",
    ),
    "a module may be absent, and is": (
        {"p/__init__.py": "try:\n    import nowhere_at_all\nexcept ImportError as e:\n    if 'No module named' not in str(e):\n        raise\n"},
        "works",
    ),
    "a condition that is not known, in what is caught": (
        {"p/__init__.py": "import os\ntry:\n    if os.getpid() > 0:\n        import p.bad\nexcept ImportError:\n    pass\n"},
        "works",
    ),
    "a list stays empty": (
        {"p/__init__.py": "names = []\nif False:\n    names.append('p.bad')\nfor n in names:\n    __import__(n)\n"},
        "works",
    ),
    "a switch is off": (
        {"p/__init__.py": "import os\nON = bool(os.environ.get('GPUFIX_NOWHERE'))\nif ON:\n    import p.bad\n"},
        "works",
    ),
    "a name is not bound": (
        {"p/__init__.py": "try:\n    __SETUP__\nexcept NameError:\n    __SETUP__ = False\nif __SETUP__:\n    import p.bad\n"},
        "works",
    ),
    # the import fails
    "a module may be absent, and is not": (
        {"p/__init__.py": "try:\n    import p.bad\nexcept ImportError as e:\n    if 'No module named' not in str(e):\n        raise\n"},
        "p/bad.so",
    ),
    "in a method that is called": (
        {"p/__init__.py": "class L:\n    def __init__(self, n):\n        self.n = n\n        self.load()\n"
         "    def load(self):\n        __import__('p.' + self.n)\nL('bad')\n"},
        "p/bad.so",
    ),
    "of a list that grows": (
        {"p/__init__.py": "names = []\nnames.append('p.bad')\nfor n in names:\n    __import__(n)\n"},
        "p/bad.so",
    ),
    "of a comprehension": (
        {"p/__init__.py": "for n in [f'p.{x}' for x in ('bad', 'no') if x != 'no']:\n    __import__(n)\n"},
        "p/bad.so",
    ),
    "caught, and raised again by a function": (
        {"p/__init__.py": "def tell(e):\n    raise ImportError(f'no: {e}')\ntry:\n    import p.bad\nexcept ImportError as e:\n    tell(e)\n"},
        "p/bad.so",
    ),
    "of a table": (
        {"p/__init__.py": "import sys\nNAMES = {'linux': 'p.bad'}\n__import__(NAMES[sys.platform])\n"},
        "p/bad.so",
    ),
    "by a finder": (
        {"p/__init__.py": "import ctypes, importlib.machinery as m, os\n"
         "f = m.FileFinder(os.path.dirname(__file__), (m.ExtensionFileLoader, ['.so']))\n"
         "spec = f.find_spec('bad')\nif spec is None:\n    raise ImportError\nctypes.CDLL(spec.origin)\n"},
        "p/bad.so",
    ),
    "by its place": (
        {"p/__init__.py": "import importlib.util as u, pathlib\n"
         "s = u.spec_from_file_location('p.bad', str(pathlib.Path(__file__).with_name('bad.so')))\n"
         "m = u.module_from_spec(s)\n"},
        "p/bad.so",
    ),
    "of the package's resources": (
        {"p/__init__.py": "import ctypes, importlib.resources\n"
         "with importlib.resources.as_file(importlib.resources.files('p') / 'bad.so') as f:\n    ctypes.CDLL(str(f))\n"},
        "p/bad.so",
    ),
    "an exception that was kept is raised": (
        {"p/__init__.py": "lost = []\nfor n in ('bad', 'bad2'):\n    try:\n        __import__(f'p.{n}')\n        break\n"
         "    except ImportError as e:\n        lost.append(e)\nelse:\n    raise lost[0]\n", "p/bad2.so": ""},
        "p/bad.so",
    ),
    "imported": ({"p/__init__.py": "from . import bad\n"}, "p/bad.so"),
    "imported by its name": ({"p/__init__.py": "import p.bad\n"}, "p/bad.so"),
    "imported further down": (
        {"p/__init__.py": "from p.a.b import x\n", "p/a/__init__.py": "", "p/a/b.py": "from ..bad import x\n"},
        "p/bad.so",
    ),
    "a module without a package": ({"p.so": ""}, "p.so"),
    "in a namespace package": ({"p/q/__init__.py": "from . import bad\n", "p/q/bad.so": ""}, "p/q/bad.so"),
    "in a function that is called": (
        {"p/__init__.py": "def load():\n    from . import bad\nload()\n"},
        "p/bad.so",
    ),
    "in a function of another module": (
        {"p/__init__.py": "from p.util import load\nx = load('bad')\n", "p/util.py": "import importlib\n"
         "def load(name, package='p'):\n    return importlib.import_module('.' + name, package)\n"},
        "p/bad.so",
    ),
    "caught and raised again": (
        {"p/__init__.py": "try:\n    import p.bad\nexcept ImportError as e:\n    raise ImportError('x') from e\n"},
        "p/bad.so",
    ),
    "caught as what it is not": (
        {"p/__init__.py": "try:\n    import p.bad\nexcept ModuleNotFoundError:\n    pass\n"},
        "p/bad.so",
    ),
    "caught as OSError": (
        {"p/__init__.py": "try:\n    import p.bad\nexcept OSError:\n    pass\n"},
        "p/bad.so",
    ),
    "in the folder of a package that is not followed": (
        {
            "other/__init__.py": "",
            "other/inner/bad.so": "",
            "p/__init__.py": "import ctypes\nlibs = __import__('other.inner', fromlist=['inner'])\n"
            "ctypes.CDLL(libs.__path__[0] + '/bad.so')\n",
        },
        "other/inner/bad.so",
    ),
    "in a class": ({"p/__init__.py": "class A:\n    from . import bad\n"}, "p/bad.so"),
    "both alternatives": (
        {
            "p/__init__.py": "try:\n    from . import bad\nexcept ImportError:\n    from . import bad2\n",
            "p/bad2.so": "",
        },
        "p/bad2.so",
    ),
    "none of many": (
        {
            "p/__init__.py": "from importlib import import_module\n"
            "for n in ('bad', 'bad2'):\n"
            "    try:\n        import_module(f'p.{n}')\n        break\n"
            "    except ImportError as e:\n        last = e\n"
            "else:\n    raise ImportError('none') from last\n",
            "p/bad2.so": "",
        },
        "p/bad2.so",
    ),
    "after what is caught": (
        {"p/__init__.py": "try:\n    import p.bad2\nexcept ImportError:\n    pass\nfrom . import bad\n",
         "p/bad2.so": ""},
        "p/bad.so",
    ),
    "in finally": ({"p/__init__.py": "try:\n    pass\nfinally:\n    import p.bad\n"}, "p/bad.so"),
    "in else": ({"p/__init__.py": "try:\n    pass\nexcept ImportError:\n    pass\nelse:\n    import p.bad\n"}, "p/bad.so"),
    "for this system": (
        {"p/__init__.py": "import sys, os\nif sys.platform.startswith('linux') and os.name != 'nt':\n    import p.bad\n"},
        "p/bad.so",
    ),
    "for this Python": (
        {"p/__init__.py": "import sys\nif sys.version_info >= (3, 8):\n    import p.bad\n"},
        "p/bad.so",
    ),
    "opened": (
        {
            "p/__init__.py": "import ctypes\nfrom pathlib import Path\n"
            "lib = ctypes.CDLL(str(Path(__file__).resolve().parent / 'libs' / 'libbad.so'))\n",
            "p/libs/libbad.so": "",
        },
        "p/libs/libbad.so",
    ),
    "opened by a global of a function": (
        {
            "p/__init__.py": "import os\nfrom ctypes import cdll\n_lib = None\n"
            "def _load():\n    global _lib\n    here = os.path.dirname(os.path.abspath(__file__))\n"
            "    for f in sorted(['libbad.so']):\n        _lib = cdll.LoadLibrary(os.path.join(here, f))\n"
            "_load()\n",
            "p/libbad.so": "",
        },
        "p/libbad.so",
    ),
    "by a cached function": (
        {"p/__init__.py": "import functools\n@functools.lru_cache(maxsize=None)\ndef f():\n    import p.bad\nf()\n"},
        "p/bad.so",
    ),
    "a member that is a module": ({"p/__init__.py": "from p.sub import bad\n", "p/sub/__init__.py": "", "p/sub/bad.so": ""}, "p/sub/bad.so"),
    "a module that is not there": ({"p/__init__.py": "import nowhere_at_all\n"}, "nowhere_at_all"),
    "a circle": (
        {"p/__init__.py": "from . import a\n", "p/a.py": "from . import b\n", "p/b.py": "from . import a, bad\n"},
        "p/bad.so",
    ),
}  # fmt: skip
UNSURE = {
    "in a context manager of its own": "class Tries:\n    def __enter__(self): return self\n"
    "    def __exit__(self, kind, *more): return kind is not None\nwith Tries():\n    import p.bad\n",
    "a variable decides": "import os\nif os.getpid() % 2:\n    import p.bad\n",
    "another package may have loaded what it lacks": "import other\nother.load_libraries()\nimport p.bad\n",
    "what is loaded before is not known": "import ctypes, json\nctypes.CDLL(json.where)\nimport p.bad\n",
    "another package decides": "import json\nif json.scanner.c_make_scanner is None:\n    import p.bad\n",
    "perhaps left before": "import json\ndef f():\n    if json.codecs:\n        return\n    import p.bad\nf()\n",
    "in a loop over the disk": "import os\nfor n in os.listdir('/nowhere'):\n    import p.bad\n",
    "it raises itself": "raise RuntimeError('no')\n",
    "no Python": "import p.bad = 3\n",
    "an exception of unknown class": "import json\ntry:\n    import p.bad\nexcept json.decoder.X[0]:\n    pass\n",
}


class Disk:
    """The files of a test, as a World."""

    version: tuple[int, ...] = sys.version_info[:3]
    platform = sys.platform
    machine = os.uname().machine
    environ: Mapping[str, str] = {}
    suffixes: Sequence[str] = (SO,)
    known: Mapping[str, Any] = {}

    def __init__(self, root: Path) -> None:
        self.root = root

    def find(self, name: str) -> Found | None:
        if name.partition(".")[0] in {*sys.stdlib_module_names, "other", "torch"}:
            return Found("outside")
        place = self.root.joinpath(*name.split("."))
        if (place / "__init__.py").exists():
            return Found("source", str(place / "__init__.py"), is_package=True)
        if place.with_name(place.name + SO).exists():
            return Found("extension", str(place) + SO)
        if place.with_name(place.name + ".py").exists():
            return Found("source", str(place) + ".py")
        return Found("namespace", is_package=True) if place.is_dir() else None

    def text(self, path: str) -> str:
        return Path(path).read_text("utf-8")

    def names_in(self, folder: str) -> Sequence[str] | None:
        return [p.name for p in Path(folder).iterdir()] if Path(folder).is_dir() else None

    def lacks(self, name: str) -> bool:
        return False

    def lacks_name(self, module: str, name: str) -> bool:
        return (module, name) in {("other", "gone"), ("os", "gone")}

    def lost(self) -> Collection[str]:
        return {"gone"}

    def exists(self, path: str) -> bool:
        return Path(path).exists()

    def folder(self, package: str) -> str | None:
        place = self.root.joinpath(*package.split("."))
        return str(place) if place.is_dir() else None

    def load(self, path: str, *, everywhere: bool, lazy: bool) -> Loads:
        return "loads" if path.endswith("good.so") else "lacks"

    def named_in(self, extension: str) -> Sequence[str]:
        return []

    def defines(self, library: str, operator: str) -> bool:
        return operator == "p::op"

    def entered(self, name: str) -> None:
        pass


# What is known of versions, a source that goes by them, and what its import comes to.
KNOWN = {"other.__version__": "2.16.1", version_of("other-one"): "1.10.0rc1"}
VERSIONS = {
    "a branch for another release": (
        "from packaging.version import Version\nimport other\n"
        "if Version(other.__version__) < Version('2.9'):\n    import p.bad\n",
        "works",
    ),
    "the branch for this one": (
        "from packaging.version import Version\nimport other\n"
        "if Version(other.__version__).release >= Version('2.9').release:\n    import p.bad\n",
        "fails",
    ),
    "of the metadata": (
        "from importlib.metadata import version\nfrom packaging import version as v\n"
        "if v.parse(version('Other_One')) >= v.parse('1.10'):\n    import p.bad\n",
        "works",
    ),
    "of a number": (
        "import packaging.version\nimport other\n"
        "if packaging.version.parse(other.__version__).minor == 16:\n    import p.bad\n",
        "fails",
    ),
    "of a distribution that is not known": (
        "from importlib.metadata import version\nfrom packaging.version import Version\n"
        "if Version(version('else')) > Version('1'):\n    import p.bad\n",
        "unsure",
    ),
    "of numbers in it": (
        "import other\nfirst, second = map(int, other.__version__.split('.')[:2])\n"
        "if hasattr(other, '__version__') and int('2') <= first and second == 16:\n    import p.bad\n",
        "fails",
    ),
    "of no number": ("import other\nif int(other.__version__) > 2:\n    import p.bad\n", "unsure"),
    "no version": (
        "from packaging.version import Version\n"
        "if Version('one') > Version('1'):\n    import p.bad\n",
        "unsure",
    ),
}


@pytest.mark.parametrize("name", VERSIONS)
def test_versions_are_compared(name: str, tmp_path: Path) -> None:
    text, state = VERSIONS[name]
    (tmp_path / "p").mkdir()
    (tmp_path / "p/__init__.py").write_text(text)
    (tmp_path / "p/bad.so").write_text("")
    disk = Disk(tmp_path)
    disk.known, find = KNOWN, disk.find
    disk.find = lambda name: Found("outside") if name[:9] == "packaging" else find(name)  # type: ignore[method-assign]
    assert outcome(disk, "p").state == state


def told(root: Path, files: dict[str, str], name: str = "p") -> Outcome:
    if "p/__init__.py" in files:
        files = {"p/bad.so": "", **files}
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return outcome(Disk(root), name)


@pytest.mark.needs("Linux")
@pytest.mark.parametrize("name", CASES)
def test_it_is_what_a_real_import_does(name: str, tmp_path: Path) -> None:
    files, expected = CASES[name]
    module = "p.q" if "p/q/__init__.py" in files else "p"
    found = told(tmp_path, files, module)
    ran = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import {module}"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if expected == "works":
        assert (found.state, ran.returncode) == ("works", 0), (found, ran.stderr)
    else:
        assert found.state == "fails"
        assert (found.library.removeprefix(f"{tmp_path}/") or found.missing) == expected
        assert ran.returncode == 1
        assert expected in ran.stderr


NAMES = {
    # a name that a module of others does not have: how the import ends
    "taken from it": ("from os import gone\n", "fails"),
    "asked of it": ("import os\nos.gone\n", "fails"),
    "called": ("import os as o\no.gone()\n", "fails"),
    "a class is made of it": ("import os\nclass A(os.gone):\n    pass\n", "fails"),
    "another exception is caught": (
        "import os\ntry:\n    os.gone\nexcept ImportError:\n    pass\n",
        "fails",
    ),
    "caught": ("try:\n    from os import gone\nexcept ImportError:\n    gone = None\n", "works"),
    "caught, as an attribute": (
        "import os\ntry:\n    os.gone\nexcept AttributeError:\n    pass\n",
        "works",
    ),
    "in a function that nobody calls": ("import os\ndef f():\n    return os.gone\n", "works"),
    "an annotation of a function": ("import os\ndef f(x: 'os.gone'): ...\n", "works"),
    "asked for with hasattr": ("import os\nif hasattr(os, 'gone'):\n    os.gone\n", "works"),
    "asked for with a default": ("import os\nif getattr(os, 'gone', 0):\n    os.gone\n", "works"),
    "a default of a function": ("import os\ndef f(x=os.gone): ...\n", "fails"),
    "a default that need not be": ("import os\ndef f(x=1 or os.gone): ...\n", "works"),
    "a default of an asynchronous one": (
        "import os\nasync def f(\n    x=os.gone,\n):\n    return x\n",
        "fails",
    ),
    "an annotation that Python is told to leave": (
        "from __future__ import annotations\nimport os\ndef f(x: os.gone) -> os.gone: ...\n",
        "works",
    ),
    "of a variable in a function": (
        "import os\ndef f():\n    x: os.gone = 1\n    return x\nf()\n",
        "works",
    ),
}


# What annotations ask for, which Python evaluates at once before 3.14.
ANNOTATED = {
    "of a parameter": "import os\ndef f(x: os.gone): ...\n",
    "what it returns": "import os\nclass A:\n    async def f(self) -> os.gone:\n        return 1\n",
    "of a module's variable": "import os\nx: os.gone\n",
    "of a class's": "import os\nclass A:\n    x: os.gone = 1\n",
}


@pytest.mark.needs("Linux")
@pytest.mark.parametrize("name", ANNOTATED)
def test_annotations_are_evaluated_until_python_3_14(name: str, tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p/__init__.py").write_text(ANNOTATED[name])
    disk = Disk(tmp_path)
    for version, state in (((3, 11, 7), "fails"), ((3, 14, 0), "works")):
        disk.version = version
        assert outcome(disk, "p").state == state


@pytest.mark.needs("Linux")
@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_is_not_there_is_what_a_real_import_meets(name: str, tmp_path: Path) -> None:
    text, state = NAMES[name]
    found = told(tmp_path, {"p/__init__.py": text})
    ran = subprocess.run(
        [sys.executable, "-S", "-c", "import p"], cwd=tmp_path, capture_output=True
    )
    assert (found.state, ran.returncode) == (state, 1 if state == "fails" else 0), ran.stderr
    assert found.missing == ("" if state == "works" else "os.gone")


@pytest.mark.parametrize("name", UNSURE)
def test_what_only_a_run_could_tell_is_a_doubt(name: str, tmp_path: Path) -> None:
    assert told(tmp_path, {"p/__init__.py": UNSURE[name]}).state == "unsure"


def test_the_way_to_the_failure_is_told(tmp_path: Path) -> None:
    files = {"p/__init__.py": "\nfrom p import a\n", "p/a.py": "if True:\n    try:\n        from . import bad\n    finally:\n        pass\n"}  # fmt: skip
    found = told(tmp_path, files)
    assert found.chain == (f"{tmp_path}/p/__init__.py:2", f"{tmp_path}/p/a.py:3")


SPARED = {
    # what is tried in vain: whether the code says so, another takes its place, it may load after all
    "in silence": (
        "try:\n    import p.bad\nexcept ImportError:\n    pass\n",
        (False, False, False),
    ),
    "it warns": (
        "import warnings\ntry:\n    import p.bad\nexcept ImportError as e:\n    warnings.warn(str(e))\n",
        (True, False, False),
    ),
    "it logs": (
        "import logging\nlog = logging.getLogger()\ntry:\n    import p.bad\nexcept ImportError:\n    log.warning('x')\n",
        (True, False, False),
    ),
    "the handler loads another": (
        "try:\n    import p.bad\nexcept ImportError:\n    import p.good\n",
        (False, True, False),
    ),
    "the next of a loop": (
        "for n in ('bad', 'good'):\n    try:\n        __import__(f'p.{n}')\n        break\n    except ImportError:\n        pass\n",
        (False, True, False),
    ),
    "none of a loop": (
        "for n in ('bad', 'bad'):\n    try:\n        __import__(f'p.{n}')\n        break\n    except ImportError:\n        pass\n",
        (False, False, False),
    ),
    "another, elsewhere": (
        "try:\n    import p.bad\nexcept ImportError:\n    pass\nimport p.good\n",
        (False, False, False),
    ),
    "after one that is opened by a path that is not known": (
        "import ctypes, other\nctypes.CDLL(other.path())\ntry:\n    import p.bad\nexcept ImportError:\n    pass\n",
        (False, False, True),
    ),
    "the same, and raised anew": (
        "import ctypes, other\nctypes.CDLL(other.path())\ntry:\n    try:\n        import p.bad\n    except OSError as e:\n        raise ImportError('x') from e\nexcept ImportError:\n    pass\n",
        (False, False, True),
    ),
}


@pytest.mark.parametrize("name", SPARED)
def test_what_is_done_without_is_told(name: str, tmp_path: Path) -> None:
    text, expected = SPARED[name]
    found = told(tmp_path, {"p/__init__.py": text, "p/good.so": ""})
    assert found.state == "works"
    assert {(one.said, one.served, one.doubtful) for one in found.spared} == {expected}
    assert {one.library for one in found.spared} == {f"{tmp_path}/p/bad.so"}


OPERATOR = (
    "import torch\ntry:\n    torch.ops.load_library(__path__[0] + '/bad.so')\nexcept OSError:\n    pass\n"
    "@torch.library.register_fake('p::%s')\ndef f():\n    pass\n"
)


def test_an_operator_of_a_lost_library_cannot_be_registered(tmp_path: Path) -> None:
    assert told(tmp_path, {"p/__init__.py": OPERATOR % "op"}).state == "fails"
    assert told(tmp_path, {"p/__init__.py": OPERATOR % "other"}).state == "works"


def test_what_a_call_would_do_is_told(tmp_path: Path) -> None:
    text = "def load(n='bad'):\n    return __import__(f'p.{n}')\ndef plain():\n    return 1\n"
    told(tmp_path, {"p/__init__.py": text})
    session = Session(Disk(tmp_path))
    assert session.follow("p").state == "works"
    calls = dict(session.calls("p"))
    assert calls["load"].library == f"{tmp_path}/p/bad.so"
    assert "plain" not in calls


def test_what_compiled_code_names_is_a_doubt_of_its_own(tmp_path: Path) -> None:
    class Named(Disk):
        def named_in(self, extension: str) -> Sequence[str]:
            return ["p.bad"] if extension.endswith("good.so") else []

    told(tmp_path, {"p/__init__.py": "import p.good\n", "p/good.so": ""})
    found = outcome(Named(tmp_path), "p")
    assert (found.state, found.doubts) == ("unsure", ())
    assert found.named == (f"{tmp_path}/p/bad.so",)


def test_a_module_that_is_not_there_may_be_named_as_well(tmp_path: Path) -> None:
    class Named(Disk):
        def named_in(self, extension: str) -> Sequence[str]:
            return ["p.gone"]

    told(tmp_path, {"p/__init__.py": "import p.good\n", "p/good.so": ""})
    found = outcome(Named(tmp_path), "p")
    assert (found.state, found.doubts, found.named) == ("unsure", (), ("p.gone",))


def test_a_source_is_parsed_once_for_several_sessions(tmp_path: Path) -> None:
    told(tmp_path, {"p/__init__.py": "def f():\n    import p.bad\nf()\n"})
    parsed: Parsed = {}
    first = Session(Disk(tmp_path), parsed=parsed).follow("p")
    trees = dict(parsed)
    assert Session(Disk(tmp_path), parsed=parsed).follow("p") == first
    assert parsed == trees
    assert list(trees) == [f"{tmp_path}/p/__init__.py"]


IDLE = "def f(n):\n    return %s\nfor n in range(60):\n    f(f'lib{n}.so')\n"


@pytest.mark.parametrize(
    ("body", "idle"), [("n + 'x'", 20), ("__import__('ctypes').CDLL('./' + n)", 0)]
)
def test_a_function_of_another_package_that_brings_in_nothing_runs_no_more(
    body: str, idle: int, tmp_path: Path
) -> None:
    class Aside(Disk):
        def find(self, name: str) -> Found | None:
            found = super().find(name)
            return replace(found, aside=name == "q") if found else None

    told(tmp_path, {"p/__init__.py": "import q\n", "q.py": IDLE % body})
    session = Session(Aside(tmp_path))
    assert session.follow("p").state == "works"
    assert list(session._importer._idle.values()) == [idle]


HOSTILE = {
    "a list of itself": "x = [1]\nx.append(x)\ny = '{}'.format(x)\nif x in x: pass\nz = sorted(x)\n",
    "a text of a list that doubles": "x = [1]\n" + "x = [x, x]\n" * 60 + "y = '{}'.format(x)\nz = '%s' % x\n",
    "classes that double": "class A:\n    pass\n" + "class A(A, A):\n    pass\n" * 200 + "A().x\n",
    "a list that grows for ever": "x = ['a']\nfor n in x:\n    x.append('b')\n    x.extend(x)\n",
    "comprehensions of comprehensions": "x = list(range(60))\n" + "x = [[y for y in x] for z in x]\n" * 5,
    "tries in tries": "".join(" " * n + "try:\n" for n in range(15)) + " " * 15 + "import p.bad\n"
    + "".join(" " * n + "except KeyError: pass\n" for n in reversed(range(15))),
    "a dict of what cannot be hashed": "x = {[]: 1, (1, []): 2}\ny = x[[]]\nfor z in x: pass\n",
    "a text that doubles": "x = 'aa'\n" + "x = f'{x}{x}'\n" * 60,
    "a list that doubles": "x = [1]\n" + "x = [x, x]\n" * 60 + "if x == x: pass\n",
    "a number that doubles": "x = 2\n" + "x = x + x\n" * 5000,
    "a long range": "for n in range(10 ** 0 + 999999999999): pass\n",
    "a wide format": "x = '%999999999d' % 1\ny = '{:999999999}'.format(1)\n",
    "what cannot be sorted": "x = sorted([1, 'a', None])\n",
    "return outside a function": "return 1\n",
    "break outside a loop": "break\n",
    "a context that is held": "import contextlib\ns = contextlib.suppress(ImportError)\nwith s:\n    import p.bad\n",
    "a deep expression": "x = " + "-" * 3000 + "1\n",
    "no name": "__import__('')\n",
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_no_source_takes_much_or_ends_the_doctor(name: str, tmp_path: Path) -> None:
    before = time.process_time()
    told(tmp_path, {"p/__init__.py": HOSTILE[name]})
    assert time.process_time() - before < 5


def test_endless_code_ends(tmp_path: Path) -> None:
    text = "def f(n):\n    return f(n + 1) + f(n)\nf(0)\n"
    assert told(tmp_path, {"p/__init__.py": text}).state == "unsure"
    text = "x = 'a'\n" + "x = x + x\n" * 100 + "import p.bad\n"
    assert told(tmp_path, {"p/__init__.py": text}).state == "fails"
