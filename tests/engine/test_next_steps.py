"""What a run tells the user to do next, and what is left to build."""

from __future__ import annotations

from pathlib import Path

import builders as b
import pytest
import source_tree as t

from gpufix.engine.builds.unbuilt import build_plans, unbuilt
from gpufix.engine.run.comparison import next_steps
from gpufix.model import Build, Finding, Install, SetVariables, Severity

SET = SetVariables(variables={"TORCH_CUDA_ARCH_LIST": "12.0"})
SEEN = Finding(code="SRC601", name="n", severity=Severity.error, subject="x", message="m")
TREE = {
    "sub/ext/setup.py": t.setup(),
    "sub/ext/ext.cu": "",
    "tool/setup.py": "from setuptools import setup\nsetup(name='t')\n",
    "tests/ext/setup.py": t.setup(),
    "third_party/other/setup.py": t.setup(),
}
LISTS = "project(x LANGUAGES CXX)\nfind_package(Torch REQUIRED)\n"


def left(root: Path, **sections: object) -> list[str]:
    return [path.removeprefix(f"{root}") for path in unbuilt(t.look(root, "sm_120", **sections))]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return t.write(tmp_path, TREE)


def test_nothing_to_do() -> None:
    assert list(next_steps([Install(install=["ninja"])], [])) == []


def test_variables_are_not_active_by_themselves() -> None:
    assert "gpufix env" in "".join(next_steps([SET], []))


def test_what_no_round_could_plan_for_is_the_users() -> None:
    assert list(next_steps([], [SEEN])) == [
        "what is visible only now, and has no plan, is for you to do"
    ]


def test_an_extension_that_is_not_installed_is_left(project: Path) -> None:
    assert left(project) == ["/sub/ext"]


def test_an_extension_is_what_its_setup_py_says(tmp_path: Path) -> None:
    assert left(t.write(tmp_path, {**TREE, "sub/ext/legacy.py": t.setup()})) == ["/sub/ext"]


def test_what_may_be_installed_under_any_name_is_not_told(tmp_path: Path) -> None:
    """A pyproject.toml, or what the script computes, names it."""
    nameless = t.setup().replace('    name="ext",\n', "")
    assert "name=" not in nameless
    assert left(t.write(tmp_path, {"sub/ext/setup.py": nameless})) == []


def test_what_is_installed_is_not(project: Path) -> None:
    for installed in (
        b.dist("ext", "1"),
        b.dist("other", "1", direct_url=f"file://{project}/sub/ext"),
    ):
        assert left(project, distributions=[installed]) == []


def test_a_cmake_project_is_built_as_a_whole(tmp_path: Path) -> None:
    files = {"CMakeLists.txt": "project(x LANGUAGES CUDA)\n", "k.cu": ""}
    assert left(t.write(tmp_path, files)) == [""]


def test_cmake_with_torch_beside_a_setup_py(tmp_path: Path) -> None:
    files = {**TREE, "tool/CMakeLists.txt": LISTS}
    assert left(t.write(tmp_path, files)) == ["/sub/ext", "/tool"]


def test_each_has_a_plan_unless_another_builds_it(project: Path) -> None:
    view = t.look(project, "sm_120")
    (plan,), held = build_plans(view)
    step = plan.steps[0]
    assert (plan.title, plan.safety, held) == ("build sub/ext for sm_120", "safe", [])
    assert isinstance(step, Build) and step.expect_archs == ["sm_120"]
    assert plan.notes == [f"runs the build code of {project}/sub/ext"]
    assert build_plans(view, [plan]) == ([], [])


def test_what_cannot_be_built_is_held(project: Path) -> None:
    plans, (held,) = build_plans(t.look(project, "sm_120", torch=b.torch("2.9.0+cpu")))
    assert plans == []
    assert "without CUDA" in held.reason
