"""SRC605."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from gpufix.checks.registry import ADVICE, ERROR, WARNING, Fault, rule
from gpufix.evidence.builds import builds_of
from gpufix.evidence.cmake_builds import reached
from gpufix.evidence.declared import depends_on
from gpufix.evidence.script_folders import MissingFolder, missing_folders
from gpufix.evidence.source_view import absolute, aside, at, cmake_files, python_files
from gpufix.evidence.view import View
from gpufix.knowledge.data_table import at_least
from gpufix.model import Evidence, Severity, Submodule
from gpufix.model.source_payload import EmptySubmodule, ProjectFile
from gpufix.source.git_files import https_url
from gpufix.text.names import normalise

if TYPE_CHECKING:
    from gpufix.source.builds.run import BuildRun
    from gpufix.source.scanned import Mention

_OWNER = re.compile(r"github\.com[/:]([\w.-]+)/")
_NVIDIA, _AMD = ("nvidia",), ("rocm", "rocmsoftwareplatform", "radeonopencompute")
_FRAMEWORKS = ("googletest", "gtest", "catch2", "doctest", "googlebenchmark")
_TOOLKIT = ("cub", "thrust")  # CUDA brings them since 11.0
_IMPORT = re.compile(r"\s*(?:from|import)\b")
_BUILD_FILES = ("setup.py", "CMakeLists.txt")


@rule("SRC605", "submodule-missing")
def submodule_missing(view: View) -> Iterator[Fault]:
    """A git submodule's folder is empty, or an install script needs a folder that is not there.

    ## What it does
    Compares the entries of .gitmodules, and the gitlinks in git's index, with the folders, and
    looks which build files and Python sources name them. Follows install scripts, and looks for
    what they copy, enter and install: what they fetch, unpack or build themselves may be there then.

    ## Why it matters
    `git clone` without `--recursive` leaves them empty: `glm/glm.hpp: No such file or directory`,
    or `ModuleNotFoundError` for a package that lives in one. Addresses that begin with git@ need
    a key of the user's.

    ## Example
    `third_party/glm is a submodule (https://github.com/g-truc/glm.git), and its folder is empty.`

    ## Severity
    Error when git's index records it and a setup.py, or a line of a CMakeLists.txt that its abstract
    run comes to, names its folder and does not fetch submodules itself; warning when only a build
    tells whether the line is reached, and when another source names it; advice when none does but
    tests, examples, measurements and CMake lines that are not reached here, for test frameworks, for what the maker of the other GPUs
    publishes, and for CUB and Thrust, which CUDA brings since 11.0. A folder that a script needs is
    a warning, and advice where only an option leads there: `--vox2seq`.

    ## Fix
    Safe: what `git submodule update --init` leaves, over https where the entry asks for ssh. git
    works in a fresh repository: the project's own settings, hooks and filters run nothing. Other
    protocols are refused. A folder that is no git repository is only shown.

    ## Source
    gitsubmodules(7), gitformat-index(5).
    """
    project = view.facts.project
    for module in project.submodules if project else []:
        # Named in a .gitmodules that git itself does not follow: a leftover.
        if module.populated or (module.gitlink is False):
            continue
        yield _fault(view, module)
    declared = [module.path for module in project.submodules] if project else []
    told: set[str] = set()
    for row in missing_folders(view):
        new = not any(row.path == each or row.path.startswith(f"{each}/") for each in told)
        if new and not any(row.path == d or row.path.startswith(f"{d}/") for d in declared):
            told.add(row.path)
            yield _absent(view, row)


def _absent(view: View, row: MissingFolder) -> Fault:
    when = f" when it is run with {row.when}" if row.when else ""
    return Fault(
        severity=ADVICE if row.when else WARNING,
        subject=row.path,
        message=f"{row.script} needs {row.path}{when}, which the project does not have.",
        evidence=(at(view, row.script, row.line, row.command),),
        payload=ProjectFile(row.path),
    )


def _fault(view: View, module: Submodule) -> Fault:
    address = f" ({module.url})" if module.url else ""
    ssh = module.url is not None and https_url(module.url) is not None
    evidence: tuple[Evidence, ...] = ()
    if module.declared_in and module.line:
        evidence = (at(view, module.declared_in, module.line, f'[submodule "{module.path}"]'),)
    if module.commit:
        evidence += (Evidence(text=f"git's index wants commit {module.commit[:12]}"),)
    users = sorted(_users(view, module), key=lambda user: not _builds(user))
    evidence += tuple(at(view, u.path, u.line, f"names {module.path}") for u in users[:3])
    return Fault(
        severity=_severity(view, module, users),
        subject=module.path,
        message=f"{module.path} is a submodule{address}, and its folder is empty"
        f"{'; its address needs an ssh key' if ssh else ''}.",
        evidence=evidence,
        breaks=(f"tree:{module.path}",),
        payload=EmptySubmodule(module.path, module.url, module.gitlink),
    )


def _users(view: View, module: Submodule) -> Iterator[Mention]:
    """Who names its folder. An import of a package on which the project depends is one of the installed package."""
    depended = depends_on(view, normalise(module.path.rpartition("/")[2]))
    for user in view.project_mentions(module.path) or ():
        if not (depended and _IMPORT.match(_line(view, user))):
            yield user


def _line(view: View, user: Mention) -> str:
    found = view.source(absolute(view, user.path)) if user.path.endswith(".py") else None
    lines = found.text.split("\n") if found else []
    return "".join(lines[user.line - 1 : user.line])


def _severity(view: View, module: Submodule, users: Sequence[Mention]) -> Severity:
    needed = {user: _needed(view, module, user) for user in users}
    if _for_others(view, module) or all(
        aside(user.path) or needed[user] is False for user in users
    ):
        return ADVICE
    if module.gitlink and any(needed[user] and not user.fetches for user in users):
        return ERROR
    return WARNING


def _builds(user: Mention) -> bool:
    return user.path.rpartition("/")[2] in _BUILD_FILES


def _needed(view: View, module: Submodule, user: Mention) -> bool | None:
    """Whether a build comes to what names the folder; None: only its run tells, or it is no build file."""
    name = user.path.rpartition("/")[2]
    if name == "setup.py" and user.path in python_files(view):
        run = builds_of(view).run(user.path)
        return True if not run.whole or not run.called else _asks_for(run, module.path) or None
    if name == "setup.py":
        return True
    if user.path in cmake_files(view):
        return _reached(view, user, module.path)
    return None


def _reached(view: View, user: Mention, path: str) -> bool | None:
    """Whether a configure comes to any of the lines that name a folder."""
    found = view.source(absolute(view, user.path))
    lines = found.text.split("\n") if found else []
    folder = f"{user.path.rpartition('/')[0]}/"
    short = path.removeprefix(folder)  # as the file itself may name it
    named = [at for at, text in enumerate(lines, 1) if short in text.partition("#")[0]]
    answers = {reached(view, user.path, line) for line in {*named, user.line}}
    return True if True in answers else False if answers == {False} else None


def _asks_for(run: BuildRun, path: str) -> bool:
    """Whether what a setup.py compiles, starts or looks for has something of a folder."""
    texts = [s.text for e in run.extensions for s in (*e.sources, *e.include_dirs, *e.cxx, *e.nvcc)]
    texts += [word for each in run.started for word in each.arguments]
    texts += [q.subject for q in run.asked if q.kind == "file"]
    return any(path in text for text in texts)


def _for_others(view: View, module: Submodule) -> bool:
    """Whether it is a test framework, is CUDA's own, or comes from the maker of the other GPUs."""
    name, torch = module.path.rpartition("/")[2].lower(), view.facts.torch
    if name in _FRAMEWORKS:
        return True
    if name in _TOOLKIT and torch and torch.cuda and at_least(torch.cuda, "11.0"):
        return True
    owner = _OWNER.search(module.url or "")
    if torch is None or owner is None or not (torch.cuda or torch.hip):
        return False
    return owner[1].lower() in (_NVIDIA if torch.hip else _AMD)
