"""RUN805: variables that change what is loaded, seen or compiled."""

from __future__ import annotations

from dataclasses import replace

import builders as b
from rows import Fires, rows

from gpufix.checks.registry import ADVICE, ERROR, WARNING, Fault
from gpufix.checks.runtime.run805_harmful_variable import harmful_variable
from gpufix.evidence.view import View
from gpufix.knowledge import families
from gpufix.model import Distribution, Environment, Gpu, Library, Problem, Severity
from gpufix.model.payload import EnvironmentVariable, Switched

PATH, GFX = "LD_LIBRARY_PATH", "HSA_OVERRIDE_GFX_VERSION"
CUDA, HIP, ROCR = "CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"
STUBS = "/usr/local/cuda/lib64/stubs"
NVIDIA, AMD = b.gpu("sm_89"), b.gpu("gfx1101")


def of(*gpus: Gpu, libraries: tuple[Library, ...] = (), **env: str) -> View:
    """A machine with these GPUs and variables, and nothing else."""
    environment, scan = b.environment(**env), b.binaries(*libraries)
    return b.view(b.facts(gpus=list(gpus), environment=environment, binaries=scan))


def lacking(provider: str | None, path: str = "a/_C.so", **changes: object) -> Library:
    problem = {"kind": "undefined-symbol", "name": "f", "why": PATH, "provider": provider}
    return b.library(path, problems=[Problem(**(problem | changes))], distribution=path[:1])


def fault(
    name: str,
    text: str,
    severity: Severity = WARNING,
    evidence: tuple[str, ...] = (),
    breaks: tuple[str, ...] = (),
) -> Fault:
    return Fault(severity, name, text, evidence, breaks, payload=EnvironmentVariable(name))


def spoiled(provider: str, who: str, value: str = "/opt/x") -> Fault:
    return fault(
        PATH,
        f"{PATH} makes the loader take {provider}, which lacks f that {who} needs.",
        ERROR,
        (f"{PATH}={value}",),
        (f"provider:{provider}",),
    )


def stubs(folder: str) -> Fires:
    return Fires(
        of(LD_LIBRARY_PATH=f"/opt/lib:{folder}"),
        fault(
            PATH,
            f"{PATH} holds {folder}, a folder of link-time stubs: a libcuda found there has no "
            "driver behind it.",
            breaks=("driver:stub",),
        ),
        offers=SAFE,
    )


def hides(name: str, value: str, whom: str = "CUDA") -> Fault:
    return fault(name, f'{name} is "{value}": every GPU is hidden from {whom}.')


def other_major(arch: str, value: str) -> Fault:
    text = f"{GFX} is {value}; the GPU is {arch}, of another major, whose code this one cannot run."
    return fault(GFX, text, ERROR)


def no_form(value: str) -> Fires:
    text = f'{GFX} is "{value}"; its form is major.minor.stepping.'
    return Fires(of(AMD, **{GFX: value}), fault(GFX, text, ERROR), offers=SAFE)


def costs(name: str, what: str, severity: Severity = WARNING) -> Fires:
    return Fires(
        of(NVIDIA, **{name: "1"}), fault(name, f"{name} is 1: {what}.", severity), offers=SAFE
    )


SAFE = ["unset-variable safe"]


def to_cpu(name: str, value: str, *dists: Distribution) -> View:
    return b.view(
        b.healthy(
            gpus=[b.gpu("sm_89")],
            distributions=list(dists),
            environment=b.environment(**{name: value}),
        )
    )


def on_the_cpu(name: str, value: str) -> Fault:
    row = next(r for r in families.switches() if r.variable == name and not r.wants)
    return Fault(
        WARNING,
        name,
        f'{name} is "{value}": {row.says}.',
        evidence=(f"source: {row.source}",),
        payload=Switched(name, (), None),
    )


TORCH_HIP = f"{b.SITE}/torch/lib/libtorch_hip.so"


def beside_rocm(taken: str, **sections: object) -> View:
    """A torch with its own HIP, and the file that the loader takes for it."""
    own = b.library("torch/lib/libamdhip64.so.7", distribution="torch", soname="libamdhip64.so.7")
    user = b.library(
        "torch/lib/libtorch_hip.so", distribution="torch", uses={"libamdhip64.so.7": taken}
    )
    known = {
        "binaries": b.binaries(own, user),
        "environment": b.environment(LD_LIBRARY_PATH="/opt/rocm/lib"),
    }
    return b.view(b.healthy_amd(**(known | sections)))


