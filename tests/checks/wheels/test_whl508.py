"""WHL508: parts of a framework that must agree."""

from __future__ import annotations

from dataclasses import replace

import builders as b
import pytest
from rows import Fires, rows

from gpufix.checks.registry import ERROR, WARNING, Fault
from gpufix.checks.wheels.whl506_requirement_conflict import requirement_conflict
from gpufix.checks.wheels.whl508_framework_pair_mismatch import framework_pair_mismatch
from gpufix.evidence.view import View
from gpufix.knowledge import families
from gpufix.knowledge.families import Pair
from gpufix.model import Distribution, SharedFile
from gpufix.model.payload import MismatchedPair, RivalDistributions

PIN = "flashinfer-python==0.6.12"


def of(
    *dists: Distribution, gpu: bool = True, shared: tuple[SharedFile, ...] = (), **env: str
) -> View:
    return b.view(
        b.facts(
            distributions=list(dists),
            gpus=[b.gpu()] if gpu else [],
            environment=b.environment(**env),
            shared_files=list(shared),
        )
    )


def jax(*, jaxlib: str = "0.7.2", plugin: str = "0.7.2", pjrt: str = "0.7.2") -> list[Distribution]:
    return [
        b.dist("jax", "0.7.2", requires=["jaxlib<=0.7.2,>=0.7.2"]),
        b.dist("jaxlib", jaxlib),
        b.dist("jax-cuda12-plugin", plugin, requires=[f"jax-cuda12-pjrt=={plugin}"]),
        b.dist("jax-cuda12-pjrt", pjrt),
    ]


def flashinfer(python: str, cubin: str, *others: Distribution) -> list[Distribution]:
    return [b.dist("flashinfer-python", python), b.dist("flashinfer-cubin", cubin), *others]


def row(one: str, other: str, agree: str = "") -> Pair:
    every = (p for p in families.pairs() if (p.one, p.other) == (one, other))
    return next(p for p in every if agree in p.agree)


def fault(severity: object, one: str, other: str, needed: str, agree: str = "") -> Fault:
    """`one` and `other` with their versions."""
    pair = row(one.split()[0], other.split()[0], agree)
    return Fault(
        severity,  # type: ignore[arg-type]
        f"{pair.one} × {pair.other}",
        f"{one} goes with {pair.other} {needed}; {other} is installed: {pair.says}.",
        evidence=(f"source: {pair.source}",),
        breaks=(f"mismatch:{pair.one}:{pair.other}",),
        payload=MismatchedPair(pair.one, pair.other),
    )


NVCC = b.dist("nvidia-cuda-nvcc", "13.0.88")
WHEELS = f"{b.python().site_dirs[0]}/nvidia/cu13"


def compiling(root: str, crt: str) -> View:
    """A project that an nvcc below `root` compiles."""
    return b.view(
        b.facts(
            distributions=[NVCC, b.dist("nvidia-cuda-crt", crt)],
            toolkits=[b.toolkit("13.0", root=root)],
            project=b.project(),
        )
    )


CUPY = (b.dist("cupy-cuda12x", "13.6.0"), b.dist("cupy-cuda13x", "13.6.0"))
CORE = "cupy/_core/core.cpython-311-x86_64-linux-gnu.so"


def cupy(holder: str | None = None) -> SharedFile:
    return SharedFile(path=CORE, owners=[d.name for d in CUPY], differ=True, holder=holder)


def several(message: str, *names: str) -> Fault:
    group = next(g for g in families.alone() if names[0] in g.distributions)
    return Fault(
        WARNING,
        " / ".join(names),
        f"{message}; one of them may be there: {group.lost}.",
        evidence=(f"source: {group.source}",),
        breaks=tuple(f"{kind}:{name}" for name in names for kind in ("collision", "family")),
        payload=RivalDistributions(names),
    )


BOTH = several(
    "cupy-cuda12x 13.6.0 and cupy-cuda13x 13.6.0 are side by side",
    *(d.name for d in CUPY),
)
RUNTIME = b.dist("nvidia-cuda-runtime", "13.0.48")
SGLANG = b.dist("sglang", "0.5.10", requires=["sglang-kernel==0.4.1"])

