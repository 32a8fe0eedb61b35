"""The nvcc that Makefiles call, and what it compiles for."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator, Mapping

from gpufix.evidence.arch_lists import arch_list
from gpufix.evidence.builds import ViewFiles, arch_flags
from gpufix.evidence.nvcc_calls import OF_ONE, NvccCall, beside, programs
from gpufix.evidence.source_view import absolute, for_tests, is_vendored
from gpufix.evidence.view import View
from gpufix.model import Gap
from gpufix.source.arch_flags import ArchFlag
from gpufix.source.builds.make_run import MakeCommand, MakeRun, run_make
from gpufix.source.builds.run import UNKNOWN_PART, Place, Said

_ROOTS = ("GNUmakefile", "makefile", "Makefile")  # in the order of make
_BETWEEN = re.compile(r"(&&|\|\||;|\|)")
_NAMES = re.compile(r"nvcc|(?:sm|compute)_\d|-gencode|-arch")
_FLAGS = re.compile(r"(?:sm|compute)_\d|-gencode|-arch")
# Words whose unknown part is a path or a macro, and no flag.
_HARMLESS = re.compile(r"-(?:I|L|l|o|D|isystem|rpath|Wl|Xlinker|MF)|[^-\0]")


class _Environment(Mapping[str, str]):
    """The variables of the view, each noted when it is asked for."""

    def __init__(self, view: View) -> None:
        self._view = view

    def __getitem__(self, name: str) -> str:
        value = self._view.env(name)
        if value is None:
            raise KeyError(name)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


class _Files:
    def __init__(self, view: View, root: str) -> None:
        self._files, self._root = ViewFiles(view, root), root

    def text(self, path: str) -> str | None:
        """A file of the project."""
        return self._files.text(f"{self._root}/{path}")


def make_calls(view: View) -> Iterator[tuple[str, list[NvccCall]] | Gap]:
    """Each file whose recipes call nvcc, and the calls that name architectures; a gap where nobody can tell."""
    found: dict[str, dict[tuple[Place, str], NvccCall]] = {}
    unknown: dict[str, None] = {}
    for path, run in view.derive(_runs):
        for command in run.commands:
            call = _call(command, run.whole, beside(view))
            if isinstance(call, NvccCall):
                same = found.setdefault(call.place.path, {})
                if not (known := same.get((call.place, call.spelled))) or call.sure > known.sure:
                    same[call.place, call.spelled] = call
            elif call is not None:
                unknown[path] = None
    yield from ((path, list(calls.values())) for path, calls in found.items())
    for path in unknown:
        if path not in found:
            reason = "what make hands to nvcc is known only when it runs"
            yield Gap(section="sources", subject=absolute(view, path), reason=reason)


def _runs(view: View) -> list[tuple[str, MakeRun]]:
    project = view.facts.project
    kinds = {s.path: s.kind for s in project.sources} if project else {}
    if project is None or "make" not in kinds.values():
        return []
    files = _Files(view, project.root.rstrip("/"))
    runs = []
    for path, kind in kinds.items():
        if kind != "make" or for_tests(path) or is_vendored(path) or not _is_root(path, kinds):
            continue
        if _NAMES.search(files.text(path) or "") or _includes(files.text(path) or ""):
            runs.append((path, run_make(files, path, _Environment(view))))
    return runs


def _is_root(path: str, kinds: Mapping[str, str]) -> bool:
    """Whether make reads it by itself, and no other one of the folder before it."""
    folder, _, name = path.rpartition("/")
    there = [each for each in _ROOTS if (f"{folder}/{each}" if folder else each) in kinds]
    return there[:1] == [name]


def _includes(text: str) -> bool:
    return re.search(r"(?m)^[-s]?include\b", text) is not None


def _call(command: MakeCommand, whole: bool, more: list[ArchFlag]) -> NvccCall | bool | None:
    """The call; True: it is one, and its flags are not known; None: nothing here calls nvcc for a GPU."""
    text = command.text.lstrip("@-+ \t").replace("\\\n", " ")
    if "nvcc" not in text:
        return None
    try:
        words = [
            word
            for part in _BETWEEN.split(text)
            for word in ([part] if _BETWEEN.fullmatch(part) else shlex.split(part, comments=True))
        ]
    except ValueError:
        return True if _FLAGS.search(text) else None
    for found in programs(tuple(words)):
        if posixpath.basename(found[0]) != "nvcc":
            continue
        given = found[1:]
        rows = arch_flags(tuple(Said(word, command.place) for word in given))
        flags = [flag for _, named in rows for flag in named]
        hidden = any(UNKNOWN_PART in w and not _HARMLESS.match(w) for w in given)
        decided = any(
            "$" in w or "`" in w for w in given if "arch" in w or "sm_" in w or "code" in w
        )
        if hidden or decided or not whole:
            return True if _FLAGS.search(" ".join(given)) or hidden else None
        if flags and all(flag.kind in ("cubin", "ptx") for flag in flags):
            return NvccCall(
                place=command.place,
                spelled=" ".join(said.text for said, named in rows if named),
                flags=tuple(flags),
                archs=arch_list([*flags, *more]),
                one=any(word in OF_ONE for word in given),
                sure=command.sure and not command.goal,
            )
    return None
