"""torch for the GPU on Windows, where the package index has the CPU build only."""

from __future__ import annotations

from gpufix.evidence.gpu_code import Service, service
from gpufix.evidence.torch_builds.candidates import TorchBuild, builds
from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.knowledge.data_table import numbers
from gpufix.knowledge.packages import index_url
from gpufix.model import Advise, Finding, Plan

NAME = "advise-windows-torch"
# Which archs a build has is read off Linux's wheels: pytorch.org builds both from one list of CUDA releases.
_READ = "linux_x86_64"
_ALONG = ("torchvision", "torchaudio")


@fix(NAME, "TCH201")
def advise_windows_torch(finding: Finding, view: View) -> Plan | None:
    """The command for torch's own index: the same release, for a CUDA that serves the targets."""
    torch, python = view.facts.torch, view.facts.python
    if python is None or python.platform != "win32" or torch is None or torch.release is None:
        return None
    build = _build(view, torch.release)
    if build is None:
        return None
    wanted = [f"torch=={torch.release}", *(name for name in _ALONG if view.dist(name))]
    command = f'"{python.executable}" -m pip install --force-reinstall {" ".join(wanted)}'
    return finding.plan(
        NAME,
        "manual",
        f"install {build.label} from torch's own index",
        Advise(
            text="For Windows the package index has torch for the CPU only. Whether torch's index "
            "has this build for this Python is not listed here.",
            command=f"{command} --index-url {index_url(build.name)}",
        ),
        subjects=["torch"],
    )


def _driven(view: View, build: TorchBuild) -> bool:
    """Whether the branch of the driver, of which Linux and Windows have the same numbers, is new enough."""
    own = next((d.version for d in view.facts.drivers if d.vendor == "nvidia" and d.version), None)
    least = build.variant.driver_min if build.variant else None
    return own is None or least is None or numbers(own)[:1] >= numbers(least)[:1]


def _build(view: View, release: str) -> TorchBuild | None:
    """Of the builds of a release that serve every target, that of the newest CUDA."""
    targets = [t for t in view.targets if t.vendor == "nvidia"]
    fitting = [
        build
        for build in builds(_READ, "nvidia")
        if build.release.version == release
        and (code := build.code) is not None
        and not (build.variant and build.variant.limited)
        and _driven(view, build)
        and all(service(code, t) in (Service.native, Service.jit) for t in targets)
    ]
    if not targets:
        return None
    return max(
        fitting,
        key=lambda build: numbers(build.variant.cuda or "") if build.variant else (),
        default=None,
    )
