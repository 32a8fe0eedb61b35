"""What runs of build files tell, told again by a snapshot when the project is gone."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import builders as b
import source_tree as t

from gpufix.diagnosis.diagnose import Request, diagnose, examine
from gpufix.diagnosis.redaction import load
from gpufix.facts.queries import Queries
from gpufix.model.base import to_json

FILES = {
    "setup.py": """\
import os
import torch
from setuptools import setup
from torch.utils.cpp_extension import BuildExtension, CUDAExtension, CppExtension
from flags import archs
exts = [CppExtension("lap", ["lap.cpp"])]
if torch.cuda.is_available() or os.getenv("FORCE_CUDA") == "1":
    exts = [CUDAExtension("lap", ["lap.cpp", "lap.cu"], extra_compile_args={"nvcc": archs()})]
setup(name="lap", ext_modules=exts, cmdclass={"build_ext": BuildExtension})
""",
    "flags.py": """\
import os
def archs():
    return [f"-gencode=arch=compute_{n},code=sm_{n}" for n in os.getenv("LAP_FOR", "75").split(",")]
""",
    "lap.cu": "#include <torch/extension.h>\n",
    "lap.cpp": "",
    "native/CMakeLists.txt": """\
cmake_minimum_required(VERSION 3.18)
project(native LANGUAGES CXX CUDA)
include(archs.cmake)
add_library(native a.cu)
""",
    "native/archs.cmake": "set(CMAKE_CUDA_ARCHITECTURES 75-real)\n",
    "native/a.cu": "",
    "install.sh": "pip install flash-attn\ncp -r extensions/lap /tmp/lap && pip install /tmp/lap\n",
    "Dockerfile": "FROM nvidia/cuda:13.0.0-devel\nRUN FORCE_CUDA=1 && pip install .\n",
}


def test_a_snapshot_tells_the_same_without_the_project(tmp_path: Path) -> None:
    facts = t.look(
        t.write(tmp_path / "lap", FILES), "sm_120", distributions=[b.dist("pip", "25.3")]
    ).facts
    request = Request(gpus=("sm_120",))
    live = diagnose(facts, request, Queries.of(facts))
    view = examine(facts, request, Queries.of(facts)).view
    kept = tmp_path / "facts.json"
    kept.write_text(json.dumps(to_json(replace(facts, answers=view.answers))))
    shutil.rmtree(tmp_path / "lap")

    again = diagnose(load(kept), request)
    codes = {finding.code for finding in live.findings}
    assert codes >= {"SRC601", "SRC605", "SRC606", "SRC613"}
    assert again.findings == live.findings
    assert again.gaps == live.gaps
