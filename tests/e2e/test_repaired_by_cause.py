"""Remedies carried out by a real installer, judged again, and undone."""

from __future__ import annotations

import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest
from test_fix import fix, undo
from venvs import Venv, snapshot

import needs

MODULE = """\
#include <Python.h>
static PyModuleDef module = {PyModuleDef_HEAD_INIT, "_c", 0, -1, 0};
PyMODINIT_FUNC PyInit__c(void) { return PyModule_Create(&module); }
"""


def add(venv: Venv, name: str, *requires: str, module: str = "") -> Path:
    """A distribution of one package, as pip leaves it."""
    package = venv.site / name
    package.mkdir()
    (package / "__init__.py").write_text(module)
    info = venv.site / f"{name}-1.0.dist-info"
    info.mkdir()
    rows = "".join(f"Requires-Dist: {row}\n" for row in requires)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{rows}")
    (info / "INSTALLER").write_text("pip\n")
    (info / "RECORD").write_text(f"{name}/__init__.py,,\n{info.name}/RECORD,,\n")
    return package


def needing(venv: Venv, name: str, *sonames: str) -> None:
    """A package whose module needs libraries that are nowhere."""
    needs.require("gcc")
    package = add(venv, name, module="from . import _c\n")
    made = venv.home / name
    made.mkdir()
    stubs = [made / soname for soname in sonames]
    (made / "stub.c").write_text("void stub(void) {}\n")
    (made / "module.c").write_text(MODULE)
    for stub in stubs:
        _gcc("-o", stub, made / "stub.c", f"-Wl,-soname,{stub.name}")
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    include = sysconfig.get_path("include")
    _gcc(
        "-o",
        package / f"_c{suffix}",
        f"-I{include}",
        made / "module.c",
        "-Wl,--no-as-needed",
        *stubs,
    )
    with (venv.site / f"{name}-1.0.dist-info" / "RECORD").open("a") as record:
        record.write(f"{name}/_c{suffix},,\n")


def _gcc(*arguments: object) -> None:
    command = ["gcc", "-shared", "-fPIC", *map(str, arguments)]
    subprocess.run(command, check=True, capture_output=True)


CXX = """\
#include <Python.h>
#include <string>
static PyModuleDef module = {PyModuleDef_HEAD_INIT, "_c", 0, -1, 0};
PyMODINIT_FUNC PyInit__c(void) {
  return std::to_string(Py_REFCNT(Py_None)).empty() ? nullptr : PyModule_Create(&module);
}
"""


def with_old_libstdcxx(venv: Venv, name: str) -> None:
    """A package that brings a libstdc++ without what its module needs, and has it loaded."""
    needs.require("gcc", "g++")
    package = add(venv, name, module="from . import _c\n")
    made = venv.home / name
    made.mkdir()
    (made / "stub.c").write_text("void stub(void) {}\n")
    (made / "versions").write_text("GLIBCXX_3.4 { global: *; };\nCXXABI_1.3 { };\n")
    (made / "module.cpp").write_text(CXX)
    old = ["-Wl,-soname,libstdc++.so.6", f"-Wl,--version-script,{made}/versions"]
    _gcc("-o", package / "libstdc++.so.6", made / "stub.c", *old)
    suffix, include = sysconfig.get_config_var("EXT_SUFFIX"), sysconfig.get_path("include")
    search = ["-Wl,--disable-new-dtags,-rpath,$ORIGIN", "-lstdc++"]
    _gcc("-o", package / f"_c{suffix}", f"-I{include}", made / "module.cpp", *search)


def installed(venv: Venv) -> set[str]:
    return {path.name.partition("-")[0] for path in venv.site.glob("*.dist-info")}


