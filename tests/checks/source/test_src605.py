"""SRC605: submodules without content, and who names them."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import builders as b
import pytest
import source_tree as t
from rows import Fires, Given, rows

import needs
from gpufix.checks.registry import ADVICE, ERROR, WARNING, Fault
from gpufix.checks.source.src605_submodule_missing import submodule_missing
from gpufix.evidence.view import View
from gpufix.model import Evidence, Severity, Submodule
from gpufix.model.source_payload import EmptySubmodule

GLM = "https://github.com/g-truc/glm.git"
USERS: tuple[tuple[str, int, bool], ...] = (("setup.py", 5, False),)
FETCHED = ["init-submodules safe"]


def of(
    *users: tuple[str, int, bool],
    path: str = "third_party/glm",
    url: str | None = GLM,
    gitlink: bool | None = True,
    torch: Any = "2.9.0+cu128",
    known: bool = True,
    **module: Any,
) -> View:
    """A submodule of .gitmodules, and the files that name it: path, line, whether it fetches it."""
    place = {"declared_in": ".gitmodules", "line": 4} | module
    found = Submodule(path=path, url=url, gitlink=gitlink, **place)
    answers: dict[str, Any] = (
        {f"project-mentions:{path}": [list(user) for user in users]} if known else {}
    )
    facts = b.healthy(
        project=b.project(submodules=[found]),
        torch=b.torch(torch) if torch else None,
        answers=answers,
    )
    return b.view(facts)


def empty(
    severity: Severity,
    *named: tuple[str, int],
    path: str = "third_party/glm",
    url: str | None = GLM,
    gitlink: bool | None = True,
    declared: bool = True,
    key: bool = False,
) -> Fault:
    header = (t.at(".gitmodules", 4, f'[submodule "{path}"]'),) if declared else ()
    address = f" ({url})" if url else ""
    return Fault(
        severity,
        path,
        f"{path} is a submodule{address}, and its folder is empty"
        f"{'; its address needs an ssh key' if key else ''}.",
        evidence=(*header, *(t.at(file, line, f"names {path}") for file, line in named)),
        breaks=(f"tree:{path}",),
        payload=EmptySubmodule(path, url, gitlink),
    )


def two(*changes: dict[str, Any]) -> Given:
    """Several submodules that setup.py names."""
    base: dict[str, Any] = {"url": GLM, "declared_in": ".gitmodules", "line": 4, "gitlink": True}
    modules = [Submodule(**(base | change)) for change in changes]
    answers = {f"project-mentions:{m.path}": [["setup.py", 5, False]] for m in modules}
    return b.view(b.healthy(project=b.project(submodules=modules), answers=answers))


def vendor(owner: str, torch: str | None) -> View:
    url = f"https://github.com/{owner}/kernels.git"
    return of(*USERS, path="libs/kernels", url=url, torch=torch)


def vendors(severity: Severity, owner: str, torch: str | None) -> Fires:
    url = f"https://github.com/{owner}/kernels.git"
    fault = empty(severity, ("setup.py", 5), path="libs/kernels", url=url)
    return Fires(vendor(owner, torch), fault, offers=FETCHED if severity is ERROR else [])


SILENT = {
    "filled": of(*USERS, populated=True),
    "not among git's": of(*USERS, gitlink=False),
    "no project": b.view(b.healthy(project=None)),
    "no submodules": b.view(b.healthy()),
}

FIRING = {
    "named by setup.py": Fires(of(*USERS), empty(ERROR, ("setup.py", 5)), offers=FETCHED),
    "named by a CMakeLists.txt": Fires(
        of(("src/CMakeLists.txt", 2, False)),
        empty(
            WARNING, ("src/CMakeLists.txt", 2)
        ),  # its file is not there: it may be reached or not
        offers=FETCHED,
    ),
    "named by a build file that fetches it": Fires(
        of(("setup.py", 5, True)), empty(WARNING, ("setup.py", 5)), offers=FETCHED
    ),
    "named by one build file that fetches it, and by one that does not": Fires(
        of(("setup.py", 5, True), ("a/setup.py", 1, False)),
        empty(ERROR, ("setup.py", 5), ("a/setup.py", 1)),
        offers=FETCHED,
    ),
    "named by another source": Fires(
        of(("a.py", 2, False)), empty(WARNING, ("a.py", 2)), offers=FETCHED
    ),
    "named by tests, and by another source": Fires(
        of(("tests/setup.py", 1, False), ("a.py", 2, False)),
        empty(ERROR, ("tests/setup.py", 1), ("a.py", 2)),
        offers=FETCHED,
    ),
    "named by tests only": Fires(
        of(("tests/setup.py", 1, False)), empty(ADVICE, ("tests/setup.py", 1))
    ),
    "named by none": Fires(of(), empty(ADVICE)),
    "named by examples and measurements only": Fires(
        of(("examples/a.py", 1, False), ("benchmarks/run.sh", 2, False)),
        empty(ADVICE, ("examples/a.py", 1), ("benchmarks/run.sh", 2)),
    ),
    "build files come first": Fires(
        of(("a.py", 2, False), ("b.py", 2, False), ("c.py", 2, False), ("setup.py", 5, False)),
        empty(ERROR, ("setup.py", 5), ("a.py", 2), ("b.py", 2)),
        offers=FETCHED,
    ),
    "what CUDA brings": Fires(
        of(*USERS, path="libs/cub"), empty(ADVICE, ("setup.py", 5), path="libs/cub")
    ),
    "what CUDA brings, without CUDA": Fires(
        of(*USERS, path="libs/cub", torch=None),
        empty(ERROR, ("setup.py", 5), path="libs/cub"),
        offers=FETCHED,
    ),
    "the commit that is wanted": Fires(
        of(*USERS, commit="5c46b9c07008ae65cb81ab79cd677ecc1934b903"),
        replace(
            empty(ERROR, ("setup.py", 5)),
            evidence=(
                t.at(".gitmodules", 4, '[submodule "third_party/glm"]'),
                Evidence(text="git's index wants commit 5c46b9c07008"),
                t.at("setup.py", 5, "names third_party/glm"),
            ),
        ),
        offers=FETCHED,
    ),
    "more that name it than are shown": Fires(
        of(*((f"{n}.py", n, False) for n in range(1, 6))),
        empty(WARNING, ("1.py", 1), ("2.py", 2), ("3.py", 3)),
        offers=FETCHED,
    ),
    "who names it could not be looked at": Fires(
        of(known=False), empty(ADVICE), gaps=["third_party/glm"]
    ),
    "no repository": Fires(of(*USERS, gitlink=None), empty(WARNING, ("setup.py", 5), gitlink=None)),
    "recorded, and not declared": Fires(
        of(*USERS, url=None, declared_in=None, line=None),
        empty(ERROR, ("setup.py", 5), url=None, declared=False),
    ),
    "declared in a file whose line is not known": Fires(
        of(*USERS, line=None), empty(ERROR, ("setup.py", 5), declared=False), offers=FETCHED
    ),
    "an address that asks for a key": Fires(
        of(*USERS, url="git@github.com:g-truc/glm.git"),
        empty(ERROR, ("setup.py", 5), url="git@github.com:g-truc/glm.git", key=True),
        offers=FETCHED,
    ),
    "an address that is not fetched": Fires(
        of(*USERS, url="http://example.org/glm.git"),
        empty(ERROR, ("setup.py", 5), url="http://example.org/glm.git"),
    ),
    "a filled one, and one that git does not follow, before it": Fires(
        two(
            {"path": "a", "populated": True},
            {"path": "b", "gitlink": False},
            {"path": "c"},
            {"path": "d"},
        ),
        [empty(ERROR, ("setup.py", 5), path="c"), empty(ERROR, ("setup.py", 5), path="d")],
        offers=FETCHED,
    ),
    "AMD's, on CUDA": vendors(ADVICE, "ROCm", "2.9.0+cu128"),
    "AMD's, on ROCm": vendors(ERROR, "ROCm", "2.9.0+rocm6.4"),
    "AMD's older names, on CUDA": vendors(ADVICE, "ROCmSoftwarePlatform", "2.9.0+cu128"),
    "AMD's oldest name, on CUDA": vendors(ADVICE, "RadeonOpenCompute", "2.9.0+cu128"),
    "NVIDIA's, on ROCm": vendors(ADVICE, "NVIDIA", "2.9.0+rocm6.4"),
    "NVIDIA's, on CUDA": vendors(ERROR, "NVIDIA", "2.9.0+cu128"),
    "NVIDIA's, on a CPU build": vendors(ERROR, "NVIDIA", "2.9.0+cpu"),
    "AMD's, on a CPU build": vendors(ERROR, "ROCm", "2.9.0+cpu"),
    "AMD's, without torch": vendors(ERROR, "ROCm", None),
    "somebody's, on CUDA": vendors(ERROR, "somebody", "2.9.0+cu128"),
    "AMD's, not by GitHub": Fires(
        of(*USERS, url="https://example.org/rocm/x.git"),
        empty(ERROR, ("setup.py", 5), url="https://example.org/rocm/x.git"),
        offers=FETCHED,
    ),
} | {
    f"a test framework: {name}": Fires(
        of(*USERS, path=f"libs/{name}"), empty(ADVICE, ("setup.py", 5), path=f"libs/{name}")
    )
    for name in ("googletest", "GTest", "Catch2", "doctest", "googlebenchmark")
}

test_silent, test_firing = rows(submodule_missing, SILENT, FIRING)


def git(*words: str, cwd: Path) -> None:
    needs.require("git")
    identity = ["-c", "user.name=x", "-c", "user.email=x@x", "-c", "protocol.file.allow=always"]
    subprocess.run(["git", *identity, *words], cwd=cwd, check=True, capture_output=True)


@pytest.fixture(scope="module")
def clones(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The same repository cloned whole, and without its submodule."""
    base = tmp_path_factory.mktemp("git")
    for name in ("part", "whole"):
        (base / name).mkdir()
        git("init", "-q", cwd=base / name)
        (base / name / "a.h").write_text("")
        git("add", ".", cwd=base / name)
        git("commit", "-qm", "x", cwd=base / name)
    git("submodule", "add", "-q", str(base / "part"), "third_party/glm", cwd=base / "whole")
    git("submodule", "add", "-q", str(base / "part"), "googletest", cwd=base / "whole")
    (base / "whole/setup.py").write_text("FLAGS = ['-Ithird_party/glm/']\n")
    git("add", "setup.py", cwd=base / "whole")
    git("commit", "-qm", "y", cwd=base / "whole")
    git("clone", "-q", str(base / "whole"), str(base / "empty"), cwd=base)
    return base / "whole", base / "empty"


