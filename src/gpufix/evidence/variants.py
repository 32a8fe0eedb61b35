"""For which machine a wheel's variant, or a build of conda's, says that it was made."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from gpufix.evidence.conda import match_spec
from gpufix.evidence.view import View
from gpufix.frozen import Frozen
from gpufix.knowledge.conda import brought_by
from gpufix.knowledge.data_table import numbers
from gpufix.model import CodeObject, CondaPackage, Distribution, WheelVariant

# "cuda129_generic_py311_h1", "cuda_118py39h", "py3.9_cuda11.8_cudnn8.7.0_0"
_CUDA = re.compile(r"(?:^|_)cuda_?(\d{2,3}|\d{1,2}\.\d)(?=_|py|$)")
_CPU = re.compile(r"cpu(?=_|py|$)")
_ARCH = re.compile(r"(\d{2,3}[af]?)(?:_(real|virtual))?")  # as CMake's CUDA_ARCHITECTURES
_GFX = re.compile(r"gfx\d{1,3}[0-9a-f]{2}")
_VERSION = re.compile(r"\d{1,2}(?:\.\d{1,2})?")


class Build(Frozen):
    """cuda: the oldest CUDA whose driver it is for. code: what it says to hold; none: not said.

    name: of the distribution, or conda's package. conda: its build string; None for a wheel.
    """

    name: str
    version: str
    what: str
    where: str | None
    cuda: str | None = None
    code: tuple[CodeObject, ...] = ()
    cpu: bool = False
    conda: str | None = None


def builds(view: View) -> Iterator[Build]:
    """Of everything but torch, which is judged by its own files."""
    for dist in view.facts.distributions:
        if dist.variant is not None and dist.name != "torch":
            yield _of_wheel(dist, dist.variant)
    yield from _roots(view.facts.conda_packages)


def _of_wheel(dist: Distribution, variant: WheelVariant) -> Build:
    """What no namespace known here says is left out: a provider's features are its own."""
    values: dict[str, list[str]] = {}
    for row in variant.properties:
        feature, _, value = row.rpartition(" :: ")
        values.setdefault(feature, []).append(value)
    least = [
        v for v in values.get("nvidia :: cuda_version_lower_bound", ()) if _VERSION.fullmatch(v)
    ]
    return Build(
        dist.name,
        dist.version,
        f"{dist.name} {dist.version} is the variant {variant.label}",
        f"{dist.metadata}/variant.json" if dist.metadata else None,
        cuda=min(least, key=numbers, default=None),
        code=tuple(_code(values)),
    )


def _code(values: dict[str, list[str]]) -> Iterator[CodeObject]:
    """None at all where a value is in a form that is not known."""
    found = [_ARCH.fullmatch(value) for value in values.get("nvidia :: sm_arch", ())]
    if all(found):
        for match in filter(None, found):
            if match[2] != "virtual":
                yield CodeObject(kind="cubin", arch=f"sm_{match[1]}")
            if match[2] != "real":
                yield CodeObject(kind="ptx", arch=f"sm_{match[1]}")
    gfx = values.get("amd :: gfx_arch", ())
    if all(_GFX.fullmatch(value) for value in gfx):
        yield from (CodeObject(kind="hip", arch=value) for value in gfx)


def _roots(packages: Iterable[CondaPackage]) -> Iterator[Build]:
    """Builds for CUDA or for the CPU, without those that another such package, or torch, brings along."""
    found = {p.name: (p, _of_conda(p), "torch" in brought_by(p)) for p in packages}
    causes = [package for package, build, torch in found.values() if build or torch]
    below = {
        spec.name
        for package in causes
        for row in package.depends
        if (spec := match_spec(row)) and spec.name != package.name
    }
    for name, (_, build, torch) in found.items():
        if build is not None and name not in below and not torch:
            yield build


def _of_conda(package: CondaPackage) -> Build | None:
    text = package.build or ""
    cuda, cpu = _CUDA.search(text), _CPU.match(text)
    if cuda is None and cpu is None:
        return None
    return Build(
        package.name,
        package.version,
        f"{package.name} {package.version} is conda's build {text}",
        package.metadata,
        cuda=_required(package) or (_dotted(cuda[1]) if cuda else None),
        cpu=cuda is None,
        conda=text,
    )


def _required(package: CondaPackage) -> str | None:
    """ "13.0" of "__cuda >=13.0"."""
    specs = [spec for row in package.depends if (spec := match_spec(row))]
    wanted = [spec.version or "" for spec in specs if spec.name == "__cuda"]
    least = [v for text in wanted for v in re.findall(r">=(\d{1,2}(?:\.\d{1,2})?)", text)]
    return max(least, key=numbers, default=None)


def _dotted(digits: str) -> str:
    """ "129" → "12.9", "12" → "12"."""
    return f"{digits[:2]}.{digits[2:]}" if len(digits) == 3 else digits
