"""Fixes of build files: the patch parses, the finding is gone, a second application is none."""

from __future__ import annotations

import ast
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import builders as b
import pytest
import source_tree as t

from gpufix.checks.runtime.run802_missing_system_header import missing_system_header
from gpufix.checks.source.src601_hard_coded_arch import hard_coded_arch
from gpufix.checks.source.src602_hard_coded_abi import hard_coded_abi
from gpufix.checks.source.src604_removed_api import removed_api
from gpufix.checks.source.src605_submodule_missing import submodule_missing
from gpufix.checks.source.src606_needs_no_build_isolation import needs_no_build_isolation
from gpufix.checks.source.src611_half_into_float_kernel import half_into_float_kernel
from gpufix.checks.toolchain.tch207_build_tools_missing import build_tools_missing
from gpufix.checks.wheels.whl505_torch_family_mismatch import torch_family_mismatch
from gpufix.fixes.source.build_without_isolation import build_without_isolation
from gpufix.fixes.source.cast_argument import cast_argument
from gpufix.fixes.source.follow_arch_list import follow_arch_list
from gpufix.fixes.source.follow_torch_abi import follow_torch_abi
from gpufix.fixes.source.init_submodules import init_submodules
from gpufix.fixes.source.match_wheel_address import match_wheel_address
from gpufix.fixes.source.replace_removed_name import replace_removed_name
from gpufix.fixes.source.switch_rasteriser import switch_rasteriser
from gpufix.fixes.toolchain.install_build_tools import install_build_tools
from gpufix.model import InitSubmodules, Plan, Skip
from gpufix.model.base import to_json
from gpufix.model.source_payload import EmptySubmodule, WheelAddress

ABI = "_GLIBCXX_USE_CXX11_ABI"
G75, G80 = (f'"-gencode=arch=compute_{n},code=sm_{n}"' for n in (75, 80))
NUMPY = {"distributions": [b.dist("numpy", "2.3.5")]}
Case = tuple[Any, Any, str, str, str, dict[str, Any]]

