"""What `import torch` opens before torch._C, by the source of its release: against the real loader."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from lab import Lab

from gpufix.binary.loader.disk import Files
from gpufix.binary.loader.model import Process
from gpufix.binary.loader.scan import scan
from gpufix.binary.loader.torch_preload import Step, read_preload

# The same steps in the words of each group of releases, cut to three libraries. The whole lists were
# read from the __init__.py of torch 1.13.1, 2.0.1, 2.2.2, 2.5.0, 2.5.1, 2.6.0, 2.8.0, 2.9.1, 2.10.0,
# 2.11.0, 2.12.0, 2.13.0 and 2.14.1, and are what those files open.
HEAD = """import ctypes, glob, os, sys
from torch.version import cuda as cuda_version
"""
END = """
if os.getenv("TORCH_USE_RTLD_GLOBAL"):
    sys.setdlopenflags(os.RTLD_GLOBAL | os.RTLD_LAZY)
else:
    _load_global_deps()
from torch import _C
"""
ONE_BY_ONE = """
def _preload_cuda_deps(lib_folder, lib_name, required=True):
    for path in sys.path:
        found = glob.glob(os.path.join(path, "nvidia", lib_folder, "lib", lib_name))
        if found:
            return ctypes.CDLL(found[0])
    if required:
        raise ValueError(f"{lib_name} not found")
"""
DEPS = """
def _load_global_deps():
    lib_path = os.path.join(os.path.dirname(__file__), "lib", "libtorch_global_deps.so")
    try:
        ctypes.CDLL(lib_path, mode=ctypes.RTLD_GLOBAL)
%s
    except OSError as err:
%s
        ctypes.CDLL(lib_path, mode=ctypes.RTLD_GLOBAL)
"""
MAPS = """
        try:
            with open("/proc/self/maps") as f:
                _maps = f.read()
            if "%s" not in _maps:
                return
            %s
        except Exception:
            pass
"""
AFTER_FAILURE = """
        cuda_libs = {
            "cublas": "libcublas.so.*[0-9]",
            "cuda_runtime": "libcudart.so.*[0-9]",
            "nvjitlink": "libnvJitLink.so.*[0-9]",
        }
        if not [n for n in cuda_libs.values() if n.split(".")[0] in err.args[0]]:
            raise err
        for lib_folder, lib_name in cuda_libs.items():
            _preload_cuda_deps(lib_folder, lib_name)
"""
WHOLE = """
def _get_cuda_dep_paths(path, lib_folder, lib_name):
    found = glob.glob(os.path.join(path, "nvidia", lib_folder, "lib", lib_name))
    if cuda_version is not None:
        maj_cuda_version = cuda_version.split(".")[0]
        found += glob.glob(
            os.path.join(path, "nvidia", f"cu{maj_cuda_version}", "lib", lib_name)
        )
    return found + glob.glob(os.path.join(path, lib_folder, "lib", lib_name))

def _preload_cuda_lib(lib_folder, lib_name, required=True):
    for path in sys.path:
        found = _get_cuda_dep_paths(path, lib_folder, lib_name)
        if found:
            return ctypes.CDLL(found[0])
    if required:
        raise ValueError(f"{lib_name} not found")

def _preload_cuda_deps(err=None, required=True):
    cuda_libs = [
        ("cublas", "libcublas.so.*[0-9]"),
        ("cuda_runtime", "libcudart.so.*[0-9]"),
        ("nvjitlink", "libnvJitLink.so.*[0-9]"),
    ]
    if err is not None and not [n for _, n in cuda_libs if n.split(".", 1)[0] in err.args[0]]:
        raise err
    for lib_folder, lib_name in cuda_libs:
        _preload_cuda_lib(lib_folder, lib_name, required=required)
    _preload_cuda_lib("nvtx", "libnvToolsExt.so.*[0-9]", required=False)
