"""Broken environments of package families, as small stand-in wheels: the fact that names the cause."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fake_site import Site

import needs
from gpufix.checks.judge import attach, run_check
from gpufix.checks.registry import builtin_rules
from gpufix.evidence.view import View
from gpufix.facts.context import CollectContext
from gpufix.facts.libraries import libraries
from gpufix.facts.packages import distributions
from gpufix.facts.python import environment
from gpufix.knowledge.gpus import models
from gpufix.model import Facts, Host, PthFile

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 480904\n"
RULES = {"ABI303", "RUN801", "RUN805", "SYM402", "WHL503", "WHL506", "WHL509", "WHL510"}
OWN = ".cpython-311-x86_64-linux-gnu.so"
NVIDIA = ("nvidia/cublas/lib", "nvidia/cudnn/lib", "nvidia/cuda_nvrtc/lib", "nvidia/cu13/lib")


@dataclass
class Wheel:
    """A stand-in. `built`: library -> what it is linked with; the SONAME is the file's name."""

    name: str
    version: str
    files: Mapping[str, bytes | str] = field(default_factory=dict)
    built: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    requires: tuple[str, ...] = ()


def nvidia(name: str, version: str, folder: str, *names: str) -> Wheel:
    return Wheel(name, version, built={f"{folder}/{so}": () for so in names})


CT2 = "ctranslate2.libs/libctranslate2-bc15bf3f.so.{}"
SHIM = "ctranslate2.libs/libcudnn-74a4c495.so.{}"
CUBLAS_12 = nvidia("nvidia-cublas-cu12", "12.8.4.1", NVIDIA[0], "libcublas.so.12")
CUDNN_8 = nvidia("nvidia-cudnn-cu12", "8.9", NVIDIA[1], "libcudnn_ops_infer.so.8")
NVRTC_12 = nvidia("nvidia-cuda-nvrtc-cu12", "12.9.86", NVIDIA[2], "libnvrtc.so.12")
NVRTC_13 = nvidia("nvidia-cuda-nvrtc", "13.0.88", NVIDIA[3], "libnvrtc.so.13")
TRITON = Wheel("triton", "3.8.0", {"triton/__init__.py": "", "triton/language/__init__.py": ""})


def ctranslate2(version: str, cudnn: str = "") -> Wheel:
    built = {CT2.format(version): (), **({SHIM.format(cudnn): ()} if cudnn else {})}
    return Wheel("ctranslate2", version, {"ctranslate2/__init__.py": ""}, built)


def cupy(cuda: str, version: str) -> Wheel:
    return Wheel(
        f"cupy-cuda{cuda}x",
        version,
        {"cupy_backends/__init__.py": "", "cupy/__init__.py": ""},
        {f"cupy_backends/cuda/libs/nvrtc{OWN}": ()},
    )


def user(name: str, text: str, *requires: str) -> Wheel:
    return Wheel(name, "1.0", {f"{name}/__init__.py": text}, requires=requires)


def part_of_q(text: str, users: int = 0) -> Wheel:
    """A package whose own import works, a module of it, and those that import that one."""
    using = {f"q/inner/u{n}.py": "from q.inner.part import x\n" for n in range(users)}
    files = {
        **using,
        "q/__init__.py": "import os\n",
        "q/inner/__init__.py": "",
        "q/inner/part.py": text,
    }
    return Wheel("q", "1.0", files, requires=("torchvision", "torch; extra == 'gpu'"))


TORCHVISION = Wheel(
    "torchvision",
    "0.20.1",
    {"torchvision/__init__.py": "", "torchvision/transforms/__init__.py": ""},
)


def jax(*more: str) -> Wheel:
    files = {"jax/__init__.py": "", "jax/experimental/__init__.py": ""}
    return Wheel("jax", "0.7.2", {**files, **dict.fromkeys(more, "")})


