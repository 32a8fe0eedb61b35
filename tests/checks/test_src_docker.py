"""Dockerfiles: their names, and the wheels that RUN takes."""

from __future__ import annotations

from pathlib import Path

import pytest
import source_tree as t

from gpufix.checks.wheels.whl505_torch_family_mismatch import torch_family_mismatch
from gpufix.facts.project.project_files import kind_of

IMAGE = "FROM nvidia/cuda:11.8.0-devel-ubuntu22.04\n"
INDEX = "https://download.pytorch.org/whl"

SILENT = {
    "the image's CUDA": f"{IMAGE}RUN pip install torch --index-url {INDEX}/cu118",
    "an image without a toolkit": "FROM nvidia/cuda:11.8.0-runtime-ubuntu22.04\n"
    f"RUN pip install torch --index-url {INDEX}/cu124",
    "another stage's image": f"{IMAGE}FROM ubuntu\nRUN pip install torch --index-url {INDEX}/cu124",
    "nothing": "",
}


@pytest.mark.parametrize("case", SILENT)
def test_silent(case: str, tmp_path: Path) -> None:
    root = t.write(tmp_path, {"Dockerfile": SILENT[case] + "\n", "setup.py": "", "a.cu": ""})
    view = t.look(root, "sm_120")
    assert t.found(torch_family_mismatch, view) == []
    assert view.gaps == []


FIRING = {
    "another CUDA": (
        f"{IMAGE}RUN pip install torch --index-url {INDEX}/cu124",
        torch_family_mismatch,
        2,
    ),
}


@pytest.mark.parametrize("case", FIRING)
def test_fires(case: str, tmp_path: Path) -> None:
    text, check, line = FIRING[case]
    root = t.write(tmp_path, {"docker/Dockerfile.cuda": text + "\n", "setup.py": "", "a.cu": ""})
    told = t.told(t.found(check, t.look(root, "sm_120")))
    assert [(severity, lines) for severity, _, lines in told] == [("advice", [line])]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("Dockerfile", "docker"),
        ("a/Dockerfile.rocm", "docker"),
        ("a/cuda.Dockerfile", "docker"),
        ("Containerfile", "docker"),
        ("Dockerfiles.md", None),
        ("dockerfile.py", "python"),
    ],
)
def test_names(path: str, kind: str | None) -> None:
    assert kind_of(path) == kind
