"""TCH207."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from packaging.requirements import Requirement

from gpufix.checks.registry import ERROR, WARNING, Fault, rule
from gpufix.checks.toolchain import configure_needs
from gpufix.evidence.build_modules import (
    HOLDERS,
    AbsentModule,
    absent_modules,
    isolation_takes,
)
from gpufix.evidence.building import builds, tool, was_collected
from gpufix.evidence.builds import without_module
from gpufix.evidence.requirements import Requirements, parse
from gpufix.evidence.source_view import (
    absolute,
    aside,
    at,
    for_tests,
    is_vendored,
    python_files,
    toml_files,
)
from gpufix.evidence.view import View
from gpufix.knowledge.data_table import at_least
from gpufix.model import Evidence
from gpufix.model.payload import MissingModules, MissingRequirements, MissingTool
from gpufix.source.source_facts import PythonFacts, TomlFacts
from gpufix.text.names import normalise

_COMPILERS = ("g++", "c++", "clang++")
_NO_PKG_RESOURCES = "82"  # the first setuptools without it, by its changelog
_TOLD = {"setuptools", "wheel", "ninja", "cmake", "torch"}  # judged by rules of their own


@rule("TCH207", "build-tools-missing")
def build_tools_missing(view: View) -> Iterator[Fault]:
    """A tool that the project's build needs is not here.

    ## What it does
    Looks for a C++ compiler, Python's headers, ninja, setuptools (and wheel, for setuptools before
    70.1), on Windows for cl.exe of Visual C++, for cmake when the project has a CMakeLists.txt, and for what the pyproject.toml of an
    extension requires for the build and its setup.py imports. Follows each setup.py to the imports
    without which it ends: pkg_resources, which setuptools 82 removed, and modules that no folder of this
    Python shows. Follows CMake builds of GPU code: the release that
    cmake_minimum_required asks for, what find_package() requires of pip's (pybind11, nanobind) where pip starts
    them and their build does not declare it, policies that CMake 4 refuses, find_package(CUDA) where FindCUDA
    is gone, and C++20 for nvcc, which cmake knows since 3.25.2.

    ## Why it matters
    Without ninja cpp_extension compiles one file after another and `load()` refuses to work.
    Without headers: `fatal error: Python.h: No such file or directory`.

    ## Example
    `ninja is neither on PATH nor installed in this environment; cpp_extension builds with it.`

    ## Severity
    Error for the compiler, Python's headers, a setup.py that ends without pkg_resources, the
    project's own where it ends without a module that its build does not declare and no requirement file lists, and a configure that cmake ends when
    it is called for the project; warning for the rest. Where the project has
    nothing to compile, only a setup.py that ends without pkg_resources is looked at, and only if a build in isolation
    may take the installed setuptools.

    ## Fix
    Unsafe: install the Python-packaged ones; CMAKE_POLICY_VERSION_MINIMUM for old policies. Manual: system packages.

    ## Source
    torch/utils/cpp_extension.py; setuptools 70.1 (bdist_wheel of its own); setuptools 82
    (pkg_resources removed).
    """
    if view.facts.python is None:
        return
    if not builds(view):
        yield from _removed(view)
        return
    if was_collected(view, "tools"):
        yield from _programs(view)
        yield from configure_needs.faults(view)
    yield from _packages(view)
    if was_collected(view, "distributions"):
        yield from configure_needs.packages(view)
    yield from _removed(view)
    required = list(_required(view))
    yield from required
    yield from _imported(view, {name for fault in required for name in fault.subject.split(", ")})
    python = view.facts.python
    if not python.has_headers and view.facts.host.os in ("Linux", "Windows"):
        where = f" ({python.include})" if python.include else ""
        yield _fault(
            "Python.h", f"The headers of Python {python.version} are not here{where}", True
        )


def _programs(view: View) -> Iterator[Fault]:
    windows = view.facts.windows
    if view.facts.host.os == "Windows":
        if windows and windows.visual_studios is not None and tool(view, "cl") is None:
            text = "No Visual Studio here has cl.exe of Visual C++; every extension needs one"
            yield _fault("cl.exe", text, True)
    elif tool(view, *_COMPILERS) is None and not _numbered(view):
        yield _fault("g++", "No C++ compiler is on PATH; every extension needs one", True)
    if tool(view, "ninja") is None and view.dist("ninja") is None:
        text = "ninja is neither on PATH nor installed in this environment"
        yield _fault("ninja", f"{text}; cpp_extension builds with it", False)
    project = view.facts.project
    wants_cmake = project is not None and "CMakeLists.txt" in project.markers
    if wants_cmake and tool(view, "cmake") is None and view.dist("cmake") is None:
        yield _fault("cmake", "The project has a CMakeLists.txt, and no cmake is here", False)


def _packages(view: View) -> Iterator[Fault]:
    if not was_collected(view, "distributions"):
        return
    if not _builds_with_setuptools(view):
        return
    setuptools = view.dist("setuptools")
    if setuptools is None:
        text = "setuptools is not installed; a build without isolation needs it"
        yield _fault("setuptools", text, False)
    elif not at_least(setuptools.version, "70.1") and view.dist("wheel") is None:
        text = f"setuptools {setuptools.version} needs the package wheel, which is not installed"
        yield _fault("wheel", text, False)


def _removed(view: View) -> Iterator[Fault]:
    """Files that surely end because the installed setuptools has no pkg_resources any more."""
    setuptools = view.dist("setuptools")
    if setuptools is None or not at_least(setuptools.version, _NO_PKG_RESOURCES):
        return
    places = []
    for path, facts in python_files(view).items():
        own = path.rpartition("/")[2] == "setup.py" and not (for_tests(path) or is_vendored(path))
        if own and "pkg_resources" in facts.imports and _meets(view, path, setuptools.version):
            end = without_module(view, path, "pkg_resources").fails
            if end is not None and end.missing == "pkg_resources":
                places.append(end.place)
    if places:
        files = ", ".join(dict.fromkeys(place.path for place in places))
        yield Fault(
            severity=ERROR,
            subject="setuptools",
            message=f"{files} imports pkg_resources, which setuptools {setuptools.version} does not "
            f"have; setuptools before {_NO_PKG_RESOURCES} does.",
            evidence=tuple(at(view, p.path, p.line, "import of pkg_resources") for p in places),
            payload=MissingTool(f"setuptools<{_NO_PKG_RESOURCES}", False),
        )


def _meets(view: View, path: str, release: str) -> bool:
    """Whether a build runs with the installed setuptools: in isolation where nothing is compiled."""
    return builds(view) or (
        path == "setup.py" and isolation_takes(view, path, "setuptools", release)
    )


def _imported(view: View, told: Collection[str]) -> Iterator[Fault]:
    """Modules that a setup.py imports and nothing here holds; told: distributions of the findings before."""
    if not was_collected(view, "distributions"):
        return
    for path, facts in python_files(view).items():
        own = path.rpartition("/")[2] == "setup.py" and facts.calls_setup
        if not own or aside(path) or for_tests(path) or is_vendored(path):
            continue
        absent = [x for x in absent_modules(view, path) if (x.distribution or x.name) not in told]
        # A build that does not need torch runs in isolation, which brings what it declares.
        if absent and (facts.extension or not all(x.declared for x in absent)):
            yield _unfound(view, path, absent)


def _unfound(view: View, path: str, absent: Sequence[AbsentModule]) -> Fault:
    """One finding for a setup.py. Nothing that a build does brings a module that is not declared."""
    names = ", ".join(x.name for x in absent)
    are, they = ("is", "it") if len(absent) == 1 else ("are", "them")
    sure = any(not x.declared and x.listed is None for x in absent)
    declared = all(x.declared for x in absent)
    end = (
        "and a build without isolation ends"
        if declared
        else f"and its build does not declare {they}"
    )
    return Fault(
        severity=ERROR if sure and path == "setup.py" else WARNING,
        subject=path,
        message=f"{path} imports {names}, which {are} not installed, {end}.",
        evidence=tuple(
            at(view, *place, f"{what} {x.name}")
            for x in absent
            for place, what in ((x.place, "import of"), (x.listed, "asks for what holds"))
            if place is not None
        ),
        payload=MissingModules(
            tuple(x.name for x in absent), tuple(x.distribution or "" for x in absent)
        ),
    )


def _builds_with_setuptools(view: View) -> bool:
    """Not a project of CMake or make alone, nor one that names another back end."""
    project = view.facts.project
    if project is None or "setup.py" in project.markers:
        return True
    back_ends = [toml.backend for toml in toml_files(view).values() if toml.requires is not None]
    if back_ends:
        return any(name is None or name.startswith("setuptools") for name in back_ends)
    return "pyproject.toml" in project.markers


def _required(view: View) -> Iterator[Fault]:
    """The build requirements of extensions: a build without isolation finds what is here alone."""
    if not was_collected(view, "distributions"):
        return
    for path, toml in toml_files(view).items():
        folder = path.removesuffix("pyproject.toml")
        python = python_files(view).get(f"{folder}setup.py")
        if python is None or not python.extension:
            continue
        missing = [
            (text, requirement)
            for text, requirement in _missing(view, toml)
            if _used(view, requirement.name, toml, python, folder)
        ]
        indexed = [row for row in missing if row[1].url is None]
        groups = [[row] for row in missing if row[1].url is not None]
        for group in [indexed, *groups] if indexed else groups:
            yield _absent(view, path, group)


def _absent(view: View, path: str, rows: Sequence[tuple[str, Requirement]]) -> Fault:
    """One finding for a pyproject.toml: its requirements are installed together."""
    names = list(dict.fromkeys(normalise(requirement.name) for _, requirement in rows))
    are = "it is" if len(names) == 1 else "they are"
    return Fault(
        severity=WARNING,
        subject=", ".join(names),
        message=f"{path} requires {', '.join(names)} for the build, and {are} not installed.",
        evidence=tuple(Evidence(text=text, path=absolute(view, path)) for text, _ in rows),
        payload=MissingRequirements(names[0], rows[0][1].url is not None, tuple(names[1:])),
    )


def _missing(view: View, toml: TomlFacts) -> Iterator[tuple[str, Requirement]]:
    """What is required here, is not installed, and is judged by no rule of its own."""
    here = view.derive(Requirements.of)
    for text in toml.requires or ():
        requirement = parse(text)
        if requirement is None or normalise(requirement.name) in _TOLD:
            continue
        if here.applies(requirement) and not view.dist(normalise(requirement.name)):
            yield text, requirement


def _used(view: View, name: str, toml: TomlFacts, setup: PythonFacts, folder: str) -> bool:
    """Whether the build comes to a requirement: installers do not ask for those that it does not.

    Modules of the project that setup.py imports may import it.
    """
    project = view.facts.project
    paths = [source.path for source in project.sources] if project else []
    local = [f"{folder}{module}" for module in setup.imports]
    if any(path.startswith((f"{own}/", f"{own}.py")) for own in local for path in paths):
        return True
    imported = {HOLDERS.get(module, normalise(module)) for module in setup.imports}
    back_end = normalise((toml.backend or "").split(".")[0])
    return normalise(name) in imported | {back_end}


def _numbered(view: View) -> bool:
    return any(t.name.startswith(("g++-", "clang++-")) for t in view.facts.tools)


def _fault(name: str, text: str, fatal: bool) -> Fault:
    return Fault(
        severity=ERROR if fatal else WARNING,
        subject=name,
        message=f"{text}.",
        payload=MissingTool(name, False),
    )
