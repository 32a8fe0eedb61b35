"""Commands on a Windows patient: what a file needs, plans that are shown and not done, snapshots."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path

import pytest
from pe_writer import Dll
from windows_tree import complete

import forked
from gpufix.inspection.served import Question
from gpufix.inspection.subject import CannotInspect, inspect_path

QUESTION = Question(("sm_120",))


def run(*arguments: str | Path, cwd: Path) -> tuple[int, str]:
    """The exit code and what is printed, notes included."""
    env = {**os.environ, "XDG_STATE_HOME": str(cwd / "state")}
    done = forked.gpufix([str(part) for part in arguments], cwd, env)
    return done.returncode, done.stdout + done.stderr


def test_a_module_is_read(tmp_path: Path) -> None:
    path = tmp_path / "_C.cp311-win_amd64.pyd"
    imports = {"torch_cpu.dll": ["f", "g"], "python311.dll": ["PyInit"]}
    path.write_bytes(Dll(imports=imports, exports={"PyInit__C": ""}, linker=(14, 42)).bytes())
    file = inspect_path(str(path), QUESTION).files[0]
    assert (file.kind, file.machine, file.python_tag) == ("module", "x86_64", "cp311")
    assert (file.needed, file.exports, file.undefined) == (list(imports), 1, 3)
    assert file.compilers == ["linker 14.42"]


def test_a_wheel_is_read(tmp_path: Path) -> None:
    path = tmp_path / "ext-1.0-cp311-cp311-win_amd64.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("ext/_C.pyd", Dll(imports={"c10.dll": ["f"]}).bytes())
        archive.writestr("ext.libs/LATE.DLL", Dll().bytes())
        archive.writestr(
            "ext-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: ext\nVersion: 1.0\n"
        )
        archive.writestr(
            "ext-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: cp311-cp311-win_amd64\n"
        )
    found = inspect_path(str(path), QUESTION)
    assert [(f.path, f.kind) for f in found.files] == [
        ("ext/_C.pyd", "module"),
        ("ext.libs/LATE.DLL", "library"),
    ]
    assert (found.tags, found.gaps) == (["cp311-cp311-win_amd64"], [])


def test_what_is_no_dll(tmp_path: Path) -> None:
    path = tmp_path / "x.dll"
    path.write_bytes(b"MZ" + bytes(100))
    with pytest.raises(CannotInspect, match=r"no PE header"):
        inspect_path(str(path), QUESTION)


def test_plans_are_shown_and_not_done(tmp_path: Path) -> None:
    machine, folder, site = complete(tmp_path)
    machine.package(site, "user", "1.0", {"user.py": ""}, "absent==2.0")
    code, said = run("fix", "--python", folder, cwd=tmp_path)
    assert code == 1
    assert f"{folder}/python.exe -m pip install absent==2.0" in said
    assert "manual WHL506 install absent==2.0" in said
    assert "gpufix changes nothing on Windows, where `gpufix undo` could not restore it" in said
    before = sorted(p for p in tmp_path.rglob("*") if "state" not in p.parts)
    code, said = run("fix", "--apply", "--python", folder, cwd=tmp_path)
    assert code == 1
    assert "gpufix cannot do this: run it yourself" in said
    assert sorted(p for p in tmp_path.rglob("*") if "state" not in p.parts) == before


def test_a_snapshot_is_judged_elsewhere(tmp_path: Path) -> None:
    """Without the files; the user's name is not in it."""
    drive = tmp_path / "c/Users/somebody-else/drive"
    _, folder, _ = complete(drive)
    (drive / "Windows/System32/msvcp140.dll").unlink()
    kept = tmp_path / "facts.json"
    code, said = run("snapshot", "--python", folder, "--output", kept, cwd=tmp_path)
    assert code == 0, said
    assert "somebody-else" not in kept.read_text()
    assert json.loads(kept.read_text())["windows"]["runtimes"]
    (tmp_path / "c").rename(tmp_path / "gone")
    code, said = run("doctor", "--facts", kept, cwd=tmp_path)
    assert code == 1
    assert "ABI306" in said
    assert "msvcp140.dll, which is in no folder that" in said
