"""A libstdc++ on LD_LIBRARY_PATH that lacks what a module needs: the loader, the doctor, the repair."""

from __future__ import annotations

import json
import subprocess
import sysconfig
from pathlib import Path

import pytest
from venvs import Venv, codes

MODULE = r"""
#include <Python.h>
#include <string>
static PyModuleDef def = {PyModuleDef_HEAD_INIT, "old", 0, -1, 0};
PyMODINIT_FUNC PyInit_old() {
    std::string text(100, 'x');
    return text.size() ? PyModule_Create(&def) : nullptr;
}
"""


def stray(folder: Path) -> Path:
    """A libstdc++ of the first ABI version alone; its folder."""
    folder.mkdir()
    (folder / "a.c").write_text("void first(void) {}\n")
    (folder / "a.map").write_text("GLIBCXX_3.4 { global: first; local: *; };\n")
    flags = ["-shared", "-fPIC", "-Wl,-soname,libstdc++.so.6", "-Wl,--version-script=a.map"]
    command = ["gcc", *flags, "-o", "libstdc++.so.6", "a.c"]
    subprocess.run(command, cwd=folder, check=True)
    return folder


@pytest.mark.needs("gcc", "g++", "Python.h")
@pytest.mark.parametrize(
    ("only", "left"), [("ABI302", "/nowhere"), pytest.param("RUN805", None, marks=pytest.mark.slow)]
)
def test_what_the_loader_refuses_is_told_and_repaired(
    empty: Venv, tmp_path: Path, only: str, left: str | None
) -> None:
    (tmp_path / "old.cpp").write_text(MODULE)
    target = empty.site / f"old{sysconfig.get_config_var('EXT_SUFFIX')}"
    include = f"-I{sysconfig.get_path('include')}"
    command = ["g++", "-shared", "-fPIC", "-O0", include, "old.cpp", "-o", str(target)]
    subprocess.run(command, cwd=tmp_path, check=True)
    loading = (str(empty.python), "-c", "import old")
    bad = {"LD_LIBRARY_PATH": f"/nowhere:{stray(tmp_path / 'stray')}"}
    assert codes(empty.doctor()["findings"]) == []
    refused = subprocess.run(loading, capture_output=True, text=True, env=empty.environ(bad))
    assert f"{tmp_path}/stray/libstdc++.so.6: version `" in refused.stderr

    report = empty.doctor(env=bad)
    assert codes(report["findings"]) == ["RUN805", "  ABI302"]
    (finding,) = report["findings"][0]["consequences"]
    assert finding["severity"] == "error"
    assert f"which {tmp_path}/stray/libstdc++.so.6 does not define" in finding["message"]
    chosen = ("--python", str(empty.python))
    apply = ("fix", "--apply", *chosen, "--only", only, "--format", "json")
    done = empty.gpufix(*apply, env=bad)
    assert done.returncode == 0, done.stdout + done.stderr
    told = empty.gpufix("env", *chosen, "--format", "json", env=bad)
    assert json.loads(told.stdout)["variables"] == {"LD_LIBRARY_PATH": left}
    assert codes(empty.doctor(env=bad)["findings"]) == []
    ran = empty.gpufix("run", *chosen, "--", *loading, env=bad)
    assert ran.returncode == 0, ran.stderr
