"""Dockerfiles: what ENV, ARG and RUN set; silent on what serves, on comments and on choices."""

from __future__ import annotations

from pathlib import Path

import pytest
import source_tree as t

from gpufix.checks.source.src601_hard_coded_arch import hard_coded_arch
from gpufix.checks.source.src602_hard_coded_abi import hard_coded_abi
from gpufix.facts.project.project_files import kind_of
from gpufix.fixes.source.follow_arch_list import follow_arch_list
from gpufix.fixes.source.follow_torch_abi import follow_torch_abi
from gpufix.model import Skip

ABI = "_GLIBCXX_USE_CXX11_ABI"
CHECKS = (hard_coded_arch, hard_coded_abi)

SILENT = {
    "served": 'ENV TORCH_CUDA_ARCH_LIST="9.0 12.0"',
    "a comment": "# ENV TORCH_CUDA_ARCH_LIST=7.5",
    "a comment in between": "RUN a \\\n# export TORCH_CUDA_ARCH_LIST=7.5 \\\n && b",
    "another variable": "ENV MY_TORCH_CUDA_ARCH_LIST=7.5",
    "made of a variable": "ARG L\nENV TORCH_CUDA_ARCH_LIST=${L}",
    "printed": "RUN echo export TORCH_CUDA_ARCH_LIST=7.5",
    "a choice": 'RUN if [ -n "$OLD" ]; then export TORCH_CUDA_ARCH_LIST=7.5; fi',
    "otherwise": "RUN test -e x || export TORCH_CUDA_ARCH_LIST=7.5",
    "a list of arguments": 'RUN ["sh", "-c", "true"]',
    "abi as here": f"RUN g++ -D{ABI}=1 a.cpp",
    "nothing": "",
}


@pytest.mark.parametrize("case", SILENT)
def test_silent(case: str, tmp_path: Path) -> None:
    root = t.write(tmp_path, {"Dockerfile": SILENT[case] + "\n", "setup.py": "", "a.cu": ""})
    view = t.look(root, "sm_120")
    assert [found for check in CHECKS for found in t.found(check, view)] == []
    assert view.gaps == []


FIRING = {
    "ENV": ('\nENV A=1 TORCH_CUDA_ARCH_LIST="7.0 8.0"', hard_coded_arch, 2),
    "the old ENV": ("ENV TORCH_CUDA_ARCH_LIST 7.0 8.0", hard_coded_arch, 1),
    "ARG": ("FROM x\nARG TORCH_CUDA_ARCH_LIST=7.5", hard_coded_arch, 2),
    "ENV of several lines": ("ENV A=1 \\\n  # why\n\n  CUDAARCHS=75-real", hard_coded_arch, 4),
    "RUN": ("RUN a && \\\n  TORCH_CUDA_ARCH_LIST=7.5 pip install .", hard_coded_arch, 2),
    "RUN with a mount": (
        "RUN --mount=type=cache,target=/c \\\n  export TORCH_CUDA_ARCH_LIST=7.5",
        hard_coded_arch,
        2,
    ),
    "RUN of a document": (
        "RUN <<EOF\nset -e\nexport TORCH_CUDA_ARCH_LIST=7.5\nEOF\nENV B=1",
        hard_coded_arch,
        3,
    ),
    "ABI": (f"RUN make && g++ -D{ABI}=0 a.cpp", hard_coded_abi, 1),
}


@pytest.mark.parametrize("case", FIRING)
def test_fires(case: str, tmp_path: Path) -> None:
    text, check, line = FIRING[case]
    root = t.write(tmp_path, {"docker/Dockerfile.cuda": text + "\n", "setup.py": "", "a.cu": ""})
    told = t.told(t.found(check, t.look(root, "sm_120")))
    assert [(severity, lines) for severity, _, lines in told] == [("advice", [line])]


def test_nothing_is_patched_in_an_image(tmp_path: Path) -> None:
    text = f"ENV TORCH_CUDA_ARCH_LIST=7.5\nRUN g++ -D{ABI}=0 a.cpp\n"
    view = t.look(t.write(tmp_path, {"Dockerfile": text, "setup.py": ""}), "sm_120")
    (arch,), (abi,) = t.found(hard_coded_arch, view), t.found(hard_coded_abi, view)
    assert isinstance(follow_arch_list(arch, view), Skip)
    assert isinstance(follow_torch_abi(abi, view), Skip)


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
