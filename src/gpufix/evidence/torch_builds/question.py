"""What is asked: all that decides which torch build fits."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from gpufix.evidence.building import toolkit_in_use
from gpufix.evidence.driver_fit import stands_here
from gpufix.evidence.torch_builds.candidates import Channel, Extension
from gpufix.evidence.view import View
from gpufix.frozen import Frozen
from gpufix.knowledge import cuda as cuda_toolkits
from gpufix.knowledge import torch_releases
from gpufix.knowledge.gpus.drivers import Flavour
from gpufix.model import Target

_PLATFORMS = ("linux_x86_64", "linux_aarch64")


class NvidiaDriver(Frozen):
    """NVIDIA's driver. `version` None: only its branch ("570") or the highest CUDA that it serves is
    known.

    `drives` False: it is of a machine whose GPUs are others than the targets.
    """

    cuda: str
    version: str | None = None
    flavour: Flavour | None = None
    drives: bool = True
    branch: str | None = None

    def __str__(self) -> str:
        number = self.version or self.branch
        return f"{number} (CUDA {self.cuda})" if number else f"one of CUDA {self.cuda}"


class Now(Frozen):
    """What is there now, from which the smallest change is measured. Versions as "12.8"."""

    release: str | None = None
    variant: str | None = None
    cuda: str | None = None
    rocm: str | None = None
    toolkit: str | None = None


class Question(Frozen):
    """`targets` are of one vendor; none asks for a CPU build. `libc` "musl" has no wheels.

    `allowed`: torch versions that are wanted at all. `rocm`: only this ROCm minor version.
    `channel`: whose builds may be offered. `variant`: only builds of this name ("cu118").
    `along`: packages of which there must be a wheel for it.
    """

    targets: tuple[Target, ...]
    python: str  # "cp312"
    platform: str = "linux_x86_64"
    libc: str | None = None
    libc_version: str | None = None
    driver: NvidiaDriver | None = None
    now: Now = Now()
    extensions: tuple[Extension, ...] = ()
    allowed: SpecifierSet | None = None
    rocm: str | None = None
    channel: Channel = "pytorch.org"
    variant: str | None = None
    along: tuple[str, ...] = ()

    @property
    def vendor(self) -> str | None:
        """Whose GPUs are to be served; None = none."""
        return self.targets[0].vendor if self.targets else None


def of_view(
    view: View,
    targets: Sequence[Target],
    rocm: str | None = None,
    extensions: tuple[Extension, ...] = (),
) -> Question | None:
    """The question that a patient puts. None without a Python. Targets of the first one's vendor."""
    python, host = view.facts.python, view.facts.host
    if python is None:
        return None
    vendor = targets[0].vendor if targets else None
    asked = tuple(t for t in targets if t.vendor == vendor)
    return Question(
        targets=asked,
        python=python.tag,
        platform=torch_releases.platform(host.os, host.machine),
        libc=host.libc,
        libc_version=host.libc_version,
        driver=_driver(view, asked),
        now=_now(view),
        extensions=extensions,
        rocm=rocm,
        channel=_channel(view),
    )


def _channel(view: View) -> Channel:
    """Of whom the torch comes that is there; without one, of who manages the environment."""
    torch = view.dist("torch")
    condas = torch.source == "conda" if torch else view.facts.conda is not None
    return "conda-forge" if condas else "pytorch.org"


def driver(text: str) -> NvidiaDriver:
    """ "550.54.14", "550" or the CUDA that it serves, "12.4". Raises ValueError."""
    version = text.strip()
    parts = version.split(".")
    if not 1 <= len(parts) <= 4 or not all(p.isascii() and p.isdigit() for p in parts):
        raise ValueError(
            f"{text!r} is neither a driver's version (550.54.14) nor a CUDA one (12.4)"
        )
    if int(parts[0]) < 100:
        return NvidiaDriver(cuda=".".join([*parts, "0"][:2]))
    cuda = cuda_toolkits.cuda_of_driver(version)
    if cuda is None:
        raise ValueError(f"driver {version} is older than every one that gpufix knows")
    return NvidiaDriver(cuda, version) if len(parts) > 1 else NvidiaDriver(cuda, branch=version)


def python_tag(version: str | None) -> str:
    """ "3.12" → "cp312", "3.13t" → "cp313t"; None: the Python that this runs in. Raises ValueError."""
    if version is None:
        return f"cp{sys.version_info[0]}{sys.version_info[1]}"
    found = re.fullmatch(r"(?:cp)?(3)\.?(\d{1,2})(?:\.\d+)?(t?)", version.strip())
    if found is None:
        raise ValueError(
            f"{version!r} is not a Python version: 3.12, or 3.13t for a free-threaded one"
        )
    return "cp" + "".join(found.groups())


def platform_name(name: str | None) -> str:
    """The key of a platform ("linux-aarch64" too); None: x86-64 Linux. Raises ValueError."""
    if name is None:
        return _PLATFORMS[0]
    key = name.strip().lower().replace("-", "_")
    key = key.replace("amd64", "x86_64").replace("arm64", "aarch64")
    if key not in _PLATFORMS:
        raise ValueError(f"{name!r}: torch's builds are known for {' and '.join(_PLATFORMS)}")
    return key


def specifier(text: str) -> SpecifierSet:
    """ "2.8" → every 2.8, ">=2.6,<2.9" as it stands. Raises ValueError."""
    wanted = text.strip().removeprefix("torch").strip()
    bare = re.fullmatch(r"\d+(\.\d+)*", wanted)
    if bare and wanted.count(".") < 2:
        wanted = f"=={wanted}.*"
    elif bare:
        wanted = f"=={wanted}"
    try:
        return SpecifierSet(wanted)
    except InvalidSpecifier:
        raise ValueError(f"{text!r} is not a version or a range of versions") from None


def wanted(text: str) -> tuple[SpecifierSet | None, str | None]:
    """ "2.7.0+cu118" → that release and that build; "cu118" → the build of any. Raises ValueError."""
    found = re.fullmatch(r"(.*?)\+?(cpu|cu\d{2,3}|rocm\d+(?:\.\d+){1,2})", text.strip())
    if found is None:
        return specifier(text), None
    return specifier(found[1]) if found[1] else None, found[2]


def _driver(view: View, targets: Sequence[Target]) -> NvidiaDriver | None:
    """By the CUDA that it names, else by its version: of which WSL2's library says nothing."""
    found = next((d for d in view.facts.drivers if d.vendor == "nvidia"), None)
    if found is None:
        return None
    known = found.version and not view.facts.host.wsl
    cuda = found.cuda or (cuda_toolkits.cuda_of_driver(str(found.version)) if known else None)
    drives = all(stands_here(view, found, t) for t in targets if t.vendor == "nvidia")
    return NvidiaDriver(cuda, found.version, found.flavour, drives) if cuda else None


def _now(view: View) -> Now:
    torch, toolkit = view.facts.torch, toolkit_in_use(view)
    cuda = toolkit.version if toolkit and toolkit.kind == "cuda" else None
    if torch is None:
        return Now(toolkit=cuda)
    return Now(torch.release, torch.variant, torch.cuda, torch.hip, cuda)
