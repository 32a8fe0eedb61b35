"""SRC601: silent on what serves the target, is guarded, or follows the environment."""

from __future__ import annotations

from pathlib import Path

import builders as b
import pytest
import source_tree as t

from gpufix.checks.source.src601_hard_coded_arch import hard_coded_arch as check
from gpufix.fixes.source.follow_arch_list import follow_arch_list
from gpufix.model import Skip

GENCODE = '"-gencode=arch=compute_{0},code=sm_{0}"'
FUSED = """
knob = os.environ.get("CUDA_ARCHITECTURES")
flags = {"nvcc": ["-O3"]}
fixed = ["-gencode=arch=compute_75,code=sm_75"]
done = False
if knob:
    for arch in knob.split(";"):
        flags["nvcc"].append(f"-gencode=arch=compute_{arch},code=sm_{arch}")
    done = True
if not done:
    try:
        import torch
        major, minor = torch.cuda.get_device_capability(0)
        flags["nvcc"].append(f"-arch=sm_{major}{minor}")
        done = True
    except Exception:
        pass
if not done:
    flags["nvcc"].extend(fixed)
"""
CMAKE = "project(x LANGUAGES CXX CUDA)\nenable_language(CUDA)\n{}\nadd_library(x a.cu)\n"

SILENT: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "no flags": ({"setup.py": t.setup()}, {}),
    "served": ({"setup.py": t.setup(GENCODE.format(120))}, {}),
    "served by PTX": ({"setup.py": t.setup('"-gencode=arch=compute_80,code=compute_80"')}, {}),
    "-arch brings PTX": ({"setup.py": t.setup('"-arch=sm_80"')}, {}),
    "native": ({"setup.py": t.setup('"-arch=native"')}, {}),
    "guarded by the list": (
        {
            "setup.py": t.setup(
                '*([] if os.environ.get("TORCH_CUDA_ARCH_LIST") else [' + GENCODE.format(75) + "])"
            )
        },
        {"TORCH_CUDA_ARCH_LIST": "12.0"},
    ),
    "for ROCm alone": (
        {
            "setup.py": t.setup(
                before='import torch\nx = {"nvcc": []}\nif torch.version.hip:\n    x["nvcc"].append("-arch=sm_75 ")'
            )
        },
        {},
    ),
    "dead": (
        {
            "setup.py": t.setup(
                before=f'x = {{}}\nif False:\n    x["nvcc"] = [{GENCODE.format(75)}]'
            )
        },
        {},
    ),
    "in a comment": ({"setup.py": t.setup("# " + GENCODE.format(75) + "\n")}, {}),
    "in a docstring": ({"setup.py": '"""-gencode=arch=compute_75,code=sm_75"""\n' + t.setup()}, {}),
    "arch of a Mac": (
        {
            "setup.py": t.setup(
                before='import sys\nx = {"nvcc": []}\nif sys.platform == "darwin":\n    x["nvcc"] += ["-arch", "arm64"]'
            )
        },
        {},
    ),
    "knob set": ({"setup.py": t.setup(before=FUSED)}, {"CUDA_ARCHITECTURES": "90;120"}),
    "cmake's numbers bring PTX": (
        {"CMakeLists.txt": CMAKE.format("set(CMAKE_CUDA_ARCHITECTURES 70 75)")},
        {},
    ),
    "cmake serves": ({"CMakeLists.txt": CMAKE.format("set(CMAKE_CUDA_ARCHITECTURES 90 120)")}, {}),
    "cmake default": (
        {"CMakeLists.txt": CMAKE.format('set(CMAKE_CUDA_ARCHITECTURES 75-real CACHE STRING "")')},
        {},
    ),
    "cmake comment": (
        {"CMakeLists.txt": CMAKE.format("# set(CMAKE_CUDA_ARCHITECTURES 75-real)")},
        {},
    ),
    "cmake bracket comment": (
        {"CMakeLists.txt": CMAKE.format("#[[ set(CMAKE_CUDA_ARCHITECTURES 75-real) ]]")},
        {},
    ),
    "cmake unset": (
        {
            "CMakeLists.txt": CMAKE.format(
                "if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)\nset(CMAKE_CUDA_ARCHITECTURES 75-real)\nendif()"
            )
        },
        {"CUDAARCHS": "120"},
    ),
    "carried along": (
        {
            "setup.py": t.setup(),
            "third_party/x/CMakeLists.txt": CMAKE.format("set(CMAKE_CUDA_ARCHITECTURES 75)"),
        },
        {},
    ),
    "shell condition": (
        {
            "setup.py": t.setup(),
            "go.sh": 'if true; then\n  export TORCH_CUDA_ARCH_LIST="7.5"\nfi\n',
        },
        {},
    ),
    "shell text": (
        {"setup.py": t.setup(), "go.sh": "echo 'export TORCH_CUDA_ARCH_LIST=7.5'\n"},
        {},
    ),
    "setdefault": (
        {"setup.py": t.setup(before='os.environ.setdefault("TORCH_CUDA_ARCH_LIST", "7.5")')},
        {"TORCH_CUDA_ARCH_LIST": "12.0"},
    ),
}


