"""WHL512: names of modules that something else has taken."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import builders as b
import source_tree as t
from rows import ROOT, Fires, rows

from gpufix.checks.registry import ERROR, WARNING, Fault
from gpufix.checks.wheels.whl512_name_taken import name_taken
from gpufix.evidence.view import View
from gpufix.knowledge import families
from gpufix.model import Distribution, Record, Shadow
from gpufix.model.payload import HiddenModule, NameTaken

WARP, CUDF = b.dist("warp", "0.0.1"), b.dist("cudf-cu13", "0.0.0a0")
NVTOOLS = b.dist("nvtools", "1.0", record=Record(files=3))
PLACE = "/src/project/main.py:3"
ROWS = {row.distributions[0]: row for row in families.lookalikes()}


def of(*dists: Distribution, imports: str = "", shadow: Shadow | None = None) -> View:
    more: dict[str, Any] = {"unmet_imports": {imports: PLACE} if imports else {}}
    more["shadows"] = [shadow] if shadow else []
    return b.view(b.facts(distributions=list(dists), **more))


def shadow(hidden: str) -> Shadow:
    at = {"path": "/src/project/cuda.py", "lost": "cuda.bindings", "place": PLACE}
    return Shadow(name="cuda", hidden=hidden, **at)


def hidden(what: str) -> Fault:
    return Fault(
        ERROR,
        "/src/project/cuda.py",
        f"/src/project/cuda.py hides {what}: main.py:3 asks for cuda.bindings, which it does not have.",
        evidence=(PLACE,),
        payload=HiddenModule("/src/project/cuda.py"),
    )


CARDS, ASKS = "CARDS = [0]\n", "from cuda.bindings import runtime\n"
RENAME = ["install-meant manual", "rename-module unsafe"]
BY_HAND = ["install-meant manual"]


def beside(**files: str) -> Fires:
    """A project whose cuda.py hides the installed package."""
    named = {name.replace("__", "."): text for name, text in files.items()}
    held = {"cuda.py": CARDS, "main.py": ASKS, **named}

    def given(root: Path) -> View:
        place = f"{root}/main.py:1"
        at = {"path": f"{root}/cuda.py", "lost": "cuda.bindings", "place": place}
        return t.look(t.write(root, held), shadows=[Shadow(name="cuda", hidden="cuda", **at)])

    fault = Fault(
        ERROR,
        f"{ROOT}/cuda.py",
        f"{ROOT}/cuda.py hides the installed package: main.py:1 asks for cuda.bindings, which it does "
        "not have.",
        evidence=(f"{ROOT}/main.py:1",),
        payload=HiddenModule(f"{ROOT}/cuda.py"),
    )
    return Fires(given, fault)


# Who else speaks of the file, and what is then offered.
BESIDE = {
    "nobody": ({}, RENAME),
    "a device of the name": (
        {"use__py": 'import torch\nx = torch.ones(1, device="cuda")\n'},
        RENAME,
    ),
    "who asks for more of the package": ({"use__py": "import cuda.core\n"}, RENAME),
    "a name that only the package has": ({"use__py": "import cuda\ncuda.init()\n"}, RENAME),
    "a name of it": ({"use__py": "def f():\n    from cuda import CARDS\n"}, BY_HAND),
    "an attribute of it": ({"use__py": "import cuda as c\nprint(c.CARDS)\n"}, BY_HAND),
    "who hands it on": ({"use__py": "import cuda\nprint(cuda)\n"}, BY_HAND),
    "all of it": ({"use__py": "from cuda import *\n"}, BY_HAND),
    "by a text": ({"use__py": "import importlib\nimportlib.import_module('cuda')\n"}, BY_HAND),
    "a relative import": ({"use__py": "from . import cuda\n"}, BY_HAND),
    "one that is no Python": ({"use__py": "import cuda\nprint cuda\n"}, BY_HAND),
    "a script": ({"run__sh": "python cuda.py\n"}, BY_HAND),
    "who packs it": ({"pyproject__toml": '[tool.setuptools]\npy-modules = ["cuda"]\n'}, BY_HAND),
    "who has that name": ({"cuda_.py": ""}, BY_HAND),
}


def another(dist: Distribution, module: str, what: str, *evidence: str) -> Fault:
    message = f"main.py:3 imports {module}; {dist.name} {dist.version} {what}."
    row = ROWS.get(dist.name)
    lost = f"which distribution brings {module} is not known here"
    meant = NameTaken(dist.name, row.meant if row else lost, row.instead if row else None)
    return Fault(ERROR, dist.name, message, evidence=(PLACE, *evidence), payload=meant)


def source(name: str) -> str:
    return f"source: {ROWS[name].source}"


SILENT = {
    "nothing of the kind": of(b.dist("warp-lang", "1.10.0")),
    "a module that nothing is named after": of(b.dist("a"), imports="yaml"),
    "what it brought is not recorded": of(b.dist("nvtools"), imports="nvtools"),
    "it is damaged: WHL503's": of(
        b.dist("nvtools", record=Record(files=3, missing=["nvtools.py"], missing_count=1)),
        imports="nvtools",
    ),
    "a module that a package has no more: SRC604's": of(b.dist("jax"), imports="jax.linear_util"),
    "a namesake that holds modules, of which nobody asks": of(b.dist("apex", "0.9.10.dev0")),
    "a release of RAPIDS": of(b.dist("cudf-cu13", "25.12.0")),
    "installed from a checkout": of(b.dist("warp", "0.1", editable="/src/warp"), imports="warp"),
}

FIRING = {
    "a script stands before a namespace": Fires(
        of(shadow=shadow("cuda")), hidden("the installed package"), ["install-meant manual"]
    ),
    "a script stands before a package": Fires(
        of(shadow=shadow("/site/cuda/__init__.py")),
        hidden("/site/cuda/__init__.py of the same name"),
        ["install-meant manual"],
    ),
    **{
        f"a script, and beside it {who}": replace(beside(**files), offers=offers)
        for who, (files, offers) in BESIDE.items()
    },
    "another project, that a script means": Fires(
        of(WARP, imports="warp"),
        another(WARP, "warp", f"is another project; {ROWS['warp'].meant}", source("warp")),
        ["install-meant unsafe"],
    ),
    "another project, of which a script wants a module": Fires(
        of(b.dist("apex", "0.9.10.dev0"), imports="apex.amp"),
        another(
            b.dist("apex", "0.9.10.dev0"),
            "apex.amp",
            f"is another project; {ROWS['apex'].meant}",
            source("apex"),
        ),
    ),
    "a package without the module of its name": Fires(
        of(NVTOOLS, imports="nvtools"),
        another(NVTOOLS, "nvtools", "does not bring it"),
    ),
    "another project, which is empty": Fires(
        of(WARP),
        Fault(
            WARNING,
            "warp",
            f"warp 0.0.1 holds no module; {ROWS['warp'].meant}.",
            evidence=(source("warp"),),
            payload=NameTaken("warp", ROWS["warp"].meant, "warp-lang"),
        ),
        ["install-meant unsafe"],
    ),
    "a placeholder": Fires(
        of(CUDF),
        Fault(
            WARNING,
            "cudf-cu13",
            f"cudf-cu13 0.0.0a0 holds no module; {ROWS['cudf-cu13'].meant}.",
            evidence=(source("cudf-cu13"),),
            payload=NameTaken("cudf-cu13", ROWS["cudf-cu13"].meant, None),
        ),
    ),
}

test_silent, test_firing = rows(name_taken, SILENT, FIRING)
