"""torch's warning about a GPU: whether the numbers that it names speak against the GPU at all."""

from __future__ import annotations

import re

from gpufix.explain import stated
from gpufix.explain.explanation import Explanation, context
from gpufix.explain.log_scan import Hit
from gpufix.knowledge import torch_releases
from gpufix.knowledge.data_table import numbers

Capability = tuple[int, int]
_PLATFORM = "linux_x86_64"

_GPU = re.compile(
    r"(?:cuda|compute) capability(?: \(CC\))? (?P<major>\d{1,2})\.(?P<minor>\d)"
    r"|CUDA capability sm_(?P<sm>\d{2,3})[a-z]?"
)
# torch up to 2.10: "… supported by this version of PyTorch is (8.0) - (12.0)".
_SPAN = re.compile(r"PyTorch is\s+\((\d{1,2})\.(\d)\) - \((\d{1,2})\.(\d)\)")
# torch from 2.11 on: "- 8.0 which supports hardware CC >=8.0,<9.0 except {8.7}".
_RANGE = re.compile(
    r"supports hardware CC >=(\d{1,2})\.(\d),\s?<(\d{1,2})\.(\d)(?: except \{([\d., ]{1,100})\})?"
)
_LIST = re.compile(r"supports CUDA capabilities((?:\s+(?:sm|compute)_\d{2,3}[a-z]?)+)")
_NAMED = re.compile(r"(sm|compute)_(\d+)([a-z]?)")


def torch_capability(explanation: Explanation, hit: Hit) -> Explanation | None:
    """The GPU against the architectures that the warning lists, in every wording of torch's.

    The test of torch up to 2.10 compares the two ends of a span, so that it warns of a GPU above the
    highest number that the highest architecture's code serves: 12.1 against 12.0. Source: torch/cuda/
    __init__.py of torch 2.9.1 and 2.13.0, _check_capability.
    """
    around = context(hit, 600, 1500)
    gpu = warned_of(around)
    served = _served(gpu, around) if gpu else None
    if gpu is None:
        gpu = stated.capability(around)
        return explanation.but(do=(gpu and carrying(gpu)) or explanation.do)
    if served is None:
        return explanation.but(do=carrying(gpu) or explanation.do)
    name = f"{gpu[0]}.{gpu[1]}"
    captures = {**explanation.captures, "arch": f"sm_{gpu[0]}{gpu[1]}"}
    if not served:
        build = carrying(gpu)
        return explanation.but(captures=captures, do=build or explanation.do)
    return explanation.but(
        captures=captures,
        rule=None,
        role="notice",
        what=f"This warning is harmless: {served}, which a GPU of capability {name} runs.",
        do="Nothing to do. When something fails after it, the cause stands there.",
    )


def warned_of(text: str) -> Capability | None:
    """The capability of the GPU that torch's warning speaks of."""
    found = _GPU.search(text)
    if found is None:
        return None
    if found["sm"]:
        return int(found["sm"][:-1]), int(found["sm"][-1])
    return int(found["major"]), int(found["minor"])


def _served(gpu: Capability, text: str) -> str | None:
    """What of the list serves the GPU, "" for nothing; None without a list."""
    if span := _SPAN.search(text):
        low, high = (int(span[1]), int(span[2])), (int(span[3]), int(span[4]))
        return _code(high) if _runs(high, gpu) and gpu >= low else ""
    if ranges := _RANGE.findall(text):
        for low1, low2, high1, high2, but in ranges:
            inside = (int(low1), int(low2)) <= gpu < (int(high1), int(high2))
            if inside and f"{gpu[0]}.{gpu[1]}" not in re.findall(r"[\d.]+", but):
                return _code((int(low1), int(low2)))
        return ""
    if listed := _LIST.search(text):
        return _of_list(gpu, listed[1])
    return None


def _of_list(gpu: Capability, listed: str) -> str:
    """Machine code of its own major version, else PTX of an older GPU; `a` and `f` serve others."""
    rows = [
        (kind, (int(number[:-1]), int(number[-1])), suffix)
        for kind, number, suffix in _NAMED.findall(listed)
    ]
    for kind, arch, suffix in rows:
        if kind == "sm" and (arch == gpu or (not suffix and _runs(arch, gpu))):
            return _code(arch)
    for kind, arch, suffix in rows:
        if kind == "compute" and not suffix and arch <= gpu:
            return f"torch holds PTX of {arch[0]}.{arch[1]}"
    return ""


def holds(torch: str | None, variant: str | None, gpu: Capability) -> bool | None:
    """Whether a torch build has machine code that runs on a GPU; None where it is not known."""
    release = torch_releases.get(torch) if torch else None
    build = release.variants(_PLATFORM).get(variant or "") if release else None
    if build is None or not build.known or not build.cuda:
        return None
    return any(_runs(arch, gpu) for arch in _archs(build.archs))


def carrying(gpu: Capability) -> str | None:
    """The newest torch with machine code for a GPU, in the build that most people take, and the oldest."""
    having = [(release, found) for release in torch_releases.all() if (found := _fit(release, gpu))]
    if not having:
        return None
    (oldest, early), (newest, late) = having[0], having[-1]
    usual = newest.default.get(_PLATFORM)
    build = next((b for b in late if b.name == usual), None) or _highest(late)
    first = f"; the first one that has it is torch {oldest.version}+{_highest(early).name}"
    return (
        f"Install a torch build with code for {gpu[0]}.{gpu[1]}: `pip install torch torchvision torchaudio "
        f"--index-url https://download.pytorch.org/whl/{build.name}` (torch {newest.version}"
        f"{first if oldest.version != newest.version else ''})."
    )


def _fit(release: torch_releases.Release, gpu: Capability) -> list[torch_releases.Variant]:
    builds = release.variants(_PLATFORM).values()
    return [b for b in builds if b.cuda and b.known and any(_runs(a, gpu) for a in _archs(b.archs))]


def _highest(builds: list[torch_releases.Variant]) -> torch_releases.Variant:
    return max(builds, key=lambda build: numbers(build.cuda or ""))


def _archs(names: tuple[str, ...]) -> list[Capability]:
    found = [re.fullmatch(r"sm_(\d{1,2})(\d)", name) for name in names]
    return [(int(one[1]), int(one[2])) for one in found if one]


def _runs(code: Capability, gpu: Capability) -> bool:
    """Machine code runs on GPUs of its major version, from its own minor one on."""
    return code[0] == gpu[0] and code[1] <= gpu[1]


def _code(arch: Capability) -> str:
    return f"torch holds machine code for {arch[0]}.{arch[1]}"
