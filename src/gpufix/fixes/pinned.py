"""Exact requirements for what is, or should be, installed; shared by the installing fixes."""

from __future__ import annotations

import re

from gpufix.fallbacks.catalogue import is_ours
from gpufix.model import Distribution, Install
from gpufix.requirements import Requirements
from gpufix.view import View

_LOCAL_INDEX = re.compile(r"cpu|xpu|cu\d{2,3}|rocm\d+(\.\d+){1,2}")


def index_of(version: str) -> str | None:
    """The torch index that a local version names ("2.7.1+cu128" → "cu128"); None = the user's."""
    local = version.partition("+")[2]
    return local if _LOCAL_INDEX.fullmatch(local) else None


def reinstall(name: str, version: str) -> Install:
    """The same distribution again, with nothing else moved."""
    return Install(install=[f"{name}=={version}"], reinstall=True, index=index_of(version))


def why_not(dist: Distribution) -> str | None:
    """The reason for which a distribution cannot simply be installed again, if there is one."""
    if dist.source == "conda":
        return f"{dist.name} was installed by conda: reinstall it with conda"
    if is_ours(dist.version):
        return f"{dist.name} is a fallback: `gpufix fix --fallback {dist.name}` installs it again"
    if dist.editable:
        return f"{dist.name} is an editable install of {dist.editable}"
    if dist.direct_url:
        return f"{dist.name} was installed from {dist.direct_url}, not from an index"
    return None


def from_address(name: str) -> str:
    """Why what is required as "name @ https://…" is not looked for in an index."""
    return f"{name} is required from an address of its own; an index may hold another {name}"


def declared_version(view: View, name: str) -> str | None:
    """The version that torch, or its CUDA meta-package, pins with ==."""
    for dist, requirement in view.derive(Requirements.of).rows:
        if dist.name not in ("torch", "cuda-toolkit"):
            continue
        if requirement.name.lower().replace("_", "-") == name:
            exact = [s.version for s in requirement.specifier if s.operator == "=="]
            if exact and not exact[0].endswith(".*"):
                return exact[0]
    return None
