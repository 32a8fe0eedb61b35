"""The walk over a project: what belongs to it, and bad input."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import source_tree as t

import needs
from gpufix.evidence import cxx
from gpufix.facts.context import CollectContext
from gpufix.facts.project import source_files
from gpufix.facts.project.project import collect
from gpufix.facts.project.project_files import kind_of
from gpufix.facts.project.source_files import ProjectSources
from gpufix.source.git_files import IndexFormatError, parse_index
from gpufix.source.scanned import Scanned, Unread

KINDS = {
    "setup.py": "python",
    "a/CMakeLists.txt": "cmake",
    "x.cmake": "cmake",
    "k.cuh": "cuda",
    "k.hip": "hip",
    "requirements-dev.txt": "requirements",
    "requirements/gpu.txt": "requirements",
    "environment.yml": "environment",
    ".gitmodules": "gitmodules",
    "src/Makefile": "make",
    "GNUmakefile": "make",
    "make/common.mk": "make",
    "notes.txt": None,
    "data.yaml": None,
    "model.so": None,
}


@pytest.mark.parametrize("path", KINDS)
def test_kinds(path: str) -> None:
    assert kind_of(path) == KINDS[path]


def sources(root: Path) -> list[str]:
    project = collect(CollectContext(), root)
    assert project is not None
    return [source.path for source in project.sources]


def test_what_belongs_to_a_project(tmp_path: Path) -> None:
    t.write(
        tmp_path,
        {
            "a.py": "",
            "pkg/b.py": "",
            "build/lib/b.py": "",
            "venv/pyvenv.cfg": "",
            "venv/c.py": "",
            "conda/conda-meta/x": "",
            "conda/d.py": "",
            "node_modules/e.py": "",
            ".git/f.py": "",
            "x.egg-info/g.py": "",
        },
    )
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "out.py").symlink_to("/etc/passwd")
    assert sources(tmp_path) == ["a.py", "pkg/b.py"]


def test_links_out_of_the_project(tmp_path: Path) -> None:
    """Sources behind them are not read, which is said; a library is one wherever it lies."""
    project, other = tmp_path / "project", tmp_path / "other"
    t.write(other, {"k.cu": "", "data/x.bin": "", "src/k.cu": "", "_C.so": ""})
    t.write(project, {"own/a.py": ""})
    for name in ("k.cu", "data", "src", "_C.so"):
        (project / name).symlink_to(other / name)
    for name, target in {"inner": "own", "inner.py": "own/a.py", "gone.py": "none"}.items():
        (project / name).symlink_to(target)
    ctx = CollectContext()
    found = collect(ctx, project)
    assert found is not None
    assert [source.path for source in found.sources] == ["own/a.py"]
    assert found.libraries == [f"{project}/_C.so"]
    (gap,) = ctx.gaps
    assert gap.subject == f"{project}/k.cu"
    assert gap.reason == "a link to sources elsewhere: not followed (and 1 more)"


@pytest.mark.parametrize(
    ("exclude", "left"),
    [
        ("[]", ["a/k.cu", "a/more/k.cu", "ab/k.cu", "k.cu"]),
        ("'a'", ["ab/k.cu", "k.cu"]),
        ("['a/', 'k.cu']", ["ab/k.cu"]),
        ("['a/*/k.cu']", ["a/k.cu", "ab/k.cu", "k.cu"]),
        ("['*']", []),
        ("['../elsewhere', '/']", ["a/k.cu", "a/more/k.cu", "ab/k.cu", "k.cu"]),
    ],
)
def test_what_the_project_excludes(tmp_path: Path, exclude: str, left: list[str]) -> None:
    files = dict.fromkeys(["a/k.cu", "a/more/k.cu", "ab/k.cu", "k.cu"], "")
    t.write(tmp_path, {**files, "pyproject.toml": f"[tool.gpufix]\nexclude = {exclude}\n"})
    assert [path for path in sources(tmp_path) if path.endswith(".cu")] == left


def git(root: Path, *words: str) -> None:
    needs.require("git")
    identity = ["-c", "user.name=x", "-c", "user.email=x@x", "-c", "protocol.file.allow=always"]
    subprocess.run(["git", *identity, *words], cwd=root, check=True, capture_output=True)


@pytest.mark.parametrize("version", ["2", "3", "4"])
def test_the_index_of_git(tmp_path: Path, version: str) -> None:
    names = ["a.py", "build/tools/b.py", "é x/c.py", *(f"d/{'n' * n}.py" for n in range(1, 20))]
    t.write(tmp_path, {**dict.fromkeys(names, "x"), "clone/.git/HEAD": "", "clone/z.py": ""})
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", *names)
    git(tmp_path, "add", "-N", "--force", "a.py")
    git(tmp_path, "update-index", "--index-version", version)
    index = parse_index((tmp_path / ".git/index").read_bytes())
    assert index.files == set(names)
    # What git tracks is entered although it is named like an output; another's clone is not.
    assert sources(tmp_path) == sorted(names)


def repository(folder: Path, *files: str) -> Path:
    """A git repository with one commit."""
    t.write(folder, dict.fromkeys(files, "x"))
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "x")
    return folder


def test_submodules_belong_to_the_project(tmp_path: Path) -> None:
    """Also one within another; a clone beside them and a worktree do not."""
    inner = repository(tmp_path / "inner", "inner.cu")
    outer = repository(tmp_path / "outer", "setup.py")
    git(outer, "submodule", "add", str(inner), "third_party/inner")
    git(outer, "commit", "-qm", "x")
    project = repository(tmp_path / "project", "train.py")
    git(project, "submodule", "add", str(outer), "submodules/outer")
    repository(project / "clone", "other.py")
    git(project, "worktree", "add", "-q", "--detach", "elsewhere")
    assert sources(project) == [
        ".gitmodules",
        "submodules/outer/.gitmodules",
        "submodules/outer/setup.py",
        "train.py",
    ]
    git(project, "submodule", "update", "--init", "--recursive")
    assert "submodules/outer/third_party/inner/inner.cu" in sources(project)
    assert not {s for s in sources(project) if s.startswith(("clone", "elsewhere"))}


@pytest.mark.parametrize(
    "data", [b"", b"DIRC", b"DIRC\0\0\0\2\0\0\0\5", b"DIRC\0\0\0\7\0\0\0\0", bytes(range(200))]
)
def test_damaged_indexes(data: bytes) -> None:
    with pytest.raises(IndexFormatError):
        parse_index(data)


def test_bad_input_is_a_gap(tmp_path: Path) -> None:
    t.write(
        tmp_path,
        {
            "setup.py": b"\x7fELF\0cpp_extension",
            "broken.py": "import torch.utils.cpp_extension as (\n",
            "good.py": "import numpy as np\nx = np.float\n",
            "pyproject.toml": "[",
            "a.sh": b"\0\1",
            "deep.py": "cpp_extension = " + "(" * 3000,
        },
    )
    with (tmp_path / "big.py").open("wb") as file:
        file.truncate(200 << 20)
    os.mkfifo(tmp_path / "pipe.py")
    project = collect(CollectContext(), tmp_path)
    assert project is not None
    assert "pipe.py" not in [s.path for s in project.sources]
    scan = ProjectSources(project)
    rest = (scan.cmake, scan.shell(), scan.docker(), scan.requirements(), scan.toml(), scan.hip())
    answers = (scan.python, scan.cxx(), *rest)
    gaps = sorted(unread.path for answer in answers for unread in answer.gaps)
    assert gaps == ["a.sh", "big.py", "broken.py", "deep.py", "pyproject.toml", "setup.py"]
    assert list(scan.python.files) == ["good.py"]


def test_a_file_that_goes_between_walk_and_read(tmp_path: Path) -> None:
    t.write(tmp_path, {"setup.py": t.setup()})
    project = collect(CollectContext(), tmp_path)
    assert project is not None
    (tmp_path / "setup.py").unlink()
    outside = t.write(tmp_path.parent / f"{tmp_path.name}-outside", {"setup.py": t.setup()})
    (tmp_path / "setup.py").symlink_to(outside / "setup.py")
    answer = ProjectSources(project).python
    assert answer == Scanned({}, (Unread("setup.py", "a link: not followed"),))


def test_a_source_that_vanishes_between_two_looks_is_a_gap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_files, "_KEPT", 0)
    view = t.look(t.write(tmp_path, {"a.cu": '#include "b.h"\n'}))
    files = cxx.cxx_files(view)
    (tmp_path / "a.cu").unlink()
    assert files.get("a.cu") is None
    assert [(gap.subject, gap.reason) for gap in view.gaps] == [
        (f"{tmp_path}/a.cu", "No such file or directory")
    ]


def test_a_source_is_read_once(tmp_path: Path) -> None:
    view = t.look(
        t.write(tmp_path, {"a.cu": '#include "b.h"\n', "a.py": "self.device\nclass A: ..."})
    )
    files = cxx.cxx_files(view)
    assert view.project_having("device") == ("a.py",)
    for name in ("a.cu", "a.py"):
        (tmp_path / name).unlink()
    assert [row.name for row in files["a.cu"].includes] == ["b.h"]
    assert view.project_holders("class") == ("a.py",)
    assert view.gaps == []
