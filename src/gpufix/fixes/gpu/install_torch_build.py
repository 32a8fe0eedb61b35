"""Install the torch build that serves the targets."""

from __future__ import annotations

from dataclasses import replace

from gpufix.evidence import conda
from gpufix.evidence.torch_builds.candidates import Extension, TorchBuild
from gpufix.evidence.torch_builds.companions import moved_along
from gpufix.evidence.torch_builds.question import of_view
from gpufix.evidence.torch_builds.rank import choose, native
from gpufix.evidence.torch_symbols import TorchUser, torch_users
from gpufix.evidence.view import View
from gpufix.fixes.pins import immovable
from gpufix.fixes.registry import fix
from gpufix.fixes.wheel_step import install
from gpufix.knowledge import packages, torch_releases
from gpufix.knowledge.conda import CHANNEL as CONDA_FORGE
from gpufix.knowledge.gpus import models
from gpufix.model import (
    Advise,
    Elsewhere,
    Finding,
    Install,
    Plan,
    SetVariables,
    Skip,
    Target,
    TorchMove,
)
from gpufix.model.payload import MissingLibrary, OldDriver, ToolkitInUse

NAME = "install-torch-build"
OVERRIDE = "HSA_OVERRIDE_GFX_VERSION"
_FOR_GPU = ("libtorch_cuda", "libc10_cuda")
KEPT = (
    "nightly, vendor-container and source-built torch is judged by its own files and never replaced"
)


_OF_SYMBOLS = ("ABI301", "SYM401")  # an extension asks for another torch


@fix(NAME, "GPU101", "GPU105", "GPU107", "TCH201", "TCH209", *_OF_SYMBOLS)
def install_torch_build(finding: Finding, view: View) -> Plan | Skip:
    """The same release for another CUDA or ROCm when that will do, else the nearest release.

    For an extension that asks for symbols of another torch, or for the other C++ ABI: the nearest
    release that it loads with.
    """
    if isinstance(finding.payload, OldDriver):
        return finding.skip(NAME, "it is not torch that asks for this driver")
    blocked = _blocked(view)
    targets = _targets(view)
    if blocked or not (targets or _is_for_cpu(view, finding)):
        return finding.skip(NAME, blocked or "no target is known to choose a build for")
    toolkit = finding.payload if isinstance(finding.payload, ToolkitInUse) else None
    rocm = toolkit.version if toolkit and toolkit.kind == "rocm" else None
    if finding.code in _OF_SYMBOLS and finding.subject in packages.names():
        return finding.skip(
            NAME, f"torch is not changed for {finding.subject}, which follows torch"
        )
    extensions = _extensions(finding, view)
    if extensions is None:
        return finding.skip(NAME, f"which torch {finding.subject} is made for is not known")
    choice, value = choose(view, targets, rocm, extensions), None
    if choice is None and (pose := _posing(view, targets)):
        value, relatives = pose
        choice = choose(view, relatives, rocm, extensions)
    if choice is None:
        return finding.skip(NAME, _nothing(view, targets))
    torch = view.facts.torch
    if torch and f"{torch.release}+{torch.variant}" == choice.version:
        return finding.skip(
            NAME, f"{choice.requirement} is the best build listed, and is installed"
        )
    plan = _plan(finding, view, choice)
    return plan if value is None else _with_override(plan, value, targets)


def _posing(view: View, targets: list[Target]) -> tuple[str, list[Target]] | None:
    """The override, of low risk, by which all AMD GPUs run the code of one relative; and that one."""
    amd = [t for t in targets if t.vendor == "amd"]
    found = [models.hsa_override(t.arch) for t in amd]
    low = {o.value: o.poses_as for o in found if o and o.risk == "low"}
    integrated = {g.index for g in view.facts.gpus if g.integrated}
    aside = any(t.gpu in integrated for t in amd)  # one inside the processor, that nobody named
    if len(low) != 1 or not all(found) or aside or targets[0].vendor != "amd":
        return None
    ((value, relative),) = low.items()
    return value, [replace(t, arch=relative) for t in amd]


def _with_override(plan: Plan, value: str, targets: list[Target]) -> Plan:
    names = ", ".join(sorted({t.arch for t in targets if t.vendor == "amd"}))
    variables = SetVariables(variables={OVERRIDE: value})
    notes = [f"code of {models.posed(value)} runs on {names}; AMD does not support this"]
    title = f"{plan.title} and set {OVERRIDE} to {value}"
    other = plan.elsewhere
    return replace(
        plan,
        title=title,
        steps=[*plan.steps, variables],
        notes=[*plan.notes, *notes],
        elsewhere=replace(other, steps=[*other.steps, variables]) if other else None,
    )


def _of_package_index(plan: Plan, view: View, move: TorchMove) -> Elsewhere | None:
    """The same from the package index, where a plain install brings that build."""
    steps = [s for s in plan.steps if isinstance(s, Install)]
    plain = _plain_variant(view, move.release)
    if plain == move.variant:
        title = plan.title
    elif plain and plain.startswith("cu") and move.variant == "cpu":
        title = f"install torch {move.release} for the GPU, which runs on the CPU as well"
    else:
        return None
    if any(step.index not in (None, move.variant) for step in steps):
        return None  # a companion that only another index has
    return Elsewhere(
        title=f"{title}, from the package index",
        steps=[_plain(step, move.variant) for step in steps],
    )


def _plain_variant(view: View, release: str) -> str | None:
    """The build that the package index has of a release."""
    known = torch_releases.get(release)
    platform = torch_releases.platform(view.facts.host.os, view.facts.host.machine)
    return known.default.get(platform) if known else None