"""
TWO = '_preload_cuda_deps("nvjitlink", "libnvJitLink.so.*[0-9]")'
WHEEL = "nvidia/cuda_runtime/lib/libcudart.so"
SOURCES = {
    "1.13": HEAD + DEPS % ("", "        raise") + END,
    "2.5": HEAD + ONE_BY_ONE + DEPS % ("", AFTER_FAILURE) + END,
    "2.6": HEAD + ONE_BY_ONE + DEPS % (MAPS % (WHEEL, TWO), AFTER_FAILURE) + END,
    "2.9": HEAD + ONE_BY_ONE + DEPS % (MAPS % ("libcudart.so", TWO), AFTER_FAILURE) + END,
    "2.10": HEAD + WHOLE
    + DEPS % (MAPS % ("libcudart.so", "_preload_cuda_deps()"), "        _preload_cuda_deps(err)") + END,
    "2.14": HEAD + WHOLE
    + DEPS % (MAPS % ("libcudart.so", "_preload_cuda_deps(required=False)"), "        _preload_cuda_deps(err)")
    + END,
}  # fmt: skip


FILES = {
    "cublas": "libcublas.so.12",
    "cuda_runtime": "libcudart.so.12",
    "nvjitlink": "libnvJitLink.so.12",
}
MODULE = """int cublas(void);
struct { long zero[32]; } static definition = {{1}};
void *PyModuleDef_Init(void *);
void *PyInit__C(void) { cublas(); return PyModuleDef_Init(&definition); }
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A torch and three wheels. The run paths lead to all but cublas's way to nvJitLink."""
    lab = Lab(tmp_path_factory.mktemp("built"))
    jit, shared = "int nvJitLink(void) { return 1; }", "site/nvidia/%s/lib/%s"
    for where in ("good/libnvJitLink.so.12", shared % ("nvjitlink", FILES["nvjitlink"])):
        lab.build(where, jit, "-Wl,-soname,libnvJitLink.so.12")
    lab.build("bad/libnvJitLink.so.12", "int other;", "-Wl,-soname,libnvJitLink.so.12")
    lab.build(
        shared % ("cublas", FILES["cublas"]),
        "int nvJitLink(void); int cublas(void) { return nvJitLink(); }",
        "-Wl,-soname,libcublas.so.12", "{}/good/libnvJitLink.so.12",
    )  # fmt: skip
    runtime = shared % ("cuda_runtime", FILES["cuda_runtime"])
    lab.build(runtime, "int cudart(void) { return 1; }", "-Wl,-soname,libcudart.so.12")
    folders = ":".join(
        f"$ORIGIN/{{}}nvidia/{package}/lib" for package in ("cublas", "cuda_runtime")
    )
    rpath = f"-Wl,--disable-new-dtags,--allow-shlib-undefined,-rpath,{folders}"
    lab.build("site/torch/lib/libtorch_global_deps.so",
              "int cudart(void); int d(void) { return cudart(); }",
              "{}/" + runtime, rpath.replace("{}", "../../"))  # fmt: skip
    cublas = "{}/" + shared % ("cublas", FILES["cublas"])
    lab.build("site/torch/_C.abi3.so", MODULE, cublas, rpath.replace("{}", "../"))
    return lab.folder


class Scene:
    """That torch, as one release, with the wheels below or apart from it."""

    def __init__(self, folder: Path, version: str, apart: bool, lacks: str) -> None:
        site = folder / "site"
        if lacks:
            (site / "nvidia" / lacks / "lib" / FILES[lacks]).unlink()
        (site / "torch/__init__.py").write_text(SOURCES[version])
        (site / "torch/version.py").write_text("cuda: str = '12.4'\n")
        self.sys_path = [str(site)]
        if apart:
            (folder / "elsewhere").mkdir()
            (site / "torch").rename(folder / "elsewhere/torch")
            self.sys_path.insert(0, str(folder / "elsewhere"))

    def works(self, library_path: str) -> bool:
        """Whether the real `import torch` gets as far as torch._C."""
        code = f"import sys; sys.path[:0] = {self.sys_path!r}; import torch"
        ran = subprocess.run(
            [sys.executable, "-I", "-S", "-c", code],
            env={"LD_LIBRARY_PATH": library_path}, capture_output=True, check=False,
        )  # fmt: skip
        return ran.returncode == 0

    def judged(self, library_path: str) -> list[str]:
        """What of torch would not load."""
        environment = {"LD_LIBRARY_PATH": library_path}
        process = Process(sys.executable, tuple(self.sys_path), environment)
        torch = f"{self.sys_path[0]}/torch"
        verdicts = scan(process, [f"{torch}/lib/libtorch_global_deps.so", f"{torch}/_C.abi3.so"])
        return [missing.name for verdict in verdicts for missing in verdict.missing] + [
            symbol.name for verdict in verdicts for symbol in verdict.undefined
        ]


def step(folder: str, name: str, required: bool = True) -> Step:
    return Step(folder, f"lib{name}.so.*[0-9]", required)


LIST = (step("cublas", "cublas"), step("cuda_runtime", "cudart"), step("nvjitlink", "nvJitLink"))
NVTX = step("nvtx", "nvToolsExt", False)
JIT = (step("nvjitlink", "nvJitLink"),)
OPTIONAL = tuple(Step(s.folder, s.pattern, False) for s in (*LIST, NVTX))
READ = {
    "1.13": ((), (), ""),
    "2.5": (LIST, (), ""),
    "2.6": (LIST, JIT, WHEEL),
    "2.9": (LIST, JIT, "libcudart.so"),
    "2.10": ((*LIST, NVTX), (*LIST, NVTX), "libcudart.so"),
    "2.14": ((*LIST, NVTX), OPTIONAL, "libcudart.so"),
}


