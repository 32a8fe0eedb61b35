"""A project's own variables: what runs of its setup.py tell, and what the defaults of its text do."""

from __future__ import annotations

from pathlib import Path

import pytest
import source_tree as t

from gpufix.fixes.build_environment.assemble import build_environment
from gpufix.fixes.build_environment.knobs import as_spelled
from gpufix.fixes.build_environment.variables import Folder
from gpufix.knowledge.gpus.models import resolve

HEAD = """
import os
from setuptools import setup
from torch.utils.cpp_extension import BuildExtension, CUDAExtension
"""
TAIL = """
setup(
    name="lap",
    ext_modules=[CUDAExtension("lap", ["lap.cu"], extra_compile_args={"nvcc": flags})],
    cmdclass={"build_ext": BuildExtension},
)
"""


def built(folder: Path, body: str, *gpus: str, **variables: str) -> dict[str, str | None]:
    """The variables for a folder with this setup.py, but those that every build gets."""
    text = HEAD + body + TAIL
    files = {"setup.py": text, "lap.cu": "#include <torch/extension.h>\n"}
    view = t.look(t.write(folder, files), *gpus, env=variables)
    place = Folder(str(folder), "python", gpu_sources=1, text=text)
    common = {"MAX_JOBS", "CMAKE_BUILD_PARALLEL_LEVEL", "CUDAARCHS", "CUDACXX", "CUDA_HOME"}
    common |= {"TORCH_CUDA_ARCH_LIST", "FORCE_CUDA"}
    found = build_environment(view, place).settings()
    return {name: value for name, value in found.items() if name not in common}


LISTED = 'flags = [f"-gencode=arch=compute_{n},code=sm_{n}" for n in %s]'
STEERED = {
    "a name without ARCH in it": (
        LISTED % 'os.environ.get("LAP_FOR", "75,80").split(",")',
        "LAP_FOR",
        "89,120",
    ),
    "dots": (
        'flags = [f"-gencode=arch=compute_{n},code=sm_{n}" for n in '
        'os.environ.get("LAP_GPUS", "7.5 8.0").replace(".", "").split()]',
        "LAP_GPUS",
        "8.9 12.0",
    ),
    "no default, and it stops": (
        'if "LAP_ARCHS" not in os.environ: raise RuntimeError("which?")\n'
        + LISTED % 'os.environ["LAP_ARCHS"].split(";")',
        "LAP_ARCHS",
        "89;120",
    ),
    "only what it knows": (
        'asked = os.getenv("LAP_CUDA_ARCHS", "80;90;120").split(";")\nflags = []\n'
        "for n in ('80', '90', '120'):\n"
        "    if n in asked: flags.append(f'-gencode=arch=compute_{n},code=sm_{n}')",
        "LAP_CUDA_ARCHS",
        "80;120",
    ),
}


@pytest.mark.parametrize("case", STEERED)
def test_a_run_tells_the_variable_and_its_value(case: str, tmp_path: Path) -> None:
    body, name, value = STEERED[case]
    assert built(tmp_path, body, "sm_89", "sm_120") == {name: value}


UNSTEERED = {
    "torch chooses": 'flags = [os.environ.get("LAP_OPTIMIZE", "-O3")]',
    "a default that is an architecture, of something else": (
        'skip = os.getenv("LAP_TEST_ARCH", "75")\nflags = ["-O3"]'
    ),
}


@pytest.mark.parametrize("case", UNSTEERED)
def test_a_variable_that_steers_nothing_is_not_set(case: str, tmp_path: Path) -> None:
    assert built(tmp_path, UNSTEERED[case], "sm_120") == {}


def test_what_somebody_chose_stays(tmp_path: Path) -> None:
    body = LISTED % 'os.environ.get("LAP_FOR", "75;80").split(";")'
    assert built(tmp_path, body, "sm_120", LAP_FOR="90;120") == {}


def test_a_ready_made_wheel_is_not_fetched(tmp_path: Path) -> None:
    body = 'flags = []\nbuild = os.getenv("LAP_FORCE_BUILD", "FALSE") == "TRUE"'
    assert built(tmp_path, body, "sm_120") == {"LAP_FORCE_BUILD": "TRUE"}


def found(text: str, *gpus: str) -> dict[str, str | None]:
    return {v.name: v.value for v in as_spelled(text, [resolve(g) for g in gpus])}


SILENT = {
    "nothing": "from setuptools import setup",
    "torch's own": 'os.environ.get("TORCH_CUDA_ARCH_LIST", "8.6")',
    "no default to learn from": 'os.environ["MY_ARCH"]',
    "a default that is no list": 'os.getenv("ARCHIVE_ARCH", "x86_64")',
    "not about architectures": 'os.environ.get("WORKERS", "86")',
    "not read from the environment": 'ARCHS = "75;86"',
}


@pytest.mark.parametrize("case", SILENT)
def test_silent(case: str) -> None:
    assert found(SILENT[case], "sm_120") == {}


SPELLED = {
    "numbers, semicolons": ('os.getenv("FOO_CUDA_ARCHS", "75;86")', "FOO_CUDA_ARCHS", "89;120"),
    "dots, commas": (
        'os.environ.get("CUDA_ARCHITECTURES") or os.environ.get("CUDA_ARCHITECTURES", "8.0,8.6")',
        "CUDA_ARCHITECTURES",
        "8.9,12.0",
    ),
    "dots, blanks": ("os.environ.get('X_ARCH_LIST', '7.5 8.6+PTX')", "X_ARCH_LIST", "8.9 12.0"),
    "one number": ('environ.get("CUDA_ARCH", "75")', "CUDA_ARCH", "89;120"),
    "Transformer Engine": ('archs = os.getenv("NVTE_CUDA_ARCHS")', "NVTE_CUDA_ARCHS", "89;120"),
    "NATTEN": ('os.environ.get("NATTEN_CUDA_ARCH", "")', "NATTEN_CUDA_ARCH", "8.9;12.0"),
}


@pytest.mark.parametrize("case", SPELLED)
def test_in_the_project_s_own_spelling(case: str) -> None:
    text, name, value = SPELLED[case]
    assert found(text, "sm_120", "sm_89") == {name: value}
    assert found(text) == {}
    assert found(text, "gfx1100") == {}
