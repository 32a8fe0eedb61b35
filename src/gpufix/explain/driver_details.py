"""What messages about the driver say in numbers: which CUDA it serves, and which one is asked of it."""

from __future__ import annotations

import re

from gpufix.explain.explanation import Explanation, context
from gpufix.explain.log_scan import Hit
from gpufix.explain.machine import machine
from gpufix.explain.stated import placeholders
from gpufix.knowledge import cuda
from gpufix.knowledge.data_table import numbers
from gpufix.knowledge.messages import message_of

_FOUND = re.compile(r"found version (\d{4,5})\)")
_WANTED = re.compile(r"unsatisfied condition: cuda\s?>=?\s?(\d+\.\d+)")
_SERVED_BY = re.compile(r"but the installed CUDA driver version is (\d+\.\d+)")
INDEXES = {11: "cu118", 12: "cu126", 13: "cu130"}  # of torch, by the CUDA major
_OTHERS = re.compile(
    r"ggml|llama|ollama|onnxruntime|tensorrt|\[TRT\]|\bjax|xla|cupy|warp", re.IGNORECASE
)


def too_old(explanation: Explanation, hit: Hit) -> Explanation:
    """Which CUDA the driver serves decides which build runs on it."""
    around = context(hit, 600, 600)
    if wanted := _WANTED.search(around):
        return explanation.but(
            what=f"The container's image wants CUDA {wanted[1]}, which the host's NVIDIA driver{_told(hit)} does not serve.",
            do=_container(wanted[1]),
        )
    if found := _FOUND.search(around):
        served = cuda.of_number(int(found[1]))
        return explanation.but(
            f"{found[1]} is CUDA {served}: the newest that this driver serves.",
            what=f"The NVIDIA driver serves CUDA {served} and older; {_wants(hit)}.",
            do=_build_for(served),
        )
    if found := _SERVED_BY.search(around):
        return explanation.but(
            what=f"The NVIDIA driver serves CUDA {found[1]} and older; the program wants a newer one.",
            do=f"Update the NVIDIA driver (it serves CUDA {found[1]}), or install a release for an older CUDA.",
        )
    if named := _OTHERS.search(around):
        return explanation.but(
            do=f"Update the NVIDIA driver (`nvidia-smi` shows which CUDA it serves), or install a build of "
            f"{named[0]} for that CUDA."
        )
    return explanation


def _told(hit: Hit) -> str:
    told = machine(context(hit))
    numbers_told = (told.driver, f"CUDA {told.served}" if told.served else None)
    said = ", ".join(one for one in numbers_told if one)
    return f" ({said})" if said else ""


def _wants(hit: Hit) -> str:
    index = placeholders(hit).get("cuda")
    return f"torch is built for CUDA {index}" if index else "the program is built for a newer one"


def _build_for(served: str) -> str:
    major = numbers(served)[0]
    index = INDEXES.get(major)
    build = (
        f"install torch for CUDA {major} (`--index-url https://download.pytorch.org/whl/{index}`)"
        if index
        else "install a torch for an older CUDA"
    )
    return f"Update the NVIDIA driver; or {build}. Other packages want a build for CUDA {major} as well."


def _container(wanted: str) -> str:
    driver = cuda.min_driver(wanted, full=True)
    least = f" to {driver} or newer" if driver else ""
    return (
        f"The image wants a driver for CUDA {wanted}: update the host's NVIDIA driver{least}, or take an image for "
        "an older CUDA. NVIDIA_DISABLE_REQUIRE=1 skips the check where the driver's major is the same."
    )


def version_mismatch(explanation: Explanation, _: Hit) -> Explanation:
    """The toolkit that torch's builds want, or the torch for the toolkit: from the two numbers."""
    toolkit, torch = explanation.captures.get("toolkit"), explanation.captures.get("torch_cuda")
    if not toolkit or not torch or explanation.rule != "TCH202":
        return explanation
    short = ".".join(torch.split(".")[:2])
    return explanation.but(
        do=f"Build with a CUDA {short} toolkit: `export CUDA_HOME=/usr/local/cuda-{short}` where it is installed, else "
        f"`conda install -c nvidia cuda-toolkit={short}` and CUDA_HOME=$CONDA_PREFIX; or install the torch for CUDA "
        f"{numbers(toolkit)[0]} (`--index-url https://download.pytorch.org/whl/"
        f"{INDEXES.get(numbers(toolkit)[0], 'cu128')}`). Editing torch's check is no remedy."
    )


_MISSING = re.compile(r"not found|not recognized|No such file", re.IGNORECASE)
_NOUVEAU = re.compile(r"driver=nouveau|driver in use: nouveau")


def no_smi(explanation: Explanation, hit: Hit) -> Explanation:
    """Absent it means no driver, or a container without the GPU; nouveau beside it says more."""
    if _NOUVEAU.search(context(hit)):
        own = message_of("driver-nouveau")
        return explanation.but(id=own.id, what=own.what, do=own.do, source=own.source)
    if not _MISSING.search(hit.shown):
        return explanation
    return explanation.but(
        what="nvidia-smi comes with the NVIDIA driver and is not here: no driver is installed, or the container was started "
        "without the GPU.",
        do="In a container: `docker run --gpus all …` (Compose: deploy.resources.reservations.devices with driver: nvidia), with "
        "nvidia-container-toolkit on the host. On the machine itself: install the driver (`sudo ubuntu-drivers install`; Fedora: "
        "akmod-nvidia of RPM Fusion) and restart. In WSL the driver is Windows's (/usr/lib/wsl/lib on PATH).",
    )


_DEVICE = re.compile(r"/dev/(?:kfd|dri/\S{1,20}|nvidia\w{0,12})")


def device_file(explanation: Explanation, hit: Hit) -> Explanation:
    """The file that the message names, and whether it is there."""
    found = _DEVICE.search(hit.shown)
    if found is None:
        return explanation
    if re.search(r"permission denied|not permitted", hit.shown, re.IGNORECASE):
        return explanation.but(what=f"This user may not open {found[0]}, the GPU's device file.")
    if re.search(r"no such file", hit.shown, re.IGNORECASE):
        return explanation.but(
            what=f"{found[0]}, the GPU's device file, is not here: its driver is not loaded, or the container was not given it."
        )
    return explanation