# Wheels, the GPU to serve, variables ("{site}": the site folder), and what is found: "CODE words".
Case = tuple[tuple[Wheel, ...], str, dict[str, str], set[str]]
CASES: dict[str, Case] = {
    "CTranslate2's cuDNN 8, half of it nowhere, the other off the path": (
        (ctranslate2("4.4.0", "8.9.7"), CUDNN_8, user("faster_whisper", "")),
        "sm_86",
        {},
        {
            "WHL509 ctranslate2 4.4.0 needs libcudnn_cnn_infer.so.8 for the GPU, which is in no folder that it searches",
            "WHL509 libcudnn_ops_infer.so.8 for the GPU, which lies where the loader does not look",
        },
    ),
    "CTranslate2 with the wheels on the path": (
        (ctranslate2("4.8.5"), CUBLAS_12),
        "sm_86",
        {"LD_LIBRARY_PATH": "{site}/nvidia/cublas/lib"},
        set(),
    ),
    "CuPy for CUDA 11 beside CUDA 12's compiler": (
        (cupy("11", "13.6.0"), NVRTC_12),
        "",
        {},
        {"WHL510 built for CUDA 11 and lacks libnvrtc.so.11.2; the CUDA libraries here are CUDA 12"},
    ),
    "CuPy 13 does not look into wheels": (
        (cupy("12", "13.6.0"), NVRTC_12),
        "sm_86",
        {},
        {"WHL509 libnvrtc.so.12 for the GPU, which lies where the loader does not look"},
    ),
    "CuPy 14 does": ((cupy("12", "14.0.1"), NVRTC_12), "sm_86", {}, set()),
    "CuPy 14 takes the later of two compilers": (
        (cupy("12", "14.0.1"), NVRTC_12, NVRTC_13),
        "sm_61",
        {},
        {"WHL510 takes libnvrtc.so.13 of nvidia-cuda-nvrtc 13.0.88, which generates nothing for"},
    ),
    "CuPy 14 takes it, and it knows the GPU": (
        (cupy("12", "14.0.1"), NVRTC_12, NVRTC_13),
        "sm_90",
        {},
        set(),
    ),
    "ONNX Runtime beside TensorRT 8": (
        (
            Wheel(
                "onnxruntime-gpu",
                "1.16.3",
                built={
                    "tensorrt_libs/libnvinfer.so.8": (),
                    "onnxruntime/capi/libonnxruntime_providers_tensorrt.so": (
                        "tensorrt_libs/libnvinfer.so.8",
                    ),
                },
            ),
            Wheel("tensorrt-libs", "8.6.1"),
        ),
        "sm_86",
        {},
        {"WHL509 libnvinfer.so.8 for the GPU, which lies where the loader does not look"},
    ),
    "kernels that want a part that Triton left out": (
        (TRITON, user("gptqkit", "import triton.ops.matmul\n", "triton")),
        "",
        {},
        {"WHL506 gptqkit 1.0 imports triton.ops.matmul, which triton 3.8.0 does not have"},
    ),
    "the same, and it goes on without": (
        (
            TRITON,
            user(
                "gptqkit",
                "try:\n    import triton.ops\nexcept ImportError:\n    triton = None\n",
                "triton",
            ),
        ),
        "",
        {},
        set(),
    ),
    "a part of JAX that is gone": (
        (jax(), user("shards", "from jax.experimental.maps import xmap\n", "jax")),
        "",
        {},
        {"WHL506 shards 1.0 imports jax.experimental.maps, which jax 0.7.2 does not have"},
    ),
    "a name that another module's call asks for": (
        (
            jax(),
            Wheel(
                "shards",
                "1.0",
                {
                    "shards/__init__.py": "from shards import a\n\na.check()\n",
                    "shards/a.py": "import jax\n\n\ndef check():\n    return jax.gone\n",
                },
                requires=("jax",),
            ),
        ),
        "",
        {},
        {"WHL506 shards 1.0 imports jax.gone, which jax 0.7.2 does not have"},
    ),
    "in a function that nobody calls": (
        (jax(), user("shards", "import jax\n\n\ndef check():\n    return jax.gone\n", "jax")),
        "",
        {},
        set(),
    ),
    "in what a function says of itself": (
        (jax(), user("shards", 'import jax\n\n\ndef check():\n    """Of jax.gone."""\n\n\ncheck()\n', "jax")),
        "",
        {},
        set(),
    ),
    "for a parameter": (
        (jax(), user("shards", "import jax\n\n\nasync def f(\n    x=jax.gone,\n):\n    return x\n", "jax")),
        "",
        {},
        {"WHL506 shards 1.0 imports jax.gone, which jax 0.7.2 does not have"},
    ),
    "tried, and raised again": (
        (
            jax(),
            user("shards", "try:\n    from jax import gone\nexcept ImportError as e:\n    raise ImportError('no jax') from e\n", "jax"),
        ),
        "",
        {},
        {"WHL506 shards 1.0 imports jax.gone, which jax 0.7.2 does not have"},
    ),
    "tried, and done without": (
        (jax(), user("shards", "try:\n    from jax import gone\nexcept ImportError:\n    gone = None\n", "jax")),
        "",
        {},
        set(),
    ),
    "a package of a namespace": (
        (jax(), Wheel("space-shards", "1.0", {"space/shards/__init__.py": "import jax\n\njax.gone\n"}, requires=("jax",))),
        "",
        {},
        {"WHL506 space-shards 1.0 imports jax.gone, which jax 0.7.2 does not have"},
    ),
    "setuptools of a release without a name that it makes no secret of": (
        (
            Wheel("setuptools", "70.3.0", {"pkg_resources/__init__.py": "globals().update(x=1)\n# packaging\n"}),
            user("clip", "from pkg_resources import packaging\n", "setuptools", "torch; extra == 'gpu'"),
            TRITON,
        ),
        "",
        {},
        {"WHL506 clip 1.0 imports pkg_resources.packaging, which setuptools 70.3.0 does not have"},
    ),
    "a part that asks for a name that may have come since": (
        (TORCHVISION, part_of_q("import torchvision.transforms.fresh\n")), "", {}, set()
    ),
    "a part that many others import, and that asks for a name of no known end": (
        (TORCHVISION, part_of_q("import torchvision.transforms.fresh\n", users=10)),
        "",
        {},
        {"WHL506 q 1.0 imports torchvision.transforms.fresh (in q.inner.part only), which torchvision 0.20.1 does not have"},
    ),
    "a part that few others import": (
        (TORCHVISION, part_of_q("import torchvision.transforms.fresh\n", users=9)), "", {}, set()
    ),
    "a part that asks for a module that is known to be gone": (
        (TORCHVISION, part_of_q("import torchvision.transforms.functional_tensor\n")),
        "",
        {},
        {"WHL506 q 1.0 imports torchvision.transforms.functional_tensor (in q.inner.part only), which torchvision 0.20.1 does not have"},
    ),
    "a module that is known to be gone, beside a requirement that does not hold": (
        (
            Wheel("numpy", "2.1.0", {"numpy/__init__.py": ""}),
            user("clip", "import pkg_resources\n", "numpy<2", "torch; extra == 'gpu'"),
        ),
        "",
        {},
        {
            "WHL506 clip 1.0 imports pkg_resources, which no installed package has",
            "WHL506 clip 1.0 requires numpy<2; numpy 2.1.0 is installed",
        },
    ),
    "a part of JAX that is there": (
        (
            jax("jax/experimental/maps.py"),
            user("shards", "import jax.experimental.maps\n", "jax"),
        ),
        "",
        {},
        set(),
    ),
    "a module that a package of TensorFlow's makes itself": (
        (
            Wheel("tensorflow", "2.20.0", {"tensorflow/__init__.py": "import sys\nsys.modules['contrib']"}),
            user("slim", "from tensorflow.contrib import layers\n", "tensorflow"),
        ),
        "",
        {},
        set(),
    ),
    "a module that nothing declares": (
        (Wheel("paddlepaddle", "3.3.1", {"paddle/__init__.py": "import setuptools_of_old\n"}),),
        "",
        {},
        {"WHL506 paddlepaddle 3.3.1 imports setuptools_of_old, which no installed package has"},
    ),
    "TensorRT without its bindings": (
        (Wheel("tensorrt-cu12", "10.0.1", {"tensorrt/__init__.py": "from tensorrt_bindings import *\n"}),),
        "",
        {},
        {"WHL506 tensorrt-cu12 10.0.1 imports tensorrt_bindings, which no installed package has"},
    ),
    "a tool beside a package": (
        (Wheel("nvidia-dali-cuda130", "2.4.0", {"rec2idx.py": "import mxnet\n", "nvidia/dali/__init__.py": ""}),),
        "",
        {},
        set(),
    ),
    "tests beside a package": (
        (
            Wheel(
                "cupy-cuda12x",
                "14.0.1",
                {"tests/__init__.py": "import pytest_of_old\n", "cupy/__init__.py": ""},
            ),
        ),
        "",
        {},
        set(),
    ),
    "vLLM is told to use ModelScope": (
        (Wheel("vllm", "0.8.3"),),
        "",
        {"VLLM_USE_MODELSCOPE": "True"},
        {'RUN801 VLLM_USE_MODELSCOPE is "True"; modelscope is not installed'},
    ),
    "a module that it carries along": (
        (
            Wheel(
                "paddlepaddle",
                "3.3.1",
                {
                    "paddle/__init__.py": "import sys\nsys.path.append('x')\nimport carried\n",
                    "paddle/vendor/carried.py": "",
                },
            ),
        ),
        "",
        {},
        set(),
    ),
    "a library of AMD's wheel, and no ROCm": (
        (
            Wheel(
                "cupy-rocm-7-0",
                "14.0.1",
                {"cupy/__init__.py": "from cupy import _core\n", "cupy/_core/__init__.py": ""},
                {
                    "gone/libhipblas.so.3": (),
                    f"cupy/cuda/cublas{OWN}": ("gone/libhipblas.so.3",),
                },
            ),
        ),
        "gfx942",
        {},
        {"SYM402 needs libhipblas.so.3"},
    ),
    "Keras is told to use a back end that is not here": (
        (
            Wheel("keras", "3.12.0"),
            Wheel("torch-tools", "1", {"sitecustomize.py": "import os\nos.environ['KERAS_BACKEND'] = 'jax'\n"}),
        ),
        "",
        {},
        {'RUN801 KERAS_BACKEND is "jax"; jax is not installed'},
    ),
    "a .pth file switches downloads": (
        (
            Wheel("huggingface-hub", "0.36.2"),
            Wheel("site-defaults", "1", {"site.pth": "import os; os.environ.setdefault('HF_HUB_ENABLE_HF_TRANSFER', '1')\n"}),
        ),
        "",
        {},
        {'RUN801 HF_HUB_ENABLE_HF_TRANSFER is "1"; hf-transfer is not installed'},
    ),
    "Numba's simulator before a GPU": (
        (Wheel("numba-cuda", "0.23.0"),),
        "sm_90",
        {"NUMBA_ENABLE_CUDASIM": "1"},
        {'RUN805 NUMBA_ENABLE_CUDASIM is "1": kernels run in Numba'},
    ),
}  # fmt: skip
# Files of a distribution, what lies there instead, and what is found.
DAMAGED: dict[str, tuple[str, str, bytes, str]] = {
    "Triton's device library": (
        "triton", "triton/backends/nvidia/lib/libdevice.10.bc", POINTER, "now it is a Git LFS pointer",
    ),
    "FlashInfer's kernels": (
        "flashinfer-cubin", "flashinfer_cubin/cubins/fmha/gemm.cubin", b"", "now it is empty",
    ),
    "a ROCm device library": (
        "rocm-sdk-devel", "_rocm_sdk/amdgcn/bitcode/ocml.bc", POINTER, "now it is a Git LFS pointer",
    ),
    "weights": ("demucs", "demucs/remote/model.th", POINTER, "now it is a Git LFS pointer"),
}  # fmt: skip


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., bytes]:
    """A small library of a SONAME, linked with others; each is built once."""
    needs.require("gcc")
    folder, made = tmp_path_factory.mktemp("compiled"), {}

    def build(name: str, linked: tuple[str, ...]) -> bytes:
        key = name, linked
        if key not in made:
            for other in linked:
                (folder / Path(other).name).write_bytes(build(other, ()))
            file, source = folder / "out.so", folder / "a.c"
            own = f"{Path(name).name.split('.')[0].replace('-', '_')}_f"
            source.write_text(f"int {own}(void) {{ return 1; }}\n")
            links = [str(folder / Path(other).name) for other in linked]
            flags = ["-shared", "-fPIC", "-nostdlib", "-Wl,--no-as-needed"]
            flags.append(f"-Wl,-soname,{Path(name).name}")
            subprocess.run(["gcc", *flags, str(source), *links, "-o", str(file)], check=True)
            made[key] = file.read_bytes()
        return made[key]

    return build


