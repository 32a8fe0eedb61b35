"""What each kind of step refuses, and what it leaves when it is done."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import trees
from steps_for import STEPS, carry_out, use_local_programs
from trees import Patient

from gpufix.engine.installer import options, resolve
from gpufix.engine.journal import runs, undo_run
from gpufix.engine.run_context import Refused, RunContext
from gpufix.engine.steps.install import _constraints as constraints
from gpufix.engine.steps.kinds import kind_of
from gpufix.model import CondaPackage, Install, Remove, SetVariables, Step, WriteFile


def check(patient: Patient, step: Step) -> None:
    kind_of(step).check(step, RunContext(patient.facts(), environ={"PATH": os.environ["PATH"]}))


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "relative",
        "/",
        "{project}/../outside",
        "{project}/link/file",
        "{project}/nul\0byte",
        "{site}/../../../../outside",
        "{root}",
        "{project}",
        "{prefix}",
        "{cache}",
    ],
)
def test_paths_outside_are_refused(path: str, patient: Patient) -> None:
    (patient.project / "link").symlink_to("/tmp")
    places = {n: getattr(patient, n) for n in ("root", "project", "prefix", "site", "cache")}
    place = path.format(**places)
    for step in (Remove(path=place), WriteFile(path=place, content="x")):
        with pytest.raises(Refused):
            check(patient, step)


@pytest.mark.parametrize(
    "name", ["plain", "with space", "qu'o\"te", "new\nline", "é☃", "-rf", "$HOME"]
)
def test_odd_names_are_written_and_removed(name: str, patient: Patient) -> None:
    before = trees.state(patient)
    path = patient.project / name
    steps = [WriteFile(path=str(path), content="x\n"), Remove(path=str(patient.project / "build"))]
    folder = carry_out(patient, steps)
    assert path.read_text() == "x\n"
    assert undo_run.undo(runs.load(folder)).problems == ()
    assert trees.differences(before, trees.state(patient)) == {}


def test_a_link_is_removed_and_what_it_leads_to_is_not(patient: Patient, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").touch()
    (patient.project / "link").symlink_to(outside)
    carry_out(patient, [Remove(path=str(patient.project / "link"))])
    assert not (patient.project / "link").is_symlink()
    assert (outside / "file").exists()


def test_a_file_is_never_written_through_a_hard_link(patient: Patient) -> None:
    carry_out(patient, STEPS["write-installed"](patient))
    assert (patient.site / "pkg/shared.py").read_text() == "edited\n"
    assert (patient.root / "store/shared").read_bytes() == b"from the installer's cache\n"
    assert (patient.site / "other/shared.py").read_bytes() == b"from the installer's cache\n"


def test_record_follows_an_edit_and_nothing_else_in_it_changes(patient: Patient) -> None:
    record = patient.site / "pkg-1.0.dist-info/RECORD"
    old = record.read_text().splitlines()
    carry_out(patient, STEPS["write-installed"](patient))
    new = record.read_text().splitlines()
    changed = [(a, b) for a, b in zip(old, new, strict=True) if a != b]
    data = "edited é\n".encode()
    assert [b for _, b in changed] == [f"pkg/part1/mod1.py,{trees.digest(data)},{len(data)}"]


def test_a_mode_is_kept_and_one_is_set(patient: Patient) -> None:
    carry_out(patient, STEPS["write-project"](patient))
    assert (patient.project / "setup.py").stat().st_mode & 0o777 == 0o640
    assert (patient.project / "new.h").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("expect", [None, "0" * 64])
def test_another_content_than_expected_is_refused(expect: str | None, patient: Patient) -> None:
    step = WriteFile(path=str(patient.project / "setup.py"), content="x", expect=expect)
    with pytest.raises(Refused, match="since it was looked at"):
        check(patient, step)


def test_a_link_or_folder_is_not_written(patient: Patient) -> None:
    for path in (patient.site / "pkg/link", patient.project / "build"):
        with pytest.raises(Refused, match="not a regular file"):
            check(patient, WriteFile(path=str(path), content="x"))


def test_what_is_gone_already_is_no_fault(patient: Patient) -> None:
    carry_out(patient, [Remove(path=str(patient.project / "never"))])


@pytest.mark.parametrize(
    "step",
    [
        Install(install=["--index-url=http://evil"]),
        Install(install=["pkg @ file:///etc"]),
        Install(install=["-e ."]),
        Install(install=["not a requirement!"]),
        Install(install=["pkg==1.0"], index="../../evil"),
        Install(install=["pkg==1.0"], links="https://evil.example/torch-2.8.0_cu128.html"),
        Install(install=["pkg @ https://evil.example/pkg-1.0-py3-none-any.whl"]),
        Install(uninstall=["absent"]),
        Install(uninstall=["--all"]),
    ],
)
def test_installations_that_are_none_are_refused(step: Install, patient: Patient) -> None:
    with pytest.raises((Refused, ValueError)):
        check(patient, step)


def test_a_listed_page_is_given_to_the_installer(patient: Patient) -> None:
    page = "https://nvidia-kaolin.s3.us-east-2.amazonaws.com/torch-2.8.0_cu128.html"
    step = Install(install=["kaolin==0.18.0"], links=page)
    context = RunContext(patient.facts(), environ={})
    assert options(step, context) == ["--no-deps", "--find-links", page]


def test_conda_packages_and_those_without_record_are_refused(patient: Patient) -> None:
    (patient.site / "pkg-1.0.dist-info/RECORD").unlink()
    with pytest.raises(Refused, match="no RECORD"):
        check(patient, Install(uninstall=["pkg"]))
    facts = patient.facts()
    conda = [replace(d, source="conda") for d in facts.distributions]
    step = Install(install=["pkg==2.0"])
    with pytest.raises(Refused, match="conda install"):
        kind_of(step).check(step, RunContext(replace(facts, distributions=conda), environ={}))


@pytest.mark.parametrize("freeze", [False, True])
def test_what_is_condas_is_held_where_it_is(patient: Patient, tmp_path: Path, freeze: bool) -> None:
    facts = patient.facts()
    owned = [replace(d, source="conda") if d.name == "other" else d for d in facts.distributions]
    facts = replace(facts, distributions=owned)
    context = RunContext(facts, environ={}, folder=tmp_path)
    step = Install(install=["new"], dependencies=True, freeze=freeze)
    path = constraints(step, context)
    held = {line.partition("=")[0] for line in Path(path or "").read_text().splitlines()}
    assert held == ({d.name for d in owned} if freeze else {"other"})
    assert constraints(replace(step, dependencies=False), context) is None


@pytest.mark.parametrize("step", [Install(install=["mkl>=2024"]), Install(install=["libgcc"])])
def test_names_of_condas_alone_reach_no_installer(step: Install, patient: Patient) -> None:
    package = CondaPackage(
        name="libgcc", version="13", prefix="x", metadata="x", depends=["mkl 2024.*"]
    )
    facts = replace(patient.facts(), conda_packages=[package])
    context = RunContext(facts, environ={"PATH": os.environ["PATH"]})
    for carried_out in (kind_of(step).check, lambda s, c: resolve(s, c)):
        with pytest.raises(Refused, match="conda"):
            carried_out(step, context)


@pytest.mark.parametrize("variables", [{"A=B": "1"}, {"": "1"}, {"A B": None}, {"A": "x\0y"}])
def test_variables_that_are_none_are_refused(
    variables: dict[str, str | None], patient: Patient
) -> None:
    with pytest.raises(Refused):
        check(patient, SetVariables(variables=variables))


def test_variables_are_added_to_the_file(patient: Patient) -> None:
    carry_out(patient, [SetVariables(variables={"A": "1", "B": "x"})])
    carry_out(patient, [SetVariables(variables={"B": None})])
    file = patient.state / "env/abc.json"
    assert json.loads(file.read_text()) == {"variables": {"A": "1", "B": None}}
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_folder_that_an_earlier_step_makes_is_no_fault_before(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with a linker script in the folder of wheels that are yet to be installed."""
    use_local_programs(monkeypatch, patient, 12)
    before = trees.state(patient)
    script = WriteFile(path=str(patient.site / "dependency/part1/libcudart.so"), content="INPUT()")
    with pytest.raises(Refused, match="not a folder"):
        check(patient, script)
    folder = carry_out(patient, [*STEPS["upgrade"](patient), script])
    assert (patient.site / "dependency/part1/libcudart.so").exists()
    assert undo_run.undo(runs.load(folder)).problems == ()
    assert trees.differences(before, trees.state(patient)) == {}
