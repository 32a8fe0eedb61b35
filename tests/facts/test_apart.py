"""Small packages that ask for what Python's library or a framework has no more."""

from __future__ import annotations

import sys
from collections.abc import Mapping

import pytest
from fake_site import Site

from gpufix.facts.context import CollectContext
from gpufix.facts.libraries import libraries
from gpufix.facts.packages import distributions
from gpufix.knowledge import standard_library

KERAS = {"keras/__init__.py": "from keras import utils\n", "keras/utils/__init__.py": ""}
USES_KERAS = {
    "q/__init__.py": "def init():\n    import keras\n    keras.utils.gone.get()\n",
    "q/late.py": "from . import init\ninit()\n",
}
MENTIONS = b"Metadata-Version: 2.1\nName: q\nVersion: 1.0\nSummary: Layers for Keras\n\n"
KNOWS = b"Metadata-Version: 2.1\nName: q\nVersion: 1.0\nClassifier: Programming Language :: Python :: 3.13\n\n"
# Files of q, its metadata, files of others, the Python, and (distribution, module, what it lacks).
CASES: dict[
    str, tuple[Mapping[str, str], bytes | None, Mapping[str, str], str, tuple[str, str, str] | None]
] = {
    # silent
    "a Python that has it": ({"q/__init__.py": "import imp\n"}, None, {}, "3.11.7", None),
    "tried": (
        {"q/__init__.py": "try:\n    import imp\nexcept ImportError:\n    imp = None\n"}, None, {}, "3.12.1", None
    ),
    "for an older Python": (
        {"q/__init__.py": "import sys\nif sys.version_info < (3, 12):\n    import imp\n"}, None, {}, "3.12.1", None
    ),
    "when it is called": ({"q/__init__.py": "def f():\n    import imp\n"}, None, {}, "3.12.1", None),
    "in a module that nothing imports": ({"q/__init__.py": "", "q/old.py": "import imp\n"}, None, {}, "3.12.1", None),
    "another package brings it": (
        {"q/__init__.py": "import cgi\ncgi.escape\n"}, None, {"cgi/__init__.py": ""}, "3.13.0", None
    ),
    "setuptools brings it": (
        {"q/__init__.py": "import distutils.core\n"}, None, {"_distutils_hack/__init__.py": ""}, "3.12.1", None
    ),
    "in a private module, for an older Python": (
        {"q/__init__.py": "", "q/_old.py": "import asyncio\nf = asyncio.coroutine\n"}, None, {}, "3.11.7", None
    ),
    "in a part, and its metadata know this Python": (
        {"q/__init__.py": "", "q/b/__init__.py": "import imp\n"}, KNOWS, {}, "3.12.1", None
    ),
    "the name is asked for first": (
        {"q/__init__.py": "import inspect\nif hasattr(inspect, 'getargspec'):\n    f = inspect.getargspec\n"},
        None, {}, "3.11.7", None,
    ),
    "a framework's name that is there": (
        {"q/__init__.py": "import keras\nkeras.utils\n"}, MENTIONS, KERAS, "3.11.7", None
    ),
    "another part asks the framework": (USES_KERAS, MENTIONS, KERAS, "3.11.7", None),
    "a marker of its own that is not there is tried first": (
        {
            "q/__init__.py": "def load():\n    try:\n        from . import _marker\n    except ImportError:\n"
            "        return\n    import imp\nload()  # a marker in __path__\n"
        },
        None,
        {},
        "3.12.1",
        None,
    ),
    "a framework's name in a module of a package that does without": (
        {"q/__init__.py": "import os\n", "q/late.py": "from keras.utils import gone\n"},
        MENTIONS,
        KERAS,
        "3.11.7",
        None,
    ),
    # told
    "a framework's name in a module of a package that imports nothing": (
        {"q/__init__.py": "x = 1\n", "q/late.py": "from keras.utils import gone\n"},
        MENTIONS,
        KERAS,
        "3.11.7",
        ("q", "q.late", "keras.utils.gone"),
    ),
    "the same, where it lacks a requirement": (
        {"q/__init__.py": "x = 1\n", "q/late.py": "from keras.utils import gone\n"},
        MENTIONS[:-1] + b"Requires-Dist: nowhere\n\n",
        KERAS,
        "3.11.7",
        ("q", "q.late", "keras.utils.gone"),
    ),
    "after what a finder of its own brings": (
        {
            "q/__init__.py": "from q.extern.a import x\nimport imp\n",
            "q/extern/__init__.py": "import sys\nsys.meta_path.append(Finder('a'))\n",
        },
        None,
        {},
        "3.12.1",
        ("q", "q", "imp"),
    ),
    "a module": ({"q/__init__.py": "import imp\n"}, None, {}, "3.12.1", ("q", "q", "imp")),
    "distutils without setuptools": (
        {"q/__init__.py": "from .a import x\n", "q/a.py": "from distutils import spawn as x\n"},
        None, {}, "3.12.1", ("q", "q", "distutils"),
    ),
    "a name": (
        {"q/__init__.py": "from inspect import getargspec\n"}, None, {}, "3.11.7", ("q", "q", "inspect.getargspec")
    ),
    "a name by its module": (
        {"q/__init__.py": "import collections\nclass A(collections.Mapping): ...\n"},
        None, {}, "3.10.13", ("q", "q", "collections.Mapping"),
    ),
    "in a part that is a package": (
        {"q/__init__.py": "", "q/b/__init__.py": "from .c import x\n", "q/b/c.py": "import imp\nx = 1\n"},
        None, {}, "3.12.1", ("q", "q.b", "imp"),
    ),
    "in a package beside": (
        {"q/__init__.py": "", "beside/__init__.py": "import pkgutil\nx = pkgutil.ImpImporter\n"},
        None, {}, "3.12.1", ("q", "beside", "pkgutil.ImpImporter"),
    ),
    "pkg_resources, which setuptools had": (
        {"q/__init__.py": "import pkg_resources\n"}, None, {}, "3.11.7", ("q", "q", "pkg_resources")
    ),
    "a framework's name, by way of what requires it": (
        USES_KERAS, MENTIONS, {**KERAS, "r/__init__.py": "import q.late\n"}, "3.11.7", ("r", "r", "keras.utils.gone")
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_its_import_lacks_is_told(name: str, site: Site, ctx: CollectContext) -> None:
    files, metadata, others, version, expected = CASES[name]
    site.install("q", files={p: t.encode() for p, t in files.items()}, metadata=metadata)
    for top in dict.fromkeys(path.partition("/")[0] for path in others):
        needs_q = f"Metadata-Version: 2.1\nName: {top}\nVersion: 1.0\nRequires-Dist: q\n\n".encode()
        own = {p: t.encode() for p, t in others.items() if p.startswith(f"{top}/")}
        site.install(top.strip("_"), files=own, metadata=needs_q if top == "r" else None)
    python = site.python(executable=sys.executable, version=version)
    dists, _ = distributions.collect(ctx, python)
    found = [one for one in libraries.collect(ctx, python, dists, None).imports if one.foreign]
    told = [(i.distribution, i.module, i.missing) for i in found]
    assert told == [expected] * bool(expected)


def test_the_names_are_those_that_this_python_lacks() -> None:
    version = ".".join(map(str, sys.version_info[:3]))
    for dotted in filter(lambda name: "." in name, standard_library.gone("99")):
        module, _, name = dotted.rpartition(".")
        has = hasattr(__import__(module), name)
        assert has is not standard_library.lacks(dotted, version), dotted
