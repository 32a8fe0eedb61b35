"""Unpacked wheels stay within their limit; patients keep what they have."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from clinic import unpacked


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CLINIC_CACHE", str(tmp_path))
    monkeypatch.setattr(unpacked, "LIMIT", 3e-6)  # 3,000 bytes
    monkeypatch.setattr(unpacked, "_held", {})
    return tmp_path / "uv"


def wheel(folder: Path, name: str, size: int) -> Path:
    with zipfile.ZipFile(folder / name, "w") as archive:
        archive.writestr("file", b"0" * size)
    return folder / name


def install(wheels: list[Path]) -> Path:
    """As uv: each wheel's file lies in the cache."""
    with unpacked.unpacking(wheels) as store:
        store.mkdir(exist_ok=True)
        for path in wheels:
            (store / path.name).write_bytes(zipfile.ZipFile(path).read("file"))
    return store


def test_it_is_emptied_before_it_would_be_too_large(store: Path, tmp_path: Path) -> None:
    one, two, three = (wheel(tmp_path, name, 1400) for name in ("one", "two", "three"))
    install([one])
    install([one, two])  # one is there already
    assert sorted(p.name for p in store.iterdir()) == ["one", "two"]
    (tmp_path / "patient").hardlink_to(store / "one")
    install([three])
    assert [p.name for p in store.iterdir()] == ["three"]
    assert (tmp_path / "patient").stat().st_size == 1400


def test_what_an_earlier_run_left_counts(store: Path, tmp_path: Path) -> None:
    store.mkdir()
    (store / "old").write_bytes(b"0" * 2000)
    install([wheel(tmp_path, "one", 1400)])
    assert [p.name for p in store.iterdir()] == ["one"]


def test_a_patient_of_symbolic_links_has_its_own(store: Path, tmp_path: Path) -> None:
    with unpacked.unpacking([], tmp_path / "own") as own:
        assert own == tmp_path / "own"