SILENT = {
    "nothing of them": of(),
    "all of one release": of(*jax()),
    "no GPU part": of(*jax()[:2]),
    "a jax whose extras alone name jaxlib": of(b.dist("jax", "0.4.28"), b.dist("jaxlib", "0.4.27")),
    "nights of one release": of(*jax(plugin="0.7.2.dev20260101", pjrt="0.7.2.dev20260102")),
    "a local part": of(*jax(jaxlib="0.7.2+source")),
    "a version that is none": of(*jax(plugin="main")[:3]),
    "built out of a checkout": of(*flashinfer("0.0.0", "0.6.12")),
    "one cubin package": of(*flashinfer("0.6.12", "0.6.12")),
    "its own variable switches the check off": of(
        *flashinfer("0.6.12", "0.6.11"), FLASHINFER_DISABLE_VERSION_CHECK="1"
    ),
    "the cache names its CUDA": of(
        *flashinfer("0.6.7", "0.6.7", b.dist("flashinfer-jit-cache", "0.6.7.post2+cu129"))
    ),
    "kernels newer than the floor": of(SGLANG, b.dist("sglang-kernel", "0.4.2")),
    "patches of one release": of(
        b.dist("cudf-cu12", "25.10.0"), b.dist("pylibcudf-cu12", "25.10.2")
    ),
    "within the table's range": of(
        b.dist("ctranslate2", "4.5.0"), b.dist("nvidia-cudnn-cu12", "9.10.2.21")
    ),
    "before the table begins": of(
        b.dist("ctranslate2", "2.0"), b.dist("nvidia-cudnn-cu12", "9.10.2.21")
    ),
    "after the table ends": of(
        b.dist("onnxruntime-gpu", "1.32.0"), b.dist("tensorrt-cu12-libs", "11.4.0.106")
    ),
    "nvcc's parts, and nothing to build": of(NVCC, b.dist("nvidia-cuda-crt", "13.5.37")),
    "nvcc's parts, and the build takes another nvcc": compiling("/usr/local/cuda-13.0", "13.5.37"),
    "nvcc's parts of one release": compiling(WHEELS, "13.0.85"),
    "one CuPy": of(CUPY[0]),
    "a GPU package beside a CPU one: WHL509 or WHL502 tells": of(
        b.dist("onnxruntime"), b.dist("onnxruntime-gpu")
    ),
}