def test_a_clone_without_its_submodules(clones: tuple[Path, Path]) -> None:
    whole, bare = clones
    assert t.found(submodule_missing, t.look(whole)) == []
    rows = t.told(t.found(submodule_missing, t.look(bare)))
    assert rows == [
        ("advice", "googletest", [4, None]),
        ("error", "third_party/glm", [1, None, 1]),
    ]


CMAKE = """\
project(x LANGUAGES CXX CUDA)
option(WITH_RUY "Ruy" OFF)
if(WITH_RUY)
  add_subdirectory(third_party/glm)
endif()
{more}
"""
BUILD_FILES: dict[str, tuple[dict[str, str], str]] = {
    "CMake, under an option that is off": ({"CMakeLists.txt": CMAKE.format(more="")}, "advice"),
    "CMake, and once whenever it runs": (
        {"CMakeLists.txt": CMAKE.format(more="include_directories(third_party/glm)")},
        "error",
    ),
    "CMake, under what only a run tells": (
        {"CMakeLists.txt": "if(EXISTS /opt/x)\n  add_subdirectory(third_party/glm)\nendif()\n"},
        "warning",
    ),
    "CMake, behind a stop for the want of it, for another system": (
        {
            "CMakeLists.txt": "project(x CXX CUDA)\nset(here ${CMAKE_CURRENT_SOURCE_DIR})\n"
            "if(NOT EXISTS ${here}/googletest/CMakeLists.txt)\n  message(FATAL_ERROR no)\nendif()\n"
            "if(WIN32)\n  add_subdirectory(third_party/glm)\nendif()\n"
        },
        "advice",
    ),
    "CMake, which only asks for it": (
        {
            "CMakeLists.txt": "project(x CXX CUDA)\noption(NEW d OFF)\nif(NEW)\n  add_library(y y.cpp)\nendif()\n"
            "if(NOT EXISTS ${CMAKE_SOURCE_DIR}/third_party/glm/a.h)\n  message(FATAL_ERROR no)\nendif()\n"
        },
        "error",
    ),
    "setup.py compiles with it": (
        {"setup.py": t.setup('"-Ithird_party/glm"'), "ext.cu": ""},
        "error",
    ),
    "setup.py names it, and compiles without": (
        {"setup.py": t.setup(before='PARTS = ["third_party/glm"]'), "ext.cu": ""},
        "warning",
    ),
}


