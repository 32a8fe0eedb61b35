"""Removed CUDA and torch names, and missing headers, that the project's sources would meet."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from gpufix.evidence import building, cxx
from gpufix.evidence.carried import is_carried
from gpufix.evidence.source_view import absolute, is_vendored
from gpufix.evidence.view import View
from gpufix.frozen import Frozen
from gpufix.knowledge import removed_apis
from gpufix.knowledge.data_table import at_least, minor
from gpufix.knowledge.std_includes import NEEDS, Need
from gpufix.model import ADVICE, ERROR, WARNING, Evidence, Fault, Gap, Severity
from gpufix.model.source_payload import RemovedNameUse

if TYPE_CHECKING:
    from gpufix.source.scanned import CxxFiles
    from gpufix.source.source_facts import CxxFacts, Guards

# Folders of torch's headers whose contents went over the years; others come with other devices.
_TORCH_FOLDERS = ("THC/", "TH/", "ATen/cuda/", "c10/cuda/", "c10/util/", "ATen/core/")
_TORCH_SUFFIXES = (".h", ".hpp", ".cuh")


def faults(view: View) -> Iterator[Fault | Gap]:
    """One fault for each file and each name in it that is gone; one gap for those of a file of which
    nothing here tells."""
    torch = view.facts.torch
    if torch is not None and torch.hip:
        return
    files = cxx.cxx_files(view)
    own = {name for facts in files.told.values() for name in facts.own}
    has_thc = any(map(_of_thc, own))
    for path, facts in _telling(view, files):
        passes = cxx.cuda_passes(view, cxx.source_kinds(view).get(path))
        lines: dict[str, list[int]] = {}
        unsure: dict[str, list[int]] = {}  # under a condition that nothing here decides
        for name, line, guards in _used(facts):
            if name in own or (has_thc and _of_thc(name)):
                continue
            if _of_hip(name) and (not _for_nvcc(path) or view.derive(_only_hip)):
                continue
            compiled = cxx.live(facts.macros, guards, passes)
            if compiled:
                lines.setdefault(name, []).append(line)
            elif compiled is None:
                unsure.setdefault(name, []).append(line)
        for names, who in _together(lines, lambda name: _lacking(view, name)):
            rows = sorted({(line, name) for name in names for line in lines[name]})
            yield _fault(view, path, rows, who)
        perhaps = [name for name in unsure if name not in lines]
        for names, who in _together(perhaps, lambda name: _known_lacking(view, name)):
            rows = sorted({(line, name) for name in names for line in unsure[name]})
            yield _perhaps(view, path, rows, who)
        if unknown := [name for name in lines if _unknown(view, name)]:
            yield gap(view, path, unknown)


def _telling(view: View, files: CxxFiles) -> Iterator[tuple[str, CxxFacts]]:
    """The files that may use a name that is gone: most use none, and their includes all exist."""
    gone: dict[str, bool] = {}
    for path, names in files.named.items():
        if is_vendored(path) or (is_carried(view, path) and not is_reached(view, path)):
            continue
        if path in files.told and _of_other_makers(view, path):
            continue
        for name in () if files.whole else names:
            if name not in gone:
                header = f"<{name}>"
                gone[name] = bool(_lacking(view, header)) or _unknown(view, header)
        facts = files.get(path) if any(gone.get(name) for name in names) else files.told.get(path)
        if facts is not None:
            yield path, facts


# Sources for the compilers of MetaX, Moore Threads, Cambricon and Kunlun, and for nvcc and g++.
_THEIRS = (".maca", ".mu", ".mlu", ".xpu")
_OURS = (".cu", ".cpp", ".cc", ".cxx", ".c")


def _of_other_makers(view: View, path: str) -> bool:
    """Whether a header lies with sources for other makers' compilers alone."""
    if path.endswith(_OURS):
        return False
    names = view.project_names(absolute(view, path).rpartition("/")[0]) or ()
    return any(n.endswith(_THEIRS) for n in names) and not any(n.endswith(_OURS) for n in names)


def _together(
    names: Iterable[str], lacking: Callable[[str], str | None]
) -> Iterator[tuple[list[str], str]]:
    """Names that are gone, by cause, and who lacks them."""
    groups: dict[tuple[str, str], list[str]] = {}
    for name in names:
        if who := lacking(name):
            groups.setdefault((who, _cause(name)), []).append(name)
    for (who, _), found in groups.items():
        yield found, who


def _cause(name: str) -> str:
    """What names of one cause share: the guarded block that replaces them, the structure whose
    fields became attributes of the device, or THC, which went as a whole."""
    row = removed_apis.removed().get(name)
    if is_guarded(name):
        return ""
    if _of_thc(name):
        return "THC"
    return name.partition("::")[0] if row is not None and row.attribute else name


def _of_thc(name: str) -> bool:
    row = removed_apis.removed().get(name)
    return name.startswith("<THC/") or (row is not None and row.header.startswith("THC/"))


def is_guarded(name: str) -> bool:
    """Whether a block behind a test of the release replaces it: cub's functors."""
    row = removed_apis.removed().get(name)
    return row is not None and bool(row.now)


