"""Windows patients, read from files: described, healthy ones in silence, faults by their names."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from pe_writer import Dll
from windows_tree import Machine, complete, diagnosed, facts, runtime

from gpufix.evidence.requirements import Requirements
from gpufix.model import Diagnosis, Finding


def flat(findings: list[Finding]) -> list[Finding]:
    return [each for f in findings for each in (f, *flat(f.consequences))]


def told(found: Diagnosis) -> list[str]:
    return [f"{f.code} {f.severity.value} {f.message}" for f in flat(found.findings)]


def test_an_embedded_python(tmp_path: Path) -> None:
    _, folder, site = complete(tmp_path)
    python = facts(folder).python
    assert python is not None
    assert (python.version, python.tag, python.kind) == ("3.11.9", "cp311", "embedded")
    assert (python.platform, python.machine, python.soabi) == ("win32", "AMD64", "cp311-win_amd64")
    assert python.sys_path == [f"{folder}/python311.zip", str(folder), str(site)]
    assert python.site_dirs == [str(site)]
    assert python.libpython == f"{folder}/python311.dll"


def test_a_venv_and_what_it_is_made_from(tmp_path: Path) -> None:
    """Its home lies on the same drive; site-packages of the home do not count, nor the user's."""
    machine = Machine(tmp_path)
    home = "Users/me/AppData/Local/Programs/Python/Python311"
    machine.python(home)
    machine.put(f"{home}/Lib/os.py", "")
    machine.put(f"{home}/include/Python.h", "")
    roaming = "Users/me/AppData/Roaming/Python/Python311/site-packages"
    machine.put(f"{roaming}/own.py", "")
    config = f"home = C:\\{home}\ninclude-system-site-packages = false\nversion = 3.11.9\n"
    config = config.replace("/", "\\")
    machine.put("Users/me/ComfyUI/venv/pyvenv.cfg", config)
    machine.put("Users/me/ComfyUI/venv/Scripts/python.exe", Dll())
    machine.put("Users/me/ComfyUI/venv/Lib/site-packages/a.py", "")
    venv = tmp_path / "Users/me/ComfyUI/venv"
    found = facts(venv)
    python = found.python
    assert python is not None
    assert (python.kind, python.version, python.has_headers) == ("venv", "3.11.9", True)
    assert python.base_prefix == f"{tmp_path}/{home}"
    assert python.site_dirs == [f"{venv}/Lib/site-packages"]
    assert f"{tmp_path}/{home}/Lib" in python.sys_path
    machine.put("Users/me/ComfyUI/venv/pyvenv.cfg", config.replace("false", "true"))
    whole = facts(venv).python
    assert whole is not None
    assert whole.user_site == f"{tmp_path}/{roaming}"
    assert whole.site_dirs[1] == whole.user_site
    shutil.rmtree(tmp_path / home)
    without = facts(venv)
    assert [gap.section for gap in without.gaps] == ["python", "windows"]
    assert without.python is not None
    assert without.python.version == "3.11.9"


def test_markers_are_those_of_windows(tmp_path: Path) -> None:
    machine, folder, site = complete(tmp_path)
    rows = (
        "a; sys_platform == 'win32'",
        "b; platform_machine == 'x86_64'",
        "c; os_name == 'posix'",
    )
    rows = (*rows, "d; platform_machine == 'AMD64' and platform_system == 'Windows'")
    machine.package(site, "asks", "1.0", {"asks.py": ""}, *rows)
    graph = Requirements(facts(folder))
    assert [row.name for row in graph.unmet] == ["a", "d"]


def test_a_complete_machine(tmp_path: Path) -> None:
    _, folder, _ = complete(tmp_path)
    found = diagnosed(folder)
    assert told(found) == []
    assert found.summary.verdict == "clean"
    assert found.patient.platform == "Windows AMD64"


