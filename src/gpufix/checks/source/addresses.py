"""WHL505's requirement-file half: addresses of wheels for another torch or CUDA."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from gpufix.checks.registry import ADVICE, WARNING, Fault
from gpufix.evidence.named_for import for_others, for_release
from gpufix.evidence.script_branches import Unserved, unserved
from gpufix.evidence.script_rows import docker_files, shell_files
from gpufix.evidence.source_view import at, for_documentation, for_tests, requirement_files
from gpufix.evidence.view import View
from gpufix.knowledge.data_table import minor
from gpufix.model import Host, Torch
from gpufix.model.source_payload import ImageWheelAddress, ProjectFile, WheelAddress

if TYPE_CHECKING:
    from gpufix.source.source_facts import Address


def faults(view: View, torch: Torch) -> Iterator[Fault]:
    """One fault for each file and each address that does not fit the installed torch."""
    if not torch.variant or torch.variant == "cpu":
        return
    torch_vendor = "amd" if torch.hip else "nvidia"
    for path, facts in requirement_files(view).items():
        if for_tests(path) or for_documentation(path) or for_others(path, torch_vendor):
            continue  # another environment, often without a GPU
        rows = [row for row in facts.addresses if not for_release(path, row.variant)]
        yield from _of_file(view, torch, path, rows)
    for path, script in shell_files(view).items():
        yield from _of_file(view, torch, path, script.addresses)
    yield from _images(view)
    for each in unserved(view):
        yield _unserved_fault(view, torch, each)


def _unserved_fault(view: View, torch: Torch, row: Unserved) -> Fault:
    """A `case` on releases without the one that is here."""
    when = f" when it is run with {row.when}" if row.when else ""
    shown = list(row.releases)
    listed = ", ".join(shown) if len(shown) < 5 else f"{shown[0]} … {shown[-1]}"
    return Fault(
        severity=ADVICE,
        subject=row.path,
        message=f"{row.path} installs {', '.join(row.names)}{when} for {row.of} {listed} only, and "
        f"nothing for torch {torch.version}.",
        evidence=(at(view, row.path, row.line, f"case on the release of {row.of}"),),
        payload=ProjectFile(row.path),
    )


def _of_file(view: View, torch: Torch, path: str, addresses: Sequence[Address]) -> Iterator[Fault]:
    rows: dict[str, list[Address]] = {}
    for row in addresses:
        if row.option and row.variant and _differs(row, torch) and not _chosen(row):
            rows.setdefault(row.url, []).append(row)
        elif row.option or _chosen(row) or not runs_on(view.facts.host, row.url):
            continue
        elif unfit := _unfit(view, torch, row):
            yield _wheel_fault(view, path, row, unfit)
    for url, found in rows.items():
        yield _fault(view, torch, path, url, found)


def _chosen(row: Address) -> bool:
    """Whether the option itself says for which CUDA: `--cu118`."""
    digits = re.sub(r"\D", "", row.variant)
    return bool(row.when and digits and digits in re.sub(r"\D", "", row.when))


def runs_on(host: Host, url: str) -> bool:
    """Whether a wheel is for this system and machine: the list of another one is left to that."""
    platform = url.rpartition("-")[2].removesuffix(".whl")
    if platform == "any":
        return True
    return host.machine in platform and (host.os == "Linux") is ("linux" in platform)


class _Unfit(NamedTuple):
    """What a wheel is for, and what there is."""

    wheel: str
    here: str


def _unfit(view: View, torch: Torch, row: Address) -> list[_Unfit]:
    """Where the name of a wheel contradicts this Python or this torch."""
    python, found = view.facts.python, list[_Unfit]()
    if python and row.tag and python.tag not in row.tag.split("."):
        found.append(_Unfit(row.tag, python.tag))
    if _other_release(row, torch):
        found.append(_Unfit(f"torch {row.torch}", f"torch {torch.version}"))
    elif (
        row.variant and row.variant != "cpu" and _major(row.variant) != _major(torch.variant or "")
    ):
        found.append(_Unfit(row.variant, f"torch {torch.version}"))
    elif row.abi is not None and torch.cxx11_abi is not None and bool(row.abi) != torch.cxx11_abi:
        here = f"torch {torch.version} with {int(torch.cxx11_abi)}"
        found.append(_Unfit(f"_GLIBCXX_USE_CXX11_ABI={row.abi}", here))
    return found


def _wheel_fault(view: View, path: str, row: Address, unfit: list[_Unfit]) -> Fault:
    when = f" when it is run with {row.when}" if row.when else ""
    name = row.url.rpartition("/")[2]
    wheel, here = (", ".join(part) for part in zip(*unfit, strict=True))
    return Fault(
        severity=ADVICE if row.when else WARNING,
        subject=f"{path}: {row.url}",
        message=f"{path} installs {name}{when}, which is for {wheel}; here is {here}.",
        evidence=(at(view, path, row.line, row.url),),
        payload=WheelAddress(path, row.url, (row.line,)),
    )


def _images(view: View) -> Iterator[Fault]:
    """Wheels for another CUDA major than the development image of the same stage has."""
    for path, facts in docker_files(view).items():
        for row in facts.addresses:
            image, variant = row.image, row.variant
            if (
                image
                and variant.startswith("cu")
                and (row.option or len(variant) > 4)
                and _major(variant) != f"cu{image.partition('.')[0]}"
            ):
                yield Fault(
                    severity=ADVICE,
                    subject=f"{path}: {row.url}",
                    message=f"{path} takes wheels for {variant} on an image with CUDA {image}: "
                    "extensions cannot be built for that torch there.",
                    evidence=(at(view, path, row.line, row.url),),
                    payload=ImageWheelAddress(path, row.url),
                )


def _differs(row: Address, torch: Torch) -> bool:
    """A page for CPU builds is meant for machines without a GPU: documentation, tests."""
    if row.variant == "cpu":
        return False
    return row.variant != torch.variant or _other_release(row, torch)


def _other_release(row: Address, torch: Torch) -> bool:
    if not row.torch or not torch.release:
        return False
    return minor(row.torch) != minor(torch.release)


def _major(variant: str) -> str:
    """cu128 -> cu12, rocm6.4 -> rocm6."""
    return variant[:4] if variant.startswith("cu") else variant.partition(".")[0]


def _fault(view: View, torch: Torch, path: str, url: str, rows: list[Address]) -> Fault:
    row = rows[0]
    known = f"torch {row.torch} and " if row.torch else ""
    when = f" when it is run with {row.when}" if all(r.when for r in rows) else ""
    grave = _other_release(row, torch) or _major(row.variant) != _major(torch.variant or "")
    return Fault(
        severity=WARNING if grave and not when else ADVICE,
        subject=f"{path}: {url}",
        message=f"{path} points to wheels for {known}{row.variant}{when}; torch {torch.version} is "
        "installed.",
        evidence=tuple(at(view, path, r.line, r.url) for r in rows),
        payload=WheelAddress(path, url, tuple(r.line for r in rows)),
    )