# check, fix, file, before, what the file must hold after, sections
CASES: dict[str, Case] = {
    "flags in a list": (
        hard_coded_arch,
        follow_arch_list,
        "setup.py",
        t.setup(f'"-O3", {G75},  # old\n        {G80}, "-lineinfo"'),
        '"-O3", *([] if os.environ.get("TORCH_CUDA_ARCH_LIST") else ['
        + f"{G75},  # old\n        {G80}"
        + ']), "-lineinfo"',
        {},
    ),
    "pairs of elements": (
        hard_coded_arch,
        follow_arch_list,
        "setup.py",
        t.setup('"-gencode", "arch=compute_80,code=sm_80"'),
        'else ["-gencode", "arch=compute_80,code=sm_80"])',
        {},
    ),
    "appended": (
        hard_coded_arch,
        follow_arch_list,
        "setup.py",
        t.setup("*cc", 'cc = []\ncc.append("-gencode")\ncc.append("arch=compute_80,code=sm_80")'),
        'if not os.environ.get("TORCH_CUDA_ARCH_LIST"): cc.append("-gencode")\n',
        {},
    ),
    "without import os": (
        hard_coded_arch,
        follow_arch_list,
        "setup.py",
        '"""doc"""\nfrom __future__ import annotations\n\n'
        + t.setup(G75).replace("import os\n", ""),
        "annotations\n\nimport os\nfrom setuptools",
        {},
    ),
    "an overwritten list": (
        hard_coded_arch,
        follow_arch_list,
        "setup.py",
        t.setup(before='os.environ["TORCH_CUDA_ARCH_LIST"] = "7.5"  # here'),
        'os.environ.setdefault("TORCH_CUDA_ARCH_LIST", "7.5")  # here',
        {},
    ),
    "cmake": (
        hard_coded_arch,
        follow_arch_list,
        "CMakeLists.txt",
        "project(x LANGUAGES CXX CUDA)\nset(CMAKE_CUDA_ARCHITECTURES 75-real)\nadd_library(x SHARED a.cu)\n",
        "if(NOT DEFINED ENV{CUDAARCHS})\n  set(CMAKE_CUDA_ARCHITECTURES 75-real)\nendif()\n",
        {},
    ),
    "shell": (
        hard_coded_arch,
        follow_arch_list,
        "go.sh",
        "export TORCH_CUDA_ARCH_LIST='7.5 8.0' # x\n",
        'export TORCH_CUDA_ARCH_LIST="${TORCH_CUDA_ARCH_LIST:-7.5 8.0}" # x\n',
        {},
    ),
    "abi of cmake": (
        hard_coded_abi,
        follow_torch_abi,
        "CMakeLists.txt",
        f'project(x)\nif(UNIX)\n  string(APPEND CMAKE_CXX_FLAGS " -Wall -D{ABI}=0")  # abi\nendif()\n'
        "add_library(x SHARED a.cpp)\n",
        f'  string(APPEND CMAKE_CXX_FLAGS " -Wall -D{ABI}=${{TORCH_CXX11_ABI}}")  # abi\n',
        {},
    ),
    "abi of setup.py": (
        hard_coded_abi,
        follow_torch_abi,
        "setup.py",
        "import torch\n" + t.setup(f"'-D{ABI}=0'"),
        f"('-D{ABI}=%d' % int(torch._C.{ABI}))",
        {},
    ),
    "abi of setup.py, torch imported in part": (
        hard_coded_abi,
        follow_torch_abi,
        "setup.py",
        t.setup(f"'-D{ABI}=0'"),
        "import torch\nfrom torch.utils.cpp_extension import",
        {},
    ),
    "abi macro": (
        hard_coded_abi,
        follow_torch_abi,
        "setup.py",
        "import torch\n"
        + t.setup(before=f'm = [("{ABI}", "0")]').replace(
            '["ext.cu"],', '["ext.cu"], define_macros=m,'
        ),
        f'm = [("{ABI}", str(int(torch._C.{ABI})))]',
        {},
    ),
    "abi of a script": (
        hard_coded_abi,
        follow_torch_abi,
        "b.sh",
        f'hipcc "-D{ABI}=0" a.cpp\n',
        "$(python -c 'import torch; print(int(torch._C._GLIBCXX_USE_CXX11_ABI))')",
        {},
    ),
    "np.float": (
        removed_api,
        replace_removed_name,
        "a.py",
        "import numpy as np\nx = np.zeros(3, dtype=np.float)  # é np.float\n",
        "x = np.zeros(3, dtype=float)  # é np.float\n",
        NUMPY,
    ),
    "np.NaN": (
        removed_api,
        replace_removed_name,
        "a.py",
        "import numpy as np\nx = (np.NaN, 1)\n",
        "(np.nan, 1)",
        NUMPY,
    ),
    "total_mem": (
        removed_api,
        replace_removed_name,
        "a.py",
        "import torch\nx = torch.cuda.get_device_properties(0).total_mem / 2\n",
        "get_device_properties(0).total_memory / 2",
        {},
    ),
    "half": (
        half_into_float_kernel,
        cast_argument,
        "a.py",
        "def f(x):\n    y = x.half()\n    return rasterize_gaussians(y, 1)\n",
        "rasterize_gaussians(y.float(), 1)",
        {},
    ),
    "ranges": (
        half_into_float_kernel,
        cast_argument,
        "a.py",
        "import nvdiffrast.torch as dr\ndef f(c, p, t):\n    r = torch.tensor([[0, 1]], device='cuda')\n    return dr.rasterize(c, p, t, ranges=r)\n",
        "ranges=r.cpu().int())",
        {},
    ),
    "ranges by place": (
        half_into_float_kernel,
        cast_argument,
        "a.py",
        "from nvdiffrast.torch import rasterize\ndef f(c, p, t, s, r):\n    return rasterize(c, p, t, s, r.cuda())\n",
        "s, r.cuda().cpu().int())",
        {},
    ),
    "torch's index": (
        torch_family_mismatch,
        match_wheel_address,
        "requirements.txt",
        "torch\n--index-url https://download.pytorch.org/whl/cu118  # x\n",
        "--index-url https://download.pytorch.org/whl/cu128  # x\n",
        {},
    ),
    "a companion's page": (
        torch_family_mismatch,
        match_wheel_address,
        "requirements.txt",
        "-f https://nvidia-kaolin.s3.us-east-2.amazonaws.com/torch-2.4.0_cu121.html\n",
        "amazonaws.com/torch-2.7.0_cu128.html\n",
        {"torch": b.torch("2.7.0+cu128")},
    ),
}


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("name", CASES)
def test_the_finding_goes_and_stays_gone(tmp_path: Path, name: str, newline: str) -> None:
    check, fix, file, before, after, sections = CASES[name]
    root = t.write(tmp_path, {"ext.cu": "", file: before.replace("\n", newline).encode()})
    view = t.look(root, "sm_120", **sections)
    (finding,) = t.found(check, view)
    variables = t.apply(fix(finding, view))
    text = (root / file).read_bytes().decode()
    assert after.replace("\n", newline) in text
    assert newline == "\n" or text.count("\n") == text.count("\r\n")
    if file.endswith(".py"):
        ast.parse(text)
    env = {k: v for k, v in variables.items() if v is not None}
    again = t.look(root, "sm_120", env=env, **sections)
    if fix is not cast_argument:  # the type is still written in the function
        assert t.found(check, again) == []
    second = fix(finding, again)
    assert (
        not isinstance(second, Plan)
        or not any(s.kind == "write" for s in second.steps)
        or (fix is cast_argument)
    )


