"""WHL506: requirements that do not hold, and versions that are known not to work together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import builders as b
import source_tree as t
from rows import Fires, rows

from gpufix.checks.registry import ADVICE, ERROR, WARNING, Fault
from gpufix.checks.wheels.whl506_requirement_conflict import requirement_conflict
from gpufix.evidence.view import View
from gpufix.knowledge import families, packages
from gpufix.model import Distribution, Evidence, Gap, Import
from gpufix.model.payload import (
    AbsentDepends,
    AbsentModule,
    KnownConflict,
    NoneOfSeveral,
    UnmetRequirement,
    UnmetRequirements,
)
from gpufix.model.source_payload import ConflictingPins

GRADIO = b.dist("gradio", "4.44.1")
HF = "ImportError: cannot import name 'HfFolder' from 'huggingface_hub'"
SOURCES = {row.id: f"source: {row.source}" for row in packages.all()}
BOOL = "TypeError: argument of type 'bool' is not iterable (on / and /info)"
TORCH = b.dist("torch", "2.9.0+cu128")


def of(*dists: Distribution, **sections: object) -> View:
    return b.view(b.facts(distributions=[*dists], **sections))


def needs(*requires: str, name: str = "a", **more: object) -> Distribution:
    return b.dist(name, requires=[*requires], **more)


def unmet(
    name: str, wanted: str, found: str | None = None, direct: bool = False
) -> UnmetRequirement:
    return UnmetRequirement(name, wanted, found, direct=direct)


def declared(
    message: str,
    *rows: UnmetRequirement,
    name: str = "a",
    rest: tuple[str, ...] = (),
    told_by: str | None = None,
    brought: tuple[str, ...] = (),
) -> Fault:
    absent = [row.name for row in rows if row.installed is None]
    return Fault(
        WARNING,
        name,
        message,
        evidence=rest,
        breaks=(
            *(f"dist:{missing}" for missing in (*absent, *brought)),
            *(f"mismatch:{name}:{row.name}" for row in rows if row.installed is not None),
            f"unmet:{name}",
        ),
        needs=(f"unmet:{told_by}",) if told_by else (),
        payload=UnmetRequirements(name, rows),
    )


def known(other: str, symptom: str, source: str, conflict: str, *remedies: str) -> Fault:
    name = other.split()[0]
    return Fault(
        ERROR,
        f"gradio × {name}",
        f"gradio 4.44.1 does not work with {other}: {symptom}.",
        evidence=(source,),
        payload=KnownConflict(conflict, tuple((r,) for r in remedies)),
    )


def hub(version: str) -> Fault:
    other = f"huggingface-hub {version}"
    return known(
        other,
        HF,
        SOURCES["gradio-hffolder"],
        "gradio-hffolder",
        "huggingface-hub<1.0",
        "gradio>=5.39",
    )


def pins(text: str, **sections: object) -> Callable[[Path], View]:
    return lambda root: t.look(t.write(root, {"requirements.txt": text}), **sections)


def pinned(line: int = 1, other: int = 2) -> Fault:
    return Fault(
        WARNING,
        "requirements.txt: gradio × pydantic",
        "requirements.txt pins gradio==4.44.1 and pydantic==2.11.7, which do not work together: "
        f"{BOOL}.",
        evidence=(
            Evidence(text="gradio==4.44.1", path="/src/project/requirements.txt", line=line),
            Evidence(text="pydantic==2.11.7", path="/src/project/requirements.txt", line=other),
        ),
        payload=ConflictingPins("requirements.txt", "gradio-4.44.1-pydantic"),
    )


def wants(lost: str, of_torch: bool = False, **more: object) -> dict[str, object]:
    """The import of a's package fails for want of a module of another package."""
    libraries = [b.library("a/_C.so", distribution="a", links_torch=True)] if of_torch else []
    at = {"chain": [f"{b.SITE}/a/__init__.py:3"], "foreign": True}
    one = Import(
        **{"module": "a", "distribution": "a", "state": "fails", "missing": lost, **at, **more}
    )
    return {"binaries": b.binaries(*libraries, imports=[one])}


def lacks(message: str, module: str, of: str | None) -> Fault:
    return Fault(
        ERROR,
        "a",
        f"a 1.0 imports {module}, which {message}.",
        evidence=(f"import a fails: no {module}", f"{b.SITE}/a/__init__.py:3"),
        breaks=("unmet:a",),
        payload=AbsentModule("a", module, of),
    )


PART = replace(
    lacks("pyarrow 21.0.0 does not have", "pyarrow.PyExtensionType", "pyarrow"),
    severity=WARNING,
    message="a 1.0 imports pyarrow.PyExtensionType (in a.part only), which pyarrow 21.0.0 "
    "does not have.",
    evidence=("import a.part fails: no pyarrow.PyExtensionType", f"{b.SITE}/a/__init__.py:3"),
)
AROUND = b.dist("b", "2.5", requires=['torch; extra == "torch"'])