def test_the_drivers_version(tmp_path: Path) -> None:
    _, folder, _ = complete(tmp_path)
    found = facts(folder)
    assert [(d.vendor, d.version) for d in found.drivers] == [("nvidia", "576.88")]
    assert found.windows is not None
    assert {r.version for r in found.windows.runtimes} == {"14.44.35211.0"}


def test_a_system_folder_out_of_reach_is_a_gap(tmp_path: Path) -> None:
    """Nothing is called missing that may lie there."""
    _, folder, _ = complete(tmp_path)
    shutil.rmtree(tmp_path / "Windows")
    found = diagnosed(folder)
    assert told(found) == []
    assert found.summary.verdict == "incomplete"


Seed = Callable[[Machine, Path, Path], object]


def without_runtime(machine: Machine, folder: Path, site: Path) -> None:
    (machine.drive / "Windows/System32/msvcp140.dll").unlink()


def old_runtime(machine: Machine, folder: Path, site: Path) -> None:
    (folder / "msvcp140.dll").write_bytes(runtime((14, 29, 30133, 0)).bytes())


def runtime_without_a_function(machine: Machine, folder: Path, site: Path) -> None:
    old = Dll(exports={"memcpy": ""}, version=(14, 16, 27033, 0))
    machine.put("Windows/System32/msvcp140.dll", old)


def without_openmp(machine: Machine, folder: Path, site: Path) -> None:
    (site / "torch/lib/libiomp5md.dll").unlink()


def other_torch(machine: Machine, folder: Path, site: Path) -> None:
    names = ["?as_float_unchecked@SymFloat@c10@@QEBANXZ"]
    machine.extension(site, "torchvision", {"c10.dll": names})


def cuda_extension(machine: Machine, folder: Path, site: Path) -> None:
    machine.extension(site, "sageattention", {"torch_cuda.dll": [], "c10.dll": []})


def other_python(machine: Machine, folder: Path, site: Path) -> None:
    machine.put(
        str((site / "kernels2/_C.cp310-win_amd64.pyd").relative_to(machine.drive)),
        Dll(imports={"python310.dll": ["PyInit"]}),
    )


def renamed_for_another_python(machine: Machine, folder: Path, site: Path) -> None:
    machine.extension(site, "fast", {"python310.dll": ["PyInit"]})


def of_32_bits(machine: Machine, folder: Path, site: Path) -> None:
    (site / "torch/lib/shm.dll").write_bytes(Dll(machine="i386").bytes())


def cut_off(machine: Machine, folder: Path, site: Path) -> None:
    path = site / "torch/lib/torch_cpu.dll"
    path.write_bytes(path.read_bytes()[:-300])


def two_pythons(machine: Machine, folder: Path, site: Path) -> None:
    """3.12 unpacked over 3.11, whose modules are still there."""
    machine.python(str(folder.relative_to(machine.drive)), 12)
    (folder / "python312._pth").write_text("python312.zip\n.\nimport site\n")


def removed_by_antivirus(machine: Machine, folder: Path, site: Path) -> None:
    (site / "torch/lib/c10.dll").unlink()


SEEDS: dict[str, tuple[Seed, str, str]] = {
    "no VC runtime": (without_runtime, "ABI306", "msvcp140.dll"),
    "an old VC runtime beside python.exe": (old_runtime, "ABI306", "python_embeded/msvcp140.dll"),
    "a VC runtime that lacks a function": (
        runtime_without_a_function,
        "ABI306",
        "System32/msvcp140.dll",
    ),
    "no OpenMP": (without_openmp, "SYM402", "libiomp5md.dll"),
    "torchvision of another torch": (other_torch, "SYM401", "c10::SymFloat::as_float_unchecked"),
    "an extension for CUDA, torch for the CPU": (cuda_extension, "SYM402", "torch_cuda.dll"),
    "a module for another Python": (other_python, "ABI304", "kernels2/_C"),
    "a module that imports another Python's DLL": (
        renamed_for_another_python,
        "SYM402",
        "python310.dll",
    ),
    "two Pythons in one folder": (two_pythons, "ABI304", "this is Python 3.12.9 (cp312)"),
    "a DLL of 32 bits": (of_32_bits, "SYM405", "shm.dll"),
    "a DLL that was cut off": (cut_off, "SYM405", "torch_cpu.dll"),
    "a DLL that antivirus removed": (removed_by_antivirus, "WHL503", "c10.dll"),
}


