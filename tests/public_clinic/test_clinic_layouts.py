"""What the scripts of cases share: an interpreter of its own, distributions apart, views of links."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from clinic.layouts import apart, interpreter, linked
from clinic.patient import Patient

VERSION = f"3.{sys.version_info.minor}"


@pytest.fixture
def patient(tmp_path: Path) -> Patient:
    (tmp_path / "home").mkdir()
    return Patient(tmp_path, tmp_path, VERSION)


@pytest.mark.needs("a Python of site-packages")
def test_an_interpreter_of_its_own(patient: Patient) -> None:
    site = interpreter(patient, patient.prefix, sys.executable)
    (site / "own.py").write_text("")
    said = patient.run(patient.python, "-c", "import own, ssl, sys; print(sys.prefix, sys.path)")
    assert said.startswith(f"{patient.prefix} ")
    assert str(site) in said


def test_each_distribution_apart_and_a_view_of_them(patient: Patient) -> None:
    for name in ("one", "two"):
        patient.distribution(name, "1.0", {f"shared/{name}.py": "", f"{name}/a.py": ""})
    store = patient.root / "store"
    places = apart(patient, patient.prefix, lambda name, version: store / f"{name}-{version}")
    assert places == {name: store / f"{name}-1.0" for name in ("one", "two")}
    assert list(patient.site.iterdir()) == []
    for place in places.values():
        linked(place, patient.root / "files")
        linked(place, patient.root / "whole", whole=True)
    below = patient.site.relative_to(patient.prefix)
    assert (patient.root / "files" / below / "one" / "a.py").is_symlink()
    assert (patient.root / "whole" / below / "one").is_symlink()
    for view in ("files", "whole"):
        shared = patient.root / view / below / "shared"
        assert not shared.is_symlink()
        assert sorted(path.name for path in shared.iterdir()) == ["one.py", "two.py"]
        assert all(path.is_symlink() for path in shared.iterdir())