def generated(**more: object) -> dict[str, object]:
    """The import of a's package, or a part, leads to code that was generated for a later gRPC."""
    at = {
        "chain": [f"{b.SITE}/a/__init__.py:3"],
        "wants": "grpcio>=1.67.0",
        "missing": "a.a_pb2_grpc",
    }
    one = Import(**{"module": "a", "distribution": "a", "state": "fails", **at, **more})
    return {"binaries": b.binaries(imports=[one])}


GENERATED = Fault(
    ERROR,
    "a",
    "a 1.0 has code that was generated for grpcio>=1.67.0; grpcio 1.66.2 is installed.",
    evidence=("import a fails in a.a_pb2_grpc", f"{b.SITE}/a/__init__.py:3"),
    breaks=("mismatch:a:grpcio", "unmet:a"),
    payload=UnmetRequirements(
        "a", (UnmetRequirement("grpcio", "grpcio>=1.67.0", "1.66.2", direct=False),)
    ),
)
SILENT = {
    "a marker that compares what has no order": of(
        b.dist("a", requires=['b; python_version ~= "3"', 'c; platform_machine ~= "amd64"'])
    ),
    "one of several that it needs": of(b.dist("keras", "3.15.1"), b.dist("jax", "0.7.2")),
    "another build of one of them": of(
        b.dist("keras", "3.15.1"), b.dist("tensorflow-cpu", "2.20.0")
    ),
    "another distribution lays the files of what is required": of(
        needs("tensorflow>=2.19"), b.dist("tensorflow-cpu", "2.20.0")
    ),
    "a release that brings its own": of(b.dist("keras", "2.15.0")),
    "a pair that works with a third one, which is here": of(
        b.dist("tensorflow-probability", "0.25.0"),
        b.dist("tensorflow", "2.18.1"),
        b.dist("tf-keras", "2.18.0"),
    ),
    "a module of its own is gone: WHL503's": of(b.dist("a"), **wants("a.x", foreign=False)),
    "a release that a later Python is too new for": of(
        b.dist("hydra-core", "1.2.0"), python=b.python("cp310")
    ),
    "a release before those that were run": of(b.dist("hydra-core", "0.11.3")),
    "Python's own module, which a package brings": of(
        b.dist("pydub", "0.25.1"), b.dist("audioop-lts", "0.2.2"), python=b.python("cp313")
    ),
    "a package that another one needs and does not name, which is here": of(
        b.dist("triton", "3.2.0"), b.dist("setuptools", "80.9.0")
    ),
    "a release that does without": of(b.dist("triton", "3.3.0")),
    "an optional package that nobody has": of(
        b.dist("mmengine", "0.10.5"), b.dist("torch", "2.5.0")
    ),
    "optional packages of releases that work": of(
        b.dist("peft", "0.18.1"),
        b.dist("torchao", "0.15.0"),
        b.dist("diffusers", "0.36.0"),
        b.dist("transformers", "5.12.1"),
        b.dist("kernels", "0.12.3"),
        b.dist("numba-cuda", "0.19.0"),
        b.dist("cuda-bindings", "12.9.2"),
        b.dist("numba", "0.65.1"),
        b.dist("wandb", "0.17.2"),
        b.dist("numpy", "2.0.0"),
    ),
    "an optional package of the version that an extra asks for": of(
        needs('b<2; extra == "b"', 'torch; extra == "torch"'), b.dist("b", "1.5")
    ),
    "an optional package that has nothing to do with a framework": of(
        needs('b<2; extra == "b"', 'torch; extra == "torch"'), b.dist("b", "2.5")
    ),
    "an optional package of the series that an extra ends within": of(
        needs('b<2.4; extra == "b"', 'torch; extra == "torch"'), AROUND
    ),
    "an optional package older than an extra asks for": of(
        needs('b>=2; extra == "b"', 'torch; extra == "torch"'), b.dist("b", "1.5")
    ),
    "one of two extras asks for it": of(
        needs('b<2; extra == "b"', 'b>=2; extra == "new"', 'torch; extra == "torch"'),
        AROUND,
    ),
    "an extra for the work on a package": of(
        needs('b<2; extra == "dev-torch"', 'torch; extra == "torch"'), AROUND
    ),
    "an extra of another Python": of(
        needs('b<2; extra == "b" and python_version < "3"', 'torch; extra == "torch"'),
        AROUND,
    ),
    "an extra of a package that has nothing to do with a framework": of(
        needs('b<2; extra == "b"'), AROUND
    ),
    "what wants a module is not installed": of(**wants("triton.ops")),
    "met": of(needs("b>=1"), b.dist("b", "1.5")),
    "met by a prerelease": of(needs("b>=1"), b.dist("b", "2.0rc1")),
    "an extra that nobody asked for": of(needs('b>=1; extra == "x"')),
    "another Python's": of(needs('tomli; python_version < "3.11"')),
    "another platform's": of(needs('pywin32; sys_platform == "win32"')),
    "torch's own pin of another version": of(  # WHL504's
        needs("nvidia-nccl-cu12==2.27.5", name="torch"), b.dist("nvidia-nccl-cu12", "2.21.5")
    ),
    "another torch": of(needs("torch==2.6.0"), TORCH),  # WHL505's
    "what conda's packages depend on, of the machine or there": of(
        b.dist("dask", "1.0"),
        conda_packages=(
            b.conda("pytorch", depends=["__glibc >=2.17", "forge::libgcc >=13", "dask"]),
            b.conda("libgcc"),
            b.conda("odd", depends=["a[version='>=1']", "b >=1; if linux", ""]),
        ),
    ),
    "what they depend on, where one could not be read": of(
        conda_packages=(b.conda("pytorch", depends=["libgcc >=13"]),),
        gaps=[Gap(section="conda", subject="/env", reason="cannot be listed")],
    ),
    "gradio with what it wants": of(GRADIO, b.dist("huggingface-hub", "0.36.2")),
    "gradio only": of(GRADIO),
    "the newer hub only": of(b.dist("huggingface-hub", "1.2.0")),
    "a hub of no readable version": of(GRADIO, b.dist("huggingface-hub", "main")),
    "a prerelease below the range": of(GRADIO, b.dist("huggingface-hub", "1.0.0rc1")),
    "a pair of which metadata only tells": of(GRADIO, b.dist("pillow", "11.0")),
    "a pin that fails without another package, which another file may bring": pins(
        "triton==2.1.0\n"
    ),
    "pins that fit": pins("gradio==4.44.1\nhuggingface_hub==0.25.2\n"),
    "one pin of two": pins("gradio==4.44.1\npydantic\n"),
    "an open range": pins("gradio==4.44.1\npydantic>=2.11\n"),
    "an open patch release": pins("gradio==4.44.1\npydantic==2.11.*\n"),
    "no requirement": pins("gradio==4.44.1\n???\npydantic==2.10.6\n"),
    "a pin for another Python": pins('gradio==4.44.1\npydantic==2.11.7; python_version < "3.8"\n'),
}

