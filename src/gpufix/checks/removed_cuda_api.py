"""SRC604's C++ half: names that the CUDA toolkit or the installed torch no longer declares."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gpufix.checks import building, cxx_view
from gpufix.checks.registry import ADVICE, ERROR, WARNING, Fault
from gpufix.checks.source_view import absolute
from gpufix.knowledge import cuda_api
from gpufix.knowledge.versions import at_least, minor
from gpufix.model import Evidence, Severity
from gpufix.view import View

# Folders of torch's headers whose contents went over the years; others come with other devices.
_TORCH_FOLDERS = ("THC/", "TH/", "ATen/cuda/", "c10/cuda/", "c10/util/", "ATen/core/")
_TORCH_SUFFIXES = (".h", ".hpp", ".cuh")
_PROPERTY = "cudaDeviceProp::"


def faults(view: View) -> Iterator[Fault]:
    """One fault for each file and each name in it that is gone."""
    torch = view.facts.torch
    if torch is not None and torch.hip:
        return
    for path, facts in cxx_view.own_files(view).items():
        passes = cxx_view.cuda_passes(view, cxx_view.kinds(view).get(path))
        lines: dict[str, list[int]] = {}
        for name, line, guards in _used(facts):
            if cxx_view.live(facts, guards, passes):
                lines.setdefault(name, []).append(line)
        for name, found in lines.items():
            if lacking := _lacking(view, name):
                yield _fault(view, path, name, sorted(set(found)), lacking)


def _used(facts: dict[str, Any]) -> Iterator[tuple[str, int, list[str]]]:
    for name, line, guards in facts.get("removed", []):
        yield name, line, guards
    for name, quoted, line, guards in facts.get("includes", []):
        if not quoted or name.startswith(_TORCH_FOLDERS):
            yield f"<{name}>", line, guards


def _lacking(view: View, name: str) -> str | None:
    """Who does not have the name; None = it is there, or that is not known."""
    torch = view.facts.torch
    if name.startswith("<") and name[1:].startswith(_TORCH_FOLDERS):
        header = name[1:-1]
        if torch is None or not header.endswith(_TORCH_SUFFIXES):
            return None
        if not torch.cuda and not header.startswith("TH"):
            return None  # a CPU build lacks some of CUDA's
        return f"torch {torch.version}" if view.ask("torch-header", header) is False else None
    row = cuda_api.removed().get(name)
    if name.startswith(_PROPERTY):
        return _cuda_since(view, cuda_api.PROPERTIES_GONE)
    if row is None:
        return None
    if row.owner == "CUDA":
        return _cuda_since(view, row.gone)
    declared = torch and view.ask("torch-declares", f"{row.header} {row.needle}")
    return f"torch {torch.version}" if torch and declared is False else None


def _cuda_since(view: View, gone: str) -> str | None:
    version = cxx_view.cuda_version(view)
    return f"CUDA {minor(version)}" if version and at_least(version, gone) else None


def _fault(view: View, path: str, name: str, lines: list[int], lacking: str) -> Fault:
    return Fault(
        severity=_severity(view, path, lacking),
        subject=path,
        message=f"{path} uses {name}, which {lacking} does not have.",
        evidence=tuple(Evidence(text=name, path=absolute(view, path), line=n) for n in lines),
        data={"part": "cxx", "path": path, "name": name, "lines": lines},
    )


def _severity(view: View, path: str, lacking: str) -> Severity:
    """Error for what the build files compile; a toolkit that is not here is a guess from torch."""
    toolkit = building.toolkit_in_use(view)
    if lacking.startswith("CUDA") and (toolkit is None or not toolkit.version):
        return ADVICE
    return ERROR if path in reached(view) else WARNING


def reached(view: View) -> frozenset[str]:
    """Sources that the build files name, and the project's headers that these include."""
    return view.derive(_reached)


def _reached(view: View) -> frozenset[str]:
    found = set(cxx_view.built(view))
    queue = list(found)
    by_end = view.derive(header_ends)
    files = cxx_view.files(view)
    while queue:
        path = queue.pop()
        for name, _, _, _ in files.get(path, {}).get("includes", []):
            header = resolve(path, name, by_end)
            if header and header not in found:
                found.add(header)
                queue.append(header)
    return frozenset(found)


def header_ends(view: View) -> dict[str, list[str]]:
    """File name -> paths of the project's files of that name."""
    found: dict[str, list[str]] = {}
    for path in cxx_view.kinds(view):
        found.setdefault(path.rpartition("/")[2], []).append(path)
    return found


def resolve(path: str, name: str, by_end: dict[str, list[str]]) -> str | None:
    """The project's file that an include names: beside the including one, else the only fit."""
    parts: list[str] = path.split("/")[:-1]
    for part in name.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part != ".":
            parts.append(part)
    beside = "/".join(parts)
    ends = by_end.get(name.rpartition("/")[2], [])
    if beside in ends:
        return beside
    clean = name.replace("../", "").removeprefix("./")
    fits = [end for end in ends if end == clean or end.endswith(f"/{clean}")]
    return fits[0] if len(fits) == 1 else None