def _of_hip(name: str) -> bool:
    row = removed_apis.removed().get(name)
    return row is not None and row.hip


def _only_hip(view: View) -> bool:
    """Whether the project's sources include HIP's headers and none of CUDA's: hipcc compiles them."""
    named = cxx.cxx_files(view).named.items()
    names = {name for path, found in named if not is_vendored(path) for name in found}
    return any(n.startswith("hip/") for n in names) and not any(n.startswith("cuda") for n in names)


def _for_nvcc(path: str) -> bool:
    """Whether a file is nvcc's for certain: a header, or what is named for HIP, may be HIP's."""
    return path.endswith(".cu") and not re.search(r"(?i)hip|rocm|amd", path)


def gap(view: View, path: str, names: Sequence[str]) -> Gap:
    """For names that some releases lack, of packages of which none is installed."""
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    reason = (
        f"uses {shown}, which some releases lack; nothing installed tells which release it meets"
    )
    return Gap(section="sources", subject=absolute(view, path), reason=reason)


def _unknown(view: View, name: str) -> bool:
    """Whether the name is one that releases removed, and neither a torch nor a toolkit is here."""
    if view.facts.torch is not None:
        return False
    if name.startswith(("<TH/", "<THC/")):
        return True
    row = removed_apis.removed().get(name)
    if row is not None and row.owner == "numpy":
        return False
    of_cuda = row is not None and row.owner == "CUDA"
    return cxx.cuda_version(view) is None if of_cuda else row is not None


def _used(facts: CxxFacts) -> Iterator[tuple[str, int, Guards]]:
    yield from facts.removed
    for include in facts.includes:
        if not include.quoted or include.name.startswith(_TORCH_FOLDERS):
            yield f"<{include.name}>", include.line, include.guards


def _lacking(view: View, name: str) -> str | None:
    """Who does not have the name; None = it is there, or that is not known."""
    torch = view.facts.torch
    if name.startswith("<") and name[1:].startswith(_TORCH_FOLDERS):
        header = name[1:-1]
        if torch is None or not header.endswith(_TORCH_SUFFIXES):
            return None
        if not torch.cuda and not header.startswith("TH"):
            return None  # a CPU build lacks some of CUDA's
        return f"torch {torch.version}" if view.torch_header(header) is False else None
    row = removed_apis.removed().get(name)
    if row is None:
        return None
    if row.owner == "CUDA":
        return _cuda_since(view, row.gone)
    if row.owner == "numpy":
        return _numpy_since(view, row.gone)
    if torch is None:
        return None
    if row.needle:
        there = view.torch_declares(row.header, row.needle)
    else:
        there = view.torch_header(row.header)
    return f"torch {torch.version}" if there is False else None


def _known_lacking(view: View, name: str) -> str | None:
    """The same of names that a table has: what is only perhaps compiled is worth no more questions."""
    row = removed_apis.removed().get(name)
    of_cuda = row is not None and row.owner == "CUDA" and not row.hip
    return _lacking(view, name) if of_cuda else None


def _cuda_since(view: View, gone: str) -> str | None:
    version = cxx.cuda_version(view)
    return f"CUDA {minor(version)}" if version and at_least(version, gone) else None


def _numpy_since(view: View, gone: str) -> str | None:
    dist = view.dist("numpy")
    return f"numpy {dist.version}" if dist and at_least(dist.version, gone) else None


def _fault(view: View, path: str, rows: list[tuple[int, str]], lacking: str) -> Fault:
    names, lines = _parts(rows)
    return Fault(
        severity=_severity(view, path, lacking),
        subject=path,
        message=f"{path} uses {_listed(names)}, which {lacking} does not have.",
        evidence=_evidence(view, path, rows),
        payload=RemovedNameUse(path, names[0], lines, "cxx", names[1:]),
    )


def _perhaps(view: View, path: str, rows: list[tuple[int, str]], lacking: str) -> Fault:
    names, lines = _parts(rows)
    return Fault(
        severity=ADVICE,
        subject=path,
        message=f"{path} may use {_listed(names)}, which {lacking} does not have: only a build decides"
        " the condition around it.",
        evidence=_evidence(view, path, rows),
        payload=RemovedNameUse(path, names[0], lines, "cxx", names[1:]),
    )