NO_B = Import(module="a", distribution="a", state="fails", missing="b", chain=["/s/a.py:1"])


def told(*imports: Import) -> dict[str, object]:
    return {"binaries": b.binaries(imports=imports)}


KERAS = b.dist("keras", "3.15.1")
ONE_OF = {row.package: row for row in families.one_of()}
FIRING = {
    "none of several that it needs": Fires(
        of(KERAS, b.dist("numpy")),
        Fault(
            WARNING,
            "keras",
            "keras 3.15.1 needs a back end, one of tensorflow, jax, torch, openvino; none is installed: "
            "ModuleNotFoundError: No module named 'tensorflow'.",
            evidence=(f"source: {families.one_of()[0].source}",),
            breaks=("family:keras",),
            payload=NoneOfSeveral("keras", ("tensorflow", "jax", "torch", "openvino")),
        ),
        ["choose-one-of manual"],
    ),
    "none of several, which an extra of its own brings": Fires(
        of(
            b.dist("cuda-core", "0.3.2", requires=['cuda-bindings==12.*; extra == "cu12"']),
            b.dist("numpy"),
        ),
        Fault(
            WARNING,
            "cuda-core",
            "cuda-core 0.3.2 needs a package of CUDA's bindings, one of cuda-bindings, cuda-python; "
            "none is installed: No module named 'cuda.bindings'.",
            evidence=(f"source: {ONE_OF['cuda-core'].source}",),
            breaks=("family:cuda-core",),
            payload=NoneOfSeveral("cuda-core", ("cuda-bindings", "cuda-python")),
        ),
        ["choose-one-of safe"],
    ),
    "a module that another package has no more": Fires(
        of(b.dist("a"), b.dist("triton", "3.8.0"), **wants("triton.ops")),
        lacks("triton 3.8.0 does not have", "triton.ops", "triton"),
        ["resolve-conflict unsafe", "try-earlier-partner unsafe", "try-earlier-series unsafe"],
    ),
    "a module that an installed package has no more from some release on": Fires(
        of(b.dist("a"), b.dist("setuptools", "84.2.1"), **wants("setuptools.extern")),
        lacks("setuptools 84.2.1 does not have", "setuptools.extern", "setuptools"),
        ["take-earlier-partner unsafe"],
    ),
    "a name that it has no more": Fires(
        of(
            b.dist("a"),
            b.dist("pyarrow", "21.0.0"),
            **wants("pyarrow.PyExtensionType", of="pyarrow"),
        ),
        lacks("pyarrow 21.0.0 does not have", "pyarrow.PyExtensionType", "pyarrow"),
        ["take-earlier-partner unsafe"],
    ),
    "a name that it has not yet, asked by what has later releases": Fires(
        of(
            b.dist("onnx", "1.19.0"),
            b.dist("ml-dtypes", "0.4.1"),
            **wants("ml_dtypes.int1", distribution="onnx", of="ml-dtypes"),
        ),
        replace(
            lacks("ml-dtypes 0.4.1 does not have", "ml_dtypes.int1", "ml-dtypes"),
            subject="onnx",
            message="onnx 1.19.0 imports ml_dtypes.int1, which ml-dtypes 0.4.1 does not have.",
            breaks=("unmet:onnx",),
            payload=AbsentModule("onnx", "ml_dtypes.int1", "ml-dtypes"),
        ),
        [
            "resolve-conflict unsafe",
            "take-later-partner unsafe",
            "try-earlier-partner unsafe",
            "try-earlier-series unsafe",
        ],
    ),
    "a name that the recorded releases have no more": Fires(
        of(
            b.dist("a"),
            b.dist("transformers", "4.57.1"),
            **wants("transformers.optimization.AdamW", of="transformers"),
        ),
        lacks(
            "transformers 4.57.1 does not have", "transformers.optimization.AdamW", "transformers"
        ),
        ["take-earlier-partner unsafe"],
    ),
    "a name that a recorded later release has": Fires(
        of(
            b.dist("a"),
            b.dist("diffusers", "0.31.0"),
            **wants("diffusers.TorchAoConfig", of="diffusers"),
        ),
        lacks("diffusers 0.31.0 does not have", "diffusers.TorchAoConfig", "diffusers"),
        ["take-later-partner unsafe"],
    ),
    "the last release of both": Fires(
        of(
            b.dist("autoawq", "0.2.9"),
            b.dist("einops", "0.8.2"),
            **wants("einops.gone", distribution="autoawq", of="einops"),
        ),
        replace(
            lacks("einops 0.8.2 does not have", "einops.gone", "einops"),
            subject="autoawq",
            message="autoawq 0.2.9 imports einops.gone, which einops 0.8.2 does not have.",
            breaks=("unmet:autoawq",),
            payload=AbsentModule("autoawq", "einops.gone", "einops"),
        ),
        ["try-earlier-partner unsafe", "try-earlier-series unsafe"],
    ),
    "a module of the package alone asks for it": Fires(
        of(
            b.dist("a"),
            b.dist("pyarrow", "21.0.0"),
            **wants("pyarrow.PyExtensionType", of="pyarrow", module="a.part", part_of="a"),
        ),
        PART,
        ["take-earlier-partner unsafe"],
    ),
    "a name that the other one of a pair lacks: it hangs under WHL508": Fires(
        of(
            b.dist("a"),
            b.dist("jax", "0.4.30", requires=["jaxlib<=0.4.30,>=0.4.27"]),
            b.dist("jaxlib", "0.7.2"),
            **wants("jaxlib.gone", of="jaxlib", module="jax", distribution="jax"),
        ),
        Fault(
            ERROR,
            "jax",
            "jax 0.4.30 imports jaxlib.gone, which jaxlib 0.7.2 does not have.",
            evidence=("import jax fails: no jaxlib.gone", f"{b.SITE}/a/__init__.py:3"),
            breaks=("unmet:jax",),
            needs=("mismatch:jax:jaxlib",),
            payload=AbsentModule("jax", "jaxlib.gone", "jaxlib"),
        ),
        ["resolve-conflict unsafe", "try-earlier-partner unsafe", "try-earlier-series unsafe"],
    ),
    "a module of the package alone, of a release that the package allows by a range": Fires(
        of(
            b.dist("a", requires=["pyarrow>=15,<22"]),
            b.dist("pyarrow", "21.0.0"),
            **wants("pyarrow.PyExtensionType", of="pyarrow", module="a.part", part_of="a"),
        ),
        replace(PART, severity=ADVICE),
        ["take-earlier-partner unsafe"],
    ),
    "and of one that it allows without knowing it": Fires(
        of(
            b.dist("a", requires=["pyarrow>=15"]),
            b.dist("pyarrow", "21.0.0"),
            **wants("pyarrow.PyExtensionType", of="pyarrow", module="a.part", part_of="a"),
        ),
        PART,
        ["take-earlier-partner unsafe"],
    ),
    "one that was brought by a package of another name": Fires(
        of(b.dist("a"), **wants("pkg_resources")),
        lacks("no installed package has", "pkg_resources", None),
        ["resolve-conflict safe"],
    ),
    "one whose last release somebody else cannot use": Fires(
        of(
            b.dist("a"),
            b.dist("setuptools", "84.2.1"),
            b.dist("torch", "2.13.0", requires=["setuptools>=77"]),
            **wants("setuptools.extern"),
        ),
        lacks("setuptools 84.2.1 does not have", "setuptools.extern", "setuptools"),
    ),
    "a module that nothing declares and nothing brings": Fires(
        of(b.dist("a"), **wants("nowhere")),
        lacks("no installed package has", "nowhere", None),
    ),
    "one that an extra of another package names": Fires(
        of(b.dist("a"), b.dist("c", requires=["nowhere<2; extra == 'x'"]), **wants("nowhere")),
        lacks("no installed package has", "nowhere", None),
        ["resolve-conflict safe"],
    ),
    "one of a distribution of another name": Fires(
        of(b.dist("a", requires=["pillow; extra == 'x'"]), **wants("PIL")),
        lacks("no installed package has", "PIL", None),
        ["resolve-conflict safe"],
    ),
    "two of an extra of its own": Fires(
        of(
            b.dist("a", requires=["x1>2; extra == 'x'", "x2; extra == 'x'"]),
            **wants("x1", further=["x2.b"]),
        ),
        replace(
            lacks("no installed package has", "x1", None),
            message="a 1.0 imports x1, x2.b, which no installed package has.",
            payload=AbsentModule("a", "x1", None, ("x2.b",)),
        ),
        ["resolve-conflict safe"],
    ),
    "one that a listed distribution is called like": Fires(
        of(b.dist("a"), **wants("tf_keras.api")),
        lacks("no installed package has", "tf_keras.api", None),
        ["resolve-conflict safe"],
    ),
    "a pair that works with a third one, which is absent": Fires(
        of(b.dist("tensorflow-probability", "0.25.0"), b.dist("tensorflow", "2.18.1")),
        Fault(
            ERROR,
            "tensorflow-probability × tensorflow",
            "tensorflow-probability 0.25.0 does not work with tensorflow 2.18.1: "
            "ModuleNotFoundError: No module named 'tf_keras'.",
            evidence=(SOURCES["tensorflow-probability-keras-3"],),
            payload=KnownConflict("tensorflow-probability-keras-3", (("tf-keras>=2.16",),)),
        ),
        ["resolve-conflict safe"],
    ),
    "a release that this Python is too new for": Fires(
        of(b.dist("hydra-core", "1.2.0")),
        Fault(
            ERROR,
            "hydra-core × python",
            "hydra-core 1.2.0 does not work with Python 3.11.7: ValueError: mutable default "
            "<class 'hydra.conf.JobConf.JobConfig.OverrideDirname'> for field override_dirname "
            "is not allowed.",
            evidence=(SOURCES["hydra-python311"],),
            payload=KnownConflict("hydra-python311", (("hydra-core>=1.3",),)),
        ),
        ["resolve-conflict unsafe"],
    ),
    "an extension of torch, which others may do without": Fires(
        of(b.dist("a"), **wants("packaging", of_torch=True)),
        replace(lacks("no installed package has", "packaging", None), severity=ADVICE),
    ),
    "a module that a later release of its user may do without": Fires(
        of(
            b.dist("bitsandbytes", "0.44.1"),
            b.dist("triton", "3.8.0"),
            **wants("triton.ops", distribution="bitsandbytes"),
        ),
        replace(
            lacks("triton 3.8.0 does not have", "triton.ops", "triton"),
            subject="bitsandbytes",
            message="bitsandbytes 0.44.1 imports triton.ops, which triton 3.8.0 does not have.",
            breaks=("unmet:bitsandbytes",),
            payload=AbsentModule("bitsandbytes", "triton.ops", "triton"),
        ),
        ["resolve-conflict unsafe", "try-earlier-partner unsafe", "try-earlier-series unsafe"],
    ),
    "a module of a listed distribution": Fires(
        of(b.dist("a"), **wants("torchao.quantization")),
        lacks("no installed package has", "torchao.quantization", None),
        ["resolve-conflict safe"],
    ),
    "a package of conda's that is absent": Fires(
        of(conda_packages=(b.conda("pytorch", "2.9.1", depends=["libgcc >=13"]),)),
        Fault(
            WARNING,
            "pytorch",
            "conda's pytorch 2.9.1 depends on libgcc >=13; not installed.",
            evidence=("/env/conda-meta/pytorch.json",),
            payload=AbsentDepends("pytorch", ("libgcc >=13",)),
        ),
        offers=["resolve-conflict manual"],
    ),
    "three of them": Fires(
        of(conda_packages=(b.conda("pytorch", "2", depends=["a", "f::b 1.* *_cpu", "c"]),)),
        Fault(
            WARNING,
            "pytorch",
            "conda's pytorch 2 depends on a; not installed (and 2 more packages are absent).",
            evidence=("/env/conda-meta/pytorch.json", "a", "b 1.* *_cpu", "c"),
            payload=AbsentDepends("pytorch", ("a", "b 1.* *_cpu", "c")),
        ),
        offers=["resolve-conflict manual"],
    ),
    "the import fails because of missing it": Fires(
        of(needs("b>=1"), **told(NO_B)),
        replace(
            declared("a 1.0 requires b>=1; not installed.", unmet("b", "b>=1")),
            severity=ERROR,
            evidence=("import a fails: no b", "/s/a.py:1"),
        ),
        offers=["resolve-conflict safe"],
    ),
    "a part of it fails": Fires(
        of(needs("b>=1"), **told(replace(NO_B, part_of="a"))),
        declared("a 1.0 requires b>=1; not installed.", unmet("b", "b>=1")),
        offers=["resolve-conflict safe"],
    ),
    "it is here, and too old": Fires(
        of(needs("b>=2"), b.dist("b", "1.0"), **told(NO_B)),
        declared("a 1.0 requires b>=2; b 1.0 is installed.", unmet("b", "b>=2", "1.0")),
        offers=["resolve-conflict unsafe"],
    ),
    "absent": Fires(
        of(needs("b>=1")),
        declared("a 1.0 requires b>=1; not installed.", unmet("b", "b>=1")),
        offers=["resolve-conflict safe"],
    ),
    "too old": Fires(
        of(needs("b>=2"), b.dist("b", "1.0")),
        declared("a 1.0 requires b>=2; b 1.0 is installed.", unmet("b", "b>=2", "1.0")),
        offers=["resolve-conflict unsafe"],
    ),
    "conda's is too old": Fires(
        of(needs("b>=2"), b.dist("b", "1.0", source="conda", package="b")),
        declared("a 1.0 requires b>=2; b 1.0 is installed.", unmet("b", "b>=2", "1.0")),
        offers=["resolve-conflict manual"],
    ),
    "two do not hold": Fires(
        of(needs("b>=2", "C_c"), b.dist("b", "1.0")),
        declared(
            "a 1.0 requires C_c; not installed (and 1 more requirement does not hold).",
            unmet("c-c", "c-c"),
            unmet("b", "b>=2", "1.0"),
            rest=("a 1.0 requires C_c; not installed", "a 1.0 requires b>=2; b 1.0 is installed"),
        ),
        offers=["resolve-conflict unsafe"],
    ),
    "three do not hold": Fires(
        of(needs("b", "c", "d")),
        declared(
            "a 1.0 requires b; not installed (and 2 more requirements do not hold).",
            *(unmet(n, n) for n in "bcd"),
            rest=tuple(f"a 1.0 requires {n}; not installed" for n in "bcd"),
        ),
        offers=["resolve-conflict safe"],
    ),
    "two packages": Fires(
        of(needs("c"), needs("c", name="b")),
        [
            declared("a 1.0 requires c; not installed.", unmet("c", "c")),
            declared("b 1.0 requires c; not installed.", unmet("c", "c"), name="b", told_by="a"),
        ],
        offers=["resolve-conflict safe"],
    ),
    "one lacks all that another does, and more": Fires(
        of(needs("c"), needs("c", "d", name="b")),
        [
            declared("a 1.0 requires c; not installed.", unmet("c", "c"), told_by="b"),
            declared(
                "b 1.0 requires c; not installed (and 1 more requirement does not hold).",
                unmet("c", "c"),
                unmet("d", "d"),
                name="b",
                rest=(
                    "b 1.0 requires c; not installed",
                    "b 1.0 requires d; not installed",
                ),
            ),
        ],
        offers=["resolve-conflict safe"],
    ),
    "what another lacks has an address of its own": Fires(
        of(needs("c"), needs("c @ https://example.org/c.whl", name="b")),
        [
            declared("a 1.0 requires c; not installed.", unmet("c", "c")),
            declared("b 1.0 requires c; not installed.", unmet("c", "c", direct=True), name="b"),
        ],
        offers=["resolve-conflict safe"],
    ),
    "the wheels that extras of what is absent bring": Fires(
        of(needs("cuda-toolkit[cublas,cudart]==13.0.3")),
        declared(
            "a 1.0 requires cuda-toolkit[cublas,cudart]==13.0.3; not installed.",
            unmet("cuda-toolkit", "cuda-toolkit[cublas,cudart]==13.0.3"),
            brought=("nvidia-cublas", "nvidia-cuda-runtime"),
        ),
        offers=["resolve-conflict safe"],
    ),
    "of an address": Fires(
        of(needs("b @ https://example.org/b.whl")),
        declared("a 1.0 requires b; not installed.", unmet("b", "b", direct=True)),
    ),
    "an extra that was asked for": Fires(
        of(needs("b[x]"), needs('c; extra == "x"', name="b")),
        declared("b 1.0 requires c; not installed.", unmet("c", "c"), name="b"),
        offers=["resolve-conflict safe"],
    ),
    "absent, with extras": Fires(
        of(needs("b[y,x]>=1")),
        declared("a 1.0 requires b[x,y]>=1; not installed.", unmet("b", "b[x,y]>=1")),
        offers=["resolve-conflict safe"],
    ),
    "a library that torch pins is absent": Fires(
        of(needs("nvidia-nccl-cu12==2.27.5", name="torch")),
        declared(
            "torch 1.0 requires nvidia-nccl-cu12==2.27.5; not installed.",
            unmet("nvidia-nccl-cu12", "nvidia-nccl-cu12==2.27.5"),
            name="torch",
        ),
        offers=["resolve-conflict safe"],
    ),
    "torch is absent": Fires(
        of(needs("torch>=2")),
        declared("a 1.0 requires torch>=2; not installed.", unmet("torch", "torch>=2")),
        offers=["resolve-conflict safe"],
    ),
    "an extension that gpufix can replace": Fires(
        of(needs("xformers"), TORCH, torch=b.torch()),
        declared("a 1.0 requires xformers; not installed.", unmet("xformers", "xformers")),
        offers=["resolve-conflict safe", "install-fallback unsafe"],
    ),
    "one whose replacement has to be compiled, without a compiler": Fires(
        b.view(
            b.healthy(
                distributions=[needs("diff-gaussian-rasterization"), TORCH],
                gpus=[b.gpu("sm_120")],
                toolkits=[],
            )
        ),
        declared(
            "a 1.0 requires diff-gaussian-rasterization; not installed.",
            unmet("diff-gaussian-rasterization", "diff-gaussian-rasterization"),
        ),
        offers=["resolve-conflict safe", "install-fallback manual"],
    ),
    "gradio and a newer hub": Fires(
        of(GRADIO, b.dist("huggingface-hub", "1.2.0")),
        hub("1.2.0"),
        offers=["resolve-conflict unsafe"],
    ),
    "gradio and a newer hub's prerelease": Fires(
        of(GRADIO, b.dist("huggingface-hub", "1.2.0rc1")),
        hub("1.2.0rc1"),
        offers=["resolve-conflict unsafe"],
    ),
    "gradio and conda's newer hub": Fires(
        of(
            GRADIO,
            b.dist("huggingface-hub", "1.2.0", source="conda", package="huggingface_hub"),
        ),
        hub("1.2.0"),
        offers=["resolve-conflict manual"],
    ),
    "a package that another one needs and does not name": Fires(
        of(b.dist("triton", "3.2.0")),
        Fault(
            ERROR,
            "triton",
            "triton 3.2.0 does not work without setuptools: "
            "ModuleNotFoundError: No module named 'setuptools'.",
            evidence=(SOURCES["triton-setuptools"],),
            payload=KnownConflict("triton-setuptools", (("setuptools",),)),
        ),
        ["resolve-conflict safe"],
    ),
    "for a Python without a wheel of NumPy 1": Fires(
        of(b.dist("imgaug", "0.4.0"), b.dist("numpy", "2.2.0"), python=b.python("cp313")),
        Fault(
            ERROR,
            "imgaug × numpy",
            "imgaug 0.4.0 does not work with numpy 2.2.0: "
            "AttributeError: `np.sctypes` was removed in the NumPy 2.0 release.",
            evidence=(SOURCES["imgaug-numpy2"],),
            payload=KnownConflict("imgaug-numpy2", (("numpy<2",),)),
        ),
    ),
    "a release of the one that stands for what is required": Fires(
        of(needs("tensorflow<2.16"), b.dist("tensorflow-cpu", "2.16.1")),
        declared(
            "a 1.0 requires tensorflow<2.16; tensorflow-cpu 2.16.1 is installed.",
            unmet("tensorflow-cpu", "tensorflow-cpu<2.16", "2.16.1"),
        ),
        ["resolve-conflict unsafe"],
    ),
    "another CUDA's does not stand for one": Fires(
        of(needs("jax-cuda12-pjrt"), b.dist("jax-cuda13-pjrt", "0.7.2")),
        declared(
            "a 1.0 requires jax-cuda12-pjrt; not installed.",
            unmet("jax-cuda12-pjrt", "jax-cuda12-pjrt"),
        ),
        ["resolve-conflict safe"],
    ),
    "code that was generated for a later release, which is declared, too": Fires(
        of(needs("grpcio>=1.67"), b.dist("grpcio", "1.66.2"), **generated()),
        GENERATED,
        ["resolve-conflict unsafe"],
    ),
    "such code in a part": Fires(
        of(b.dist("a"), b.dist("grpcio", "1.66.2"), **generated(module="a.b", part_of="a")),
        replace(
            GENERATED,
            severity=WARNING,
            message="a 1.0 has code (a.b) that was generated for grpcio>=1.67.0; grpcio 1.66.2 is installed.",
            evidence=("import a.b fails in a.a_pb2_grpc", f"{b.SITE}/a/__init__.py:3"),
        ),
        ["resolve-conflict unsafe"],
    ),
    "a name that it asks another package for than the one that is declared": Fires(
        of(
            needs("b<2"),
            b.dist("b", "2.5"),
            b.dist("pyarrow", "21.0.0"),
            **wants("pyarrow.PyExtensionType", of="pyarrow"),
        ),
        [
            declared("a 1.0 requires b<2; b 2.5 is installed.", unmet("b", "b<2", "2.5")),
            lacks("pyarrow 21.0.0 does not have", "pyarrow.PyExtensionType", "pyarrow"),
        ],
        ["resolve-conflict unsafe", "take-earlier-partner unsafe"],
    ),
    "a name of the very package that is declared": Fires(
        of(needs("b<2"), b.dist("b", "2.5"), **wants("b.x", of="b")),
        declared("a 1.0 requires b<2; b 2.5 is installed.", unmet("b", "b<2", "2.5")),
        ["resolve-conflict unsafe"],
    ),
    "what Python's own library has no more": Fires(
        of(b.dist("a"), python=b.python("cp312"), **wants("imp")),
        lacks("Python 3.12.7 does not have", "imp", None),
        ["resolve-conflict unsafe"],
    ),
    "an optional package of another version than an extra asks for": Fires(
        of(needs('b<2; extra == "b"', 'torch; extra == "torch"'), AROUND),
        Fault(
            ADVICE,
            "a × b",
            "a 1.0 asks for b<2 with its extra b; b 2.5 is installed.",
            payload=UnmetRequirements("a", (unmet("b", "b<2", "2.5"),)),
        ),
        ["resolve-conflict unsafe"],
    ),
    "what is known is not told again where it is declared": Fires(
        of(
            b.dist("gradio", "4.44.1", requires=["huggingface-hub<1", "pydantic<2", "b"]),
            b.dist("huggingface-hub", "1.2.0"),
            b.dist("pydantic", "2.11"),
        ),
        [
            hub("1.2.0"),
            known(
                "pydantic 2.11",
                BOOL,
                SOURCES["gradio-4.44.1-pydantic"],
                "gradio-4.44.1-pydantic",
                "pydantic==2.10.6",
                "gradio>=5.24",
            ),
            Fault(
                WARNING,
                "gradio",
                "gradio 4.44.1 requires b; not installed.",
                breaks=("dist:b", "unmet:gradio"),
                payload=UnmetRequirements("gradio", (unmet("b", "b"),)),
            ),
        ],
        offers=["resolve-conflict safe", "resolve-conflict unsafe"],
    ),
    "pins that do not fit": Fires(pins("gradio==4.44.1\npydantic==2.11.7  # new\n"), pinned()),
    "pins spelt otherwise, beside others": Fires(
        pins("-e .\n???\nGradio==4.44.1\nb==1\nPydantic>2,==2.11.7\npydantic==2.11.*\n"),
        pinned(3, 5),
    ),
    "pins for this Python": Fires(
        pins('gradio==4.44.1\npydantic==2.11.7; python_version >= "3.8"\n'), pinned()
    ),
    "pins of which one is a prerelease": Fires(
        pins("gradio==4.44.1\nhuggingface-hub==1.2.0rc1\n"),
        Fault(
            WARNING,
            "requirements.txt: gradio × huggingface-hub",
            "requirements.txt pins gradio==4.44.1 and huggingface-hub==1.2.0rc1, which do not "
            f"work together: {HF}.",
            evidence=(
                Evidence(text="gradio==4.44.1", path="/src/project/requirements.txt", line=1),
                Evidence(
                    text="huggingface-hub==1.2.0rc1", path="/src/project/requirements.txt", line=2
                ),
            ),
            payload=ConflictingPins("requirements.txt", "gradio-hffolder"),
        ),
    ),
}

test_silent, test_firing = rows(requirement_conflict, SILENT, FIRING)
