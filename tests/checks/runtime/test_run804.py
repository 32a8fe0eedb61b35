"""RUN804: the settings of torch's allocator."""

from __future__ import annotations

import builders as b
from rows import Fires, rows

from gpufix.checks.registry import ERROR, WARNING, Fault
from gpufix.checks.runtime.run804_allocator_setting import allocator_setting
from gpufix.evidence.view import View
from gpufix.model import Environment, Severity, Torch
from gpufix.model.payload import EnvironmentVariable

ANY, CUDA, HIP = "PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF", "PYTORCH_HIP_ALLOC_CONF"
ON, OFF = "expandable_segments:True", "expandable_segments:False"
BAD = "expandable_segments:true"
SAFE = ["unset-variable safe"]


def of(torch: Torch | str | None = "2.9.0+cu128", **env: str) -> View:
    known = b.torch(torch) if isinstance(torch, str) else torch
    return b.view(b.facts(torch=known, environment=b.environment(**env)))


def cuda(value: str) -> View:
    return of(**{CUDA: value})


def fault(value: str, text: str, name: str = CUDA, severity: Severity = ERROR) -> Fault:
    verdict = "cannot be used" if severity is ERROR else "may be refused"
    return Fault(
        severity,
        name,
        f"{name} {verdict}: {text}.",
        evidence=(f"{name}={value}",),
        payload=EnvironmentVariable(name),
    )


def refused(value: str, text: str) -> Fires:
    return Fires(cuda(value), fault(value, text), offers=SAFE)


def hidden(name: str, by: str, release: str = "2.9.0", value: str = OFF, read: str = ON) -> Fault:
    return Fault(
        WARNING,
        name,
        f"{name} is not read: {by} is set too, and torch {release} takes that.",
        evidence=(f"{by}={read}", f"{name}={value}"),
        payload=EnvironmentVariable(name),
    )


NOT_TRUE = "expandable_segments takes True or False, not 'true'"
SILENT = {
    "healthy": b.view(b.healthy()),
    "healthy AMD": b.view(b.healthy_amd()),
    "usual": cuda("expandable_segments:True,max_split_size_mb:32"),
    "set to nothing": cuda(""),
    "blanks and a comma at the end": cuda(" backend : native , "),
    "divisions as a list": cuda("roundup_power2_divisions:[256:1,512:2,>:8],backend:native"),
    "at the limits": cuda("max_split_size_mb:20,max_non_split_rounding_mb:20"),
    "a share": cuda("garbage_collection_threshold:0.8,backend:cudaMallocAsync"),
    "no torch": of(None, **{CUDA: BAD}),
    "torch for CPUs reads none": of("2.9.0+cpu", **{CUDA: BAD}),
    "which torch it is is not known": of(b.torch(release=None), **{CUDA: BAD}),
    "torch 2.8 knows no general name": of("2.8.0+cu128", **{ANY: BAD}),
    "nor does it on ROCm": of("2.8.0+rocm6.4", **{ANY: BAD}),
    "torch for CUDA reads nothing of HIP": of(**{HIP: BAD}),
    "off": cuda(OFF),
    "the malformed one is hidden by the same in good order": of(
        "2.10.0+cu128", **{CUDA: ON, ANY: ON}
    ),
    "the environment file unsets it": b.view(
        b.facts(torch=b.torch(), environment=Environment(process={CUDA: BAD}, overlay={CUDA: None}))
    ),
}

FIRING = {
    "a lower-case boolean": refused(BAD, NOT_TRUE),
    "an equals sign": refused(
        "max_split_size_mb=128", "'max_split_size_mb=128' is not of the form key:value"
    ),
    "a key without a value": refused("backend:", "'backend:' is not of the form key:value"),
    "an unknown back end": refused(
        "backend:jemalloc", "backend takes native or cudaMallocAsync, not 'jemalloc'"
    ),
    "no whole number": refused(
        "max_split_size_mb:1.5", "max_split_size_mb takes whole megabytes, not '1.5'"
    ),
    "below the limit": refused("max_split_size_mb:19", "max_split_size_mb is 19; the least is 20"),
    "a share of all": refused(
        "garbage_collection_threshold:1.0",
        "garbage_collection_threshold lies between 0.0 and 1.0, not '1.0'",
    ),
    "a share of nothing": refused(
        "garbage_collection_threshold:0",
        "garbage_collection_threshold lies between 0.0 and 1.0, not '0'",
    ),
    "a share in words": refused(
        "garbage_collection_threshold:half",
        "garbage_collection_threshold lies between 0.0 and 1.0, not 'half'",
    ),
    "two faults": Fires(
        cuda(f"{BAD},max_split:1"),
        [
            fault(f"{BAD},max_split:1", NOT_TRUE),
            fault(
                f"{BAD},max_split:1",
                "no torch release known here has the key 'max_split'",
                severity=WARNING,
            ),
        ],
        offers=SAFE,
    ),
    "after a list": refused(f"roundup_power2_divisions:[256:1,>:8],{BAD}", NOT_TRUE),
    "torch 2.8": Fires(of("2.8.0+cu128", **{CUDA: BAD}), fault(BAD, NOT_TRUE), offers=SAFE),
    "by the general name": Fires(of(**{ANY: BAD}), fault(BAD, NOT_TRUE, ANY), offers=SAFE),
    "by HIP's name": Fires(
        of("2.8.0+rocm6.4", **{HIP: BAD}), fault(BAD, NOT_TRUE, HIP), offers=SAFE
    ),
    "torch 2.9 takes the general name": Fires(
        of(**{ANY: ON, CUDA: OFF}), hidden(CUDA, ANY), offers=SAFE
    ),
    "and before HIP's": Fires(
        of("2.9.0+rocm6.4", **{ANY: ON, HIP: OFF}), hidden(HIP, ANY), offers=SAFE
    ),
    "torch 2.10 takes CUDA's": Fires(
        of("2.10.0+cu128", **{ANY: OFF, CUDA: ON}), hidden(ANY, CUDA, "2.10.0"), offers=SAFE
    ),
    "and what it does not read may be malformed": Fires(
        of("2.10.0+cu128", **{ANY: BAD, CUDA: ON}),
        hidden(ANY, CUDA, "2.10.0", BAD),
        offers=SAFE,
    ),
    "set to nothing hides the others too": Fires(
        of("2.10.0+cu128", **{ANY: ON, CUDA: ""}),
        hidden(ANY, CUDA, "2.10.0", ON, ""),
        offers=SAFE,
    ),
    "torch 2.8 for ROCm takes CUDA's name before HIP's": Fires(
        of("2.8.0+rocm6.4", **{CUDA: ON, HIP: OFF}), hidden(HIP, CUDA, "2.8.0"), offers=SAFE
    ),
    "one hides two": Fires(
        of("2.13.0+rocm7.0", **{ANY: OFF, CUDA: ON, HIP: OFF}),
        [hidden(HIP, CUDA, "2.13.0"), hidden(ANY, CUDA, "2.13.0")],
        offers=SAFE,
    ),
    "refused, and hides another": Fires(
        of(**{ANY: BAD, CUDA: ON}),
        [fault(BAD, NOT_TRUE, ANY), hidden(CUDA, ANY, value=ON, read=BAD)],
        offers=SAFE,
    ),
}

test_silent, test_firing = rows(allocator_setting, SILENT, FIRING)
