"""What rules of other families find in small projects: the healthy twin first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import builders as b
import pytest
import source_tree as t

from gpufix.checks.runtime.run801_backend_variable import backend_variable
from gpufix.checks.runtime.run802_missing_system_header import missing_system_header
from gpufix.checks.toolchain.tch207_build_tools_missing import build_tools_missing
from gpufix.checks.wheels.whl505_torch_family_mismatch import torch_family_mismatch
from gpufix.checks.wheels.whl506_requirement_conflict import requirement_conflict

CHOICE = """\
import os
BACKEND = "flash_attn"
env = os.environ.get("ATTN_BACKEND")
if env is not None and env in ["xformers", "flash_attn", "sdpa"]:
    BACKEND = env
"""
TOML = '[build-system]\nrequires = ["setuptools", {}]\n'
RASTER = "import nvdiffrast.torch as dr\nctx = dr.{}()\n"

Case = tuple[Any, dict[str, str], dict[str, Any]]
SILENT: dict[str, Case] = {
    "chosen and installed": (
        backend_variable,
        {"a.py": CHOICE},
        {"distributions": [b.dist("flash-attn")]},
    ),
    "chosen by the variable": (
        backend_variable,
        {"a.py": CHOICE},
        {"env": {"ATTN_BACKEND": "sdpa"}},
    ),
    "no old nvdiffrast": (missing_system_header, {"a.py": RASTER.format("RasterizeGLContext")}, {}),
    "wheels of this torch": (
        torch_family_mismatch,
        {"requirements.txt": "--extra-index-url https://download.pytorch.org/whl/cu128\ntorch\n"},
        {},
    ),
    "an address in a branch": (
        torch_family_mismatch,
        {
            "s.sh": "case $V in\n  a) pip install x --index-url https://download.pytorch.org/whl/cu118 ;;\nesac\n"
        },
        {},
    ),
    "pins that fit": (
        requirement_conflict,
        {"requirements.txt": "gradio==4.44.1\nhuggingface_hub==0.25.2\n"},
        {},
    ),
    "build requirement here": (
        build_tools_missing,
        {"setup.py": t.setup(), "pyproject.toml": TOML.format('"ninja", "torch"')},
        {},
    ),
}


@pytest.mark.parametrize("name", SILENT)
def test_silent(tmp_path: Path, name: str) -> None:
    check, files, sections = SILENT[name]
    view = t.look(t.write(tmp_path, dict(files)), **sections)
    assert t.told(t.found(check, view)) == []
    assert view.gaps == []


FIRING: dict[str, tuple[Any, dict[str, str], dict[str, Any], str, list[int]]] = {
    "default back end": (backend_variable, {"a.py": CHOICE}, {}, "warning", [4]),
    "unknown value": (
        backend_variable,
        {"a.py": CHOICE},
        {"env": {"ATTN_BACKEND": "magic"}},
        "warning",
        [4],
    ),
    "wheels of another cuda": (
        torch_family_mismatch,
        {
            "requirements.txt": "# x\n-f https://nvidia-kaolin.s3.us-east-2.amazonaws.com/torch-2.4.0_cu121.html\n"
        },
        {},
        "warning",
        [2],
    ),
    "wheels of another minor": (
        torch_family_mismatch,
        {
            "environment.yml": "dependencies:\n  - pip\n  - pip:\n    - --extra-index-url https://download.pytorch.org/whl/cu126\n"
        },
        {},
        "advice",
        [4],
    ),
    "pins that do not fit": (
        requirement_conflict,
        {"requirements.txt": "gradio==4.44.1\npydantic==2.11.7  # new\n"},
        {},
        "warning",
        [1, 2],
    ),
    "build requirement": (
        build_tools_missing,
        {"setup.py": t.setup(), "pyproject.toml": TOML.format('"pybind11"')},
        {},
        "warning",
        [1],
    ),
}


@pytest.mark.parametrize("name", FIRING)
def test_fires(tmp_path: Path, name: str) -> None:
    check, files, sections, severity, lines = FIRING[name]
    view = t.look(t.write(tmp_path, dict(files)), **sections)
    assert [(s, ls) for s, _, ls in t.told(t.found(check, view))] == [(severity, lines)]


def test_egl_header(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = t.write(tmp_path, {"a.py": RASTER.format("RasterizeGLContext")})
    old = {"distributions": [b.dist("nvdiffrast", "0.3.3")]}
    for header, count in (("/usr/include/EGL/egl.h", 0), (None, 1)):
        view = t.look(root, **old, answers={"system-header:EGL/egl.h": header})
        assert len(t.found(missing_system_header, view)) == count
    new = {"distributions": [b.dist("nvdiffrast", "0.4.0")]}
    assert t.found(missing_system_header, t.look(root, **new)) == []
