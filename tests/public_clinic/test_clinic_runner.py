"""The runner with a real patient and tools of a line of shell: what is kept, resumed, compared."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clinic import build, runner, tree
from clinic.adapter import Adapter, command
from clinic.case import Case, load
from clinic.runner import Record

pytestmark = pytest.mark.needs("uv")

PYTHON = f"3.{sys.version_info.minor}"
CASE = f"""
id = "part-removed"
title = "A part of a package is gone"
kind = "environment"
family = "own"
mechanism = "the recipe removes it"
frozen = 2026-11-30
python = "{PYTHON}"
gpu = ["sm_80", "sm_90"]
[recipe]
script = "make.py"
environment = {{ WHERE = "{{site}}" }}
[[truth]]
run = ["{{python}}", "-c", "import own.part"]
exit = "fails"
proves = "the part is not there"
[cause]
name = "files-missing"
[remedy]
text = "the part is there"
check = [["{{python}}", "-c", "import own.part"]]
touches = ["own"]
"""
SITE = f"venv/lib/python{PYTHON}/site-packages/"
MAKE = """
def make(patient):
    patient.distribution("own", "1.0", {"own/__init__.py": "", "own/part.py": ""})
    patient.remove("own/part.py")
"""


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Case]:
    monkeypatch.setenv("CLINIC_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "part-removed"
    folder.mkdir()
    (folder / "case.toml").write_text(CASE)
    (folder / "make.py").write_text(MAKE)
    yield load(folder)
    assert list((tmp_path / "cache" / "patients").glob("*")) == []  # patients go away


def tool(**commands: str) -> Adapter:
    return Adapter(
        name="shell",
        version="1",
        home="https://example.org",
        about="A line of shell.",
        run={name: ["sh", "-c", line, "{gpu}"] for name, line in commands.items()},
        reading={"alarm": "ERROR"},
    )


def ran(case: Case, shell: Adapter, root: Path, **more: Any) -> Record:
    runner.run([shell], [case], jobs=1, again=False, root=root, **more)
    return runner.records("shell", root)[case.id]


def test_a_diagnosis_is_kept_with_what_it_touched(case: Case, tmp_path: Path) -> None:
    shell = tool(diagnose='echo "ERROR in $WHERE for $0 $1"; touch "$WHERE/left-behind"; exit 3')
    made = ran(case, shell, tmp_path)
    assert made.said
    assert (made.said.exit, made.said.output) == (3, "ERROR in {site} for sm_80 sm_90\n")
    assert made.touched == [f"{SITE}left-behind"]
    assert made.repaired is None


def test_a_stopped_run_goes_on_and_a_changed_one_asks_again(case: Case, tmp_path: Path) -> None:
    counting = f'echo x >> "{tmp_path}/asked"'
    count = lambda: (tmp_path / "asked").read_text().count("x")  # noqa: E731
    ran(case, tool(diagnose=counting), tmp_path)
    ran(case, tool(diagnose=counting), tmp_path)
    assert count() == 1
    ran(case, tool(diagnose=f"{counting}; true"), tmp_path)  # another command
    assert count() == 2
    (case.folder / "make.py").write_text(MAKE + "\n")  # another content
    ran(case, tool(diagnose=f"{counting}; true"), tmp_path)
    assert count() == 3


def test_a_tool_without_a_command_for_the_track_has_no_answer(case: Case, tmp_path: Path) -> None:
    assert ran(case, tool(foresee="echo ERROR"), tmp_path).said is None


def test_a_recipe_that_fails_is_said_and_tried_again(case: Case, tmp_path: Path) -> None:
    (case.folder / "make.py").write_text("def make(patient):\n    patient.remove('nothing-here')\n")
    assert "nothing to remove" in ran(case, tool(diagnose="true"), tmp_path).failed
    (case.folder / "make.py").write_text(MAKE)
    assert ran(case, tool(diagnose="true"), tmp_path).failed == ""


@pytest.mark.parametrize(
    ("repair", "undo", "check", "strayed", "left"),
    [
        ('touch "$WHERE/own/part.py"', 'rm "$WHERE/own/part.py"', True, [], []),
        ("true", "true", False, [], []),
        (
            'touch "$WHERE/own/part.py" "$WHERE/other.py"',
            'rm "$WHERE/own/part.py"',
            True,
            ["other.py"],
            ["other.py"],
        ),
        ('chmod 600 "$WHERE/own/__init__.py"', "true", False, [], ["own/__init__.py"]),
    ],
    ids=["repaired", "nothing", "strayed", "a mode"],
)
def test_a_repair_is_checked_compared_and_undone(
    case: Case,
    tmp_path: Path,
    repair: str,
    undo: str,
    check: bool,
    strayed: list[str],
    left: list[str],
) -> None:
    shell = tool(diagnose="true", repair=repair, undo=undo)
    done = ran(case, shell, tmp_path).repaired
    assert done
    assert done.check is check
    assert done.strayed == [SITE + s for s in strayed]
    assert done.left == [SITE + s for s in left]


def test_a_command_names_each_gpu(case: Case) -> None:
    plain = tool(diagnose="true").model_copy(update={"inside": False})
    parts = ["{tool}/bin/doctor", "--gpu={gpu}", "{prefix}"]
    assert command(parts, plain, Path("/t"), case) == [
        "/t/bin/doctor",
        "--gpu=sm_80",
        "--gpu=sm_90",
        "{prefix}",
    ]


def test_a_tool_inside_is_not_asked_about_an_older_python(case: Case, tmp_path: Path) -> None:
    inside = tool(diagnose="true").model_copy(update={"inside": True, "oldest": "3.99"})
    assert runner.run([inside], [case], jobs=1, again=True, root=tmp_path / "results") == 0
    assert runner.records("shell", tmp_path / "results") == {}


def test_a_python_that_is_missing_leaves_the_case_out(case: Case) -> None:
    other = case.model_copy(update={"python": "3.99"})
    with pytest.raises(build.Unfit, match=r"needs Python 3\.99"), build.patient(other):
        pass


def test_an_environment_may_have_a_name_of_its_own(case: Case) -> None:
    recipe = case.recipe.model_copy(update={"folder": "with blank/é"})
    with build.patient(case.model_copy(update={"recipe": recipe})) as patient:
        assert patient.site.is_relative_to(patient.root / "with blank/é")
        assert patient.ask(["{python}", "-c", "import own"]).exit == 0


def test_what_a_distribution_owns_is_no_stray(tmp_path: Path) -> None:
    paths = [
        "venv/lib/x/own/a.py",
        "venv/lib/x/own-1.0.dist-info/RECORD",
        "venv/lib/x/b.so",
        "project/s.cu",
    ]
    mine = {"venv/lib/x/own/a.py", "venv/lib/x/own-1.0.dist-info"}
    assert tree.strayed(paths, mine, ["project/*.cu"]) == ["venv/lib/x/b.so"]