@pytest.mark.parametrize("case", BUILD_FILES)
def test_what_no_build_comes_to_is_no_error(
    case: str, tmp_path: Path, clones: tuple[Path, Path]
) -> None:
    files, severity = BUILD_FILES[case]
    git("clone", "-q", str(clones[0]), str(tmp_path / "x"), cwd=tmp_path)
    (tmp_path / "x/setup.py").unlink()
    t.write(tmp_path / "x", files)
    found = t.found(submodule_missing, t.look(tmp_path / "x"))
    assert [f.severity.value for f in found if f.subject == "third_party/glm"] == [severity]


def test_modules_of_python_itself_name_no_folder(tmp_path: Path) -> None:
    text = '[submodule "x"]\n\tpath = deps/json\n\turl = https://github.com/a/json.git\n'
    t.write(tmp_path, {".gitmodules": text, "a.py": 'import json\nFORMAT = "json"\n'})
    (finding,) = t.found(submodule_missing, t.look(tmp_path))
    assert (finding.severity.value, [e.line for e in finding.evidence]) == ("advice", [1])
    t.write(tmp_path, {"b.py": 'INCLUDE = "deps/json/include"\n'})
    (finding,) = t.found(submodule_missing, t.look(tmp_path))
    assert finding.severity.value == "warning"


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        ("from deps.x import y\n", "warning"),
        ("import x.y\n", "warning"),
        ("from .deps.x import y\n", "warning"),
        ("from torch.utils.x import y\n", "advice"),
    ],
)
def test_imports_that_name_a_folder(text: str, severity: str, tmp_path: Path) -> None:
    modules = '[submodule "x"]\n\tpath = a/deps/x\n\turl = https://github.com/a/x.git\n'
    t.write(tmp_path, {".gitmodules": modules, "a.py": text})
    (finding,) = t.found(submodule_missing, t.look(tmp_path))
    assert finding.severity.value == severity