@pytest.mark.parametrize("name", SEEDS)
def test_field_faults_are_named(tmp_path: Path, name: str) -> None:
    seed, code, word = SEEDS[name]
    machine, folder, site = complete(tmp_path)
    seed(machine, folder, site)
    found = diagnosed(folder)
    named = [f for f in flat(found.findings) if f.code == code]
    texts = [f"{f.message} {[e.text for e in f.evidence]}" for f in named]
    assert any(word in text for text in texts), told(found)


def test_a_cpu_torch_where_a_gpu_was_named(tmp_path: Path) -> None:
    _, folder, _ = complete(tmp_path)
    found = diagnosed(folder, "sm_120")
    assert [f.code for f in found.findings] == ["TCH201"]
    assert "torch/version.py" in found.findings[0].evidence[0].text


def test_triton_of_another_torch(tmp_path: Path) -> None:
    """torch for Windows requires none, so the pair is a row of its own."""
    machine, folder, site = complete(tmp_path)
    machine.package(site, "triton-windows", "3.6.0.post25", {"triton/__init__.py": ""})
    found = diagnosed(folder)
    assert [f.code for f in found.findings] == ["WHL508"], told(found)
    assert "triton-windows 3.6.0.post25" in found.findings[0].message
    machine.package(site, "triton-windows", "3.5.1.post24", {"triton/__init__.py": ""})
    shutil.rmtree(site / "triton_windows-3.6.0.post25.dist-info")
    assert told(diagnosed(folder)) == []


def test_a_system_folder_that_was_copied_in_part(tmp_path: Path) -> None:
    """Without kernel32.dll it is not whole: a gap, where something may lie there."""
    machine, folder, site = complete(tmp_path)
    machine.extension(site, "drawing", {"vulkan-1.dll": ["f"], "d3d12.dll": ["f"]})
    part = diagnosed(folder)
    assert told(part) == []
    assert [gap.reason for gap in part.gaps] == [
        "it is not whole: whether it has vulkan-1.dll is not known"
    ]
    machine.put("Windows/System32/kernel32.dll", Dll())
    assert told(diagnosed(folder)) == [
        "SYM402 error drawing needs vulkan-1.dll: not found on the library search path."
    ]


def test_folders_that_code_adds(tmp_path: Path) -> None:
    """By a call that is followed, by one that is not, and by a .pth file at Python's start."""
    machine, folder, site = complete(tmp_path)
    late = Dll(exports={"f": ""})
    module = Dll(imports={"late.dll": ["f"]})
    plain = "import os\nos.add_dll_directory(os.path.join(os.path.dirname(__file__), 'bin'))\nfrom . import _C\n"
    hidden = "import os, helper\nfor p in helper.places():\n    os.add_dll_directory(p)\nfrom . import _C\n"
    for name, code in (("plain", plain), ("hidden", hidden), ("bare", "from . import _C\n")):
        files = {f"{name}/__init__.py": code, f"{name}/_C.cp311-win_amd64.pyd": module}
        machine.package(site, name, "1.0", {**files, f"{name}/bin/late.dll": late})
    machine.package(site, "helper", "1.0", {"helper.cp311-win_amd64.pyd": Dll()})
    found = diagnosed(folder)
    assert [f.subject for f in found.findings] == ["bare"], told(found)
    assert "lies at" in found.findings[0].message
    machine.package(site, "pywin32", "312", {"pywin32_system32/late.dll": late})
    assert told(diagnosed(folder)) == []
