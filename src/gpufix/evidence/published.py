"""The published wheel of a package that fits the patient's torch, Python and platform."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from packaging.version import Version

from gpufix.evidence.declared import Declared, declared
from gpufix.evidence.gpu_code import driver_cuda, outgrown
from gpufix.evidence.requirements import version_of
from gpufix.evidence.targets import named
from gpufix.evidence.view import View
from gpufix.frozen import Frozen
from gpufix.knowledge import families, listings, torch_releases
from gpufix.knowledge.data_table import minor
from gpufix.knowledge.gpus.serves import codes, serves
from gpufix.knowledge.listings import Offer
from gpufix.knowledge.nearest import reason
from gpufix.knowledge.wheel_blocks import Build
from gpufix.model import Distribution, Target, Torch


def published(name: str, view: View) -> Offer | str:
    """The wheel to install, or why there is none. The installed version is kept where it has one."""
    build = build_of(view)
    if isinstance(build, str):
        return build
    dist, asked = view.dist(name), declared(view, name)
    installed = dist.version if dist else None
    return best(name, build, installed, view.targets, asked)


def best(
    name: str,
    build: Build,
    installed: str | None = None,
    targets: Sequence[Target] = (),
    asked: Declared | None = None,
) -> Offer | str:
    """The newest listed wheel for a build that is not known to fail on a target, of the installed
    version if there is one. `asked`: what others require of the package."""
    every = list(listings.offers(name, build))
    listed = [o for o in every if asked is None or not o.version or asked.allows(o.version)]
    if every and asked is not None and not listed:
        fits = f"{name} {every[0].version} goes with torch {build.release}"
        return f"{fits}; {name}{asked.specifier} is required here"
    against = {o: outgrown(name, o.version, targets) for o in listed if o.version}
    found = [offer for offer in listed if not against.get(offer)]
    if not found:
        return next(filter(None, against.values()), reason(name, build))
    public = installed.partition("+")[0] if installed else None
    return next((offer for offer in found if offer.version == public), found[0])


def newer_serving(dist: Distribution, view: View) -> Offer | str:
    """The newest listed wheel of a newer release that was read to hold code for each target, or why
    there is none."""
    build, asked, here = build_of(view), declared(view, dist.name), version_of(dist.version)
    if isinstance(build, str):
        return build
    every = list(listings.offers(dist.name, build))
    if not every:
        return reason(dist.name, build)
    for offer in every:
        version = version_of(offer.version or "")
        newer = version is not None and here is not None and version > here
        if newer and asked.allows(str(version)) and _runs(offer.code, view):
            return offer
    of_torch = f"torch {build.release}+{build.variant}"
    return f"no newer {dist.name} that is listed for {of_torch} is known to hold code for {named(view.targets)}"


class Serving(Frozen):
    """A listed release of a package, or of another of the same project, with code for each target."""

    name: str
    version: str


def serving_release(dist: Distribution, view: View) -> Serving | str:
    """The newest of its releases, of another package of its project, or else an older one, whose wheel
    was read to hold code for each target; or why there is none. For the same CUDA."""
    own, asked = list(_with_code(dist.name, dist, view)), declared(view, dist.name)
    own = [one for one in own if asked.allows(one.version) and one.version != dist.version]
    here = version_of(dist.version)
    newer = [one for one in own if here and Version(one.version) > here]
    others = families.side_by_side(dist.name) if not asked.rows else ()
    beside = [one for name in others for one in _with_code(name, dist, view)]
    found = next(iter([*newer, *beside, *own]), None)
    return found or f"no release of {dist.name} is known to hold code for {named(view.targets)}"


def _with_code(name: str, dist: Distribution, view: View) -> Iterator[Serving]:
    python = view.facts.python
    fit = families.for_python(name, python.version) if python else None
    major = families.cuda_major(dist.name, dist.version)
    for version, code in families.code(name).items():
        same = major is None or families.cuda_major(name, version) in (None, major)
        if same and (fit is None or version in fit) and _runs(code, view):
            yield Serving(name, version)


def _runs(held: Sequence[str], view: View) -> bool:
    code, driver = codes(held), driver_cuda(view)
    return all(serves(code, t.arch, driver).status in ("native", "jit") for t in view.targets)


def elsewhere(name: str, view: View, first: Offer) -> Offer | None:
    """The newest listed wheel that lies in another place: where that of the first is out of reach."""
    build, asked = build_of(view), declared(view, name)
    if isinstance(build, str):
        return None
    if first.version and first.index == build.variant and _is_plain(name, build):
        return replace(first, requirement=f"{name}==={first.version}", index=None)
    for offer in listings.offers(name, build):
        wanted = offer.version is None or asked.allows(offer.version)
        grown = offer.version and outgrown(name, offer.version, view.targets)
        if wanted and not grown and _place(offer) != _place(first):
            return offer
    return None


def _is_plain(name: str, build: Build) -> bool:
    """Whether a plain install brings this build, of torch and so of what follows it."""
    release = torch_releases.get(build.release)
    usual = release.default.get(build.platform) if release else None
    return usual == build.variant and listings.follows_torch(name)


def _place(offer: Offer) -> str:
    """The host that it comes from, in few words."""
    address = offer.page or offer.requirement.partition(" @ ")[2]
    return f"index {offer.index}" if offer.index else "/".join(address.split("/")[:4])


def build_of(view: View) -> Build | str:
    """The patient's torch build and Python, or why they say nothing."""
    torch, python, host = view.facts.torch, view.facts.python, view.facts.host
    if torch is None or torch.release is None or python is None:
        return "there is no torch here to choose wheels for"
    if torch.build not in (None, "release"):
        return f"torch is a {torch.build} build: published wheels are for releases"
    variant = torch.variant or _named(torch)
    if variant is None:
        return f"which build of torch {torch.release} this is is not known"
    platform = torch_releases.platform(host.os, host.machine)
    return Build(torch.release, variant, python.tag, platform, torch.cxx11_abi)


def _named(torch: Torch) -> str | None:
    """By its version, else by its CUDA."""
    local = (torch.version or "").partition("+")[2]
    if re.fullmatch(r"cpu|cu\d{3}|rocm\d+(\.\d+){1,2}", local):
        return local
    return f"cu{minor(torch.cuda).replace('.', '')}" if torch.cuda else None
