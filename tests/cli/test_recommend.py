"""`gpufix recommend` as a user types it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from test_usage import gpufix, patient

__all__ = ["patient"]

ELSEWHERE = ["recommend", "--python-version", "3.12"]


def builds(*arguments: str) -> list[str]:
    done = gpufix(*ELSEWHERE, *arguments, "--format", "json", "--all")
    assert done.returncode in (0, 1), done.stderr
    found = json.loads(done.stdout)
    assert found["schema_version"] == 1
    assert (done.returncode == 0) == bool(found["builds"])
    return [row["torch"] for row in found["builds"]]


def test_text_fits_80_columns_but_for_commands() -> None:
    done = gpufix(*ELSEWHERE, "--gpu", "RTX 5090", "--driver", "570.86.16")
    assert done.returncode == 0 and "torch 2.11.0 for CUDA 12.8" in done.stdout
    for line in done.stdout.splitlines():
        assert len(line) <= 80 or "$ " in line, line


def test_none_exists() -> None:
    done = gpufix(*ELSEWHERE, "--gpu", "sm_35")
    assert done.returncode == 1 and "none" in done.stdout and "nearest" in done.stdout


def test_a_patient_is_asked(patient: list[str]) -> None:
    done = gpufix("recommend", *patient, "--gpu", "sm_120", "--format", "json")
    found = json.loads(done.stdout)
    assert done.returncode == 0
    assert found["question"]["installed"] is None
    assert patient[1] in found["builds"][0]["commands"]["pip"]


def test_companions_come_along() -> None:
    done = gpufix(*ELSEWHERE, "--gpu", "sm_90", "--torch", "2.8", "--with", "torchvision")
    assert "torchvision==0.23.0+cu128" in done.stdout


def test_a_page_stands_in_the_command() -> None:
    done = gpufix(*ELSEWHERE, "--gpu", "sm_120", "--with", "kaolin", "--format", "json")
    (command,) = {row["commands"]["pip"] for row in json.loads(done.stdout)["builds"][:1]}
    assert "torch==2.8.0+cu128 --index-url" in command
    page = "https://nvidia-kaolin.s3.us-east-2.amazonaws.com/torch-2.8.0_cu128.html"
    assert command.endswith(f"&& python -m pip install kaolin==0.18.0 --find-links {page}")


def test_which_builds_exist_is_said() -> None:
    done = gpufix(*ELSEWHERE, "--gpu", "sm_90", "--torch", "2.8.0+cu118")
    said = " ".join(done.stdout.split())
    assert done.returncode == 1
    assert (
        "2.8.0 exists for cu126, cu128, cu129, rocm6.3, rocm6.4, cpu; cu118 ends at 2.7.1" in said
    )


@pytest.mark.needs("gcc")
def test_an_extension_narrows_the_answer(tmp_path: Path) -> None:
    runtime, extension = tmp_path / "libcudart.so.12", tmp_path / "ext.so"
    source = tmp_path / "empty.c"
    source.write_text("int cudaFree(void *p) { return 0; }\n")
    library = ["gcc", "-shared", "-fPIC", "-Wl,--no-as-needed", str(source)]
    soname = "-Wl,-soname,libcudart.so.12"
    subprocess.run([*library, soname, "-o", str(runtime)], check=True)
    subprocess.run([*library, str(runtime), "-o", str(extension)], check=True)
    every, narrowed = (
        builds("--gpu", "sm_90"),
        builds("--gpu", "sm_90", "--extension", str(extension)),
    )
    assert any("+cu13" in b for b in every)
    assert narrowed and all("+cu12" in b for b in narrowed) and set(narrowed) < set(every)


USAGE = [
    (["--gpu", "sm_90,gfx1100"], "both vendors"),
    (["--gpu", "RTX 5O80"], "did you mean"),
    (["--driver", "latest"], "latest"),
    (["--torch", "two"], "two"),
    (["--with", "numpy"], "numpy"),
    (["--extension", "/no/such.so"], "/no/such.so"),
    (["--platform", "win32"], "win32"),
    (["--python", "/usr"], "leave it out"),
]


@pytest.mark.some(4)
@pytest.mark.parametrize(("arguments", "says"), USAGE)
def test_usage(arguments: list[str], says: str) -> None:
    done = gpufix(*ELSEWHERE, *arguments)
    assert done.returncode == 2 and says in done.stderr and not done.stdout