def test_latin_1_and_a_mark_are_kept(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "a.py": b"# \xe9t\xe9\nimport numpy as np\nx = np.float\n".replace(
            b"#", b"# coding: latin-1 "
        ),
        "b.py": b"\xef\xbb\xbfimport numpy as np\nx = '\xc3\xa9', np.float\n",
    }
    view = t.look(t.write(tmp_path, files), **NUMPY)
    findings = t.found(removed_api, view)
    assert [f.subject for f in findings] == ["a.py", "b.py"]
    for finding in findings:
        t.apply(replace_removed_name(finding, view))
    assert (tmp_path / "a.py").read_bytes() == files["a.py"].replace(b"np.float", b"float")
    assert (tmp_path / "b.py").read_bytes() == files["b.py"].replace(b"np.float", b"float")


def test_knobs_are_set_in_their_own_spelling(tmp_path: Path) -> None:
    before = (
        'knob = os.getenv("MY_CUDA_ARCHS", "80,90")\n'
        'cc = ["-gencode=arch=compute_%s,code=sm_%s" % (a, a) for a in knob.split(",")]'
    )
    root = t.write(tmp_path, {"setup.py": t.setup("*cc", before), "ext.cu": ""})
    view = t.look(root, "sm_120", "sm_100")
    (finding,) = t.found(hard_coded_arch, view)
    assert t.apply(follow_arch_list(finding, view)) == {"MY_CUDA_ARCHS": "100,120"}
    env = {"MY_CUDA_ARCHS": "100,120"}
    assert t.found(hard_coded_arch, t.look(root, "sm_120", "sm_100", env=env)) == []