FIRING = {
    "nvcc's parts of two releases": Fires(
        compiling(WHEELS, "13.5.37"),
        fault(WARNING, "nvidia-cuda-nvcc 13.0.88", "nvidia-cuda-crt 13.5.37", "13.0"),
        ["match-partner unsafe"],
    ),
    "the import raises": Fires(
        of(*jax(jaxlib="0.7.1")[:2], gpu=False),
        fault(ERROR, "jax 0.7.2", "jaxlib 0.7.1", "<=0.7.2,>=0.7.2"),
        ["match-partner unsafe"],
    ),
    "the import raises, of a jax whose extras alone name jaxlib": Fires(
        of(b.dist("jax", "0.4.28"), b.dist("jaxlib", "0.4.36"), gpu=False),
        fault(ERROR, "jax 0.4.28", "jaxlib 0.4.36", ">=0.4.27,<=0.4.28", "table"),
        ["match-partner unsafe"],
    ),
    "the GPU is lost": Fires(
        of(*jax(plugin="0.7.1", pjrt="0.7.1")),
        fault(ERROR, "jax-cuda12-plugin 0.7.1", "jaxlib 0.7.2", "0.7.1"),
        ["match-partner unsafe"],
    ),
    "the GPU is lost, and none is here": Fires(
        of(*jax(plugin="0.7.1", pjrt="0.7.1"), gpu=False),
        fault(WARNING, "jax-cuda12-plugin 0.7.1", "jaxlib 0.7.2", "0.7.1"),
        ["match-partner unsafe"],
    ),
    "the plug-in's other half": Fires(
        of(*jax(pjrt="0.7.1"), gpu=False),
        fault(WARNING, "jax-cuda12-pjrt 0.7.1", "jax-cuda12-plugin 0.7.2", "0.7.1"),
        ["match-partner unsafe"],
    ),
    "a post-release is another release": Fires(
        of(*flashinfer("0.6.7.post2", "0.6.7")),
        fault(ERROR, "flashinfer-cubin 0.6.7", "flashinfer-python 0.6.7.post2", "0.6.7"),
        ["match-partner unsafe"],
    ),
    "none is published for it": Fires(
        of(*flashinfer("0.7.2", "0.6.13")),
        fault(ERROR, "flashinfer-cubin 0.6.13", "flashinfer-python 0.7.2", "0.6.13"),
        ["match-partner unsafe"],
    ),
    "the cache is of another release": Fires(
        of(b.dist("flashinfer-python", "0.6.12"), b.dist("flashinfer-jit-cache", "0.6.11+cu129")),
        fault(ERROR, "flashinfer-jit-cache 0.6.11+cu129", "flashinfer-python 0.6.12", "0.6.11"),
        ["match-partner unsafe"],
    ),
    "below the floor": Fires(
        of(SGLANG, b.dist("sglang-kernel", "0.4.0")),
        fault(ERROR, "sglang 0.5.10", "sglang-kernel 0.4.0", ">=0.4.1"),
        ["match-partner unsafe"],
    ),
    "parts of two releases": Fires(
        of(b.dist("cudf-cu12", "25.10.0"), b.dist("pylibcudf-cu12", "25.8.0")),
        fault(WARNING, "cudf-cu12 25.10.0", "pylibcudf-cu12 25.8.0", "25.10"),
        ["match-partner unsafe"],
    ),
    "an AMD GPU is lost": Fires(
        b.view(
            b.facts(
                distributions=[
                    b.dist("jaxlib", "0.8.2"),
                    b.dist("jax-rocm7-plugin", "0.8.1+rocm7.2.4"),
                ],
                gpus=[b.gpu("gfx1100")],
            )
        ),
        fault(ERROR, "jax-rocm7-plugin 0.8.1+rocm7.2.4", "jaxlib 0.8.2", "0.8.1"),
    ),
    "a table tells the range": Fires(
        of(b.dist("ctranslate2", "4.4.0"), b.dist("nvidia-cudnn-cu12", "9.10.2.21")),
        fault(WARNING, "ctranslate2 4.4.0", "nvidia-cudnn-cu12 9.10.2.21", "<9"),
        ["match-partner unsafe"],
    ),
    "a table tells the range, and a listing what is within": Fires(
        of(b.dist("onnxruntime-gpu", "1.23.2"), b.dist("tensorrt-cu12-libs", "11.4.0.106")),
        fault(WARNING, "onnxruntime-gpu 1.23.2", "tensorrt-cu12-libs 11.4.0.106", ">=10,<11"),
        ["match-partner unsafe"],
    ),
    "plug-ins for two CUDA majors": Fires(
        of(*jax(), b.dist("jax-cuda13-pjrt", "0.7.2"), RUNTIME),
        several(
            "jax-cuda12-pjrt 0.7.2 and jax-cuda13-pjrt 0.7.2 are side by side",
            "jax-cuda12-pjrt",
            "jax-cuda13-pjrt",
        ),
        ["keep-one safe"],
    ),
    "no listing tells of its releases": Fires(
        of(b.dist("rocm-sdk-core", "7.2.0"), b.dist("rocm-sdk-libraries", "7.1.0")),
        fault(WARNING, "rocm-sdk-libraries 7.1.0", "rocm-sdk-core 7.2.0", "7.1.0"),
    ),
    "it came from a file": Fires(
        of(
            *flashinfer("0.6.12", "0.6.11")[:1],
            b.dist("flashinfer-cubin", "0.6.11", direct_url="file:///a.whl"),
        ),
        fault(ERROR, "flashinfer-cubin 0.6.11", "flashinfer-python 0.6.12", "0.6.11"),
        ["match-partner unsafe"],
    ),
    "conda brought it": Fires(
        of(
            *flashinfer("0.6.12", "0.6.11")[:1],
            b.dist("flashinfer-cubin", "0.6.11", source="conda"),
        ),
        fault(ERROR, "flashinfer-cubin 0.6.11", "flashinfer-python 0.6.12", "0.6.11"),
    ),
    "two for two CUDA majors, and one CUDA is here": Fires(
        of(*CUPY, RUNTIME), BOTH, ["keep-one safe"]
    ),
    "two, and one of them is used": Fires(
        of(*CUPY, shared=(cupy("cupy-cuda12x"),)), BOTH, ["keep-one safe"]
    ),
    "two, and only the machine tells": Fires(of(*CUPY), BOTH, ["keep-one unsafe"]),
    "the one that is kept came from a file": Fires(
        of(CUPY[0], replace(CUPY[1], direct_url="file:///a.whl"), RUNTIME),
        BOTH,
        ["keep-one unsafe"],
    ),
    "what would be removed was asked for": Fires(
        of(b.dist("cupy-cuda12x", "13.6.0", requested=True), CUPY[1], RUNTIME),
        BOTH,
        ["keep-one unsafe"],
    ),
    "what would be removed is required": Fires(
        of(*CUPY, RUNTIME, b.dist("cuml", requires=["cupy-cuda12x"])), BOTH
    ),
}

test_silent, test_firing = rows(framework_pair_mismatch, SILENT, FIRING)


@pytest.mark.parametrize(
    ("view", "told"),
    [(of(*jax(jaxlib="0.7.1")[:2]), 0), (of(b.dist("a", requires=["jaxlib>1"]), *jax()[1:2]), 1)],
    ids=["a pair", "another requirement"],
)
def test_a_pair_is_told_once(view: View, told: int) -> None:
    assert len(b.run(requirement_conflict, view.facts)) == told
