"""Let the compiler find CUDA headers that lie elsewhere: beside the real nvcc, or in wheels."""

from __future__ import annotations

from gpufix.evidence.building import toolkit_in_use
from gpufix.evidence.view import View
from gpufix.fixes.build_environment.variables import includes, unwrapped
from gpufix.fixes.registry import fix
from gpufix.model import Finding, Plan, SetVariables, Skip
from gpufix.model.payload import MissingHeaders

NAME = "set-cpath"
# header -> component: nvidia-COMPONENT-cuXX keeps it under nvidia/COMPONENT/include
_COMPONENTS = {
    "cublas_v2.h": "cublas",
    "cublasLt.h": "cublas",
    "cusparse.h": "cusparse",
    "cusolverDn.h": "cusolver",
    "cusolver_common.h": "cusolver",
    "cuda_runtime.h": "cuda-runtime",
    "cuda_runtime_api.h": "cuda-runtime",
    "thrust/complex.h": "cuda-cccl",
}


@fix(NAME, "TCH204")
def set_cpath(finding: Finding, view: View) -> Plan | Skip | None:
    """CUDA_HOME where nvcc is a wrapper away from its headers; CPATH for what is in wheels.

    CPATH is searched after every -I. The toolkit's own folder comes first in it: wheels hold a
    cuda_runtime.h too, which includes what is in no wheel here.
    """
    lacking, torch = finding.payload, view.facts.torch
    if not isinstance(lacking, MissingHeaders) or torch is None or not torch.cuda:
        return None
    headers = lacking.headers
    variables: dict[str, str | None] = {}
    toolkit = toolkit_in_use(view)
    if real := unwrapped(view):
        toolkit = real
        variables["CUDA_HOME"] = real.root
        headers = tuple(h for h in headers if h in real.missing_headers)
    folders = {h: _folder(view, h, torch.cuda.partition(".")[0]) for h in headers}
    absent = [h for h, folder in folders.items() if folder is None]
    if absent:
        reason = (
            f"{', '.join(absent)} lies in no wheel here: install the toolkit's development files"
        )
        return finding.skip(NAME, reason)
    if folders:
        own = includes(toolkit) if toolkit else []
        parts = list(dict.fromkeys(f for f in (*own, *folders.values()) if f))
        variables["CPATH"] = ":".join([*parts, *filter(None, [view.env("CPATH")])])
    return finding.plan(
        NAME, "safe", _title(variables), SetVariables(variables=variables), subjects=list(variables)
    )


def _title(variables: dict[str, str | None]) -> str:
    home = variables.get("CUDA_HOME")
    parts = [f"CUDA_HOME to {home}, where the wrapper's nvcc lies"] if home else []
    parts += ["CPATH to the CUDA headers of the installed wheels"] if "CPATH" in variables else []
    return f"set {', and '.join(parts)}"


def _folder(view: View, header: str, major: str) -> str | None:
    component = _COMPONENTS.get(header)
    if component is None:
        return None
    old, new = view.dist(f"nvidia-{component}-cu{major}"), view.dist(f"nvidia-{component}")
    if old:
        return f"{old.location}/nvidia/{component.replace('-', '_')}/include"
    if new and _of_unnamed_wheels(view) == major:
        tail = "/cccl" if component == "cuda-cccl" else ""
        return f"{new.location}/nvidia/cu{major}/include{tail}"
    return None


def _of_unnamed_wheels(view: View) -> str | None:
    """The CUDA major of wheels without one in their name: cuSPARSE 12.6 is CUDA 13's.

    nvidia-cuda-runtime is numbered as CUDA itself, and torch requires it.
    """
    dist = view.dist("nvidia-cuda-runtime") or view.dist("cuda-toolkit")
    return dist.version.partition(".")[0] if dist else None