@pytest.mark.parametrize(
    ("fix", "check", "files"),
    [
        (
            follow_arch_list,
            hard_coded_arch,
            {"setup.py": t.setup('*("-gencode=arch=compute_75,code=sm_75 " + MORE).split()')},
        ),
        (
            follow_arch_list,
            hard_coded_arch,
            {"setup.py": t.setup('"-gencode=arch=compute_90a,code=sm_90a"')},
        ),
        (follow_torch_abi, hard_coded_abi, {"b.sh": f"gcc '-D{ABI}=0' a.cpp\n"}),
        (replace_removed_name, removed_api, {"a.py": "from torch._six import inf\n"}),
        (
            match_wheel_address,
            torch_family_mismatch,
            {"requirements.txt": "-f https://example.org/torch-2.4.0_cu118.html\n"},
        ),
        (
            init_submodules,
            submodule_missing,
            {".gitmodules": '[submodule "x"]\npath = x\nurl = u\n'},
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_without_confidence_nothing_is_written(
    tmp_path: Path, fix: Any, check: Any, files: dict[str, str]
) -> None:
    view = t.look(t.write(tmp_path, {**files, "ext.cu": ""}), "sm_120")
    findings = t.found(check, view)
    assert findings
    for finding in findings:
        outcome = fix(finding, view)
        assert isinstance(outcome, Skip), outcome
        assert outcome.reason


@pytest.mark.parametrize(
    ("files", "absent"),
    [
        ({"requirements.txt": "torch==2.9.0\n-i {}/cu129\n"}, ""),
        ({"requirements.txt": "numpy==1.26.4  # torch==1.0\n-i {}/cu129\n"}, ""),
        ({"requirements.txt": "torch==2.5.0\n-i {}/cu121\n"}, "torch==2.5.0"),
        ({"requirements.txt": "torchvision==0.20.0\n-i {}/cu121\n"}, "torchvision==0.20.0"),
        ({"requirements.txt": "torch==2.9.0+cu129\n-i {}/cu129\n"}, "torch==2.9.0+cu129"),
        ({"a.sh": "pip install xformers==0.0.33.post2 -i {}/cu126\n"}, ""),
        ({"a.sh": "pip install \\\n xformers==0.0.28 \\\n -i {}/cu121\n"}, "xformers==0.0.28"),
        ({"a.sh": "pip install torch==2.5.0\npip install torch -i {}/cu121\n"}, ""),
        ({"requirements.txt": "kaolin==0.18.0\n-f {kaolin}2.7.0_cu126.html\n"}, ""),
        ({"requirements.txt": "kaolin==0.15.0\n-f {kaolin}2.4.0_cu121.html\n"}, "kaolin==0.15.0"),
    ],
)
def test_an_address_is_taken_where_it_has_the_pins(
    files: dict[str, str], absent: str, tmp_path: Path
) -> None:
    kaolin = "https://nvidia-kaolin.s3.us-east-2.amazonaws.com/torch-"
    ((name, text),) = files.items()
    text = text.format("https://download.pytorch.org/whl", kaolin=kaolin)
    torch = b.torch("2.8.0+cu128" if "kaolin" in text else "2.9.0+cu128")
    view = t.look(t.write(tmp_path, {name: text}), "sm_120", torch=torch)
    (finding,) = (
        f for f in t.found(torch_family_mismatch, view) if isinstance(f.payload, WheelAddress)
    )
    outcome = match_wheel_address(finding, view)
    if absent:
        assert isinstance(outcome, Skip) and f" is not known to have {absent}," in outcome.reason
    else:
        assert isinstance(outcome, Plan), outcome


@pytest.mark.parametrize(
    ("url", "title"),
    [
        ("https://github.com/a/x.git", "initialise the submodule deps/x"),
        ("git@github.com:a/x.git", "initialise the submodule deps/x over https"),
        ("../x.git", "initialise the submodule deps/x"),
        ("http://github.com/a/x.git", None),
        ("https://user:secret@github.com/a/x.git", None),
        ("ext::sh -c id", None),
        (None, None),
    ],
)
def test_submodules_by_https_alone(url: str | None, title: str | None, tmp_path: Path) -> None:
    declared = '[submodule "x"]\npath = deps/x\n'
    t.write(tmp_path, {".gitmodules": declared, "a.py": "from deps.x import y\n"})
    view = t.look(tmp_path)
    (finding,) = t.found(submodule_missing, view)
    empty = EmptySubmodule("deps/x", url, gitlink=True)
    plan = init_submodules(replace(finding, payload=empty), view)
    if title is None:
        assert isinstance(plan, Skip)
        assert "not an https address" in plan.reason
        assert "secret" not in plan.reason
    else:
        assert isinstance(plan, Plan)
        assert (plan.title, plan.safety) == (title, "safe")
        assert plan.steps == [InitSubmodules(root=str(tmp_path), paths=["deps/x"])]
        assert any("own git settings, hooks and filters are not used" in n for n in plan.notes)


CPP_SETUP = """\
from setuptools import setup
from torch.utils.cpp_extension import BuildExtension, CppExtension
setup(name="ext", ext_modules=[CppExtension("ext._C", ["ext.cpp"])],
      cmdclass={"build_ext": BuildExtension})
"""


def test_isolation_and_the_rasteriser(tmp_path: Path) -> None:
    source = "import nvdiffrast.torch as dr\nctx = dr.RasterizeGLContext()\n"
    root = t.write(tmp_path, {"a/setup.py": t.setup(), "ext.cu": "", "r.py": source})
    without = {"system-header:EGL/egl.h": False}
    dists = [b.dist("nvdiffrast", "0.3.3"), b.dist("pip", "25.3")]
    view = t.look(root, "sm_120", distributions=dists, answers=without)
    (finding,) = t.found(needs_no_build_isolation, view)
    plan = build_without_isolation(finding, view)
    assert isinstance(plan, Plan)
    assert to_json(plan.steps[0])["environment"] == {"TORCH_CUDA_ARCH_LIST": "12.0+PTX"}
    (finding,) = t.found(missing_system_header, view)
    t.apply(switch_rasteriser(finding, view))
    assert "dr.RasterizeCudaContext()" in (root / "r.py").read_text()


@pytest.mark.parametrize(
    ("required", "planned"), [("foo", ["foo"]), ("foo @ https://example.org/foo.whl", None)]
)
def test_an_index_is_not_asked_for_what_a_build_requires_from_an_address(
    tmp_path: Path, required: str, planned: list[str] | None
) -> None:
    toml = f'[build-system]\nrequires = ["{required}"]\n'
    files = {"setup.py": t.setup(before="import foo"), "pyproject.toml": toml}
    view = t.look(t.write(tmp_path, files), "sm_120")
    (finding,) = (f for f in t.found(build_tools_missing, view) if f.subject == "foo")
    plan = install_build_tools(finding, view)
    assert isinstance(plan, Plan if planned else Skip), plan
    assert planned is None or to_json(plan.steps[0])["install"] == planned


CPU = {"torch": b.torch("2.9.0+cpu", cuda=None)}
HERE: dict[str, Any] = {}


@pytest.mark.parametrize(
    ("files", "sections", "reason"),
    [
        ({"a/setup.py": t.setup(), "a/ext.cu": ""}, HERE, None),
        ({"a/setup.py": CPP_SETUP, "a/ext.cpp": "", "k.cu": ""}, {**CPU, "toolkits": []}, None),
        ({"a/setup.py": CPP_SETUP, "a/ext.cpp": ""}, {"toolkits": []}, None),
        ({"a/setup.py": t.setup(), "a/ext.cu": ""}, CPU, "is a build without CUDA and ROCm"),
        ({"a/setup.py": t.setup(), "a/ext.cu": ""}, {"toolkits": []}, "no nvcc is here"),
    ],
)
def test_a_build_is_planned_where_it_can_succeed(
    tmp_path: Path, files: dict[str, str | bytes], sections: dict[str, Any], reason: str | None
) -> None:
    view = t.look(t.write(tmp_path, files), "sm_120", **sections)
    (finding,) = t.found(needs_no_build_isolation, view)
    plan = build_without_isolation(finding, view)
    assert isinstance(plan, Skip if reason else Plan), plan
    assert reason is None or reason in plan.reason


@pytest.mark.needs("cmake")
@pytest.mark.parametrize("abi", ["0", "1", "x"])
def test_cmake_reads_the_abi(tmp_path: Path, abi: str) -> None:
    """The patched file in a real CMake, with a python that has a torch of this ABI."""
    fake = t.write(tmp_path, {"py/torch.py": f"class _C:\n    {ABI} = {abi!r}\n"})
    root = tmp_path / "p"
    text = f'set(F "-D{ABI}=0")\nfile(WRITE "${{OUT}}" "${{F}}")\n'
    main = "project(x)\ninclude(a.cmake)\nadd_definitions(${F})\nadd_library(x SHARED a.cpp)\n"
    t.write(root, {"CMakeLists.txt": main, "a.cmake": text, "a.cpp": ""})
    view = t.look(root)
    found = t.found(hard_coded_abi, view) or t.found(hard_coded_abi, t.look(root, torch=b.torch()))
    t.apply(follow_torch_abi(found[0], view))
    out = tmp_path / "out.txt"
    command = ["cmake", f"-DOUT={out}", "-P", str(root / "a.cmake")]
    env = {"PYTHONPATH": str(fake / "py"), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, env=env, capture_output=True, check=False, text=True)
    assert (done.returncode == 0) == (abi != "x"), done.stderr
    assert abi == "x" or out.read_text() == f"-D{ABI}={abi}"
