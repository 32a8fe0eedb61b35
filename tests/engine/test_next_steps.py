"""What a run tells the user to do next."""

from __future__ import annotations

from pathlib import Path

import builders as b
import pytest
import source_tree as t

from gpufix.engine.run.comparison import next_steps
from gpufix.model import Build, Finding, Install, SetVariables, Severity, Step, WriteFile

SET = SetVariables(variables={"TORCH_CUDA_ARCH_LIST": "12.0"})
EDIT = WriteFile(path="/x/setup.py", content="x")
SEEN = Finding(code="SRC601", name="n", severity=Severity.error, subject="x", message="m")
TREE = {
    "sub/ext/setup.py": t.setup(),
    "tool/setup.py": "from setuptools import setup\nsetup(name='t')\n",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return t.write(tmp_path, TREE)


def told(
    project: Path, *steps: Step, revealed: tuple[Finding, ...] = (), **sections: object
) -> str:
    view = t.look(project, "sm_120", **sections)
    return "\n".join(next_steps(steps, revealed, view.facts, view._ask))


def test_nothing_to_do(project: Path) -> None:
    assert told(project, Install(install=["ninja"])) == ""


def test_an_edited_extension_is_to_be_built(project: Path) -> None:
    assert told(project, EDIT) == f"not built yet: gpufix build {project}/sub/ext"
    assert told(project, SET).startswith(f"not built yet: gpufix build {project}/sub/ext\n")


def test_an_extension_is_what_its_setup_py_says(tmp_path: Path) -> None:
    root = t.write(tmp_path, {**TREE, "sub/ext/legacy.py": t.setup()})
    assert told(root, EDIT) == f"not built yet: gpufix build {root}/sub/ext"


def test_what_may_be_installed_under_any_name_is_not_told(tmp_path: Path) -> None:
    """A pyproject.toml, or what the script computes, names it."""
    nameless = t.setup().replace('    name="ext",\n', "")
    assert "name=" not in nameless
    assert told(t.write(tmp_path, {"sub/ext/setup.py": nameless}), EDIT) == ""


def test_what_was_built_or_is_installed_is_not(project: Path) -> None:
    assert "not built" not in told(project, SET, Build(path=f"{project}/sub/ext"))
    for installed in (
        b.dist("ext", "1"),
        b.dist("other", "1", direct_url=f"file://{project}/sub/ext"),
    ):
        assert told(project, EDIT, distributions=[installed]) == ""


def test_a_cmake_project_is_built_as_a_whole(tmp_path: Path) -> None:
    root = t.write(tmp_path, {"CMakeLists.txt": "project(x LANGUAGES CUDA)\n", "k.cu": ""})
    assert told(root, EDIT) == f"not built yet: gpufix build {root}"


def test_variables_are_not_active_by_themselves(project: Path) -> None:
    assert "gpufix env" in told(project, SET)


def test_what_was_hidden_wants_another_run(project: Path) -> None:
    assert "run the same command again" in told(project, EDIT, revealed=(SEEN,))
