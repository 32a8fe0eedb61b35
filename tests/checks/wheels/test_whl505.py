"""WHL505: packages and addresses of wheels for another torch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import builders as b
import source_tree as t
from rows import Fires, rows

from gpufix.checks.registry import ADVICE, ERROR, WARNING, Fault
from gpufix.checks.wheels.whl505_torch_family_mismatch import torch_family_mismatch
from gpufix.evidence.view import View
from gpufix.model import Evidence, Payload, Problem, Severity
from gpufix.model.payload import DistributionFault
from gpufix.model.source_payload import AbsentPin, ImageWheelAddress, ProjectFile, WheelAddress

MATCH = ["match-torch-family unsafe"]
POINT = ["match-wheel-address unsafe"]
PYTORCH = "https://download.pytorch.org/whl"
KAOLIN = "https://nvidia-kaolin.s3.us-east-2.amazonaws.com/torch-{}.html"
PYG = "https://data.pyg.org/whl/torch-{}.html"
IMAGE = "FROM nvidia/cuda:11.8.0-devel-ubuntu22.04\n"
INSTALLED = "torch 2.9.0+cu128 is installed."


def of(name: str, version: str = "1.0", torch: object = b.torch(), **more: object) -> View:
    """One package beside torch, with the problems of its library: None, it has no library."""
    problems = more.pop("problems", None)
    libraries = [b.library("t/_C.so", distribution="torch", problems=[UNDEFINED])]
    if problems is not None:
        libraries.append(b.library("x/_C.so", distribution=name, problems=problems))
    dists = [b.dist("torch", "2.9.0+cu128"), b.dist(name, version, **more)]
    return b.view(b.facts(torch=torch, distributions=dists, binaries=b.binaries(*libraries)))


UNDEFINED = Problem(kind="undefined-symbol", name="_ZN3c10")
DRIVER = Problem(kind="missing-library", name="libcuda.so.1", driver=True)


def fault(name: str, message: str, severity: Severity = WARNING) -> Fault:
    return Fault(
        severity,
        name,
        message,
        breaks=(f"load:{name}", f"family:{name}"),
        payload=DistributionFault(name),
    )


def holding(*releases: str) -> View:
    """dgl, with a library for each torch."""
    libraries = [
        b.library(f"dgl/graphbolt/libgraphbolt_pytorch_{r}.so", distribution="dgl")
        for r in releases
    ]
    dists = [b.dist("dgl", "2.1.0")]
    return b.view(b.healthy(distributions=dists, binaries=b.binaries(*libraries)))


def tree(files: dict[str, str], **sections: object) -> Callable[[Path], View]:
    return lambda root: t.look(t.write(root, {**files}), **sections)


def requirements(text: str, **sections: object) -> Callable[[Path], View]:
    return tree({"requirements.txt": text}, **sections)


def pinned(
    text: str,
    path: str = "requirements.txt",
    named: tuple[str, ...] = ("sm_120",),
    **sections: object,
) -> Callable[[Path], View]:
    """A requirement file of a project that is to serve a GPU."""
    return t.project({path: text}, *named, **sections)


def address(
    path: str,
    url: str,
    message: str,
    *lines: int,
    severity: Severity = ADVICE,
    payload: Payload | None = None,
) -> Fault:
    return Fault(
        severity,
        f"{path}: {url}",
        f"{path} {message}",
        evidence=tuple(Evidence(text=url, path=f"/src/project/{path}", line=n) for n in lines),
        payload=payload or WheelAddress(path, url, lines),
    )


def docker(text: str) -> Callable[[Path], View]:
    return tree({"Dockerfile": text, "setup.py": ""})


def image(line: int) -> Fault:
    url = f"{PYTORCH}/cu124"
    message = (
        "takes wheels for cu124 on an image with CUDA 11.8: extensions cannot be built for that "
        "torch there."
    )
    payload = ImageWheelAddress("Dockerfile", url)
    return address("Dockerfile", url, message, line, payload=payload)


WHEELS = "https://example.org/w"


def wheel(path: str, name: str, message: str) -> Fault:
    return address(
        path, f"{WHEELS}/{name}", f"installs {name}, which {message}", 1, severity=WARNING
    )


ASKS = 'V=$(python -c "import torch; print(torch.__version__)")\n'
BY_TORCH = ASKS + (
    'for a in "$@"; do case "$a" in --kaolin) K=true ;; esac; done\n'
    'if [ "$K" = true ]; then\n  case $V in\n    2.0.1) pip install kaolin ;;\n'
    "    2.4.0{0}) pip install kaolin ;;\n    *) {1} ;;\n  esac\nfi\n"
)
BY_CUDA = (
    "R=$(python -c \"import torch; print(torch.__version__.split('+')[0])\")\n"
    'C=$(python -c "import torch; print(torch.version.cuda)")\n'
    "case $C in\n  11.8) case $R in 2.4.0) pip install xf ;; esac ;;\nesac\n"
)


def unserved(message: str, line: int) -> Fault:
    return Fault(
        ADVICE,
        "s.sh",
        f"s.sh installs {message} only, and nothing for torch 2.9.0+cu128.",
        evidence=(
            Evidence(
                text=f"case on the release of {'CUDA' if 'CUDA' in message else 'torch'}",
                path="/src/project/s.sh",
                line=line,
            ),
        ),
        payload=ProjectFile("s.sh"),
    )


SILENT = {
    "a library for this torch among several": holding("2.8.0", "2.9.0"),
    "a script with a branch for this torch": tree({"s.sh": BY_TORCH.format("|2.9.0*", "echo no")}),
    "a script that installs it for any other": tree(
        {"s.sh": BY_TORCH.format("", "pip install kaolin")}
    ),
    "a script whose branches install nothing": tree(
        {"s.sh": ASKS + "case $V in 2.4.0) echo old ;; esac\n"}
    ),
    "a script that asks for the release of something else": tree(
        {"s.sh": "V=1.2.3\ncase $V in 2.4.0) pip install kaolin ;; esac\n"}
    ),
    "a wheel for what is here": requirements(
        f"f @ {WHEELS}/f-2.5+cu12torch2.9cxx11abiTRUE-cp311-cp311-linux_x86_64.whl"
    ),
    "wheels for the documentation": tree(
        {"docs/requirements.txt": f"torch @ {WHEELS}/torch-1.8.1%2Bcpu-cp37-cp37m-linux_x86_64.whl"}
    ),
    "wheels for the tests": tree({"tests/requirements.txt": f"--index-url {PYTORCH}/cu118\n"}),
    "a wheel for another machine": requirements(
        f"f @ {WHEELS}/f-2.5-cp310-cp310-linux_aarch64.whl"
    ),
    "a wheel for another system": requirements(f"f @ {WHEELS}/f-2.5-cp310-cp310-win_amd64.whl"),
    "a wheel for any Python": requirements(f"f @ {WHEELS}/f-2.5-cp38-abi3-linux_x86_64.whl"),
    "an option that names its CUDA": tree(
        {"s.sh": f"case $1 in\n  cu118) pip install x -f {PYTORCH}/cu118 ;;\nesac\n"}
    ),
    "another environment": tree(
        {"s.sh": f"conda create -n new\nconda activate new\npip install x -f {PYTORCH}/cu118\n"}
    ),
    "a script that asks torch, and is fit for it": tree(
        {
            "s.sh": 'V=$(python -c "import torch; print(torch.__version__)")\n'
            f"case $V in\n  2.9.*) pip install x -f {PYTORCH}/cu128 ;;\n"
            f"  *) pip install x -f {PYTORCH}/cu118 ;;\nesac\n"
        }
    ),
    "nothing but torch": b.view(b.healthy()),
    "no torch": b.view(b.facts(distributions=[b.dist("torchvision", "0.24.0+cu118")])),
    "torch of no known release": of("torchvision", "0.24.0+cu118", b.torch(release=None)),
    "the torch that it requires": of("torchvision", "0.24.0+cu128", requires=["torch==2.9.0"]),
    "a lower bound": of("accelerate", requires=["torch>=2.0"]),
    "another requirement does not hold": b.view(
        b.facts(
            torch=b.torch(),
            distributions=[
                b.dist("torch", "2.9.0+cu128", requires=["b>=3"]),
                b.dist("a", requires=["b>=2"]),
                b.dist("b", "1.0"),
            ],
        )
    ),
    "a version that takes the torch it came with, and later ones": of(
        "torchaudio", "2.11.0+cu130", b.torch("2.14.1+cu130")
    ),
    "a version that is for earlier ones, which the loader tells": of("torchtext", "0.18.0"),
    "a torch that the table does not know": of("torchaudio", "2.11.0", b.torch("2.9.9+cu128")),
    "CUDA's major only": of("flash-attn", "2.8.3+cu12torch2.9cxx11abitrue"),
    "PyG of this torch": of("torch-scatter", "2.1.2+pt29cu128"),
    "a local version that is no build": of("mypkg", "1.0+cuddly"),
    "another package's CUDA": of("mypkg", "1.0+cu118"),
    "one that its project's table has for this torch": of("torchcodec", "0.9.1"),
    "a torch that the table does not have": of("torchcodec", "0.17.0", b.torch("2.99.0+cu130")),
    "a version that the table does not have": of("torchcodec", "0.99"),
    "one that declares a torch that is there": of("torchcodec", "0.7.0", requires=["torch>=2.8"]),
    "one whose build for CPUs loads beside any torch": of("torchcodec", "0.9.1+cpu"),
    "a companion that names no build": of("torchvision", "0.24.0"),
    "a companion of a build that is not compared": of("torchvision", "0.24.0+xpu"),
    "CPU's beside CPU's": of("torchvision", "0.24.0+cpu", b.torch("2.9.0+cpu")),
    "torch's own version": b.view(
        b.facts(torch=b.torch(), distributions=[b.dist("torch", "2.9.0+pt28cu118")])
    ),
    "no metadata of torch's": b.view(
        b.facts(torch=b.torch(), distributions=[b.dist("a", requires=["torch==2.6.0"])])
    ),
    "wheels of this torch": requirements(f"--extra-index-url {PYTORCH}/cu128\ntorch\n"),
    "wheels for CPUs": requirements(f"--extra-index-url {PYTORCH}/cpu\ntorch\n"),
    "addresses, and a CPU build of torch": requirements(
        f"--extra-index-url {PYTORCH}/cu118\n", torch=b.torch("2.9.0+cpu")
    ),
    "addresses, and a torch of no known build": requirements(
        f"--extra-index-url {PYTORCH}/cu118\n", torch=b.torch(variant=None)
    ),
    "wheels of this torch and CUDA": requirements(f"-f {PYG.format('2.9.0+cu128')}\n"),
    "another patch release": requirements(f"-f {PYG.format('2.9.1+cu128')}\n"),
    "an address in a branch": tree(
        {"s.sh": f"case $V in\n  a) pip install x --index-url {PYTORCH}/cu118 ;;\nesac\n"}
    ),
    "the image's CUDA": docker(f"{IMAGE}RUN pip install torch --index-url {PYTORCH}/cu118\n"),
    "an image without a toolkit": docker(
        "FROM nvidia/cuda:11.8.0-runtime-ubuntu22.04\n"
        f"RUN pip install torch --index-url {PYTORCH}/cu124\n"
    ),
    "another stage's image": docker(
        f"{IMAGE}FROM ubuntu\nRUN pip install torch --index-url {PYTORCH}/cu124\n"
    ),
    "CPU wheels on an image with CUDA": docker(
        f"{IMAGE}RUN pip install torch --index-url {PYTORCH}/cpu\n"
    ),
}

VISION = "torchvision 0.21.0 requires torch==2.6.0; " + INSTALLED


def vision(**more: object) -> View:
    return of("torchvision", "0.21.0", requires=["torch==2.6.0"], **more)


FIRING = {
    "libraries for other torch releases": Fires(
        holding("2.2.1", "2.0.0", "2.1.0"),
        fault(
            "dgl",
            "dgl 2.1.0 holds libraries for torch 2.0.0 – 2.2.1; torch 2.9.0+cu128 is installed.",
        ),
    ),
    "a library for another torch release": Fires(
        holding("2.2.1"),
        fault("dgl", "dgl 2.1.0 holds libraries for torch 2.2.1; torch 2.9.0+cu128 is installed."),
    ),
    "another torch is required": Fires(vision(), fault("torchvision", VISION), offers=MATCH),
    "its libraries load": Fires(vision(problems=[]), fault("torchvision", VISION), offers=MATCH),
    "its libraries cannot load": Fires(
        vision(problems=[DRIVER, UNDEFINED]), fault("torchvision", VISION, ERROR), offers=MATCH
    ),
    "its libraries want a driver": Fires(
        vision(problems=[DRIVER]), fault("torchvision", VISION), offers=MATCH
    ),
    "another patch release is required": Fires(
        of("x", requires=["torch==2.9.1"]),
        fault("x", f"x 1.0 requires torch==2.9.1; {INSTALLED}"),
    ),
    "one that fits, then one that does not": Fires(
        b.view(
            b.facts(
                torch=b.torch(),
                distributions=[
                    b.dist("torch", "2.9.0+cu128"),
                    b.dist("torchaudio", "2.9.0+cu128", requires=["torch==2.9.0"]),
                    b.dist("x", requires=["torch<2"]),
                ],
            )
        ),
        fault("x", f"x 1.0 requires torch<2; {INSTALLED}"),
    ),
    "conda's companion": Fires(
        of(
            "torchvision",
            "0.21.0",
            b.torch("2.9.0"),
            requires=["torch==2.6.0"],
            source="conda",
            package="torchvision",
        ),
        fault("torchvision", "torchvision 0.21.0 requires torch==2.6.0; torch 2.9.0 is installed."),
        offers=["match-torch-family manual"],
    ),
    "PyG of another torch": Fires(
        of("torch-scatter", "2.1.2+pt25cu124", b.torch("2.8.0+cu128")),
        fault(
            "torch-scatter",
            "torch-scatter 2.1.2+pt25cu124 names torch 2.5; torch 2.8.0+cu128 is installed.",
        ),
        offers=MATCH,
    ),
    "one that asks for no torch, and came with a later one": Fires(
        of("torchaudio", "2.11.0+cu128"),
        fault("torchaudio", f"torchaudio 2.11.0+cu128 is for torch 2.11.0 and later; {INSTALLED}"),
        offers=MATCH,
    ),
    "PyG of torch 2.10": Fires(
        of("pyg-lib", "0.5+pt210cpu"),
        fault("pyg-lib", f"pyg-lib 0.5+pt210cpu names torch 2.10; {INSTALLED}"),
        offers=MATCH,
    ),
    "flash-attn of another torch": Fires(
        of("flash-attn", "2.7.4+cu12torch2.6cxx11abifalse", problems=[UNDEFINED]),
        fault(
            "flash-attn",
            f"flash-attn 2.7.4+cu12torch2.6cxx11abifalse names torch 2.6; {INSTALLED}",
            ERROR,
        ),
    ),
    "a companion of another CUDA": Fires(
        of("torchvision", "0.24.0+cu118"),
        fault(
            "torchvision",
            "torchvision 0.24.0+cu118 is built for cu118; torch 2.9.0+cu128 is cu128.",
        ),
        offers=MATCH,
    ),
    "a companion of another CUDA's minor, beside a torch of no known build": Fires(
        of("torchvision", "0.24.0+cu126", b.torch(variant=None)),
        fault(
            "torchvision",
            "torchvision 0.24.0+cu126 is built for cu126; torch 2.9.0+cu128 is CUDA 12.8.",
        ),
        offers=MATCH,
    ),
    "a companion of CUDA's beside torch for CPUs": Fires(
        of("torchvision", "0.24.0+cu128", b.torch("2.9.0+cpu", variant=None)),
        fault(
            "torchvision",
            "torchvision 0.24.0+cu128 is built for cu128; torch 2.9.0+cpu is another build.",
        ),
        offers=MATCH,
    ),
    "a companion for CPUs": Fires(
        of("torchvision", "0.24.0+cpu"),
        fault(
            "torchvision", "torchvision 0.24.0+cpu is built for cpu; torch 2.9.0+cu128 is cu128."
        ),
        offers=MATCH,
    ),
    "a companion for CPUs beside ROCm": Fires(
        of("torchvision", "0.24.0+cpu", b.torch("2.9.0+rocm6.4")),
        fault(
            "torchvision",
            "torchvision 0.24.0+cpu is built for cpu; torch 2.9.0+rocm6.4 is rocm6.4.",
        ),
        offers=MATCH,
    ),
    "one that declares none, for another torch": Fires(
        of("torchcodec", "0.7.0", problems=[UNDEFINED]),
        fault("torchcodec", f"torchcodec 0.7.0 is made for torch 2.8.0; {INSTALLED}", ERROR),
        offers=MATCH,
    ),
    "one that declares none, for later torches": Fires(
        of("torchcodec", "0.12.0"),
        fault("torchcodec", f"torchcodec 0.12.0 is made for torch 2.11.0 – 2.15.0; {INSTALLED}"),
        offers=MATCH,
    ),
    "PyG for CPUs": Fires(
        of("torch-scatter", "2.1.2+pt29cpu"),
        fault(
            "torch-scatter",
            "torch-scatter 2.1.2+pt29cpu is built for pt29cpu; torch 2.9.0+cu128 is cu128.",
        ),
        offers=MATCH,
    ),
    "an index of another CUDA minor": Fires(
        requirements(f"# x\n--index-url {PYTORCH}/cu126\na\n--extra-index-url {PYTORCH}/cu126\n"),
        address(
            "requirements.txt",
            f"{PYTORCH}/cu126",
            f"points to wheels for cu126; {INSTALLED}",
            2,
            4,
        ),
        offers=POINT,
    ),
    "an index that fits, and one of another CUDA major": Fires(
        requirements(f"--index-url {PYTORCH}/cu128\n--extra-index-url {PYTORCH}/cu118\n"),
        address(
            "requirements.txt",
            f"{PYTORCH}/cu118",
            f"points to wheels for cu118; {INSTALLED}",
            2,
            severity=WARNING,
        ),
        offers=POINT,
    ),
    "a page of another torch minor": Fires(
        requirements(f"-f {KAOLIN.format('2.4.0_cu128')}\n"),
        address(
            "requirements.txt",
            KAOLIN.format("2.4.0_cu128"),
            f"points to wheels for torch 2.4.0 and cu128; {INSTALLED}",
            1,
            severity=WARNING,
        ),
    ),
    "ROCm's minor": Fires(
        requirements(f"--index-url {PYTORCH}/rocm6.3\n", torch=b.torch("2.9.0+rocm6.4")),
        address(
            "requirements.txt",
            f"{PYTORCH}/rocm6.3",
            "points to wheels for rocm6.3; torch 2.9.0+rocm6.4 is installed.",
            1,
        ),
        offers=POINT,
    ),
    "ROCm's major": Fires(
        requirements(f"--index-url {PYTORCH}/rocm5.7\n", torch=b.torch("2.9.0+rocm6.4")),
        address(
            "requirements.txt",
            f"{PYTORCH}/rocm5.7",
            "points to wheels for rocm5.7; torch 2.9.0+rocm6.4 is installed.",
            1,
            severity=WARNING,
        ),
        offers=POINT,
    ),
    "a conda environment file": Fires(
        tree(
            {
                "environment.yml": "dependencies:\n  - pip\n  - pip:\n"
                f"    - --extra-index-url {PYTORCH}/cu126\n"
            }
        ),
        address(
            "environment.yml",
            f"{PYTORCH}/cu126",
            f"points to wheels for cu126; {INSTALLED}",
            4,
        ),
        offers=POINT,
    ),
    "a script without a branch for this torch": Fires(
        tree({"s.sh": BY_TORCH.format("", "echo unsupported")}),
        unserved("kaolin when it is run with --kaolin for torch 2.0.1, 2.4.0", 4),
    ),
    "a script without a branch for its CUDA": Fires(
        tree({"s.sh": BY_CUDA}), unserved("xf for CUDA 11.8", 3)
    ),
    "a script": Fires(
        tree({"s.sh": f"pip install x --index-url {PYTORCH}/cu118\n"}),
        address(
            "s.sh",
            f"{PYTORCH}/cu118",
            f"points to wheels for cu118; {INSTALLED}",
            1,
            severity=WARNING,
        ),
        offers=POINT,
    ),
    "a script, with an option": Fires(
        tree({"s.sh": f"case $1 in\n  --full) pip install x -f {PYTORCH}/cu118 ;;\nesac\n"}),
        address(
            "s.sh",
            f"{PYTORCH}/cu118",
            f"points to wheels for cu118 when it is run with --full; {INSTALLED}",
            2,
        ),
        offers=POINT,
    ),
    "a script that asks torch": Fires(
        tree(
            {
                "s.sh": 'V=$(python -c "import torch; print(torch.version.cuda)")\n'
                f"case $V in\n  12.*) pip install x -f {PYTORCH}/cu121 ;;\n"
                f"  *) pip install x -f {PYTORCH}/cu118 ;;\nesac\n"
            }
        ),
        address("s.sh", f"{PYTORCH}/cu121", f"points to wheels for cu121; {INSTALLED}", 3),
        offers=POINT,
    ),
    "the address of a wheel": Fires(
        tree(
            {
                "s.sh": f"pip install {WHEELS}/f-2.5+cu118torch2.1cxx11abiFALSE-cp38-cp38-linux_x86_64.whl"
            }
        ),
        wheel(
            "s.sh",
            "f-2.5+cu118torch2.1cxx11abiFALSE-cp38-cp38-linux_x86_64.whl",
            "is for cp38, torch 2.1; here is cp311, torch 2.9.0+cu128.",
        ),
    ),
    "the address of a wheel, with another C++ ABI": Fires(
        requirements(f"f @ {WHEELS}/f-2.5+cu12torch2.9cxx11abiFALSE-cp311-cp311-linux_x86_64.whl"),
        wheel(
            "requirements.txt",
            "f-2.5+cu12torch2.9cxx11abiFALSE-cp311-cp311-linux_x86_64.whl",
            "is for _GLIBCXX_USE_CXX11_ABI=0; here is torch 2.9.0+cu128 with 1.",
        ),
    ),
    "an image of another CUDA": Fires(
        docker(f"{IMAGE}RUN pip install torch --index-url {PYTORCH}/cu124\n"), image(2)
    ),
}

EXIST = "torch 2.8.0 exists for cu126, cu128, cu129, rocm6.3, rocm6.4, cpu; cu118 ends at 2.7.1."


def pin(line: int, text: str, message: str, path: str = "requirements.txt") -> Fault:
    return address(path, text, message, line, severity=WARNING, payload=AbsentPin(path, line, text))


CONDA = "channels:\n{0}  - conda-forge\ndependencies:\n  - {1}\n"
CODELESS = ", which has no build with code for sm_120."
CHANNEL = "  - pytorch\n"
DEPENDS = '[project]\nname = "x"\ndependencies = ["{0}"]\n'
NO_TORCH = {"torch": None, "distributions": []}
KAOLIN_OLD = KAOLIN.format("2.7.0_cu124")
SILENT |= {
    "a pin that was published": requirements("torch==2.8.0+cu126\ntorchvision==0.23.0+cu126\n"),
    "a pin without a build": requirements("torch==2.8.0\n"),
    "a pin with code for the GPU": pinned("torch==2.8.0\n"),
    "a pin with code for it in one of its builds": pinned("torch==2.7.0\n"),
    "an old pin, and no GPU is to be served": pinned("torch==2.0.1\n", named=()),
    "an old pin of examples": pinned("torch==2.0.1\n", "examples/requirements.txt"),
    "an old pin for other GPUs": pinned("torch==2.0.1\n", "requirements-rocm.txt"),
    "an old pin for the CPU": pinned("torch==2.0.1+cpu\n"),
    "a page in a file that names its CUDA": pinned(f"-f {PYTORCH}/cu121\n", "req/cu121.txt"),
    "a page in a file for other GPUs": pinned(f"-i {PYTORCH}/rocm6.4\n", "req/rocm-build.txt"),
    "conda-forge's torch": pinned(CONDA.format("", "pytorch=2.1.2"), "environment.yml"),
    "conda's torch with code for the GPU": pinned(
        CONDA.format(CHANNEL, "pytorch=2.8"), "environment.yml"
    ),
    "a package's pin with code for the GPU": pinned(
        DEPENDS.format("torch==2.7.*"), "pyproject.toml"
    ),
    "a package's lowest torch": pinned(DEPENDS.format("torch>=2.0"), "pyproject.toml"),
    "a pin from an index that has it": requirements(
        f"-i {PYTORCH}/cu128\ntorch==2.8.0\n", **NO_TORCH
    ),
    "an index beside the package index": requirements(
        f"--extra-index-url {PYTORCH}/cu118\ntorch==2.8.0\n", **NO_TORCH
    ),
    "a pin from a further index": requirements(
        f"-i {PYTORCH}/cu128\n--extra-index-url {PYTORCH}/cu126\ntorch==2.8.0+cu126\n", **NO_TORCH
    ),
    "a release that the table does not have": requirements("torch==2.8.5+cu118\n"),
    "a build of somebody's own": requirements("torch==2.8.0+mine\n"),
    "one whose existence is disputed": requirements("torch==2.12.0+cu129\n"),
    "a nightly index": requirements(f"-i {PYTORCH}/nightly/cu118\ntorch==2.8.0\n", **NO_TORCH),
    "another platform's pin": requirements("torch==2.8.0+cu118; sys_platform == 'win32'\n"),
    "a page that exists": requirements(f"-f {KAOLIN.format('2.7.0_cu118')}\n", **NO_TORCH),
    "a page for a release that is newer than the listing": requirements(
        f"-f {KAOLIN.format('2.15.0_cu132')}\n", **NO_TORCH
    ),
    "a page that nobody lists": requirements(
        "-f https://example.org/torch-2.7.0_cu124.html\n", **NO_TORCH
    ),
}
FIRING |= {
    "a pin without code for the GPU": Fires(
        pinned("torch==2.0.1\n"),
        pin(1, "torch==2.0.1", "pins torch==2.0.1, which has no build with code for sm_120."),
    ),
    "conda's torch without code for the GPU": Fires(
        pinned(CONDA.format(CHANNEL, "pytorch=2.1.2"), "environment.yml"),
        pin(5, "torch==2.1.2", f"pins torch==2.1.2{CODELESS}", "environment.yml"),
    ),
    "conda's torch of a minor": Fires(
        pinned(CONDA.format(CHANNEL, "pytorch=2.5"), "environment.yml"),
        pin(5, "torch==2.5.*", f"pins torch==2.5.*{CODELESS}", "environment.yml"),
    ),
    "a package's pin without code for the GPU": Fires(
        pinned(DEPENDS.format("torch==2.5.*"), "pyproject.toml"),
        pin(3, "torch==2.5.*", f"pins torch==2.5.*{CODELESS}", "pyproject.toml"),
    ),
    "a pin from an index without code for the GPU": Fires(
        pinned(f"-i {PYTORCH}/cu126\ntorch==2.7.0\n", **NO_TORCH),
        pin(2, "torch==2.7.0", "pins torch==2.7.0, which has no build with code for sm_120."),
    ),
    "a page in a file that names the release of something else": Fires(
        pinned(f"-f {PYTORCH}/cu121\n", "requirements-py310.txt"),
        address(
            "requirements-py310.txt",
            f"{PYTORCH}/cu121",
            f"points to wheels for cu121; {INSTALLED}",
            1,
        ),
        offers=POINT,
    ),
    "a pin that was never published": Fires(
        requirements("torch==2.8.0+cu118\n"),
        pin(
            1,
            "torch==2.8.0+cu118",
            f"pins torch==2.8.0+cu118, a build that was not published: {EXIST}",
        ),
    ),
    "a pin from an index that does not have it, without a torch": Fires(
        requirements(f"--index-url {PYTORCH}/cu118\ntorch==2.8.0\n", **NO_TORCH),
        pin(
            2,
            "torch==2.8.0",
            f"pins torch==2.8.0 from the index cu118, which does not have it: {EXIST}",
        ),
    ),
    "a pin that lies on another index": Fires(
        requirements(f"-i {PYTORCH}/cu128\ntorch==2.8.0+cu126\n", **NO_TORCH),
        pin(
            2,
            "torch==2.8.0+cu126",
            "pins torch==2.8.0+cu126 from the index cu128, which does not have it: it lies on the "
            "index cu126.",
        ),
    ),
    "a companion's pin": Fires(
        requirements("torchvision==0.23.0+cu118\n", **NO_TORCH),
        pin(
            1,
            "torchvision==0.23.0+cu118",
            "pins torchvision==0.23.0+cu118, a build that was not published: it is made for torch "
            f"2.8.0, and {EXIST}",
        ),
    ),
    "a variant that begins later": Fires(
        requirements("torch==2.8.0+cu130\n"),
        pin(
            1,
            "torch==2.8.0+cu130",
            "pins torch==2.8.0+cu130, a build that was not published: torch 2.8.0 exists for cu126, "
            "cu128, cu129, rocm6.3, rocm6.4, cpu; cu130 begins with 2.9.0.",
        ),
    ),
    "a page that does not exist": Fires(
        requirements(f"-f {KAOLIN_OLD}\n", **NO_TORCH),
        pin(
            1,
            KAOLIN_OLD,
            "points to a page for torch 2.7.0 and cu124: kaolin has wheels for cu118, cu126, cu128 "
            "with torch 2.7.0, none for cu124 (as of 2026-08-14).",
        ),
    ),
}

test_silent, test_firing = rows(torch_family_mismatch, SILENT, FIRING)
