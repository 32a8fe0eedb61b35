"""What is read of a Windows machine besides its Python: Visual Studio, CUDA, the registry, the page file."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType

import pytest
from windows_tree import complete, facts

from gpufix.facts.windows import machine as windows_machine
from gpufix.facts.windows.paths import here

STUDIO = "Program Files (x86)/Microsoft Visual Studio"
MSVC = f"{STUDIO}/2022/BuildTools/VC/Tools/MSVC"
CUDA = "Program Files/NVIDIA GPU Computing Toolkit/CUDA"


def test_visual_studio_and_cuda(tmp_path: Path) -> None:
    machine, folder, _ = complete(tmp_path)
    for version in ("14.39.33519", "14.44.35207"):
        machine.put(f"{MSVC}/{version}/bin/Hostx64/x64/cl.exe", "")
    machine.put(f"{MSVC}/14.50.1/include/vector", "")  # without a compiler
    machine.put(f"{STUDIO}/Installer/vswhere.exe", "")
    for release in ("v12.4", "v12.8"):
        machine.put(f"{CUDA}/{release}/bin/nvcc.exe", "")
    machine.put("pagefile.sys", b"0" * 4096)
    found = facts(folder)
    assert found.windows is not None
    assert found.windows.vswhere is True
    assert found.windows.page_file == 4096
    assert found.windows.drive == str(tmp_path)
    assert [studio.toolsets for studio in found.windows.visual_studios or []] == [
        ["14.39.33519", "14.44.35207"]
    ]
    assert [(tool.name, tool.version) for tool in found.tools] == [
        ("cl", "14.44.35207"),
        ("cl", "14.39.33519"),
    ]
    assert [(kit.version, kit.selected) for kit in found.toolkits] == [
        ("12.8", True),
        ("12.4", False),
    ]


def test_none_of_them(tmp_path: Path) -> None:
    """Where the drive is in reach, absent is known; where it is not, nothing is."""
    _, folder, _ = complete(tmp_path)
    found = facts(folder).windows
    assert found is not None
    assert (found.vswhere, found.visual_studios, found.page_file) == (False, [], None)
    (tmp_path / "Windows").rename(tmp_path / "elsewhere")
    unknown = facts(folder).windows
    assert unknown is not None
    assert (unknown.system32, unknown.vswhere, unknown.visual_studios) == (None, None, None)


@pytest.mark.parametrize(("held", "wanted"), [(1, True), (0, False), (None, False)])
def test_long_paths_are_asked_of_the_registry(
    monkeypatch: pytest.MonkeyPatch, held: int | None, wanted: bool
) -> None:
    registry = ModuleType("winreg")

    class Key:
        def __enter__(self) -> Key:
            return self

        def __exit__(self, *_: object) -> None:
            return None

    def query(key: Key, name: str) -> tuple[int, int]:
        assert name == "LongPathsEnabled"
        if held is None:
            raise FileNotFoundError
        return held, 4

    vars(registry).update(HKEY_LOCAL_MACHINE=0, OpenKey=lambda *_: Key(), QueryValueEx=query)
    monkeypatch.setitem(sys.modules, "winreg", registry)
    monkeypatch.setattr(windows_machine.sys, "platform", "win32")
    assert windows_machine._long_paths() is wanted


def test_the_registry_is_asked_on_windows_alone() -> None:
    assert windows_machine._long_paths() is None


def test_names_differ_by_more_than_case(tmp_path: Path) -> None:
    """Where a path of Windows lies here is told by what lies on its drive."""
    (tmp_path / "users/Me/python").mkdir(parents=True)
    near = str(tmp_path / "users/Me/project")
    assert here(r"C:\Users\me\Python", near) == f"{tmp_path}/users/Me/python"
    assert here(r"C:\Users\other", near) is None
    assert here("relative", near) is None
    assert here(os.sep, near) is None
