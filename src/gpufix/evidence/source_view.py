"""The project's sources as rules ask for them, with the guards that lines stand under."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from gpufix.evidence.view import View
from gpufix.model import Evidence, Gap, SourceKind

if TYPE_CHECKING:
    from gpufix.source.scanned import Scanned, SourceText, Unread
    from gpufix.source.source_facts import (
        CMakeFacts,
        PythonFacts,
        RequirementFacts,
        ShellFacts,
        TomlFacts,
    )

T = TypeVar("T")


def active(view: View, guards: Sequence[str]) -> bool | None:
    """True: it runs. False: it does not. None: only a run would tell."""
    verdicts = [_holds(view, guard) for guard in guards]
    if False in verdicts:
        return False
    return None if None in verdicts else True


def _holds(view: View, guard: str) -> bool | None:
    if guard.startswith("!"):
        verdict = _holds(view, guard[1:])
        return None if verdict is None else not verdict
    if guard.startswith("env:"):
        return bool(view.env(guard[4:]))
    torch = view.facts.torch
    if guard == "hip":
        return bool(torch.hip) if torch else None
    if guard == "gpu":
        return _sees_gpu(view)
    python = view.facts.python
    on_windows = python is not None and python.platform == "win32"
    return {"windows": on_windows, "mac": False, "never": False}.get(guard)


def _sees_gpu(view: View) -> bool | None:
    """torch.cuda.is_available(), as far as facts tell."""
    torch = view.facts.torch
    if torch is None or not (torch.cuda or torch.hip):
        return None if torch is None else False
    vendor = "amd" if torch.hip else "nvidia"
    return any(gpu.vendor == vendor for gpu in view.facts.gpus)


# Folders by which projects name what they carry along of others.
_CARRIED = {"third_party", "thirdparty", "3rdparty", "third-party", "external", "extern", "vendor"}
_TESTS = {"test", "tests", "testing", "unittest", "unittests"}
_ASIDE = {"examples", "example", "samples", "benchmarks", "benchmark", "exp", "experiments"}
_DOCUMENTS = {"doc", "docs"}
_ASIDE |= {*_DOCUMENTS, "tutorials", "notebooks"}


def python_files(view: View) -> Mapping[str, PythonFacts]:
    """Path relative to the root → facts of the project's Python files."""
    return view.derive(_python)


def cmake_files(view: View) -> Mapping[str, CMakeFacts]:
    """Of its CMake files, without what the project carries along of others."""
    return view.derive(_cmake)


def shell_texts(view: View) -> Mapping[str, ShellFacts]:
    """Of its shell scripts: evidence/script_calls.py says what they do."""
    return view.derive(_shell)


def docker_texts(view: View) -> Mapping[str, ShellFacts]:
    """Of its Dockerfiles."""
    return view.derive(_docker)


def requirement_files(view: View) -> Mapping[str, RequirementFacts]:
    """Of its requirement and conda environment files."""
    return view.derive(_requirements)


def toml_files(view: View) -> Mapping[str, TomlFacts]:
    """Of its pyproject.toml files."""
    return view.derive(_toml)


def _python(view: View) -> Mapping[str, PythonFacts]:
    return _scanned(view, view.project_python, "python")


def _cmake(view: View) -> Mapping[str, CMakeFacts]:
    found = _scanned(view, view.project_cmake, "cmake")
    return {path: facts for path, facts in found.items() if not is_vendored(path)}


def _shell(view: View) -> Mapping[str, ShellFacts]:
    return _scanned(view, view.project_shell, "shell")


def _docker(view: View) -> Mapping[str, ShellFacts]:
    return _scanned(view, view.project_docker, "docker")


def _requirements(view: View) -> Mapping[str, RequirementFacts]:
    return _scanned(view, view.project_requirements, "requirements", "environment")


def _toml(view: View) -> Mapping[str, TomlFacts]:
    return _scanned(view, view.project_toml, "toml")


def _scanned(
    view: View, ask: Callable[[str], Scanned[T] | None], *kinds: SourceKind
) -> Mapping[str, T]:
    """The files of these kinds; nobody is asked where there are none."""
    project = view.facts.project
    if project is None or not any(source.kind in kinds for source in project.sources):
        return {}
    answer = ask(project.root)
    if answer is None:
        return {}
    note_unread(view, project.root, answer.gaps)
    return answer.files


def note_unread(view: View, root: str, unread: Iterable[Unread]) -> None:
    """Files that were not read are gaps of the view."""
    for row in unread:
        view.gaps.append(Gap(section="sources", subject=f"{root}/{row.path}", reason=row.reason))


def is_vendored(path: str) -> bool:
    """Whether a file lies in a folder of other people's code."""
    return bool(_CARRIED & set(path.split("/")[:-1]))


def for_tests(path: str) -> bool:
    """Whether a file belongs to tests: what it builds, it builds for them."""
    *folders, name = path.split("/")
    stem = name.partition(".")[0]
    named = stem == "conftest" or stem.startswith("test_") or stem.endswith("_test")
    return named or not _TESTS.isdisjoint(folders)


def for_documentation(path: str) -> bool:
    """Whether a file belongs to a project's documentation, which is built elsewhere."""
    return not _DOCUMENTS.isdisjoint(path.split("/")[:-1])


def aside(path: str) -> bool:
    """Whether a file belongs to tests, examples or measurements: the package does without it."""
    return for_tests(path) or not _ASIDE.isdisjoint(path.split("/")[:-1])


def absolute(view: View, path: str) -> str:
    """The full path of a source."""
    project = view.facts.project
    return f"{project.root}/{path}" if project else path


def source_of(view: View, path: str) -> SourceText | None:
    """One of the project's files as it is; None without it."""
    return view.source(absolute(view, path)) if view.facts.project else None


def at(view: View, path: str, line: int, text: str) -> Evidence:
    """A place in a source."""
    return Evidence(text=text, path=absolute(view, path), line=line)


def setups_above(folder: str) -> Iterator[str]:
    """The setup.py files of a folder and of those above it, the nearest first."""
    while True:
        yield f"{folder}/setup.py" if folder else "setup.py"
        if not folder:
            return
        folder = folder.rpartition("/")[0]


def beside(path: str, files: Mapping[str, PythonFacts]) -> Iterator[PythonFacts]:
    """Facts of the setup.py in the folder of a file, or in one above it."""
    yield from (files[name] for name in setups_above(path.rpartition("/")[0]) if name in files)
