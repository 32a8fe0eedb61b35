"""What Windows' loader would do, by small DLLs. tests/windows/test_pe_loader_wine.py asks a real one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pe_writer import Dll

from gpufix.binary.loader.model import Verdict
from gpufix.binary.pe_loader.disk import PeFiles
from gpufix.binary.pe_loader.state import WindowsState
from gpufix.binary.pe_loader.system import WindowsSystem

OWN = frozenset({"kernel32.dll"})


def process(
    tmp_path: Path, files: Mapping[str, Dll | bytes], *added: str, known: bool = True
) -> WindowsState:
    for name, dll in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(dll if isinstance(dll, bytes) else dll.bytes())
    system = WindowsSystem(OWN, f"{tmp_path}/sys" if known else None, ("cudart64",))
    folders = tuple(f"{tmp_path}/{name}" for name in added)
    return WindowsState(PeFiles(), system, f"{tmp_path}/app", folders)


def of(state: WindowsState, tmp_path: Path, name: str = "pkg/m.pyd") -> Verdict:
    return state.predict(f"{tmp_path}/{name}")


def uses(verdict: Verdict) -> dict[str, str]:
    return {one.name: one.reason for one in verdict.uses}


def test_where_a_dll_is_looked_for(tmp_path: Path) -> None:
    """Its own folder, the program's, added ones, System32; names differ by more than case."""
    needs = {name: ["f"] for name in ("A.dll", "b.dll", "c.dll", "d.dll")}
    dll = Dll(exports={"f": ""})
    files = {
        "pkg/m.pyd": Dll(imports=needs),
        "pkg/a.dll": dll,
        "app/b.dll": dll,
        "added/c.dll": dll,
        "sys/d.dll": dll,
        "app/a.dll": dll,
    }
    verdict = of(process(tmp_path, files, "added"), tmp_path)
    assert verdict.loads
    assert uses(verdict) == {
        "A.dll": "own folder",
        "b.dll": "program's folder",
        "c.dll": "added folder",
        "d.dll": "System32",
    }


def test_the_folder_of_the_file_that_is_loaded_counts_for_all(tmp_path: Path) -> None:
    """Not that of the DLL in between."""
    files = {
        "pkg/m.pyd": Dll(imports={"b.dll": []}),
        "added/b.dll": Dll(imports={"c.dll": []}),
        "added2/c.dll": Dll(),
    }
    verdict = of(process(tmp_path, files, "added"), tmp_path)
    assert [one.name for one in verdict.missing] == ["c.dll"]
    assert verdict.missing[0].needed_by == f"{tmp_path}/added/b.dll"


def test_what_is_loaded_already_serves_by_its_name(tmp_path: Path) -> None:
    files = {
        "pkg/m.pyd": Dll(imports={"B.DLL": ["f"]}),
        "pkg/b.dll": Dll(),
        "other/b.dll": Dll(exports={"f": ""}),
    }
    state = process(tmp_path, files)
    assert [one.name for one in of(state, tmp_path).undefined] == ["f"]
    verdict, state = state.after(f"{tmp_path}/other/b.dll")
    assert verdict.loads
    assert of(state, tmp_path).loads
    assert uses(of(state, tmp_path)) == {"B.DLL": "already loaded"}


def test_what_windows_has(tmp_path: Path) -> None:
    needs = ["KERNEL32.dll", "api-ms-win-crt-heap-l1-1-0.dll", "gone.dll"]
    files = {"pkg/m.pyd": Dll(imports={name: ["f"] for name in needs})}
    assert [one.name for one in of(process(tmp_path, files), tmp_path).missing] == ["gone.dll"]


def test_a_system_folder_out_of_reach_may_have_it(tmp_path: Path) -> None:
    """But for what no installer puts there."""
    files = {"pkg/m.pyd": Dll(imports={"msvcp140.dll": ["f"], "cudart64_12.dll": []})}
    verdict = of(process(tmp_path, files, known=False), tmp_path)
    assert [one.name for one in verdict.missing] == ["cudart64_12.dll"]


def test_symbols(tmp_path: Path) -> None:
    """By name and by ordinal; what another DLL provides is looked for there."""
    files = {
        "pkg/m.pyd": Dll(imports={"b.dll": ["here", "moved", "lost", "gone", "#1", "#9"]}),
        "pkg/b.dll": Dll(exports={"here": "", "moved": "c.there", "lost": "c.nowhere"}),
        "pkg/c.dll": Dll(exports={"there": ""}),
    }
    verdict = of(process(tmp_path, files), tmp_path)
    assert sorted(one.name for one in verdict.undefined) == ["#9", "gone", "lost"]
    assert {one.library for one in verdict.undefined} == {"b.dll"}


def test_files_that_are_refused(tmp_path: Path) -> None:
    whole = Dll(exports={"f": ""}).bytes()
    files = {
        "pkg/m.pyd": Dll(imports={"a.dll": [], "b.dll": [], "c.dll": []}),
        "pkg/a.dll": Dll(machine="i386"),
        "pkg/b.dll": whole[:-100],
        "pkg/c.dll": b"version https://git-lfs.github.com/spec/v1\n",
    }
    verdict = of(process(tmp_path, files), tmp_path)
    assert {one.path.rpartition("/")[2]: one.what for one in verdict.unusable} == {
        "a.dll": "built for another processor: i386",
        "b.dll": "cut off: sections lie beyond the end of the file",
        "c.dll": "header: no PE file",
    }


def test_a_circle_and_delayed_imports(tmp_path: Path) -> None:
    files = {
        "pkg/m.pyd": Dll(imports={"b.dll": ["f"]}, delayed={"late.dll": ["g"]}),
        "pkg/b.dll": Dll(imports={"m.pyd": ["e"]}, exports={"f": ""}),
    }
    verdict = of(process(tmp_path, files), tmp_path)
    assert [one.name for one in verdict.undefined] == ["e"]
    assert not verdict.missing


def test_a_drivers_dll(tmp_path: Path) -> None:
    files = {"pkg/m.pyd": Dll(imports={"nvcuda.dll": ["cuInit"]})}
    verdict = of(process(tmp_path, files), tmp_path)
    assert [one.driver for one in verdict.missing] == [True]
    assert not verdict.refused