@pytest.mark.parametrize("version", SOURCES)
def test_what_a_source_opens(version: str, tmp_path: Path) -> None:
    (tmp_path / "__init__.py").write_text(SOURCES[version])
    (tmp_path / "version.py").write_text("cuda: Optional[str] = '13.0'\n")
    found = read_preload(Files(), str(tmp_path))
    assert (found.on_failure, found.on_success, found.mark) == READ[version]
    many = ("nvidia/{folder}/lib", "nvidia/cu13/lib", "{folder}/lib")
    assert found.below == (
        many if version in ("2.10", "2.14") else many[:1] if version > "2" else ()
    )


def test_other_ways_to_write_it(tmp_path: Path) -> None:
    source = tmp_path / "__init__.py"
    source.write_text(
        "def _preload_cuda_deps():\n"
        "    cublas = os.path.join(nvidia, 'cublas', 'lib', 'libcublas.so.11')\n"
        "    if t_major >= 12:\n"
        '        cuda_libs["cufile"] = "libcufile.so.*[0-9]"\n'
        "if os.getenv('TORCH_USE_RTLD_GLOBAL'):\n"
        '    x = {"nccl": "libnccl.so.2"}\n'
    )
    version = tmp_path / "version.py"
    old, new = Step("cublas", "libcublas.so.11"), step("cufile", "cufile")
    for cuda, steps in (("'11.8'", (old,)), ("'12.1'", (old, new)), ("None", (old,))):
        version.write_text(f"cuda: Optional[str] = {cuda}\n")
        assert read_preload(Files(), str(tmp_path)).on_failure == steps


@pytest.mark.parametrize(
    "text", ["/proc/self/maps ", "_preload_cuda_", '"a"' + " " * 99, '"a", "lib', "['a'] = 'lib"]
)
def test_no_source_takes_long(text: str, tmp_path: Path) -> None:
    (tmp_path / "__init__.py").write_text(
        "def _preload_cuda_deps():\n" + text * (900_000 // len(text))
    )
    before = time.process_time()
    read_preload(Files(), str(tmp_path))
    assert time.process_time() - before < 2


# (release, torch apart from the wheels, missing wheels, copy on LD_LIBRARY_PATH): all of them
SCENES = [
    (version, apart, lacks, copy)
    for version in SOURCES
    for apart, lacks, copy in (
        (False, "", ""),
        (False, "", "bad"),
        (False, "", "good"),
        (False, "nvjitlink", "bad"),
        (False, "nvjitlink", "good"),
        (False, "cublas", "good"),
        (True, "", ""),
        (True, "", "bad"),
        (True, "nvjitlink", ""),
        (True, "nvjitlink", "good"),
    )
]


@pytest.mark.some(12)
@pytest.mark.parametrize(("version", "apart", "lacks", "copy"), SCENES)
def test_it_is_what_import_torch_does(
    version: str, apart: bool, lacks: str, copy: str, built: Path, tmp_path: Path
) -> None:
    shutil.copytree(built, tmp_path / "built")
    scene = Scene(tmp_path / "built", version, apart, lacks)
    path = str(tmp_path / "built" / copy) if copy else ""
    assert (scene.judged(path) == []) is scene.works(path)


def test_what_torch_looks_for_in_vain_is_named(built: Path, tmp_path: Path) -> None:
    for version, lacking in (("2.5", ["libnvJitLink.so"]), ("2.14", ["libnvJitLink.so"])):
        shutil.copytree(built, tmp_path / version)
        scene = Scene(tmp_path / version, version, apart=True, lacks="nvjitlink")
        assert scene.judged(str(built / "good")) == lacking


def test_what_a_rocm_torch_opens_is_taken_to_be_open(tmp_path: Path) -> None:
    lab, name = Lab(tmp_path), "libamdhip64.so.7"
    hip = lab.build(
        f"_rocm_sdk_core/lib/{name}", "int hip(void) { return 1; }", f"-Wl,-soname,{name}"
    )
    path = lab.build("torch/_C.abi3.so", "int hip(void); int f(void) { return hip(); }", hip)
    (tmp_path / "torch/__init__.py").write_text(SOURCES["2.14"])
    process = Process(sys.executable, (str(tmp_path),))
    assert [m.name for m in scan(process, [hip, path])[1].missing] == [name]
    (tmp_path / "torch/_rocm_init.py").write_text("def initialize(): pass\n")
    assert scan(process, [hip, path])[1].loads
    (tmp_path / "torch/__init__.py").write_text("from . import _rocm_init\n")
    assert scan(process, [hip, path])[1].loads
