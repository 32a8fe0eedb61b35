"""A closer look at build failures."""

from __future__ import annotations

import re

from gpufix.explain.scan import Hit
from gpufix.explain.told import Told, context
from gpufix.knowledge import cuda_toolkits
from gpufix.knowledge.messages import messages
from gpufix.knowledge.versions import numbers

_WHEEL_BUILD = re.compile(
    r"pip-build-env|get_requires_for_build|Getting requirements to build|prepare_metadata"
    r"|Preparing metadata|pip-req-build|pip-install-|metadata-generation-failed|egg_info|build_wheel"
    r"|build_editable|subprocess-exited-with-error|bdist_wheel|setuptools[./]build_meta|builds-v0"
    r"|Building wheel|build backend returned|isolated|build_meta:__legacy__|hatchling"
    r"|Complete output from command|Command errored out|Installing build dependencies"
    r"|python setup\.py|setup\.py\", line|File \"setup\.py\"|ChefBuildError|Failed building"
    r"|pep517|pyproject_hooks|pip subprocess"
)
_FAMILY = re.compile(
    r"torch(?:vision|audio|text|data|-scatter|-sparse|-cluster|-spline-conv|sparse)?|pyg-lib|xformers"
    r"|kaolin|flash-attn|mmcv(?:-full)?|pytorch3d|detectron2"
)
_PAIR = re.compile(
    r"The detected CUDA version \(([^)\n]{1,20})\)[\s\S]{0,300}?(?:PyTorch\s+\(([\d.]+)\)"
    r"|'([\d.]+)',\s*'([\d.]+)')"
)


def nvcc_arch(told: Told, _: Hit) -> Told | None:
    """Too new for this nvcc, or dropped by it."""
    arch = re.sub(r"^(?:compute|sm)_", "", told.captures.get("arch", ""))
    span = cuda_toolkits.first_and_last(f"sm_{arch}") if arch else None
    if span is None:
        return told
    first, last = span
    until = f" to {last}" if last else ""
    return told.but(f"nvcc generates code for sm_{arch} from CUDA {first}{until or ' on'}.")


def cuda_mismatch(told: Told, hit: Hit) -> Told | None:
    """The two versions, from a sentence or from the unformatted tuple that torch ≥ 2.8 raises.

    One major: a minor mismatch, whatever the program that complains makes of it.
    """
    found = _PAIR.search(context(hit, 0, 600))
    toolkit, torch = told.captures.get("version", ""), told.captures.get("other", "")
    if found is not None:
        toolkit, torch = (found[3], found[4]) if found[3] else (found[1], found[2])
    if not re.fullmatch(r"[\d.]+", toolkit) or not re.fullmatch(r"[\d.]+", torch or ""):
        return told
    told = told.but(captures={**told.captures, "toolkit": toolkit, "torch_cuda": torch})
    if numbers(toolkit)[:1] == numbers(torch)[:1]:
        return told.but(
            f"Toolkit {toolkit} and torch's CUDA {torch} are of one major: torch allows that.",
            rule="TCH203",
        )
    return told.but(f"The toolkit is CUDA {toolkit}, torch is built for CUDA {torch}.")


def no_torch(told: Told, hit: Hit) -> Told | None:
    """Within a wheel build: the build was isolated from the environment that has torch."""
    if not _WHEEL_BUILD.search(context(hit)):
        return told.but(role="symptom")
    return told.but(
        rule="SRC606",
        what="A setup.py imports torch, but the build ran in an isolated environment without it.",
        do="Install torch first, then build with --no-build-isolation (uv: the same option).",
    )


def torch_family(told: Told, _: Hit) -> Told | None:
    """A package that is built for one torch: other indexes have other versions of it."""
    name = re.split(r"[=<>!~\[@]", told.captures.get("requirement", ""))[0].lower()
    if not _FAMILY.fullmatch(name.replace("_", "-")):
        return told
    own = next(message for message in messages() if message.id == "no-distribution-torch")
    return told.but(id=own.id, rule=own.rule, what=own.what, do=own.do, source=own.source)


def torch_header(told: Told, _: Hit) -> Told | None:
    """THC is gone; a CUDA header is lacking in a CPU build; else torch is not on the path."""
    if re.search(r"\bTHC", told.shown):
        return told.but(
            rule="SRC604",
            what="The source includes a header of THC, which torch removed with 1.11.",
            do="Port it to ATen/c10, or use the torch that it was written for.",
        )
    if re.search(r"(?:ATen|c10)[/\\]cuda", told.shown):
        return told.but(
            rule="TCH201",
            what="A CUDA header of torch is absent: the installed torch is a CPU build, or the "
            "compiler does not look at torch's headers.",
        )
    return told


def xformers(told: Told, hit: Hit) -> Told | None:
    """No operator: because none was built, or because this GPU has none."""
    around = context(hit, 200, 6000)
    if re.search(r"wasn't buil[dt] with CUDA support|operator wasn't built", around, re.IGNORECASE):
        return told.but(
            rule="WHL505",
            what="xformers holds no compiled operators that can be used here: it was built for "
            "another torch or CUDA, or without CUDA.",
            do="Install the xformers release that names this torch, from the same index; or choose "
            "torch's own attention (ATTN_BACKEND=sdpa, XFORMERS_DISABLED=1).",
        )
    return told
