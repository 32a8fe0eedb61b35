"""gpufix inspect on real files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import test_binaries as compiled
import venvs
from venvs import Venv

import forked
import needs


@pytest.fixture
def module(empty: Venv) -> Path:
    needs.require("g++", "Python.h")
    target = compiled.installed(empty, "plain")
    compiled.compile_(compiled.MODULE, target, ["g++", "-fPIC"])
    return target


def report(*arguments: str) -> list[dict[str, object]]:
    done = forked.gpufix(["inspect", "--format", "json", *arguments], Path.cwd(), os.environ)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["inspections"]


def test_a_plain_module(module: Path) -> None:
    (one,) = report(str(module))
    (file,) = one["files"]
    assert file["kind"] == "module"
    assert file["python_tag"].startswith("cp3")
    assert file["machine"] == "x86_64"
    assert file["exports"] >= 1
    assert file["undefined"] >= 1  # PyModule_Create2
    assert one["served"] == {}
    assert one["torch"] is None


def test_the_quick_way_and_the_ordinary_one_agree(module: Path) -> None:
    quick = report(str(module))
    ordinary = report(str(module), "--gpu", "sm_120")  # an option that only Typer serves
    assert quick == ordinary


@pytest.mark.slow
@pytest.mark.needs("g++", "Python.h")
def test_torch_and_abi_of_an_extension(torch_cpu: Venv) -> None:
    target = compiled.installed(torch_cpu, "ext")
    compiled.compile_(compiled.CHECKED, target, compiled.with_torch(torch_cpu, 0))
    (one,) = report(str(target), "--python", str(torch_cpu.python))
    assert one["cxx11_abi"] == 0
    assert "2.5.1" in one["torch"]["releases"]
    assert one["here"]["promise"] == "lacks-symbols"
    assert one["files"][0]["here"] == [
        "undefined symbol _ZN3c106detail14torchCheckFailEPKcS2_jRKSs"
    ]


def test_a_wheel_is_read_inside_the_zip(module: Path, tmp_path: Path) -> None:
    wheel = tmp_path / "plain-1.0-cp311-cp311-linux_x86_64.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(module, f"plain/{module.name}")
        archive.writestr(
            "plain-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: plain\nVersion: 1.0\n"
        )
        archive.writestr("plain-1.0.dist-info/WHEEL", "Tag: cp311-cp311-linux_x86_64\n")
    (one,) = report(str(wheel))
    assert (one["kind"], one["name"], one["version"]) == ("wheel", "plain", "1.0")
    assert one["tags"] == ["cp311-cp311-linux_x86_64"]
    assert [f["path"] for f in one["files"]] == [f"plain/{module.name}"]
    assert report(str(module))[0]["files"][0]["exports"] == one["files"][0]["exports"]


def test_a_folder_and_an_installed_package(module: Path, empty: Venv) -> None:
    (folder,) = report(str(module.parent))
    (package,) = report("plain", "--python", str(empty.python))
    assert folder["kind"] == "folder"
    assert package["kind"] == "distribution"
    assert package["version"] == "1.0"
    assert package["files"][0]["here"] == []


def test_a_folder_of_links(module: Path, tmp_path: Path) -> None:
    for name, target in {"a": module.parent, "b": module.parent, "self": ".", "top": "/"}.items():
        (tmp_path / name).symlink_to(target)
    (folder,) = report(str(tmp_path))
    assert [f["path"] for f in folder["files"]] == [f"a/{module.name}"]


@pytest.mark.needs("nvcc", "Python.h")
def test_the_chart_of_targets(empty: Venv) -> None:
    target = compiled.installed(empty, "kernels")
    code = "-gencode=arch=compute_80,code=[sm_80,compute_80]"
    compiled.compile_(
        compiled.KERNEL, target, [needs.path("nvcc"), "-Xcompiler", "-fPIC", code], ".cu"
    )
    (one,) = report(str(target))
    assert one["served"]["sm_80"] == one["served"]["sm_86"] == "native"
    assert one["served"]["sm_120"] == "jit"
    assert one["served"]["sm_75"] == "none"
    assert not any(t.startswith("gfx") for t in one["served"])


@pytest.mark.parametrize(
    ("content", "name", "says"),
    [
        (b"", "empty.so", "neither ELF"),
        (b"\x7fELF" + bytes(60), "short.so", ""),
        (b"not a zip", "x.whl", "zip"),
        (b"text", "x.txt", "neither ELF"),
    ],
)
def test_bad_input_is_a_usage_error(content: bytes, name: str, says: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    done = subprocess.run(
        [sys.executable, "-m", "gpufix", "inspect", str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_nothing_is_unpacked_beside_the_wheel(module: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    report(str(module))
    assert sorted(tmp_path.rglob("*")) == before
    assert venvs.Venv is Venv


@pytest.mark.needs("nvcc")
def test_units_are_judged_one_by_one_and_ptx_with_its_drivers(tmp_path: Path) -> None:
    nvcc, objects = needs.path("nvcc"), []
    for name, code in (("alpha", "sm_80"), ("beta", "[sm_90,compute_90]")):
        source = tmp_path / f"{name}.cu"
        source.write_text(f"__global__ void {name}(int *x) {{ *x = 1; }}\n")
        virtual = "compute_80" if name == "alpha" else "compute_90"
        objects.append(str(source.with_suffix(".o")))
        flags = [f"-gencode=arch={virtual},code={code}", "-Xcompiler", "-fPIC", "-c"]
        subprocess.run([nvcc, *flags, str(source), "-o", objects[-1]], check=True)
    library = str(tmp_path / "two.so")
    subprocess.run([nvcc, "-shared", *objects, "-o", library], check=True)
    (one,) = report(library, "--gpu", "sm_90", "--gpu", "sm_80", "--gpu", "sm_120")
    assert one["served"] == {"sm_90": "partly", "sm_80": "native", "sm_120": "partly"}
    assert one["files"][0]["lacking"]["sm_90"] == ["sm_80 (_Z5alphaPi)"]
    (old,) = report(library, "--gpu", "sm_120", "--driver", "11.4")
    assert (old["served"], old["driver"]) == ({"sm_120": "too new"}, "11.4")
    assert float(old["drivers"]["sm_120"]) >= 12.0
