"""The project's sources as rules ask for them, with the guards that lines stand under."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from gpufix.evidence.view import View
from gpufix.model import Evidence, Gap


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
    return {"windows": False, "mac": False, "never": False}.get(guard)


def _sees_gpu(view: View) -> bool | None:
    """torch.cuda.is_available(), as far as facts tell."""
    torch = view.facts.torch
    if torch is None or not (torch.cuda or torch.hip):
        return None if torch is None else False
    vendor = "amd" if torch.hip else "nvidia"
    return any(gpu.vendor == vendor for gpu in view.facts.gpus)


Files = dict[str, dict[str, Any]]
# Folders by which projects name what they carry along of others.
_CARRIED = {"third_party", "thirdparty", "3rdparty", "third-party", "external", "extern", "vendor"}
_TESTS = {"test", "tests", "testing", "unittest", "unittests"}


def python_files(view: View) -> Files:
    """Path relative to the root → facts of source/python_scan.py."""
    return view.derive(_python)


def cmake_files(view: View) -> Files:
    """Path → facts of source/cmake_scan.py, without what the project carries along of others."""
    return view.derive(_cmake)


def shell_files(view: View) -> Files:
    """Path → facts of source/shell_scan.py."""
    return view.derive(_shell)


def docker_files(view: View) -> Files:
    """Path → facts of source/docker_scan.py."""
    return view.derive(_docker)


def requirement_files(view: View) -> Files:
    """Path → facts of source/requirements.py."""
    return view.derive(_requirements)


def toml_files(view: View) -> Files:
    """Path → facts of source/pyproject.py."""
    return view.derive(_toml)


def _python(view: View) -> Files:
    return _asked(view, "python", ("python",))


def _cmake(view: View) -> Files:
    found = _asked(view, "cmake", ("cmake",))
    return {path: facts for path, facts in found.items() if not carried(path)}


def _shell(view: View) -> Files:
    return _asked(view, "shell", ("shell",))


def _docker(view: View) -> Files:
    return _asked(view, "docker", ("docker",))


def _requirements(view: View) -> Files:
    return _asked(view, "requirements", ("requirements", "environment"))


def _toml(view: View) -> Files:
    return _asked(view, "toml", ("toml",))


def _asked(view: View, question: str, kinds: Sequence[str]) -> Files:
    project = view.facts.project
    if project is None or not any(source.kind in kinds for source in project.sources):
        return {}
    answer = view.ask(f"project-{question}", project.root)
    if not isinstance(answer, dict):
        return {}
    for path, reason in answer.get("gaps", []):
        view.gaps.append(Gap(section="sources", subject=f"{project.root}/{path}", reason=reason))
    files: Files = answer.get("files", {})
    return files


def carried(path: str) -> bool:
    """Whether a file lies in a folder of other people's code."""
    return bool(_CARRIED & set(path.split("/")[:-1]))


def for_tests(path: str) -> bool:
    """Whether a file belongs to tests: what it builds, it builds for them."""
    *folders, name = path.split("/")
    stem = name.partition(".")[0]
    named = stem == "conftest" or stem.startswith("test_") or stem.endswith("_test")
    return named or not _TESTS.isdisjoint(folders)


def absolute(view: View, path: str) -> str:
    """The full path of a source."""
    project = view.facts.project
    return f"{project.root}/{path}" if project else path


def at(view: View, path: str, line: int, text: str) -> Evidence:
    """A place in a source."""
    return Evidence(text=text, path=absolute(view, path), line=line)


def beside(path: str, files: Files) -> Iterator[dict[str, Any]]:
    """Facts of the setup.py in the folder of a file, or in one above it."""
    folder = path.rpartition("/")[0]
    while True:
        name = f"{folder}/setup.py" if folder else "setup.py"
        if name in files:
            yield files[name]
        if not folder:
            return
        folder = folder.rpartition("/")[0]
