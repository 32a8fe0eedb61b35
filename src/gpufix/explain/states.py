"""A report without an error: what a program prints of torch, the driver and the GPUs that it sees.

Three lines such as `2.4.0+cpu`, `None`, `False` are an answer by themselves. Said only where no error stands beside them.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from gpufix.explain.capability import carrying
from gpufix.explain.driver_details import INDEXES
from gpufix.explain.explanation import Explanation, context, filled, without_row
from gpufix.explain.log_scan import Hit, LogScan
from gpufix.explain.machine import machine
from gpufix.explain.stated import capability, index_for
from gpufix.knowledge import cuda
from gpufix.knowledge.data_table import numbers
from gpufix.knowledge.gpus.mentions import mentioned
from gpufix.knowledge.messages import Role, message_of

_LONGEST = 40_000  # characters of a report
_AN_ERROR = re.compile(
    r"Traceback \(most|(?:^|[\s.])[A-Z]\w{2,60}(?:Error|Exception)\b|\b(?:error|fatal|ERROR|FATAL|Error)\b[^\n]{0,20}:"
)
_MAC = re.compile(r"\bmacOS\b|\bdarwin\b|\bApple M\d\b|arm64-apple", re.IGNORECASE)
_HEADING = re.compile(r"^#{1,6} \S", re.M)
_FENCE = re.compile(r"^(?:```|~~~)", re.M)
_LINK = re.compile(r"\w\]\([^)\s]{1,200}\)")
_SOURCE = "torch/utils/collect_env.py, torch/version.py"

_CPU = re.compile(
    r"(?<![\w.])(?P<release>[12]\.\d{1,2}\.\d)\+cpu\b|(?<!\S)pytorch +(?P<conda>[12]\.\d{1,2}\.\d) +\S{0,20}(?<![a-z])cpu\S*"
    r"|CUDA used to build PyTorch: (?:None|Could not collect)|torch\.version\.cuda\W{1,6}None"
)
_ASKS_CUDA = re.compile(r"torch\.version\.cuda|torch\.__version__")
_BARE_CPU = re.compile(
    r"(?:^|\n)\W{0,4}(?P<release>[12]\.\d{1,2}\.\d)\W{0,3}\n\W{0,4}(?:None\W{0,3}\n\W{0,4}False|False\W{0,3}\n\W{0,4}None)\b"
)
_OTHER_VENDOR = re.compile(r"ROCM used to build PyTorch: \d|torch\S{0,20}\+(?:rocm|xpu)|\+xpu\b")
_BUILT = re.compile(
    r"(?<![\w.])[12]\.\d{1,2}\.\d\+cu(?P<tag>\d{3})\b|CUDA used to build PyTorch: (?P<said>1\d\.\d{1,2})"
    r"|torch\.version\.cuda\W{1,6}(?P<asked>1\d\.\d)"
)
_FALSE = re.compile(
    r"(?:is_available|CUDA available|(?<![\w-])CUDA|GPU available|cuda_available|is_available\(\)\)?)[ \"']{0,3}[:=\s>]{1,4}\W{0,8}(?:False|No)\b"
    r"|(?:^|\n)False\W{0,3}(?:\n|$)",
    re.IGNORECASE,
)
_NOT_AVAILABLE = re.compile(r"CUDA is not available|is_available\(\) is False", re.IGNORECASE)
_GPU_ASKED = re.compile(r"nvidia|\bcuda\b|\bgpu\b", re.IGNORECASE)
_NO_DRIVER = re.compile(r"Nvidia driver version: Could not collect|No devices? found")
_OF_TORCH = re.compile(r"arch_list|\btorch\b", re.IGNORECASE)
_LISTED = re.compile(r"['\"](?P<kind>sm|compute)_(?P<number>\d{2,3})[a-z]?['\"]")
_CAPABILITY = re.compile(
    r"(?:capability\w*(?:\([^()\n]{0,20}\))?[^()]{0,10}|^)\((?P<major>\d{1,2}), ?(?P<minor>\d)\)",
    re.M,
)
_NONE_SEEN = re.compile(
    r"(?:found|using|detected|have)\s{0,2}:?\s?0 (?:CUDA |NVIDIA )?(?:GPU|CUDA device|device)(?:\(s\)|s)?\b"
    r"|(?:GPUs?|CUDA devices?)(?: available| found| detected| count)?\s{0,3}[:=]\s{0,3}0\b"
    r"|GPU available: False|No (?:CUDA )?GPUs? (?:found|detected|available)\b"
    r"|device_count\(\)\W{1,8}0\b|list_physical_devices\(['\"]GPU['\"]\)\W{0,12}\[\]"
    r"|\[CpuDevice\(id=0\)\]|\[TFRT_CPU_0\]"
    r"|(?:using|running on|on) (?:the )?(?:device|CPU)\s?[:=]?\s?['\"]?(?:type=['\"])?cpu\b",
    re.IGNORECASE,
)
_RUN = re.compile(
    r"\bdocker run\b(?![^\n]{0,400}(?:--gpus|--runtime|--device|rocm|/dev/))(?=[\s\S]{0,8000}NVIDIA)"
)
_OF_JAX = re.compile(r"\bjax|CpuDevice|TFRT_CPU", re.IGNORECASE)
_OF_TENSORFLOW = re.compile(r"tensorflow|\btf\.|Num GPUs Available|physical_devices", re.IGNORECASE)


def state(found: LogScan) -> Explanation | None:
    """None where an error stands in the text, where it is long, or where nothing is told."""
    if found.size > len(found.head):
        return None
    text = found.head.decode("utf-8", "replace")
    if len(text) > _LONGEST or _AN_ERROR.search(text) or _MAC.search(text) or _is_page(text):
        return None
    return next((told for one in _STATES if (told := one(text))), None)


def _is_page(text: str) -> bool:
    """A page of Markdown shows such output without having the fault."""
    return bool(_HEADING.search(text) and _FENCE.search(text)) or len(_LINK.findall(text)) > 1


def why_no_cuda(explanation: Explanation, hit: Hit) -> Explanation:
    """The build or the driver that the text prints, where a message says only that CUDA is not available."""
    text = context(hit)
    told = _cpu_build(text) or _old_driver(text)
    if told is None:
        return explanation
    return explanation.but(rule=told.rule, role="cause", what=told.what, do=told.do, open=())


def _said(
    text: str, at: re.Match[str], rule: str | None, role: Role, what: str, do: str
) -> Explanation:
    start = at.start() + len(at[0]) - len(at[0].lstrip())
    begin, end = text.rfind("\n", 0, start) + 1, text.find("\n", start)
    shown = text[begin : end if end >= 0 else len(text)].strip()
    line = text.count("\n", 0, start) + 1
    told = without_row("report", role, what, do, shown, source=_SOURCE, line=line)
    return told.but(rule=rule, open=() if role == "cause" else ("GPU106", "TCH201"))


def _cpu_build(text: str) -> Explanation | None:
    """torch's CPU build where somebody asks for the GPU."""
    at = _CPU.search(text) or (_ASKS_CUDA.search(text) and _BARE_CPU.search(text))
    if not at or _OTHER_VENDOR.search(text) or not _GPU_ASKED.search(text):
        return None
    asked = _FALSE.search(text) or _NOT_AVAILABLE.search(text) or "nvidia-smi" in text.lower()
    if not (asked or mentioned(text) or at["conda"]):
        return None
    release = at["release"] or at["conda"]
    own = message_of("not-compiled-with-cuda")
    return _said(
        text,
        at,
        own.rule,
        "cause",
        f"The installed torch{f' {release}' if release else ''} is a CPU build: it has no CUDA, whatever driver and toolkit are here.",
        filled(own.do, index_for(mentioned(text))),
    )