@pytest.mark.parametrize("name", SILENT)
def test_silent(tmp_path: Path, name: str) -> None:
    files, env = SILENT[name]
    view = t.look(t.write(tmp_path, {**files, "ext.cu": ""}), "sm_120", env=env)
    assert t.found(check, view) == []
    assert view.gaps == []


FIRING = {
    "a literal list": ({"setup.py": t.setup(GENCODE.format(75))}, "error", [8]),
    "appended": (
        {
            "setup.py": t.setup(
                "*cc", 'cc = []\ncc.append("-gencode")\ncc.append("arch=compute_80,code=sm_80")'
            )
        },
        "error",
        [6],
    ),
    "a loop over literals": (
        {
            "setup.py": t.setup(
                "*cc",
                'cc = []\nfor n in ("70", "80"):\n    cc.append(f"-gencode=arch=compute_{n},code=sm_{n}")',
            )
        },
        "error",
        [6],
    ),
    "a named constant": (
        {"setup.py": t.setup("*cc", 'N = "-gencode=arch=compute_80,code=sm_80"\ncc = [N]')},
        "error",
        [4],
    ),
    "under a condition that only a run tells": (
        {
            "setup.py": t.setup(
                before=f'x = {{}}\nif cuda() >= 11:\n    x["nvcc"] = [{GENCODE.format(80)}]'
            )
        },
        "warning",
        [6],
    ),
    "the project's own knob": ({"setup.py": t.setup(before=FUSED)}, "error", [7, 17]),
    "an overwritten list": (
        {"setup.py": t.setup(before='os.environ["TORCH_CUDA_ARCH_LIST"] = "7.5;8.0"')},
        "error",
        [4],
    ),
    "a blanked list": (
        {"setup.py": t.setup(before='os.environ["TORCH_CUDA_ARCH_LIST"] = ""')},
        "error",
        [4],
    ),
    "cmake": (
        {"CMakeLists.txt": CMAKE.format('set(CMAKE_CUDA_ARCHITECTURES\n  "75-real;80-real")')},
        "error",
        [3],
    ),
    "cmake property": (
        {
            "CMakeLists.txt": CMAKE.format(
                'set_target_properties(x PROPERTIES CUDA_ARCHITECTURES "70-real;75-real")'
            )
        },
        "error",
        [3],
    ),
    "cmake flags": (
        {
            "CMakeLists.txt": CMAKE.format(
                'set(CMAKE_CUDA_FLAGS "${CMAKE_CUDA_FLAGS} -gencode arch=compute_75,code=sm_75")'
            )
        },
        "advice",
        [3],
    ),
    "flags of the old FindCUDA": (
        {
            "CMakeLists.txt": "find_package(CUDA)\n"
            "list(APPEND CUDA_NVCC_FLAGS -gencode arch=compute_75,code=sm_75)\n"
        },
        "error",
        [2],
    ),
    "a split text": (
        {"setup.py": t.setup('*"-O3 -gencode arch=compute_75,code=sm_75".split()')},
        "error",
        [8],
    ),
    "shell": (
        {
            "setup.py": t.setup(),
            "a/go.sh": '#!/bin/sh\nexport A=1 \\\n  TORCH_CUDA_ARCH_LIST="7.5 8.0"\n',
        },
        "warning",
        [2],
    ),
}


@pytest.mark.parametrize("name", FIRING)
def test_fires(tmp_path: Path, name: str) -> None:
    files, severity, lines = FIRING[name]
    view = t.look(t.write(tmp_path, {**files, "ext.cu": ""}), "sm_120")
    assert [(s, ls) for s, _, ls in t.told(t.found(check, view))] == [(severity, lines)]


