"""The project's CMake builds, run abstractly: with the patient's variables, toolkit and torch."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from gpufix.evidence import building
from gpufix.evidence.builds import ViewFiles, world_of
from gpufix.evidence.cmake_started import DEFINE, started
from gpufix.evidence.source_view import (
    beside,
    cmake_files,
    for_tests,
    is_vendored,
    python_files,
    setups_above,
    source_of,
)
from gpufix.evidence.supposed_worlds import with_gpu
from gpufix.evidence.view import View
from gpufix.frozen import Frozen

if TYPE_CHECKING:
    from gpufix.source.builds.cmake_result import CMakeBuild
    from gpufix.source.builds.run import Ending

Caller = Literal["hand", "scikit-build-core", "setup.py", "aside"]
_MOST_ROOTS, _MOST_CALLERS = 30, 20
_COMPILERS = ("CC", "CXX", "CUDACXX")  # by which project() chooses
_NOTHING = re.compile(r"(?!)")
_DEFINES = re.compile(r"-D\s*['\"]?([A-Za-z_]\w*)(?::[A-Z]+)?=")
CALLS_CMAKE = re.compile(  # the command, up to the next one
    r"(?:^|&&|[;|(]|\b(?:RUN|sudo|then|do)\b)[ \t]*(?:\w+=\S*[ \t]+)*cmake[ \t]"
    r"(?:\"[^\"\n]*\"|'[^'\n]*'|\\\n|[^\n;&|\"'])*",
    re.MULTILINE,
)


class CMakeRoot(Frozen):
    """A CMakeLists.txt that is configured by itself, who calls it, and what it does here.

    build: with a cmake as new as it asks for, and with a GPU where it ends without; refused, blind: how it
    ends here instead.
    """

    path: str  # relative to the project
    caller: Caller
    defines: Mapping[str, str | None]
    build: CMakeBuild
    refused: Ending | None = None  # for the cmake that is here
    blind: Ending | None = None  # because no GPU is visible


def roots(view: View) -> tuple[CMakeRoot, ...]:
    """Every CMake build of the project, without those that it carries along of others."""
    return view.derive(_roots, shared=True)


def _roots(view: View) -> tuple[CMakeRoot, ...]:
    files = cmake_files(view)
    if not any(facts.asks for facts in files.values()):
        return ()
    found: list[CMakeRoot] = []
    seen: set[str] = set()
    paths = [
        p
        for p, facts in files.items()
        if (facts.project or p == "CMakeLists.txt") and p.rpartition("/")[2] == "CMakeLists.txt"
    ]
    for path in sorted(paths, key=lambda p: (p.count("/"), p))[:_MOST_ROOTS]:
        if path in seen or is_vendored(path) or for_tests(path):
            continue
        root = _root(view, path)
        seen |= set(root.build.files)
        found.append(root)
    return tuple(found)


def _root(view: View, path: str) -> CMakeRoot:
    caller = _caller(view, path)
    defines = _defines(view, path, caller)
    here = _run(view, path, defines, release(view))
    for _ in range(_DEMANDS):
        name = _demanded(here)
        if caller == "setup.py" or not name or name in defines:
            break
        defines = {**defines, name: None}  # whoever calls cmake gives it
        here = _run(view, path, defines, release(view))
    wanted = _wanted(here)
    build = _run(view, path, defines, wanted) if wanted else here
    seen = run(view, path, defines, gpu=True) if build.fails else build
    sees = build.fails is not None and seen.fails is None and seen.whole
    return CMakeRoot(
        path=path,
        caller=caller,
        defines=defines,
        build=seen if sees else build,
        refused=here.fails if wanted else None,
        blind=build.fails if sees else None,
    )


_DEMANDS = 8  # variables of one file that its caller is taken to give


def _demanded(build: CMakeBuild) -> str:
    """The variable without which the file itself ends a configure."""
    end = build.fails
    return end.missing if end is not None and end.error == "FATAL_ERROR" else ""


def _wanted(build: CMakeBuild) -> str | None:
    """The newer cmake that a configure ends for the want of."""
    end = build.fails
    return end.message.split()[1] if end is not None and end.error == "cmake" else None


def run(
    view: View,
    path: str,
    defines: Mapping[str, str | None],
    variables: Mapping[str, str] | None = None,
    edited: Mapping[str, str] | None = None,
    gpu: bool = False,
) -> CMakeBuild:
    """What the CMakeLists.txt at a path does; with variables set, files edited, or a GPU, supposed.

    With a cmake as new as it asks for: where that is not here, TCH207 says so.
    """
    here = _run(view, path, defines, release(view), variables, edited, gpu)
    wanted = _wanted(here)
    return _run(view, path, defines, wanted, variables, edited, gpu) if wanted else here


def _run(
    view: View,
    path: str,
    defines: Mapping[str, str | None],
    cmake: str | None,
    variables: Mapping[str, str] | None = None,
    edited: Mapping[str, str] | None = None,
    gpu: bool = False,
) -> CMakeBuild:
    from gpufix.source.builds.cmake_result import run_cmake
    from gpufix.source.builds.cmake_state import CMakeCall

    project = view.facts.project
    root = project.root.rstrip("/") if project else ""
    folder = path.rpartition("/")[0]
    files = view.derive(_files).edited({f"{root}/{p}": t for p, t in (edited or {}).items()})
    world = world_of(view, root, files)
    changes: dict[str, Any] = {"environment": {**world.environment, **(variables or {})}}
    if view.facts.torch is None:
        changes["torch"] = None
    if gpu:
        changes |= with_gpu(view)
    build = run_cmake(
        CMakeCall(
            world=replace(world, **changes),
            source=f"{root}/{folder}" if folder else root,
            defines=defines,
            cmake=cmake,
            awaited=_awaited(view),
        )
    )
    for name in _COMPILERS:
        view.env(name)
    for question in build.asked:  # a plan that sets one of them asks this run again
        if question.subject.startswith("ENV{"):
            view.env(question.subject[4:-1])
    return build


def _awaited(view: View) -> frozenset[str]:
    """The folders of the submodules that are not filled yet."""
    project = view.facts.project
    if project is None:
        return frozenset()
    root = project.root.rstrip("/")
    return frozenset(f"{root}/{row.path}" for row in project.submodules if not row.populated)


def _files(view: View) -> ViewFiles:
    project = view.facts.project
    return ViewFiles(view, project.root.rstrip("/") if project else "")


def release(view: View) -> str | None:
    """The cmake that a build would run."""
    tool = building.tool(view, "cmake")
    return tool.version if tool else None


def reached(view: View, path: str, line: int) -> bool | None:
    """Whether a configure comes to the command on a line of a CMake file; None: that is not known.

    False is for what stands under a condition that does not hold here, such as an option that is OFF.
    """
    from gpufix.source.builds.cmake_syntax import commands

    found = source_of(view, path)
    starts = [c.line for c in commands(found.text) if c.line <= line] if found else []
    answers: set[bool | None] = set()
    for root in roots(view):
        build = root.build
        if path in build.files and starts:
            stopped = not build.whole or any(e.state == "error" and e.sure for e in build.endings)
            ran = build.ran.get((path, max(starts)))
            answers.add(
                None if stopped and ran is None else bool(ran) if ran is not False else None
            )
    return True if True in answers else (False if answers == {False} else None)


def brings_cmake(view: View, root: CMakeRoot) -> bool:
    """Whether the build backend takes a cmake that it requires, whatever is on PATH."""
    if root.caller == "scikit-build-core":
        return True
    return root.caller == "setup.py" and requires(view, root, "cmake")


def requires(view: View, root: CMakeRoot, name: str) -> bool:
    """Whether a distribution is among the requirements of the build."""
    from gpufix.evidence.requirements import is_among

    folder = root.path.rpartition("/")[0]
    systems = [project_of(view, folder).get("build-system", {})]
    systems += [_pyproject(view, "").get("build-system", {})] if folder else []
    return is_among(name, (str(text) for each in systems for text in each.get("requires", [])))


def _caller(view: View, path: str) -> Caller:
    """Who runs cmake on it: pip by the build backend, setup.py, or a user by hand."""
    folder = path.rpartition("/")[0]
    system = project_of(view, folder).get("build-system", {})
    named = (str(system.get("build-backend", "")), *map(str, system.get("requires", [])))
    # A back end that requires it wraps it.
    if any(re.match(r"scikit[-_.]build[-_.]core\b", name) for name in named):
        return "scikit-build-core"
    holders = view.project_holders("cmake") or ()
    if set(setups_above(folder)) & set(holders) or started(view, path) is not None:
        return "setup.py"
    return "aside" if any(facts.extension for facts in beside(path, python_files(view))) else "hand"


def project_of(view: View, folder: str) -> dict[str, Any]:
    """The pyproject.toml beside a CMakeLists.txt, or one above whose cmake.source-dir it is."""
    found, above = _pyproject(view, folder), folder
    while above and not found:
        above = above.rpartition("/")[0]
        project = _pyproject(view, above)
        named = _cmake_table(project).get("source-dir")
        if isinstance(named, str) and posixpath.normpath(posixpath.join(above, named)) == folder:
            found = project
    return found


def _pyproject(view: View, folder: str) -> dict[str, Any]:
    from gpufix.source import toml_text

    path = f"{folder}/pyproject.toml" if folder else "pyproject.toml"
    if path not in view.derive(_paths):
        return {}
    found = source_of(view, path)
    try:
        table = toml_text.parse(found.text) if found else {}
    except ValueError:
        return {}
    system = table.get("build-system")
    return table if isinstance(system, dict) else {**table, "build-system": {}}


def _paths(view: View) -> frozenset[str]:
    project = view.facts.project
    return frozenset(source.path for source in project.sources) if project else frozenset()


def _defines(view: View, path: str, caller: Caller) -> dict[str, str | None]:
    """The -D of the callers: None for what only their run would tell."""
    given = started(view, path) if caller == "setup.py" else None
    found = given if given is not None else dict.fromkeys(passed(view, caller))
    if caller == "scikit-build-core":
        found |= {"SKBUILD": "2", "CMAKE_BUILD_TYPE": "Release"}
        found |= configured(project_of(view, path.rpartition("/")[0]))
    if caller in ("scikit-build-core", "setup.py"):
        for name, text in DEFINE.findall(view.env("CMAKE_ARGS") or ""):
            found[name] = text.strip("\"'")
    return found


def passed(view: View, caller: Caller) -> tuple[str, ...]:
    """Variables that files of the project give to cmake, where this caller runs it."""
    by_pip = caller in ("setup.py", "scikit-build-core")
    return view.derive(_passed_to_pip if by_pip else _passed_by_files)


def _passed_by_files(view: View) -> tuple[str, ...]:
    """Variables that Python files and scripts of the project give to cmake."""
    return _passed(view, _NOTHING, ("shell", "docker"))


def _passed_to_pip(view: View) -> tuple[str, ...]:
    """The same, but those that a script gives to a cmake of its own."""
    return _passed(view, CALLS_CMAKE, ("shell", "docker"))


def _passed(view: View, without: re.Pattern[str], kinds: tuple[str, ...]) -> tuple[str, ...]:
    texts = calling(view, kinds)
    return defined_in(without.sub("", text) if kind in kinds else text for kind, text in texts)


def defined_in(texts: Iterable[str]) -> tuple[str, ...]:
    """The variables that texts give with -D."""
    return tuple(dict.fromkeys(name for text in texts for name in _DEFINES.findall(text)))


def calling(view: View, kinds: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """The texts that may call cmake: of files that hold a -D, and of all of these kinds."""
    project = view.facts.project
    if project is None:
        return
    of = {source.path: source.kind for source in project.sources}
    holders = (view.project_holders("-D") or ())[:_MOST_CALLERS]
    scripts = [path for path, kind in of.items() if kind in kinds][:_MOST_CALLERS]
    for path in dict.fromkeys([*holders, *scripts]):
        found = source_of(view, path) if not for_tests(path) else None
        if found and "cmake" in found.text.lower():
            yield of.get(path, "") if path in scripts else "", found.text


def _cmake_table(project: Mapping[str, Any]) -> dict[str, Any]:
    tool = project.get("tool")
    section = tool.get("scikit-build", {}) if isinstance(tool, dict) else {}
    table = section.get("cmake", {}) if isinstance(section, dict) else {}
    return table if isinstance(table, dict) else {}


def configured(project: Mapping[str, Any]) -> dict[str, str | None]:
    """[tool.scikit-build.cmake]: define and args."""
    table = _cmake_table(project)
    found: dict[str, str | None] = {}
    if isinstance(table.get("build-type"), str):
        found["CMAKE_BUILD_TYPE"] = table["build-type"]
    for text in table.get("args", []) if isinstance(table.get("args"), list) else []:
        if named := DEFINE.fullmatch(str(text)):
            found[named[1]] = named[2]
    defines = table.get("define", {})
    for name, value in defines.items() if isinstance(defines, dict) else ():
        if isinstance(value, dict):
            found[str(name)] = None  # of an environment variable
        else:
            found[str(name)] = ("ON" if value else "OFF") if isinstance(value, bool) else str(value)
    return found
