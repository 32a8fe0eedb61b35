"""Packages that reach at once what is not there: by their own import, by most of their parts, by a command."""

from __future__ import annotations

import sys
from collections.abc import Mapping

import pytest
from fake_site import Site

from gpufix.facts.context import CollectContext
from gpufix.facts.libraries import libraries
from gpufix.facts.packages import distributions

HEAD = "Metadata-Version: 2.1\nName: q\nVersion: 1.0\nSummary: Layers for Keras\n"
COMMAND = {
    "q/__init__.py": "",
    "q/run.py": "from .deep import main\n",
    "q/deep.py": "import absent\n",
    "q-1.0.dist-info/entry_points.txt": "[console_scripts]\nq = q.run:main\n",
}
EXTRA = "Provides-Extra: x\nRequires-Dist: absent; extra == 'x'\n"


def parts(lacking: int, whole: int, asks: str = "import absent\n") -> dict[str, str]:
    """A package that does without, and its subpackages, of which some lack a module."""
    inner = {
        f"q/p{n}/__init__.py": "from q import common\n" if n < lacking else "" for n in range(whole)
    }
    return {"q/__init__.py": "import os\n", "q/common.py": asks, **inner}


# Files of q, rows of its metadata, and (module, what it lacks, the package that it is a part of).
CASES: dict[str, tuple[Mapping[str, str], str, tuple[str, str, str | None] | None]] = {
    # silent
    "tried": ({"q/__init__.py": "try:\n    import absent\nexcept ImportError:\n    pass\n"}, "", None),
    "in a function that nobody calls": (
        {"q/__init__.py": "def f():\n    import pkg_resources\n"}, "", None
    ),
    "tried in a function that is called": (
        {"q/__init__.py": "def f():\n    try:\n        import pkg_resources\n    except ImportError:\n        pass\nf()\n"},
        "", None,
    ),
    "spoken of in a text": ({"q/__init__.py": '"""\nimport absent\n"""\n'}, "", None),
    "brought along": (
        {"q/__init__.py": "import sys\nsys.path.append('q/_vendor')\nimport absent\n", "q/_vendor/absent/__init__.py": ""},
        "", None,
    ),
    "a namespace of modules": ({"q/a.py": "import absent\n"}, "", None),
    "in half of its parts": (parts(3, 6), "", None),
    "in two parts of three": (parts(2, 3), "", None),
    "in most parts, tried": (parts(4, 6, "try:\n    import absent\nexcept ImportError: ...\n"), "", None),
    "a command that an extra is for": (COMMAND, EXTRA, None),
    "a command that is one of an extra's": (
        {**COMMAND, "q-1.0.dist-info/entry_points.txt": "[console_scripts]\nq = q.run:main [x]\n"}, "", None
    ),
    "what is no command": (
        {**COMMAND, "q-1.0.dist-info/entry_points.txt": "[plugins]\nq = q.run:main\n"}, "", None
    ),
    # told
    "its own import": ({"q/__init__.py": "from .a import x\n", "q/a.py": "import absent\n"}, "", ("q", "absent", None)),
    "what only an extra brings": ({"q/__init__.py": "import absent\n"}, EXTRA, ("q", "absent", None)),
    "in a function that is called at once": (
        {"q/__init__.py": "def f():\n    from pkg_resources import parse_version\nf()\n"}, "", ("q", "pkg_resources", None)
    ),
    "another one, once that is there": (
        {"q/__init__.py": "import absent.a\nfrom absent import b\nimport further\n"}, "", ("q", "absent further", None)
    ),
    "most of its parts": (parts(4, 6), EXTRA, ("q.p0", "absent", None)),
    "a command": (COMMAND, "", ("q.run", "absent", "q")),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_is_reached_and_absent_is_told(name: str, site: Site, ctx: CollectContext) -> None:
    files, rows, expected = CASES[name]
    site.install("keras", files={"keras/__init__.py": b""})
    every = {path: text.encode() for path, text in files.items()}
    site.install("q", files=every, metadata=f"{HEAD}{rows}\n".encode())
    python = site.python(executable=sys.executable, version="3.11.7")
    dists, _ = distributions.collect(ctx, python)
    found = [one for one in libraries.collect(ctx, python, dists, None).imports if one.foreign]
    assert [(i.module, " ".join([i.missing or "", *i.further]), i.part_of) for i in found] == [
        expected
    ] * bool(expected)
