"""Which libraries torch's own `__init__.py` opens, and when: read from the installed file.

Its list and its conditions change with nearly every release, and nightly and vendor builds lie
between releases; so the file that will run is asked, not a table of versions.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence
from dataclasses import dataclass

from gpufix.binary.loader.disk import Files

_MAX_SOURCE = 1 << 20
_STARTS = re.compile(r"^def _(?:get_cuda_dep_paths|preload_cuda)", re.MULTILINE)
_END = "TORCH_USE_RTLD_GLOBAL"
# "cublas": "libcublas.so.*[0-9]" of a dict, ("cublas", "lib…") of a list or a call,
# ["cufile"] = "lib…" of a later entry, 'cublas', 'lib', 'libcublas.so.11' of a joined path.
_PAIR = re.compile(
    r"""["'](?P<folder>(?!lib["'])\w+)["']\s*(?:\]\s*=|:|,(?:\s*["']lib["']\s*,)?)\s*"""
    r"""["'](?P<name>lib[^"'/]+\.so[^"']*)["'](?P<spare>\s*,\s*required\s*=\s*False)?"""
)
_SUCCESS_STARTS, _SUCCESS_ENDS = "/proc/self/maps", "except "
_MARK = re.compile(r"""if\s+["'](?P<mark>[^"']+)["']\s+not\s+in""")
_WHOLE_LIST = re.compile(r"""_preload_cuda_\w{1,40}\(\s*(?P<spare>required\s*=\s*False)?\s*\)""")
_CUDA = re.compile(r"""^cuda\b[^=\n]*=\s*["'](\d+)""", re.MULTILINE)
_SINCE_12 = re.compile(r">=\s*12\b")


@dataclass(frozen=True)
class Step:
    """One library: a pattern of file names, searched in the folders of one NVIDIA package."""

    folder: str
    pattern: str
    required: bool = True


@dataclass(frozen=True)
class TorchPreload:
    """on_failure: opened when libtorch_global_deps.so cannot be, before it is tried once more.

    on_success: opened after it, if the process has a library whose path holds `mark` by then.
    below: folders of a sys.path entry that may hold them, with {folder} for the step's.
    """

    on_failure: tuple[Step, ...] = ()
    on_success: tuple[Step, ...] = ()
    mark: str = ""
    below: tuple[str, ...] = ()

    def find(self, files: Files, step: Step, sys_path: Sequence[str]) -> str | None:
        """The file that a step opens."""
        for entry in sys_path:
            for below in self.below:
                folder = f"{entry}/{below.format(folder=step.folder)}"
                names = sorted(fnmatch.filter(files.names_in(folder), step.pattern))
                if names:
                    return f"{folder}/{names[0]}"
        return None


def read_preload(files: Files, torch: str) -> TorchPreload:
    """What the torch in a folder does; nothing when its source shows none of it."""
    source = files.read(f"{torch}/__init__.py", _MAX_SOURCE).decode("utf-8", "replace")
    start = _STARTS.search(source)
    if start is None:
        return TorchPreload()
    code = source[start.start() : source.find(_END, start.start())]
    version = files.read(f"{torch}/version.py", _MAX_SOURCE).decode("utf-8", "replace")
    found = _CUDA.search(version)
    return _told(code, int(found[1]) if found else None)


def _told(code: str, cuda: int | None) -> TorchPreload:
    before, found, after_maps = code.partition(_SUCCESS_STARTS)
    steps, _, rest = after_maps.partition(_SUCCESS_ENDS) if found else ("", "", "")
    rest = before + rest
    listed = _steps(rest, cuda)
    mark, whole = _MARK.search(steps), _WHOLE_LIST.search(steps)
    after = _steps(steps, cuda)
    if whole is not None:
        after = [Step(s.folder, s.pattern, s.required and not whole["spare"]) for s in listed]
    below = ["nvidia/{folder}/lib"]
    if cuda is not None and 'f"cu{' in code:
        below.append(f"nvidia/cu{cuda}/lib")
    if re.search(r"join\(\s*path\s*,\s*lib_folder\b", code):
        below.append("{folder}/lib")
    return TorchPreload(tuple(listed), tuple(after), mark["mark"] if mark else "", tuple(below))


def _steps(code: str, cuda: int | None) -> list[Step]:
    """The libraries that a piece of code names, in its order."""
    found, seen = [], 0
    for pair in _PAIR.finditer(code):
        newer = _SINCE_12.search(code, seen, pair.start()) is not None
        seen = pair.end()
        if not newer or (cuda or 0) >= 12:
            found.append(Step(pair["folder"], pair["name"], not pair["spare"]))
    return found