@pytest.mark.parametrize(
    ("files", "severity"),
    [
        ({"pyproject.toml": '[project]\nname = "d"\ndependencies = ["x==1.0"]\n'}, "advice"),
        ({"requirements.txt": "x\n"}, "advice"),
        ({"pyproject.toml": '[project]\nname = "d"\ndependencies = ["y"]\n'}, "warning"),
        ({"requirements.txt": "x\n", "b.py": 'open("deps/x/data")\n'}, "warning"),
    ],
)
def test_imports_of_what_is_installed(files: dict[str, str], severity: str, tmp_path: Path) -> None:
    modules = '[submodule "x"]\n\tpath = deps/x\n\turl = https://github.com/a/x.git\n'
    t.write(tmp_path, {".gitmodules": modules, "a.py": "import x\n", **files})
    (finding,) = t.found(submodule_missing, t.look(tmp_path))
    assert finding.severity.value == severity


def test_a_folder_without_a_repository(tmp_path: Path) -> None:
    text = '[submodule "x"]\n\tpath = deps/x\n\turl = git@github.com:a/x.git\n'
    t.write(tmp_path, {".gitmodules": text, "a.py": "import os\nfrom deps.x import y\n"})
    (finding,) = t.found(submodule_missing, t.look(tmp_path))
    assert (finding.severity.value, [e.line for e in finding.evidence]) == ("warning", [1, 2])
    t.write(tmp_path, {"deps/x/a.h": ""})
    assert t.found(submodule_missing, t.look(tmp_path)) == []