def beside_core(name: str, taken: str) -> View:
    """A torch whose ROCm is in wheels, and the file that the loader takes for a library."""
    core = b.toolkit(kind="rocm", root=f"{b.SITE}/_rocm_sdk_core", origin="wheel", version="7.13.0")
    user = b.library("torch/lib/libtorch_hip.so", distribution="torch", uses={name: taken})
    blas = b.library(
        "_rocm_sdk_libraries/lib/librocblas.so.5",
        distribution="rocm-sdk-libraries",
        soname="librocblas.so.5",
    )
    environment = b.environment(LD_LIBRARY_PATH="/opt/rocm/lib")
    binaries = b.binaries(user, blas)
    return b.view(b.healthy_amd(binaries=binaries, toolkits=[core], environment=environment))


def family(value: str) -> View:
    dists = [b.dist("rocm-sdk-libraries-gfx110x-all", "7.11.0")]
    environment = b.environment(ROCM_SDK_TARGET_FAMILY=value)
    return b.view(b.healthy_amd(distributions=dists, environment=environment))


def other_python(*tags: str, **more: object) -> View:
    """PYTHONPATH holds /other, with a numpy that is compiled for these Pythons."""
    modules = [
        Library(
            path=f"/other/numpy/_umath.{tag}.so", module=True, python_tag=tag, distribution="numpy"
        )
        for tag in tags
    ]
    dists = [b.dist("numpy", "1.26.4", location="/other"), b.dist("numpy", "2.2.6")]
    base = {"distributions": dists, "environment": b.environment(PYTHONPATH="/mine:/other")}
    return b.view(b.facts(binaries=b.binaries(*modules), python=b.python(), **(base | more)))


FOREIGN = Fault(
    ERROR,
    "PYTHONPATH",
    "PYTHONPATH puts /other first, whose numpy is compiled for cp310, and hides the environment's own "
    "numpy 2.2.6; this is Python 3.11.7.",
    ("PYTHONPATH=/mine:/other",),
    ("tree:/other",),
    payload=EnvironmentVariable("PYTHONPATH", rest="/mine"),
)

SILENT = {
    "torch takes its own HIP": beside_rocm(f"{b.SITE}/torch/lib/libamdhip64.so.7"),
    "a HIP that no variable brought": beside_rocm("/usr/lib/libamdhip64.so.7"),
    "a library that ROCm's wheels do not have": beside_core(
        "libcurl.so.4", "/opt/rocm/lib/libcurl.so.4"
    ),
    "ROCm's family that is here": family("gfx110X-all"),
    "a family, and libraries for all": b.view(
        b.healthy_amd(
            distributions=[b.dist("rocm-sdk-libraries", "7.13.0")],
            environment=b.environment(ROCM_SDK_TARGET_FAMILY="gfx942"),
        )
    ),
    "JAX takes the CPU, where it has no plug-in": to_cpu("JAX_PLATFORMS", "cpu", b.dist("jax")),
    "JAX takes the CPU after CUDA": to_cpu(
        "JAX_PLATFORMS", "cuda,cpu", b.dist("jax-cuda12-plugin", "0.7.2")
    ),
    "Numba's simulator, where no GPU is": b.view(
        b.healthy(
            gpus=[],
            distributions=[b.dist("numba")],
            environment=b.environment(NUMBA_ENABLE_CUDASIM="1"),
        )
    ),
    "healthy": b.view(b.healthy()),
    "healthy AMD": b.view(b.healthy_amd()),
    "a folder of PYTHONPATH with modules for this Python as well": other_python("cp310", "cp311"),
    "one for the stable ABI": other_python("abi3"),
    "one without compiled modules": other_python(),
    "an ordinary library path": of(LD_LIBRARY_PATH="/usr/local/cuda/lib64:/opt/stubs/lib"),
    "a library lacks something by its own search path": of(
        libraries=(lacking("/opt/x/libz.so", why="RUNPATH"),), LD_LIBRARY_PATH="/opt/x"
    ),
    "a library is nowhere": of(libraries=(lacking(None),), LD_LIBRARY_PATH="/opt/x"),
    "the first GPU is chosen": of(NVIDIA, CUDA_VISIBLE_DEVICES="0,-1"),
    "the last of two is chosen": of(NVIDIA, NVIDIA, CUDA_VISIBLE_DEVICES=" 1"),
    "chosen by its UUID": of(NVIDIA, CUDA_VISIBLE_DEVICES="GPU-8c1b"),
    "no GPU to hide": of(CUDA_VISIBLE_DEVICES=""),
    "AMD's variables mean nothing to CUDA": of(NVIDIA, HIP_VISIBLE_DEVICES="-1"),
    "the environment file unsets it": b.view(
        b.facts(gpus=[NVIDIA], environment=Environment(process={CUDA: "-1"}, overlay={CUDA: None}))
    ),
    "an override within the major": of(b.gpu("gfx1031"), **{GFX: "10.3.0"}),
    "an override of letters": of(b.gpu("gfx90a:sramecc+"), **{GFX: "9.0.a"}),
    "an override that suits one of two": of(AMD, b.gpu("gfx1031", index=1), **{GFX: "10.3.0"}),
    "an override set to nothing": of(AMD, **{GFX: ""}),
    "an override without an AMD GPU": of(NVIDIA, **{GFX: "x"}),
    "an override where the GPU is not known": of(
        Gpu(vendor="amd", index=0, name="AMD GPU", source="kfd"), **{GFX: "x"}
    ),
    "a launch need not wait": of(NVIDIA, CUDA_LAUNCH_BLOCKING="0"),
    "no GPU to wait for": of(CUDA_LAUNCH_BLOCKING="1"),
    "HIP does not read CUDA's variables": of(
        AMD, CUDA_LAUNCH_BLOCKING="1", CUDA_FORCE_PTX_JIT="1", CUDA_DISABLE_PTX_JIT="1"
    ),
}