def _parts(rows: list[tuple[int, str]]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The names, and their lines, each once."""
    names = tuple(dict.fromkeys(name for _, name in rows))
    return names, tuple(dict.fromkeys(line for line, _ in rows))


def _listed(names: tuple[str, ...]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _evidence(view: View, path: str, rows: list[tuple[int, str]]) -> tuple[Evidence, ...]:
    return tuple(Evidence(text=name, path=absolute(view, path), line=line) for line, name in rows)


def _severity(view: View, path: str, lacking: str) -> Severity:
    """Error for what the build files compile; a toolkit that is not here is a guess from torch."""
    toolkit = building.toolkit_in_use(view)
    if lacking.startswith("CUDA") and (toolkit is None or not toolkit.version):
        return ADVICE
    return ERROR if is_reached(view, path) else WARNING


def is_reached(view: View, path: str) -> bool:
    """Whether the build files name a source, or one that they name includes it."""
    built = cxx.built(view)
    return path in built or view.derive(_Ways).lead_to(path)


_APART = 40  # sources to which the ways are followed one by one


class _Ways:
    """From what is built to what that includes: only files that may lead to a source are read for it."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._answers: dict[str, bool] = {}
        self._every: set[str] | None = None

    def lead_to(self, path: str) -> bool:
        """Whether one leads to this source."""
        if self._every is not None:
            return path in self._every
        if path not in self._answers:
            if len(self._answers) == _APART:
                self._every = self._reached(cxx.source_kinds(self._view))
                return path in self._every
            self._answers[path] = path in self._reached(_leading_to(self._view, [path]))
        return self._answers[path]

    def _reached(self, within: Container[str]) -> set[str]:
        view, by_end = self._view, self._view.derive(header_ends)
        found = {path for path in cxx.built(view) if path in within}
        queue = list(found)
        files = cxx.cxx_files(view)
        while queue:
            path = queue.pop()
            facts = files.get(path)
            for include in facts.includes if facts else ():
                header = resolve(path, include.name, by_end)
                if header and header not in found and header in within:
                    found.add(header)
                    queue.append(header)
        return found


def header_ends(view: View) -> dict[str, list[str]]:
    """File name -> paths of the project's files of that name."""
    found: dict[str, list[str]] = {}
    for path in cxx.source_kinds(view):
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


_STEPS = 200_000  # includes followed in one project


class MissingHeader(Frozen):
    """A name without its header. `unit` is the source in which the header file is compiled."""

    path: str
    name: str
    line: int
    header: str
    since: int | None
    unit: str | None


def missing(view: View) -> list[MissingHeader]:
    """The first such use of each file and header."""
    found: dict[tuple[str, str], MissingHeader] = {}
    kinds = _units(view)
    leading = _leading_to(view, cxx.cxx_files(view).needing)
    for need in NEEDS:
        walk = _Walk(view, need)
        for path, kind in cxx.source_kinds(view).items():
            if kind in kinds and path in leading and not path.endswith((".cuh", ".c")):
                for row in walk.unit(path):
                    found.setdefault((row.path, row.header), row)
    return [row for row in found.values() if not is_vendored(row.path)]


def _leading_to(view: View, paths: Iterable[str]) -> set[str]:
    """These, and the files whose includes may lead to one: no other unit has to be followed."""
    includers = cxx.includers(view)
    found = set(paths)
    waiting = [*found]
    while waiting:
        name = waiting.pop().rpartition("/")[2]
        more = set(includers.get(name, ())) - found
        found |= more
        waiting += more
    return found


def _units(view: View) -> tuple[str, ...]:
    """Kinds of sources to follow. What hipcc compiles begins with <stdint.h>, by HIP's headers."""
    torch = view.facts.torch
    return ("cpp",) if torch and torch.hip else ("cuda", "cpp")


class _Walk:
    """Follows the includes of one unit after the other."""

    def __init__(self, view: View, need: Need) -> None:
        self.view, self.need = view, need
        self.files = cxx.cxx_files(view)
        self.by_end = view.derive(header_ends)
        self.steps = 0

    def unit(self, path: str) -> Iterator[MissingHeader]:
        """Uses in this source and the project's headers before the name is declared."""
        passes = cxx.cuda_passes(self.view, cxx.source_kinds(self.view).get(path))
        seen: set[str] = set()
        stack = [self._events(path, passes)]
        names = [path]
        seen.add(path)
        while stack and self.steps < _STEPS:
            event = next(stack[-1], None)
            if event is None:
                stack.pop()
                names.pop()
                continue
            self.steps += 1
            is_include, name, line = event
            if not is_include:
                yield self._row(names[-1], name, line, path)
                return
            header = resolve(names[-1], name, self.by_end)
            if header is None:
                if name not in self.need.silent:
                    return  # it declares the names, or may
            elif header not in seen:
                seen.add(header)
                stack.append(self._events(header, passes))
                names.append(header)

    def _row(self, path: str, name: str, line: int, unit: str) -> MissingHeader:
        need = self.need
        other = None if unit == path else unit
        return MissingHeader(path, name, line, need.header, need.since, other)

    def _events(self, path: str, passes: list[cxx.Macros]) -> Iterator[tuple[bool, str, int]]:
        """(is an include, name, line) in order, the first of them twice. What may not be compiled is no
        use, but may include."""
        yield from ((True, name, 0) for name in self.files.opening.get(path, ()))
        facts = self.files.get(path)
        if facts is None:
            return
        rows = [
            (include.line, True, include.name)
            for include in facts.includes
            if cxx.live(facts.macros, include.guards, passes) is not False
        ]
        rows += [
            (use.line, False, use.name)
            for use in facts.needs.get(self.need.header, ())
            if cxx.live(facts.macros, use.guards, passes)
        ]
        yield from ((is_include, name, line) for line, is_include, name in sorted(rows))