def found(site: Site, ctx: CollectContext, gpu: str, variables: Mapping[str, str]) -> list[str]:
    """What the rules say, as "CODE message"."""
    real = os.path.realpath(sys.executable)
    ctx.environ = {k: v.format(site=site.folder) for k, v in variables.items()}
    pths = [{"path": str(p), "runs_code": True} for p in site.folder.glob("*.pth")]
    python = site.python(executable=real, machine="x86_64")
    python.pth_files.extend(PthFile(**p) for p in pths)
    dists, shared = distributions.collect(ctx, python)
    facts = Facts(
        host=Host(os="Linux", kernel="6", machine="x86_64"),
        python=python,
        distributions=dists,
        shared_files=shared,
        environment=environment.collect(ctx, None, python),
        binaries=libraries.collect(ctx, python, dists, None),
    )
    view = View(facts, [models.resolve(gpu)] if gpu else [])
    rules = (rule for rule in builtin_rules() if rule.code in RULES)
    every = attach([one for rule in rules for one in run_check(rule, view)])
    return [f"{one.code} {one.message}" for one in every if one.severity != "advice"]


def install(site: Site, wheel: Wheel, compiled: Callable[..., bytes]) -> None:
    files = {k: v if isinstance(v, bytes) else v.encode() for k, v in wheel.files.items()}
    files |= {name: compiled(name, linked) for name, linked in wheel.built.items()}
    gone = [name for name in files if name.startswith("gone/")]
    metadata = f"Metadata-Version: 2.1\nName: {wheel.name}\nVersion: {wheel.version}\n"
    metadata += "".join(f"Requires-Dist: {row}\n" for row in wheel.requires)
    kept = {name: data for name, data in files.items() if name not in gone}
    site.install(wheel.name, wheel.version, kept, metadata=f"{metadata}\n".encode())


@pytest.mark.needs("Linux")
@pytest.mark.parametrize("case", CASES)
def test_the_cause_is_named(
    case: str, site: Site, ctx: CollectContext, compiled: Callable[..., bytes]
) -> None:
    wheels, gpu, variables, wanted = CASES[case]
    for wheel in wheels:
        install(site, wheel, compiled)
    told = found(site, ctx, gpu, variables)
    unsaid = [text for text in wanted if not any(_says(one, text) for one in told)]
    assert not unsaid, told
    assert len(told) == len(wanted), told


def _says(one: str, text: str) -> bool:
    code, _, words = text.partition(" ")
    return one.startswith(code) and words in one


@pytest.mark.parametrize("case", DAMAGED)
def test_data_that_is_hollow(case: str, site: Site, ctx: CollectContext) -> None:
    name, path, data, words = DAMAGED[case]
    site.install(name, files={path: b"BC\xc0\xde" * 9, "x.py": b""})
    (site.folder / path).write_bytes(data)
    (told,) = found(site, ctx, "", {})
    assert told.startswith("WHL503") and words in told