FIRING = {
    "packages of another Python before the environment's own": Fires(
        other_python("cp310"), FOREIGN, SAFE
    ),
    "packages of another Python that hide nothing": Fires(
        other_python("cp310", distributions=[]),
        replace(
            FOREIGN,
            severity=WARNING,
            message="PYTHONPATH puts /other first, whose numpy is compiled for cp310; this is "
            "Python 3.11.7.",
        ),
        SAFE,
    ),
    "a ROCm of the system before torch's own": Fires(
        beside_rocm("/opt/rocm/lib/libamdhip64.so.7"),
        Fault(
            WARNING,
            "LD_LIBRARY_PATH",
            "LD_LIBRARY_PATH makes the loader take /opt/rocm/lib/libamdhip64.so.7 for "
            f"{TORCH_HIP}, which comes with {b.SITE}/torch/lib/libamdhip64.so.7: two ROCm in one process.",
            evidence=("LD_LIBRARY_PATH=/opt/rocm/lib",),
            payload=EnvironmentVariable("LD_LIBRARY_PATH"),
        ),
        SAFE,
    ),
    "a rocBLAS of the system before that of the wheels": Fires(
        beside_core("librocblas.so.5", "/opt/rocm/lib/librocblas.so.5"),
        Fault(
            WARNING,
            "LD_LIBRARY_PATH",
            "LD_LIBRARY_PATH makes the loader take /opt/rocm/lib/librocblas.so.5 for "
            f"{TORCH_HIP}, which comes with {b.SITE}/_rocm_sdk_libraries/lib/librocblas.so.5: two ROCm "
            "in one process.",
            evidence=("LD_LIBRARY_PATH=/opt/rocm/lib",),
            payload=EnvironmentVariable("LD_LIBRARY_PATH"),
        ),
        SAFE,
    ),
    "ROCm's family that is not here": Fires(
        family("gfx1151"),
        Fault(
            ERROR,
            "ROCM_SDK_TARGET_FAMILY",
            'ROCM_SDK_TARGET_FAMILY is "gfx1151"; rocm-sdk-libraries-gfx1151 is not installed, so that '
            "what opens ROCm's libraries raises.",
            evidence=("source: rocm_sdk/_dist_info.py, determine_target_family",),
            payload=EnvironmentVariable("ROCM_SDK_TARGET_FAMILY"),
        ),
        SAFE,
    ),
    "JAX takes the CPU": Fires(
        to_cpu("JAX_PLATFORMS", "cpu", b.dist("jax-cuda12-plugin", "0.7.2")),
        on_the_cpu("JAX_PLATFORMS", "cpu"),
        SAFE,
    ),
    "Numba's simulator": Fires(
        to_cpu("NUMBA_ENABLE_CUDASIM", "1", b.dist("numba")),
        on_the_cpu("NUMBA_ENABLE_CUDASIM", "1"),
        SAFE,
    ),
    "Triton's interpreter": Fires(
        to_cpu("TRITON_INTERPRET", "1", b.dist("triton", "3.5.0")),
        on_the_cpu("TRITON_INTERPRET", "1"),
        SAFE,
    ),
    "a library lacks what is asked of it": Fires(
        of(libraries=(lacking("/opt/x/libz.so"),), LD_LIBRARY_PATH="/opt/x"),
        spoiled("/opt/x/libz.so", "a"),
        offers=SAFE,
    ),
    "a library of NVIDIA's wheels that nothing is known to load": Fires(
        of(
            libraries=(
                b.library(
                    "n.so",
                    distribution="nvidia-cusparse-cu12",
                    opened_by=None,
                    problems=lacking("/opt/x/libz.so").problems,
                ),
            ),
            LD_LIBRARY_PATH="/opt/x",
        ),
        replace(spoiled("/opt/x/libz.so", "nvidia-cusparse-cu12"), severity=WARNING),
        offers=SAFE,
    ),
    "the environment has lost the variable since": Fires(
        of(libraries=(lacking("/opt/x/libz.so"),)),
        spoiled("/opt/x/libz.so", "a", ""),
        offers=SAFE,
    ),
    "two libraries, one of them of nobody's and asked twice": Fires(
        of(
            libraries=(
                lacking("/opt/x/libz.so", "d.so"),
                b.library(
                    "own.so",
                    problems=[
                        Problem(kind="undefined-symbol", name="g", why="RUNPATH", provider="/a"),
                        Problem(kind="undefined-symbol", name="f", why=PATH, provider="/opt/b.so"),
                    ],
                ),
                lacking("/opt/b.so", "c.so"),
            ),
            LD_LIBRARY_PATH="/opt/x",
        ),
        [spoiled("/opt/b.so", f"{b.SITE}/own.so"), spoiled("/opt/x/libz.so", "d")],
        offers=SAFE,
    ),
    "stubs": stubs(STUBS),
    "stubs of an old toolkit": stubs("/opt/cuda/lib/stubs/"),
    "every GPU hidden": Fires(of(NVIDIA, **{CUDA: "-1"}), hides(CUDA, "-1"), offers=SAFE),
    "every GPU hidden by nothing": Fires(of(NVIDIA, **{CUDA: ""}), hides(CUDA, ""), offers=SAFE),
    "the index of no GPU": Fires(of(NVIDIA, **{CUDA: "1,0"}), hides(CUDA, "1,0"), offers=SAFE),
    "every AMD GPU hidden": Fires(
        of(AMD, **{ROCR: "-1", HIP: " ", CUDA: "NoDevFiles,-1"}),
        [hides(HIP, " ", "HIP"), hides(ROCR, "-1", "HIP")],
        offers=SAFE,
    ),
    "HIP reads CUDA's name too": Fires(
        of(AMD, **{CUDA: "-1"}), hides(CUDA, "-1", "HIP"), offers=SAFE
    ),
    "one vendor's index is no index of the other's": Fires(
        of(AMD, NVIDIA, b.gpu("sm_90", index=1), **{CUDA: "1"}),
        hides(CUDA, "1", "HIP"),
        offers=SAFE,
    ),
    "an override of another major": Fires(
        of(AMD, **{GFX: "10.3.0"}), other_major("gfx1101", "10.3.0"), offers=SAFE
    ),
    "an override that suits none of two": Fires(
        of(b.gpu("gfx90a:sramecc+"), AMD, NVIDIA, **{GFX: "10.3.0"}),
        other_major("gfx90a:sramecc+", "10.3.0"),
        offers=SAFE,
    ),
    "an override of two numbers": no_form("10.3"),
    "an override in words": no_form("gfx.10.30"),
    "launches wait": costs("CUDA_LAUNCH_BLOCKING", "every kernel launch waits for its end", ADVICE),
    "machine code is ignored": costs(
        "CUDA_FORCE_PTX_JIT", "machine code is ignored, and what holds no PTX fails"
    ),
    "PTX is refused": costs("CUDA_DISABLE_PTX_JIT", "code that is there as PTX only fails"),
}

test_silent, test_firing = rows(harmful_variable, SILENT, FIRING)