def _old_driver(text: str) -> Explanation | None:
    """torch with CUDA that sees none: the driver's CUDA against torch's."""
    at = _BUILT.search(text)
    sees_none = _FALSE.search(text) or _NOT_AVAILABLE.search(text)
    if at is None or sees_none is None:
        return None
    tag = at["tag"]
    wants = f"{tag[:-1]}.{tag[-1]}" if tag else at["said"] or at["asked"]
    told = machine(text)
    if told.served and numbers(told.served)[0] < numbers(wants)[0]:
        least = cuda.min_driver(wants)
        driver = f"The driver {told.driver}" if told.driver else "The driver"
        other = INDEXES.get(numbers(told.served)[0])
        return _said(
            text,
            at,
            "GPU105",
            "cause",
            f"{driver} serves CUDA {told.served} and older; torch is built for CUDA {wants}.",
            f"Update the NVIDIA driver{f' ({least} or newer on Linux)' if least else ''}"
            + (
                f", or install torch for CUDA {numbers(told.served)[0]} (`--index-url https://download.pytorch.org/whl/{other}`)."
                if other
                else ", or install an older torch, for an older CUDA."
            ),
        )
    if no_driver := _NO_DRIVER.search(text):
        return _said(
            text,
            no_driver,
            "GPU106",
            "cause",
            f"torch is built for CUDA {wants}, and no NVIDIA driver answers here.",
            "`nvidia-smi` has to list the GPU in the same place. Install or reload the driver (a restart after its update). A "
            "container is started with --gpus all and NVIDIA_DRIVER_CAPABILITIES=compute,utility. In WSL the driver is Windows's.",
        )
    return None