def _plain(step: Install, variant: str) -> Install:
    """Without torch's index, whose builds alone have local versions: "===" admits none of these."""
    wanted = [text.removesuffix(f"+{variant}") for text in step.install]
    exact = [t.replace("==", "===") if t.startswith("torch==") else t for t in wanted]
    return replace(step, install=exact, index=None)


WITH_GPU = "take-torch-for-gpu"  # sorted behind match-torch-family, the smaller change


@fix(WITH_GPU, "SYM402")
def take_torch_for_gpu(finding: Finding, view: View) -> Plan | Skip | None:
    """For a package that asks for the CUDA libraries of torch, beside the torch for the CPU."""
    torch, lacking = view.facts.torch, finding.payload
    if torch is None or torch.release is None or not isinstance(lacking, MissingLibrary):
        return None
    if torch.cuda or torch.hip or not all(n.startswith(_FOR_GPU) for n in lacking.names):
        return None
    variant = _plain_variant(view, torch.release)
    if variant is None or not variant.startswith("cu"):
        return None
    if reason := _blocked(view):
        return finding.skip(WITH_GPU, reason)
    return finding.plan(
        WITH_GPU,
        "unsafe",
        f"install torch {torch.release} for the GPU, from the package index",
        Install(install=[f"torch==={torch.release}"], dependencies=True),
        subjects=["torch"],
        notes=[f"moves torch from {torch.version} to {torch.release}+{variant}"],
        moves_torch=TorchMove(release=torch.release, variant=variant),
    )


def _plan(finding: Finding, view: View, choice: TorchBuild) -> Plan:
    torch = view.facts.torch
    notes = [f"moves torch from {torch.version} to {choice.version}"] if torch else []
    by_ptx = bool(choice.variant and choice.variant.cuda) and not _native(view, choice)
    notes += ["serves the target by PTX: slow at the first start"] if by_ptx else []
    if choice.channel == CONDA_FORGE:
        return _by_conda(finding, view, choice, notes)
    moved = moved_along(view, choice)
    stays = finding.subject if finding.code in _OF_SYMBOLS else None  # the build was chosen for it
    unknown = [why for name, why in moved.unknown.items() if name != stays]
    notes += [f"{why}: install it again yourself" for why in unknown]
    wanted = [choice.requirement, *moved.along]
    step = Install(install=wanted, dependencies=True, index=choice.name)
    others = [offer for offer in moved.later if offer.name != stays]
    later = [install(offer, view.dist(offer.name)) for offer in others]
    move = TorchMove(release=choice.release.version, variant=choice.name)
    plan = finding.plan(
        NAME,
        "unsafe",
        f"install {choice.label}",
        step,
        *later,
        subjects=["torch"],
        notes=notes,
        moves_torch=move,
    )
    return replace(plan, elsewhere=_of_package_index(plan, view, move))


def _by_conda(finding: Finding, view: View, choice: TorchBuild, notes: list[str]) -> Plan:
    """conda moves what goes with it, too."""
    cuda = choice.variant.cuda if choice.variant else None
    forced = conda.override(view.facts, cuda)
    unseen = f"No driver is seen here: CONDA_OVERRIDE_CUDA={cuda} has conda choose as if one was."
    return finding.plan(
        NAME,
        "manual",
        f"have conda install {choice.label}",
        Advise(
            text=unseen if forced else f"conda-forge builds it as {choice.requirement}.",
            command=forced + conda.add(view.facts, [choice.requirement], CONDA_FORGE),
        ),
        subjects=["torch"],
        notes=notes,
        moves_torch=TorchMove(release=choice.release.version, variant=choice.name),
    )


def _extensions(finding: Finding, view: View) -> tuple[Extension, ...] | None:
    """What is to load with the build; None where it is not known which it is made for."""
    if finding.code not in _OF_SYMBOLS:
        return ()
    user = next((u for u in view.derive(torch_users) if u.owner == finding.subject), None)
    judgement = user.judgement if user else None
    if user is None or judgement is None or not judgement.releases:
        return None
    return (Extension(user.label, judgement.releases, _abi(user)),)


def _abi(user: TorchUser) -> int | None:
    return next((int(x.cxx11_abi) for x in user.libraries if x.cxx11_abi is not None), None)


def _native(view: View, choice: TorchBuild) -> bool:
    question = of_view(view, _targets(view))
    return question is not None and native(choice, question)


def _blocked(view: View) -> str | None:
    torch, dist = view.facts.torch, view.dist("torch")
    if dist is not None and dist.source == "conda":
        return None  # conda replaces it by a build of its own
    if torch is not None and torch.build != "release":
        return KEPT
    return immovable(dist) if dist else None


def _is_for_cpu(view: View, finding: Finding) -> bool:
    """Whether an extension asks for another torch where there is one for the CPU: so will that be."""
    torch = view.facts.torch
    return finding.code in _OF_SYMBOLS and bool(torch and not torch.cuda and not torch.hip)


def _targets(view: View) -> list[Target]:
    """Those of torch's own vendor come first: only a torch for neither is moved to another."""
    torch = view.facts.torch
    own = "amd" if torch and torch.hip else "nvidia"
    return sorted(view.targets, key=lambda t: t.vendor != own)


def _nothing(view: View, targets: list[Target]) -> str:
    python = view.facts.python.tag if view.facts.python else "this Python"
    names = ", ".join(t.arch for t in targets) or "this extension"
    return f"no listed torch build for {python} serves {names} with this driver and system"
