"""Names that a module lacks, told from sources: against a real import of the same files."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from fake_site import Site
from hypothesis import given
from hypothesis import strategies as st

from gpufix.facts.context import CollectContext
from gpufix.facts.libraries.module_names import ModuleNames
from gpufix.facts.libraries.modules import Modules
from gpufix.model import PthFile
from gpufix.source.python.asked_of_modules import (
    asked_of_modules,
    bound_names,
    imported_modules,
    possibly_asked,
    tried_in_vain,
)
from gpufix.source.python.skeleton import cut_functions

DEPRECATED = (
    "def deprecation_getattr(module, names):\n"
    "    def get(name):\n"
    "        if name in names:\n            return names[name]\n"
    "        raise AttributeError(name)\n"
    "    return get\n"
)
WITHDRAWN = (
    "def deprecation_getattr(module, names):\n"
    "    def get(name):\n"
    "        if names.get(name, (0, None))[1] is not None:\n            return names[name][1]\n"
    "        raise AttributeError(name)\n"
    "    return get\n"
)
LAZY = (
    "import sys, types\nclass LazyModule(types.ModuleType):\n"
    "    __path__ = __path__\n"
    "    def __getattr__(self, name):\n"
    "        import importlib\n"
    "        inner = importlib.import_module('b.inner')\n"
    "        return getattr(inner, name)\n"
    "sys.modules[__name__] = LazyModule(__name__)\n"
)
TABLE = (
    "import sys, types\nfrom typing import TYPE_CHECKING\n_import_structure = {'inner': ['y']}\n"
    "class _LazyModule(types.ModuleType):\n"
    "    def __init__(self, name, file, table):\n"
    "        super().__init__(name)\n        self.table = table\n"
    "    def __getattr__(self, name):\n"
    "        if name in sum(self.table.values(), []):\n            return 1\n"
    "        raise AttributeError(name)\n"
    "if TYPE_CHECKING:\n    from .nowhere import *\n"
    "sys.modules[__name__] = _LazyModule(\n    __name__, globals()['__file__'], _import_structure\n)\n"
)
STRUCTURE = LAZY.replace("b.inner", "transformers.models") + "# define_import_structure()\n"
# What package b holds, what a takes from it, and whether that fails.
CASES: dict[str, tuple[Mapping[str, str], str, bool]] = {
    # silent: it is there, or may be
    "bound": ({"b/__init__.py": "x = 1\n"}, "b.x", False),
    "bound under a condition": ({"b/__init__.py": "if len('a'):\n    x = 1\n"}, "b.x", False),
    "a function": ({"b/__init__.py": "def x(): pass\n"}, "b.x", False),
    "by an import": (
        {"b/__init__.py": "from os import (\n    path,\n    sep as x\n)\n"},
        "b.x",
        False,
    ),
    "by a loop": ({"b/__init__.py": "for x in [1]:\n    pass\n"}, "b.x", False),
    "by a walrus": ({"b/__init__.py": "if (x := 1):\n    pass\n"}, "b.x", False),
    "by with": ({"b/__init__.py": "with open(__file__) as x:\n    pass\n"}, "b.x", False),
    "by global": ({"b/__init__.py": "def f():\n    global x\n    x = 1\nf()\n"}, "b.x", False),
    "by all of another": (
        {"b/__init__.py": "from .c import *\n", "b/c.py": "x = 1\n"},
        "b.x",
        False,
    ),
    "of a module that lies elsewhere": (
        {
            "b/__init__.py": "import os\n__path__ = [os.path.join(os.path.dirname(__file__), 'api')] + __path__\n",
            "b/c/__init__.py": "",
            "b/api/c/__init__.py": "x = 1\n",
        },
        "b.c.x",
        False,
    ),
    "a module of it": ({"b/__init__.py": "", "b/x.py": ""}, "b.x", False),
    "by another file's alias": (
        {
            "b/__init__.py": "from . import c\n",
            "b/c.py": "import sys\nsys.modules.update({'b.x': sys})\n"
            "sys.modules[__package__].x = sys\n",
        },
        "b.x",
        False,
    ),
    "by globals()": ({"b/__init__.py": "globals()['x'] = 1\n"}, "b.x", False),
    "by setattr of itself": (
        {"b/__init__.py": "import b as me\nsetattr(me, 'x'.lower(), 1)\n"},
        "b.x",
        False,
    ),
    "by setattr of what importlib finds": (
        {
            "b/__init__.py": "from importlib import import_module\nme = import_module(__name__)\n"
            "setattr(me, 'x'.lower(), 1)\n"
        },
        "b.x",
        False,
    ),
    "by __getattr__": (
        {"b/__init__.py": "def __getattr__(name):\n    return {'x': 1}[name]\n"},
        "b.x",
        False,
    ),
    "from elsewhere in the package": (
        {"b/__init__.py": "from . import c\n", "b/c.py": "import b\nb.x = 1\n"},
        "b.x",
        False,
    ),
    "by sys.modules": (
        {
            "b/__init__.py": "import sys, types\nme = types.ModuleType('b')\nme.x = 1\nsys.modules[__name__] = me\n"
        },
        "b.x",
        False,
    ),
    "by setattr of what sys.modules has": (
        {"b/__init__.py": "import sys\nme = sys.modules['b']\nsetattr(me, 'x'.lower(), 1)\n"},
        "b.x",
        False,
    ),
    "by __dict__": (
        {"b/__init__.py": "import sys\nsys.modules['b'].__dict__['X'.lower()] = 1\n"},
        "b.x",
        False,
    ),
    "made of a table in models": (
        {
            "transformers/__init__.py": STRUCTURE,
            "transformers/models/__init__.py": "HybridCache = 1\n",
        },
        "transformers.HybridCache",
        False,
    ),
    "deprecated, with an object": (
        {
            "b/__init__.py": "from .d import deprecation_getattr as _deprecation_getattr\n"
            "_deprecations = {'x': ('b.x goes', 1), 'y': ('b.y is gone', None)}\n"
            "__getattr__ = _deprecation_getattr(__name__, _deprecations)\n",
            "b/d.py": WITHDRAWN,
        },
        "b.x",
        False,
    ),
    "of a lazy module": ({"b/__init__.py": LAZY, "b/inner.py": "x = 1\n"}, "b.x", False),
    # it is not
    "what every module has": ({"b/c.py": ""}, "b.__path__", False),
    "a module of a namespace": ({"b/c.py": ""}, "b.c", False),
    "behind setattr of another package's": (
        {
            "b/__init__.py": "import torch as t\nfrom torch import (\n    nn,\n)\nsetattr(t, 'x', 1)\nsetattr(nn, 'x', 1)\n"
        },
        "b.y",
        True,
    ),
    "of a namespace, which has modules only": ({"b/c.py": "x = 1\n"}, "b.x", True),
    "a version that nobody wrote": ({"b/__init__.py": ""}, "b.__version__", True),
    "nothing": ({"b/__init__.py": ""}, "b.x", True),
    "a name of a function alone": ({"b/__init__.py": "def f():\n    x = 1\n"}, "b.x", True),
    "of a class alone": ({"b/__init__.py": "class C:\n    x = 1\n"}, "b.x", True),
    "setattr of an object": (
        {
            "b/__init__.py": "def f(model, k):\n    setattr(model, k, 1)\nclass C:\n    pass\nf(C, 'y')\n"
        },
        "b.x",
        True,
    ),
    "spoken of": ({"b/__init__.py": "# there is no x any more\ny = 1\n"}, "b.x", True),
    "in a module of it": (
        {"b/__init__.py": "x = 1\n", "b/c.py": "logger = 1\n"},
        "b.c.x",
        True,
    ),
    "not by all of another": (
        {"b/__init__.py": "from .c import *\n", "b/c.py": "y = 1\n"},
        "b.x",
        True,
    ),
    "of deprecated names": (
        {
            "b/__init__.py": "from .d import deprecation_getattr as _deprecation_getattr\n"
            "__getattr__ = _deprecation_getattr(__name__, {'y': 1})\n",
            "b/d.py": DEPRECATED,
            "b/other.py": "x = 1\n",
        },
        "b.x",
        True,
    ),
    "deprecated, and without an object": (
        {
            "b/__init__.py": "from .d import deprecation_getattr as _deprecation_getattr\n"
            "_deprecations = {'x': ('b.x is gone', None), 'y': ('b.y goes', 1)}\n"
            "__getattr__ = _deprecation_getattr(__name__, _deprecations)\n",
            "b/d.py": WITHDRAWN,
        },
        "b.x",
        True,
    ),
    "in no file of a lazy one": ({"b/__init__.py": LAZY, "b/inner.py": "y = 1\n"}, "b.x", True),
    "of what only reads sys.modules and __dict__": (
        {"b/__init__.py": "import sys\nme = sys.modules['b'].__dict__.get('y')\n"},
        "b.x",
        True,
    ),
    "beside a method that is called eval": (
        {"b/__init__.py": "class C:\n    def eval(self): pass\nC().eval()\nvars(C)\n"},
        "b.x",
        True,
    ),
    "of NumPy's list": (
        {
            "numpy/__init__.py": "def __getattr__(name):\n    raise AttributeError(name, globals())\n",
            "numpy/_expired_attrs_2_0.py": "__expired_attributes__ = {'float_': 'float64'}\n",
        },
        "numpy.float_",
        True,
    ),
    "made of a table, and elsewhere only": (
        {
            "transformers/__init__.py": STRUCTURE,
            "transformers/models/__init__.py": "",
            "transformers/cache.py": "class HybridCache: pass\n",
        },
        "transformers.HybridCache",
        True,
    ),
    "and known to be gone": (
        {
            "transformers/__init__.py": LAZY.replace("b.inner", "transformers.inner"),
            "transformers/inner.py": "y = 1\n",
        },
        "transformers.HybridCache",
        True,
    ),
    "in the table of a lazy one": ({"b/__init__.py": TABLE}, "b.y", False),
    "made of another by a lazy one": (
        {"b/__init__.py": LAZY.replace("inner, name", "inner, name[:-4]"), "b/inner.py": "x = 1\n"},
        "b.xFast",
        False,
    ),
}


# It stands where one is bound; only a run could tell.
UNTOLD = {
    "a name of a function alone", "of a class alone", "in no file of a lazy one", "in no table of one",
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_it_is_what_import_does(name: str, tmp_path: Path, site: Site, ctx: CollectContext) -> None:
    files, asked, fails = CASES[name]
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    module, _, last = asked.rpartition(".")
    code = f"import {module}\nfrom {module} import {last}"
    done = subprocess.run([sys.executable, "-S", "-c", code], cwd=tmp_path, capture_output=True)
    assert (done.returncode != 0) is fails, done.stderr
    names = ModuleNames(Modules(site.python(sys_path=[str(tmp_path)])))
    # What only a run could tell is not told: never the other way round.
    told = names.in_vain(asked)
    assert told is fails or (fails and name in UNTOLD)
    assert names.lost == ({(module, last)} if told else set())


def test_what_a_source_asks() -> None:
    text = (
        "import jax\nimport jax.numpy as jnp\nfrom torch.log import (a,  # first\n    b as c)\n"
        "from . import own\nx = jax.random.Key\ny: jnp.array = 1\nc.more()\n'jax.no'\n"
    )
    assert list(asked_of_modules(text)) == [
        "torch.log.a",
        "torch.log.b",
        "jax.numpy",
        "jax.random.Key",
        "jax.numpy.array",
        "torch.log.b.more",
    ]
    assert imported_modules("import a.b\n  import c\nfrom d import e\n") == ["a.b", "d"]


LINES = (
    "import a.b", "import a as x", "from a import b as c, d", "from a.b import (e,  # f", "    g)",
    "def h(k=a.l):", "    from m import n", "    return a.o(c.p)", "try:", "    import q", "    from r import s",
    "except ImportError:", "    raise", "class T(x.u):", "    v = 'a.w', \"c.y\"", "from . import z", "import own.a",
)  # fmt: skip


@given(st.lists(st.sampled_from(LINES), max_size=14).map("\n".join))
def test_what_is_asked_is_possibly_asked(text: str) -> None:
    cut, functions = cut_functions(text)
    at_once = f"{cut}\n{tried_in_vain(cut)}"
    asked = {*asked_of_modules(at_once, "\n".join(one.text for one in functions))}
    modules = {"a.b", "a.b.e", "r.s"}
    possible = possibly_asked(text, lambda top: top != "own", modules.__contains__)
    assert {name for name in asked if not name.startswith("own.")} - possible <= {
        name for name in asked if any(name.startswith(f"{one}.") for one in asked - modules)
    }
    tried = f"{text}\n{tried_in_vain(text)}"
    assert {*imported_modules(at_once)} <= {*imported_modules(tried)}


def test_modules_that_take_all_names_of_each_other_are_asked_once(
    tmp_path: Path, site: Site
) -> None:
    stars = "from p.a import *\nfrom p.b import *\nfrom p.c import *\n"
    (tmp_path / "p").mkdir()
    for name in ("__init__", "a", "b", "c"):
        (tmp_path / f"p/{name}.py").write_text(stars + ("x = 1\n" if name == "c" else ""))
    names = ModuleNames(Modules(site.python(sys_path=[str(tmp_path)])))
    assert (names.lacks("p.a", "x"), names.lacks("p.a", "y")) == (False, True)


def test_names_of_patterns_and_handlers_are_bound() -> None:
    text = "try:\n    pass\nexcept E as x:\n    pass\nmatch 1:\n    case [y, *z]:\n        pass\n"
    assert bound_names(text) >= {"x", "y", "z"}


@pytest.mark.parametrize(
    ("version", "module", "there"),
    [
        ("3.12.4", "imghdr", True),
        ("3.13.0", "imghdr", False),
        ("3.11.7", "imp", True),
        ("3.12.4", "imp", False),
        ("3.13.0", "json.decoder", True),
        ("3.13.0", "audioop", True),  # audioop-lts
        ("3.12.4", "__main__", True),
    ],
)
def test_modules_of_the_patients_python(
    version: str, module: str, there: bool, tmp_path: Path, site: Site
) -> None:
    (tmp_path / "audioop").mkdir()
    (tmp_path / "audioop" / "__init__.py").touch()
    modules = Modules(site.python(version=version, sys_path=[str(tmp_path)]))
    assert (modules.find(module) is not None) is there


@pytest.mark.parametrize(
    "module", ["b.inner", "b.inner.leaf", "b.inner.gone", "b.gone", "b.cu.inner"]
)
def test_a_package_that_takes_all_names_of_a_part_has_its_modules(
    module: str, tmp_path: Path, site: Site
) -> None:
    (tmp_path / "b" / "cu" / "inner").mkdir(parents=True)
    for path in ("cu/__init__.py", "cu/inner/__init__.py", "cu/inner/leaf.py"):
        (tmp_path / "b" / path).touch()
    (tmp_path / "b/__init__.py").write_text("from b import cu\nglobals().update(cu.__dict__)\n")
    code = f"import b, {module}"
    done = subprocess.run([sys.executable, "-S", "-c", code], cwd=tmp_path, capture_output=True)
    modules = Modules(site.python(sys_path=[str(tmp_path)]))
    assert modules.lacks(module) is (done.returncode != 0)


def test_where_a_package_lies(tmp_path: Path, site: Site) -> None:
    (tmp_path / "space" / "inner").mkdir(parents=True)
    (tmp_path / "whole" / "inner").mkdir(parents=True)
    (tmp_path / "whole" / "__init__.py").touch()
    (tmp_path / "alone.py").touch()
    modules = Modules(site.python(sys_path=["/nowhere", str(tmp_path)]))
    for package in ("space", "space.inner", "whole", "whole.inner"):
        assert modules.folder(package) == f"{tmp_path}/{package.replace('.', '/')}"
    assert modules.folder("alone") is modules.folder("gone") is modules.folder("json") is None


FINDER = "MAPPING: dict[str, str] = {'demo': '/src/demo'}\nNAMESPACES: dict[str, list[str]] = {}\n"
LINE = "import __editable___demo_1_0_finder; __editable___demo_1_0_finder.install()"
# A .pth file that runs code, its finder's text, and what is told: by no folder, of it alone, or of nothing more.
FINDERS: dict[str, tuple[str, str, str, bool]] = {
    "of a project installed editable": ("__editable__.demo-1.0.pth", LINE, FINDER, True),
    "with more behind it": ("__editable__.demo-1.0.pth", f"{LINE}\nimport more", FINDER, False),
    "with a table that is made": ("__editable__.demo-1.0.pth", LINE, "MAPPING = make()\n", False),
    "of its own": ("demo.pth", "import demo_finder", "", False),
    "of cuda-bindings": (
        "_cuda_bindings_redirector.pth",
        "import _cuda_bindings_redirector",
        "",
        True,
    ),
    "of numba-cuda": ("_numba_cuda_redirector.pth", "import _numba_cuda_redirector", "", True),
}


@pytest.mark.parametrize("name", FINDERS)
def test_a_known_finder_brings_its_own_modules_and_no_others(name: str, site: Site) -> None:
    file, line, finder, known = FINDERS[name]
    (site.folder / file).write_text(f"{line}\n")
    (site.folder / "__editable___demo_1_0_finder.py").write_text(finder)
    pth = PthFile(path=str(site.folder / file), runs_code=True)
    modules = Modules(site.python(pth_files=[pth]))
    assert modules.hooked is not known
    assert modules.lacks("absent") is known
    own = "numba.cuda" if "numba" in file else "demo"
    brought = "editable" in file or "numba" in file
    assert (modules.find(f"{own}.inner") is not None) is (known and brought)
