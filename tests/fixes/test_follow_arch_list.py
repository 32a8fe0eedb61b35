"""follow-arch-list: what is written gives way to the variable, in the forms that are changed."""

from __future__ import annotations

from pathlib import Path

import builders as b
import pytest
import source_tree as t

from gpufix.checks.source.src601_hard_coded_arch import hard_coded_arch as check
from gpufix.fixes.source.follow_arch_list import follow_arch_list
from gpufix.model import Skip

HEAD, TAIL = "project(x LANGUAGES CXX CUDA)\n", "add_library(x SHARED a.cu)\n"
FOLLOWED = {
    "flags": (
        'set(CMAKE_CUDA_FLAGS "${CMAKE_CUDA_FLAGS} -O2 -gencode arch=compute_60,code=sm_60 -g")',
        'set(CMAKE_CUDA_FLAGS "${CMAKE_CUDA_FLAGS} -O2 -g")',
    ),
    "appended": (
        'string(APPEND CMAKE_CUDA_FLAGS " -gencode=arch=compute_60,code=sm_60")',
        'string(APPEND CMAKE_CUDA_FLAGS "")',
    ),
    "one of a language": (
        "target_compile_options(x PRIVATE $<$<COMPILE_LANGUAGE:CUDA>:-lineinfo;-arch=sm_60>)",
        "target_compile_options(x PRIVATE $<$<COMPILE_LANGUAGE:CUDA>:-lineinfo>)",
    ),
    "kept together": (
        'add_compile_options("SHELL:-gencode arch=compute_60,code=sm_60" -g)',
        'add_compile_options("SHELL:" -g)',
    ),
    "several lines": (
        "list(APPEND CMAKE_CUDA_FLAGS\n  -gencode arch=compute_60,code=sm_60\n  -g)",
        "list(APPEND CMAKE_CUDA_FLAGS\n  -g)",
    ),
}


@pytest.mark.parametrize("torch", [False, True])
@pytest.mark.parametrize("case", FOLLOWED)
def test_flags_of_cmake_give_way(case: str, torch: bool, tmp_path: Path) -> None:
    before, after = FOLLOWED[case]
    head = HEAD + ("find_package(Torch REQUIRED)\n" if torch else "")
    root = t.write(tmp_path, {"CMakeLists.txt": f"{head}{before}\n{TAIL}", "a.cu": ""})
    sections = {"torch": b.torch("2.9.0+cu130"), "toolkits": [b.toolkit("13.0")]}
    view = t.look(root, "sm_120", **sections)
    (finding,) = t.found(check, view)
    assert finding.severity.value == "error"  # nvcc 13 refuses sm_60
    variables = t.apply(follow_arch_list(finding, view))
    name = "TORCH_CUDA_ARCH_LIST" if torch else "CUDAARCHS"
    assert list(variables) == [name]
    text = (root / "CMakeLists.txt").read_text()
    assert (
        text
        == f"{head}if(NOT DEFINED ENV{{{name}}})\n  {before}\nelse()\n  {after}\nendif()\n{TAIL}"
    )
    env = {key: value or "" for key, value in variables.items()}
    assert t.found(check, t.look(root, "sm_120", env=env, **sections)) == []


SHOWN = {
    "made of variables": 'set(CMAKE_CUDA_FLAGS "${CMAKE_CUDA_FLAGS} -arch=sm_60 -arch=sm_${N}")',
    "throws other flags away": 'set(CMAKE_CUDA_FLAGS "-arch=sm_60")',
    "not only on its line": "enable_testing() add_compile_options(-arch=sm_60)",
    "no architectures of CMake's": "add_compile_options(-arch=sm_60)\nset(CMAKE_CUDA_ARCHITECTURES OFF)",
    "with a comment inside": "add_compile_options(-arch=sm_60 # old\n  -g)",
}


@pytest.mark.parametrize("case", SHOWN)
def test_flags_of_cmake_that_are_only_shown(case: str, tmp_path: Path) -> None:
    text = f"{HEAD}{SHOWN[case]}\n{TAIL}"
    root = t.write(tmp_path, {"CMakeLists.txt": text, "a.cu": ""})
    view = t.look(root, "sm_120", torch=b.torch("2.9.0+cu130"), toolkits=[b.toolkit("13.0")])
    (finding,) = t.found(check, view)
    assert isinstance(follow_arch_list(finding, view), Skip)