def test_extras_of_all_who_ask_come_and_one_absence_is_one_finding(empty: Venv) -> None:
    add(empty, "top", "mid[gpu]>=1")
    add(empty, "mid", "cuda-toolkit[nvtx]==13.*; extra == 'gpu'", "absent; extra == 'cpu'")
    add(empty, "other", "cuda-toolkit[profiler]<13.1")
    before = snapshot(empty.path)
    (finding,) = empty.doctor()["findings"]  # type: ignore[misc]
    assert [f["subject"] for f in (finding, *finding["consequences"])] == ["mid", "other"]
    done = fix(empty, "--apply")
    assert (done["state"], done["exit"]) == ("kept", 0), done
    assert {"cuda_toolkit", "nvidia_nvtx", "nvidia_cuda_profiler_api"} <= installed(empty)
    assert empty.doctor()["findings"] == []
    assert undo(empty)["exit"] == 0
    assert snapshot(empty.path) == before


def test_a_wheel_of_the_right_cuda_is_brought_and_found(empty: Venv) -> None:
    needing(empty, "ext_cuda12x", "libcudart.so.12")
    command = [str(empty.python), "-c", "import ext_cuda12x"]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 1
    done = fix(empty, "--apply", "--unsafe", "--gpu", "sm_90")
    assert (done["state"], done["exit"]) == ("kept", 0), done
    assert "nvidia_cuda_runtime_cu12" in installed(empty)
    ran = empty.gpufix("run", "--python", str(empty.python), "--", *command)
    assert ran.returncode == 0, ran.stderr
    assert undo(empty)["exit"] == 0
    assert "nvidia_cuda_runtime_cu12" not in installed(empty)


def test_a_newer_libstdcxx_that_is_here_is_loaded_first(empty: Venv) -> None:
    with_old_libstdcxx(empty, "cxx")
    command = [str(empty.python), "-c", "import cxx"]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 1
    done = fix(empty, "--apply")
    assert (done["state"], done["exit"]) == ("kept", 0), done
    assert [f["code"] for f in done["fixed"]] == ["ABI302"]
    ran = empty.gpufix("run", "--python", str(empty.python), "--", *command)
    assert ran.returncode == 0, ran.stderr
    assert undo(empty)["exit"] == 0


def test_errors_that_stand_are_named_and_the_exit_code_says_so(empty: Venv) -> None:
    needing(empty, "odd", "libweird.so.7")
    reason = "no wheel and no package of the system is known here that brings libweird.so.7"
    report = empty.doctor()
    (finding,) = report["findings"]  # type: ignore[misc]
    assert (finding["severity"], finding["no_plan"]) == ("error", reason)
    shown = fix(empty)
    assert (shown["exit"], shown["plans"], shown["held"]) == (1, [], [])
    assert [(f["code"], f["no_plan"]) for f in shown["standing"]] == [("SYM402", reason)]
    text = empty.gpufix("fix", "--python", str(empty.python))
    assert text.returncode == 1
    assert "nothing to repair" not in text.stdout
    assert f"no plan: {reason}" in text.stdout
    assert "1 error without a plan" in text.stdout
    applied = empty.gpufix("fix", "--apply", "--python", str(empty.python))
    assert (applied.returncode, "nothing to repair" in applied.stdout) == (1, False)


def test_a_source_that_is_gone_is_no_rebuild(empty: Venv, tmp_path: Path) -> None:
    needing(empty, "gone", "libweird.so.7")
    source: dict[str, Any] = {"url": f"file://{tmp_path}/src", "dir_info": {}}
    info = empty.site / "gone-1.0.dist-info/direct_url.json"
    info.write_text(str(source).replace("'", '"'))
    done = empty.gpufix("snapshot", "--python", str(empty.python))
    assert '"gone":true' in done.stdout.replace(" ", "")
    (tmp_path / "src").mkdir()
    done = empty.gpufix("snapshot", "--python", str(empty.python))
    assert '"gone":true' not in done.stdout.replace(" ", "")


@pytest.mark.parametrize("soname", ["libportaudio.so.2"])
def test_what_the_system_lacks_is_for_its_package_manager(empty: Venv, soname: str) -> None:
    needing(empty, "audio", soname)
    (finding,) = empty.doctor()["findings"]  # type: ignore[misc]
    (plan,) = finding["fixes"]
    assert plan["safety"] == "manual"
    assert "libportaudio2" in plan["command"] or soname in plan["command"]
    assert fix(empty)["exit"] == 1
