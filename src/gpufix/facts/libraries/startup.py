"""Libraries that a Python opens before any import: by lines of .pth files, and by sitecustomize."""

from __future__ import annotations

import re
from collections.abc import Mapping
from posixpath import dirname
from typing import cast

from gpufix.binary.loader.preloaded import Preloaded
from gpufix.binary.loader.state import State
from gpufix.facts.libraries.imports import Site
from gpufix.facts.libraries.module_names import ModuleNames
from gpufix.facts.libraries.modules import Modules
from gpufix.facts.libraries.start_code import customizing, telling
from gpufix.files import read_whole
from gpufix.model import PthFile, Python
from gpufix.source.python.importing import Session

_LIMIT, _LINES = 64 << 10, 200
# How a line asks for the folder that its file lies in.
_SITEDIR = re.compile(r"""sys\._getframe\(\d?\)\.f_locals(?:\[|\.get\()["']sitedir["'][\])]""")


def started(python: Python, environ: Mapping[str, str], preloaded: Preloaded) -> State:
    """The process when `site` has run. The lines are read as code is read, and never run."""
    modules = Modules(python)
    steps = [_scripts(modules, number, pth) for number, pth in enumerate(telling(python))]
    steps += [[name] for name in customizing(python) if modules.find(name) is not None]
    own = {name for names in steps for name in names}
    if True not in {modules.may_open(name) for name in own}:
        return preloaded.bare
    site = Site(
        python, environ, preloaded, {}, (), ModuleNames(modules), own, siblings=True, known={}
    )
    site.hooked = False  # what would bring modules of its own has not run yet
    session = Session(site)
    for names in steps:
        for name in names:
            # As `site` does: what a failing line leaves of its file is ignored.
            if session.follow(name).state == "fails":
                break
    return cast("State", site.state)


def _scripts(modules: Modules, number: int, pth: PthFile) -> list[str]:
    """The lines that run, each a module of its own, with what it may ask its caller for."""
    try:
        text = read_whole(pth.path, _LIMIT).decode("utf-8-sig", "replace")
    except (OSError, ValueError):
        return []
    folder, names = f"sitedir = {dirname(pth.path)!r}\n", []
    for at, line in enumerate(text.splitlines()[:_LINES], 1):
        if line.startswith(("import ", "import\t")):
            names.append(f"__pth_{number}_{at}__")
            modules.add(names[-1], f"{pth.path}:{at}", folder + _SITEDIR.sub("sitedir", line))
    return names
