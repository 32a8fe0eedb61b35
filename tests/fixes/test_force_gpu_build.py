"""What makes a build without a visible GPU build for it: tried in runs of the file, never guessed."""

from __future__ import annotations

from pathlib import Path

import builders as b
import source_tree as t

from gpufix.checks.source.src613_build_asks_for_gpu import build_asks_for_gpu as check
from gpufix.fixes.source.force_gpu_build import force_gpu_build
from gpufix.model import Advise, Plan, Skip

SETUP = """\
import os, sys
import torch
from setuptools import setup
from torch.utils.cpp_extension import BuildExtension, CUDAExtension, CppExtension
cuda = torch.cuda.is_available(){or_forced}
made = CUDAExtension("lap", ["lap.cpp", "lap.cu"]) if cuda else CppExtension("lap", ["lap.cpp"])
setup(name="lap", ext_modules=[made], cmdclass={{"build_ext": BuildExtension}})
"""


def plan(root: Path, or_forced: str) -> Plan | Skip:
    t.write(root, {"setup.py": SETUP.format(or_forced=or_forced), "lap.cu": "", "lap.cpp": ""})
    view = t.look(root, "sm_90")
    (finding,) = t.found(check, view)
    return force_gpu_build(finding, view)


def test_the_variable_is_set_with_the_list_that_torch_asks_for_then(tmp_path: Path) -> None:
    made = plan(tmp_path, ' or os.getenv("LAP_USE_CUDA", "off") == "ON"')
    assert t.apply(made) == {"LAP_USE_CUDA": "ON", "TORCH_CUDA_ARCH_LIST": "9.0+PTX"}


def test_what_it_sets_answers_the_finding(tmp_path: Path) -> None:
    variables = t.apply(plan(tmp_path, ' or bool(int(os.environ.get("FORCE_CUDA", 0)))'))
    assert variables["FORCE_CUDA"] == "1"
    env = {name: value for name, value in variables.items() if value}
    assert t.found(check, t.look(tmp_path, "sm_90", env=env)) == []


def test_an_option_is_said_to_a_person(tmp_path: Path) -> None:
    made = plan(tmp_path, ' or "--force-cuda" in sys.argv')
    assert isinstance(made, Plan)
    assert (made.safety, made.title) == ("manual", "build with --force-cuda")


def test_a_file_that_reads_nothing_is_made_to_read_it(tmp_path: Path) -> None:
    made = plan(tmp_path, "")
    variables = t.apply(made)
    assert variables == {"FORCE_CUDA": "1", "TORCH_CUDA_ARCH_LIST": "9.0+PTX"}
    text = (tmp_path / "setup.py").read_text()
    assert text == SETUP.format(or_forced="").replace(
        "torch.cuda.is_available()",
        '(torch.cuda.is_available() or os.environ.get("FORCE_CUDA") == "1")',
    )
    assert t.found(check, t.look(tmp_path, "sm_90", env={"FORCE_CUDA": "1"})) == []


def test_nothing_is_offered_where_the_gpu_is_asked_for_more(tmp_path: Path) -> None:
    made = plan(tmp_path, " and torch.cuda.get_device_capability() > (7, 0)")
    assert isinstance(made, Skip)
    assert made.reason.startswith("nothing that setup.py reads")


def test_a_dockerfile_exports_what_it_set_for_its_shell(tmp_path: Path) -> None:
    forced = ' or os.getenv("FORCE_CUDA") == "1"'
    image = "FROM x\nRUN apt-get update && \\\n    FORCE_CUDA=1 && pip install .\n"
    t.write(tmp_path, {"setup.py": SETUP.format(or_forced=forced), "lap.cu": "", "lap.cpp": ""})
    t.write(tmp_path, {"Dockerfile": image})
    (finding,) = t.found(check, t.look(tmp_path, gpus=[b.gpu("sm_90")]))
    t.apply(force_gpu_build(finding, t.look(tmp_path, gpus=[b.gpu("sm_90")])))
    assert (tmp_path / "Dockerfile").read_text() == image.replace("FORCE", "export FORCE")
    assert t.found(check, t.look(tmp_path, gpus=[b.gpu("sm_90")])) == []


def test_an_option_is_given_to_the_cmake_that_pip_starts(tmp_path: Path) -> None:
    source = "project(d CXX)\noption(D_CUDA CUDA OFF)\nif(D_CUDA)\nenable_language(CUDA)\nendif()\n"
    project = (
        '[build-system]\nrequires = ["scikit-build-core"]\nbuild-backend = "scikit_build_core.build"\n'
        '[tool.scikit-build]\ncmake.source-dir = "src"\n'
    )
    t.write(tmp_path, {"src/CMakeLists.txt": source, "pyproject.toml": project})
    view = t.look(tmp_path, "sm_90")
    (finding,) = t.found(check, view)
    made = force_gpu_build(finding, view)
    assert isinstance(made, Plan)
    (step,) = made.steps
    assert isinstance(step, Advise)
    assert step.command == f"CMAKE_ARGS=-DD_CUDA=ON pip install {tmp_path}"