def test_a_list_that_the_file_sets_gives_way_with_the_flags(tmp_path: Path) -> None:
    before = 'os.environ["TORCH_CUDA_ARCH_LIST"] = "7.5"'
    flag = '"-gencode=arch=compute_75,code=sm_75"'
    root = t.write(tmp_path, {"setup.py": t.setup(flag, before), "ext.cu": ""})
    view = t.look(root, "sm_120")
    (finding,) = t.found(check, view)
    assert t.apply(follow_arch_list(finding, view)) == {"TORCH_CUDA_ARCH_LIST": "12.0+PTX"}
    text = (root / "setup.py").read_text()
    assert 'os.environ.setdefault("TORCH_CUDA_ARCH_LIST", "7.5")' in text
    assert 'if os.environ.get("TORCH_CUDA_ARCH_LIST") else' in text
    assert t.found(check, t.look(root, "sm_120", env={"TORCH_CUDA_ARCH_LIST": "12.0+PTX"})) == []


SPLIT = {
    "split": (
        '"-O3 -gencode arch=compute_75,code=sm_75 -lineinfo".split()',
        "('-O3 -lineinfo'.split() if os.environ.get(\"TORCH_CUDA_ARCH_LIST\") else {})",
    ),
    "shlex": (
        "shlex.split('-gencode=arch=compute_75,code=sm_75 -DA=\"b c\"')",
        '(shlex.split(\'-DA="b c"\') if os.environ.get("TORCH_CUDA_ARCH_LIST") else {})',
    ),
}


@pytest.mark.parametrize("case", SPLIT)
def test_a_split_text_gives_way(case: str, tmp_path: Path) -> None:
    before, after = SPLIT[case]
    root = t.write(tmp_path, {"setup.py": t.setup(f"*{before}", "import shlex"), "ext.cu": ""})
    view = t.look(root, "sm_120")
    (finding,) = t.found(check, view)
    variables = t.apply(follow_arch_list(finding, view))
    assert after.format(before) in (root / "setup.py").read_text()
    env = {key: value or "" for key, value in variables.items()}
    assert t.found(check, t.look(root, "sm_120", env=env)) == []


MADE = {
    "in a loop": (
        "flags = []\nfor n in sorted({61, 75}):\n    flags.extend([{}])",
        "'-gencode', f'arch=compute_{n},code=sm_{n}'",
        '*([] if os.environ.get("TORCH_CUDA_ARCH_LIST") else [{}])',
    ),
    "by a comprehension": (
        "flags = {}",
        "[f'-gencode=arch=compute_{n},code=sm_{n}' for n in (61, 75)]",
        '([] if os.environ.get("TORCH_CUDA_ARCH_LIST") else {})',
    ),
}


@pytest.mark.parametrize("case", MADE)
def test_flags_made_of_variables_give_way(case: str, tmp_path: Path) -> None:
    around, before, after = MADE[case]
    written = t.setup("*flags", around.replace("{}", before))
    root = t.write(tmp_path, {"setup.py": written, "ext.cu": ""})
    view = t.look(root, "sm_120")
    (finding,) = t.found(check, view)
    variables = t.apply(follow_arch_list(finding, view))
    assert after.replace("{}", before) in (root / "setup.py").read_text()
    env = {key: value or "" for key, value in variables.items()}
    assert t.found(check, t.look(root, "sm_120", env=env)) == []


def test_a_split_text_of_variables_is_only_shown(tmp_path: Path) -> None:
    before = 'n = "75"\nflags = f"-O3 -gencode arch=compute_{n},code=sm_{n}".split()'
    root = t.write(tmp_path, {"setup.py": t.setup("*flags", before), "ext.cu": ""})
    view = t.look(root, "sm_120")
    (finding,) = t.found(check, view)
    assert isinstance(follow_arch_list(finding, view), Skip)