def test_a_folder_that_is_no_repository_declares_none(tmp_path: Path) -> None:
    """git reads .gitmodules at the top of a repository only; a copy of one may have its folders."""
    text = '[submodule "x"]\n\tpath = deps/x\n\turl = https://github.com/a/x.git\n'
    t.write(tmp_path, {"old/.gitmodules": text, "old/a.py": "from deps.x import y\n"})
    assert t.found(submodule_missing, t.look(tmp_path)) == []
    (tmp_path / "old/deps/x").mkdir(parents=True)
    (finding,) = t.found(submodule_missing, t.look(tmp_path))
    assert finding.subject == "old/deps/x"


OPTIONAL = """\
while [ $# -gt 0 ]; do
  case "$1" in
    --vox) VOX=true; shift ;;
  esac
done
pip install torch
if [ "$VOX" = true ]; then
  mkdir -p /tmp/ext
  cp -r extensions/vox /tmp/ext/vox
  pip install /tmp/ext/vox
fi
"""
SCRIPTS: dict[str, tuple[str, list[tuple[str, str, list[int | None]]]]] = {
    "with an option": (OPTIONAL, [("advice", "extensions/vox", [9])]),
    "whenever it runs": (
        "cd ext && pip install . && pip install ./deeper\n",
        [("warning", "ext", [1])],
    ),
    "what it installs": ("pip install ./ext\n", [("warning", "ext", [1])]),
    "what it makes": ("mkdir ext\ncd ext\npip install .\n", []),
    "what it clones": ("git clone https://github.com/a/ext\npip install ./ext\n", []),
    "what it may unpack": ("tar xf a.tar\npip install ./ext\n", []),
    "what is there": ("pip install ./there\ncp -r there /tmp/x\n", []),
    "where only a run would tell": ("if ping a; then cd ext; fi\npip install .\n", []),
    "a script that installs nothing": ("cd ext\npython train.py\n", []),
}


@pytest.mark.parametrize("case", SCRIPTS)
def test_what_scripts_need(case: str, tmp_path: Path) -> None:
    text, expected = SCRIPTS[case]
    t.write(tmp_path, {"setup.sh": text, "there/a.py": ""})
    assert t.told(t.found(submodule_missing, t.look(tmp_path))) == expected


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        ("a/b/deps", []),  # called in its own folder
        ("a/deps", []),  # called where its package lies
        ("deps", []),
        ("c/deps", [("warning", "deps", [1])]),
    ],
)
def test_a_script_is_called_in_a_folder_that_has_what_it_needs(
    there: str, expected: list[tuple[str, str, list[int | None]]], tmp_path: Path
) -> None:
    t.write(tmp_path, {"a/b/setup.sh": "pip install ./deps\n", f"{there}/setup.py": ""})
    assert t.told(t.found(submodule_missing, t.look(tmp_path))) == expected