def test_what_nvcc_dropped_is_told_though_the_rest_serves(tmp_path: Path) -> None:
    files = {"setup.py": t.setup(f"{GENCODE.format(70)}, {GENCODE.format(90)}"), "ext.cu": ""}
    sections = {"torch": b.torch("2.9.0+cu130"), "toolkits": [b.toolkit("13.0")]}
    root = t.write(tmp_path, files)
    (finding,) = t.found(check, t.look(root, "sm_90", **sections))
    assert "sm_70; nvcc 13.0 generates no code" in finding.message
    assert t.found(check, t.look(root, "sm_90")) == []  # CUDA 12.8 still does


def test_a_visible_gpu_is_detected_by_the_build(tmp_path: Path) -> None:
    root = t.write(tmp_path, {"setup.py": t.setup(before=FUSED), "ext.cu": ""})
    assert t.found(check, t.look(root, gpus=[b.gpu("sm_120")])) == []


def test_a_folder_named_research_switches_torch_off(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    tmp_path = tmp_path_factory.mktemp("plain")
    path = '"-I" + os.path.join(os.path.dirname(os.path.abspath(__file__)), "glm/")'
    files = {"research/p/setup.py": t.setup(path), "other/p/setup.py": t.setup(path)}
    files |= {f"{folder}/p/ext.cu": "" for folder in ("research", "other")}
    t.write(tmp_path, files)
    assert t.found(check, t.look(tmp_path / "other/p", "sm_120")) == []
    (finding,) = t.found(check, t.look(tmp_path / "research/p", "sm_120"))
    assert (finding.severity.value, finding.evidence[0].line) == ("warning", 8)
    env = {"NVCC_APPEND_FLAGS": "-gencode=arch=compute_120,code=sm_120"}
    assert t.found(check, t.look(tmp_path / "research/p", "sm_120", env=env)) == []


def test_an_unused_cmake_file_is_advice(tmp_path: Path) -> None:
    files = {
        "setup.py": t.setup(),
        "CMakeLists.txt": CMAKE.format("set(CMAKE_CUDA_ARCHITECTURES 75-real)"),
    }
    (finding,) = t.found(check, t.look(t.write(tmp_path, {**files, "ext.cu": ""}), "sm_120"))
    assert finding.severity.value == "advice"


def test_builds_for_the_cpu_alone_without_force_cuda(tmp_path: Path) -> None:
    before = (
        'import torch\ncuda = torch.cuda.is_available() or os.getenv("FORCE_CUDA", "0") == "1"\n'
    )
    root = t.write(tmp_path, {"setup.py": t.setup(before=before), "ext.cu": ""})
    (finding,) = t.found(check, t.look(root, "sm_120"))
    assert (finding.severity.value, finding.evidence[0].line) == ("warning", 5)
    variables = t.apply(follow_arch_list(finding, t.look(root, "sm_120")))
    assert (
        t.found(check, t.look(root, "sm_120", env={k: v or "" for k, v in variables.items()})) == []
    )
    assert t.found(check, t.look(root, gpus=[b.gpu("sm_120")])) == []


FORCED = 'force = os.getenv("FORCE_CUDA", "0") == "1"\n'
BUILDS_FOR_AMD = {
    "either": "if IS_ROCM or torch.cuda.is_available() or force:\n    pass",
    "else": "if torch.cuda.is_available() or force:\n    pass\nelif torch.version.hip:\n    pass",
}


@pytest.mark.parametrize("case", BUILDS_FOR_AMD)
def test_a_torch_for_amd_needs_no_force_cuda(case: str, tmp_path: Path) -> None:
    before = f"import torch\n{FORCED}{BUILDS_FOR_AMD[case]}"
    root = t.write(tmp_path, {"setup.py": t.setup(before=before), "ext.cu": ""})
    sections = {"torch": b.torch("2.9.0+rocm6.4"), "toolkits": [b.rocm()]}
    assert t.found(check, t.look(root, "gfx1100", **sections)) == []
    assert len(t.found(check, t.look(root, "sm_120"))) == 1


def test_what_tests_set_is_for_them(tmp_path: Path) -> None:
    text = t.setup(before='os.environ["TORCH_CUDA_ARCH_LIST"] = "7.5"')
    files = {"setup.py": t.setup(), "ext.cu": "", "tests/ops/test_build.py": text}
    root = t.write(tmp_path, files)
    assert t.found(check, t.look(root, "sm_120")) == []
    t.write(root, {"ops/build.py": text})
    assert len(t.found(check, t.look(root, "sm_120"))) == 1


def test_code_for_one_variant_alone_is_meant_so(tmp_path: Path) -> None:
    root = t.write(tmp_path, {"setup.py": t.setup(GENCODE.format("90a")), "ext.cu": ""})
    (finding,) = t.found(check, t.look(root, "sm_120"))
    assert finding.severity.value == "advice"
    assert t.found(check, t.look(root, "sm_90")) == []


def test_rocm_reads_its_own_flags(tmp_path: Path) -> None:
    flags = '"-gencode=arch=compute_75,code=sm_75", "--offload-arch=gfx1100"'
    root = t.write(tmp_path, {"setup.py": t.setup(flags), "ext.cu": ""})
    sections = {"torch": b.torch("2.9.0+rocm6.4"), "toolkits": [b.rocm()]}
    assert t.found(check, t.look(root, "gfx1100", **sections)) == []
    (finding,) = t.found(check, t.look(root, "gfx1201", **sections))
    assert "builds for gfx1100;" in finding.message


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
    head = "find_package(Torch REQUIRED)\n" if torch else "enable_language(CUDA)\n"
    root = t.write(tmp_path, {"CMakeLists.txt": f"{head}{before}\n", "a.cu": ""})
    sections = {"torch": b.torch("2.9.0+cu130"), "toolkits": [b.toolkit("13.0")]}
    view = t.look(root, "sm_120", **sections)
    (finding,) = t.found(check, view)
    assert finding.severity.value == "error"  # nvcc 13 refuses sm_60
    variables = t.apply(follow_arch_list(finding, view))
    name = "TORCH_CUDA_ARCH_LIST" if torch else "CUDAARCHS"
    assert list(variables) == [name]
    text = (root / "CMakeLists.txt").read_text()
    assert text == f"{head}if(NOT DEFINED ENV{{{name}}})\n  {before}\nelse()\n  {after}\nendif()\n"
    env = {key: value or "" for key, value in variables.items()}
    assert t.found(check, t.look(root, "sm_120", env=env, **sections)) == []


SHOWN = {
    "made of variables": 'set(CMAKE_CUDA_FLAGS "${CMAKE_CUDA_FLAGS} -arch=sm_60 -arch=sm_${N}")',
    "throws other flags away": 'set(CMAKE_CUDA_FLAGS "-arch=sm_60")',
    "not alone on its line": "enable_testing() add_compile_options(-arch=sm_60)",
    "no architectures of CMake's": "add_compile_options(-arch=sm_60)\nset(CMAKE_CUDA_ARCHITECTURES OFF)",
    "with a comment inside": "add_compile_options(-arch=sm_60 # old\n  -g)",
}


@pytest.mark.parametrize("case", SHOWN)
def test_flags_of_cmake_that_are_only_shown(case: str, tmp_path: Path) -> None:
    text = f"enable_language(CUDA)\n{SHOWN[case]}\n"
    root = t.write(tmp_path, {"CMakeLists.txt": text, "a.cu": ""})
    view = t.look(root, "sm_120", torch=b.torch("2.9.0+cu130"), toolkits=[b.toolkit("13.0")])
    (finding,) = t.found(check, view)
    assert isinstance(follow_arch_list(finding, view), Skip)


def test_flags_beside_a_variable_that_serves_are_silent(tmp_path: Path) -> None:
    files = {"CMakeLists.txt": CMAKE.format("add_compile_options(-arch=sm_80)"), "a.cu": ""}
    root = t.write(tmp_path, files)
    assert [f.severity.value for f in t.found(check, t.look(root, "sm_120"))] == []
    code = {"CMakeLists.txt": CMAKE.format(f"add_compile_options({GENCODE.format(80)})")}
    t.write(root, {name: text.replace('"', "") for name, text in code.items()})
    assert [f.severity.value for f in t.found(check, t.look(root, "sm_120"))] == ["advice"]
    assert t.found(check, t.look(root, "sm_120", env={"CUDAARCHS": "120"})) == []


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


def test_a_split_text_of_variables_is_only_shown(tmp_path: Path) -> None:
    before = 'n = "75"\nflags = f"-O3 -gencode arch=compute_{n},code=sm_{n}".split()'
    root = t.write(tmp_path, {"setup.py": t.setup("*flags", before), "ext.cu": ""})
    view = t.look(root, "sm_120")
    (finding,) = t.found(check, view)
    assert isinstance(follow_arch_list(finding, view), Skip)
