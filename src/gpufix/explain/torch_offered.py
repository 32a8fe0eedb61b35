"""Which torch an installer was offered: the Python, the index or the variant that would have the release asked for."""

from __future__ import annotations

import re

from gpufix.explain.explanation import Explanation, Told
from gpufix.knowledge import torch_releases
from gpufix.knowledge.data_table import numbers

INDEX = "https://download.pytorch.org/whl"
LAST_INTEL_MAC = (2, 2, 2)  # torch 2.3's release notes: no more builds for Macs with Intel


def for_this_python(
    explanation: Explanation, version: str, listed: list[str], around: str
) -> Explanation | None:
    """pip lists only what fits the Python and platform: the last one listed tells which they are."""
    seen = [numbers(one.partition("+")[0]) for one in listed]
    if (not seen or any("+cu" in one for one in listed)) and (
        other := _other_index(version, listed, around)
    ):
        return explanation.but(do=other)
    release = torch_releases.get(version)
    tags = release.python_tags.get("linux_x86_64", ()) if release else ()
    pythons = [f"3.{tag[3:]}" for tag in tags if re.fullmatch(r"cp3\d+", tag)]
    span = f"Python {pythons[0]} to {pythons[-1]}" if pythons else "an older Python"
    plain, _, local = version.partition("+")
    asked = numbers(plain)
    if not seen:
        return explanation.but(
            do=f"pip found no torch at all for this Python: use a 64-bit one ({span}; `python -VV` tells "
            "which runs), or the index that has torch for this platform"
            + (f" (`--index-url {INDEX}/{local}`)." if local else ".")
        )
    if max(seen) == LAST_INTEL_MAC:
        return explanation.but(
            do="torch ends with 2.2.2 on Macs with Intel: on Apple silicon use a Python for arm64 (not under "
            "Rosetta), else torch 2.2.2."
        )
    index = f" from `--index-url {INDEX}/{local}`" if local else ""
    if asked > max(seen) and pythons:
        return explanation.but(
            what=f"pip sees torch up to {_dotted(max(seen))} only for this Python, which is too old or too new for torch {version}.",
            do=f"Use {span} for torch {version}{index}, or torch {_dotted(max(seen))}.",
        )
    if asked < min(seen):
        return explanation.but(
            what=f"pip sees torch from {_dotted(min(seen))} on only: this Python is newer than the wheels of torch {version}.",
            do=f"Use {span} for torch {version}{index}, or torch {_dotted(min(seen))} or newer.",
        )
    return None


def on_its_index(version: str, local: str, around: str) -> str:
    """A build with a local part: on an index of its own, which was given or not."""
    nightly = "nightly/" if ".dev" in version else ""
    index = f"{INDEX}/{nightly}{local}"
    if index not in around:
        return f"Give the index of that build: `--index-url {index}` (it lists what it has)."
    gone = (
        ", or a nightly that is still there: they are deleted after some weeks" if nightly else ""
    )
    return (
        "The index is the right one and has none for this Python. Use a 64-bit Python that it lists "
        f"(`python -VV` shows which one runs; on Windows not the one of WindowsApps){gone}."
    )


def never_built(version: str, local: str) -> Told | None:
    """torch in a variant that its release was never built in."""
    release = torch_releases.get(version)
    has, cuda = _builds(version)
    if release is None or not local.startswith("cu") or not cuda or local in has:
        return None
    after = next(
        (
            r
            for r in torch_releases.all()
            if numbers(r.version) > numbers(release.version) and local in r.variants("linux_x86_64")
        ),
        None,
    )
    other = (
        f'A torch that has {local}: `pip install "torch=={after.version}" --index-url {INDEX}/{local}`, or newer. Or this'
        if after
        else "This"
    )
    return Told(
        f"There is no torch {version}: torch {release.version} was built for {', '.join(cuda)}, and not for {local}.",
        f'{other} torch in a variant that it has: `pip install "torch=={release.version}" --index-url {INDEX}/{cuda[-1]}`.',
    )


def _other_index(version: str, listed: list[str], around: str) -> str | None:
    """torch on an index that never had this release: those that have it."""
    given = re.search(r"download\.pytorch\.org/whl/(cu\d{2,3})\b", around)
    given = given or re.search(r"\+(cu\d{2,3})\b", " ".join(listed))
    has, cuda = _builds(version)
    if given is None or not cuda or given[1] in has:
        return None
    plain, _, local = version.partition("+")
    return (
        f"torch {plain} is not on the index {given[1]}. It is on {', '.join(has)}: `pip install "
        f'"torch=={plain}" --index-url {INDEX}/{local if local in has else cuda[-1]}`.'
    )


def _builds(version: str) -> tuple[list[str], list[str]]:
    """The variants that a release was built in, and those for CUDA among them; none of an unknown release."""
    release = torch_releases.get(version)
    has = sorted(release.variants("linux_x86_64")) if release else []
    return has, [variant for variant in has if variant.startswith("cu")]


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