def _no_code(text: str) -> Explanation | None:
    """The architectures that torch lists against the GPU beside them."""
    listed = list(_LISTED.finditer(text))
    if len(listed) < 3 or not _OF_TORCH.search(text):
        return None
    stated = _CAPABILITY.search(text)
    gpu = (int(stated["major"]), int(stated["minor"])) if stated else capability(text)
    if gpu is None:
        return None
    code = [(one["kind"], int(one["number"][:-1]), int(one["number"][-1])) for one in listed]
    for kind, major, minor in code:
        if (major == gpu[0] and minor <= gpu[1]) or (kind == "compute" and (major, minor) <= gpu):
            return None
    names = (
        f"{listed[0]['kind']}_{listed[0]['number']} to {listed[-1]['kind']}_{listed[-1]['number']}"
    )
    return _said(
        text,
        listed[0],
        "GPU101",
        "cause",
        f"torch holds code for {names}, and none for this GPU ({gpu[0]}.{gpu[1]}).",
        carrying(gpu) or "Install a torch build with code for this GPU.",
    )


def _none_seen(text: str) -> Explanation | None:
    """A program that says that it has no GPU, and not why."""
    at = _NONE_SEEN.search(text)
    if at is None and _BUILT.search(text) and "available" in text:
        at = _FALSE.search(text)
    if at is None:
        return None
    built, told = _BUILT.search(text), machine(text)
    if run := _RUN.search(text):
        return _said(
            text,
            run,
            "GPU106",
            "cause",
            "The container was started without the GPU: its `docker run` has no --gpus.",
            "`docker run --gpus all …` (Compose: deploy.resources.reservations.devices with driver: nvidia), with the NVIDIA Container Toolkit on the "
            "host (`apt install nvidia-container-toolkit`, `nvidia-ctk runtime configure --runtime=docker`, a restart of docker).",
        )
    what = "sees no GPU, and does not say why"
    if at[0].lower().endswith("cpu"):
        what = "runs on the CPU: it sees no GPU, or its settings choose the CPU"
    if _OF_JAX.search(text):
        who = "jax"
        own = '`pip install -U "jax[cuda12]"` in this environment (the plain jax is its CPU build; natively on Windows there is no other)'
    elif _OF_TENSORFLOW.search(text):
        who = "TensorFlow"
        own = '`pip install -U "tensorflow[and-cuda]"` (natively on Windows releases after 2.10 have no GPU: WSL, or 2.10)'
    elif built:
        who = "torch, a build with CUDA,"
        own = '`python -c "import torch; torch.cuda.init()"`, whose error names the cause' + (
            f" (the driver serves CUDA {told.served})" if told.served else ""
        )
    else:
        who = "The program"
        own = (
            '`python -c "import torch; print(torch.__version__, torch.version.cuda)"`: +cpu or None is a CPU build (torch again from '
            "the index of its CUDA, `--index-url https://download.pytorch.org/whl/cu126`)"
        )
    return _said(
        text,
        at,
        None,
        "symptom",
        f"{who} {what}.",
        f"In this order: `nvidia-smi` in the same place (no answer: the driver; after a suspend `sudo modprobe -r nvidia_uvm && sudo "
        f"modprobe nvidia_uvm`, or a restart; a container wants --gpus all). Next, {own}. Next, CUDA_VISIBLE_DEVICES, which hides GPUs. "
        "`gpufix doctor` tells which.",
    )


_STATES: tuple[Callable[[str], Explanation | None], ...] = (
    _no_code,
    _cpu_build,
    _old_driver,
    _none_seen,
)
