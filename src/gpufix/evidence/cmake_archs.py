"""For which GPUs the targets of a CMake build are compiled, and what steers that."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from gpufix.evidence.arch_lists import (
    ArchList,
    arch_list,
    missed,
    of_cmake,
    refused,
    spelled,
    targets,
)
from gpufix.evidence.cmake_builds import CMakeRoot, run
from gpufix.evidence.view import View
from gpufix.frozen import Frozen
from gpufix.knowledge.gpus.architectures import CudaArch, parse_arch
from gpufix.source.arch_flags import TWO_WORDS, ArchFlag, codes, parse_word
from gpufix.source.builds.run import FOREIGN

if TYPE_CHECKING:
    from gpufix.source.builds.cmake_result import Archs, CMakeBuild, CMakeTarget
    from gpufix.source.builds.run import Place, Said

_FIXED = ("cubin", "ptx")
_MOST_RUNS = 24
LIST = "TORCH_CUDA_ARCH_LIST"


class Compiled(Frozen):
    """A target with CUDA sources. archs: what CMake adds itself; flags: what files hand to nvcc.

    there: the target is, for sure; certain: and nothing else adds architectures; by_file: a line of the project
    fixes `archs`; perhaps: what its unknown parts may be. follows: the variable that takes
    the place of flags; by_torch: the find_package(Torch) that adds flags.
    """

    name: str
    archs: Archs | None
    by_file: bool
    cmake: ArchList
    flags: tuple[tuple[Place, ArchFlag], ...]
    certain: bool
    there: bool
    perhaps: tuple[ArchList, ...]
    follows: str | None
    by_torch: Place | None

    @property
    def everything(self) -> ArchList:
        """All that it is compiled for, as far as that is known."""
        more = arch_list(flag for _, flag in self.flags)
        return ArchList(
            cubins=(*self.cmake.cubins, *more.cubins),
            ptx=(*self.cmake.ptx, *more.ptx),
            native=self.cmake.native or more.native,
        )


def compiled(build: CMakeBuild) -> Iterator[Compiled]:
    """The targets of a build that nvcc compiles something of."""
    if not build.whole:
        return
    enabled = dict(build.languages).get("CUDA")
    for target in build.targets:
        if target.cuda is False or (target.kind != "FindCUDA" and not build.enables_cuda):
            continue
        yield _of(target, enabled, build.with_torch)


def _of(target: CMakeTarget, enabled: Place | None, torch: Place | None) -> Compiled:
    archs = target.archs if target.archs is not None and _on(target.archs.text) else None
    listed = codes([said.text for said in target.nvcc])
    found = [
        (said, flag) for said in _joined(target.nvcc) for flag in parse_word(said.text, listed)
    ]
    found = [row for row in found if row[1].kind in (*_FIXED, "native")]
    flags = tuple((said.place, flag) for said, flag in found if said.sure or not target.sure)
    doubted = arch_list(flag for said, flag in found if not said.sure)
    by_file = archs is not None and archs.place not in (enabled, target.place, torch)
    known = archs is None or ("\0" not in archs.text and archs.sure)
    unseen = any(_may_choose(said) for said in target.nvcc)
    texts = (archs.maybe or ("\0",)) if archs and not known else ()
    follows = (
        None if target.kind == "FindCUDA" else "TORCH_CUDA_ARCH_LIST" if torch else "CUDAARCHS"
    )
    return Compiled(
        name=target.name,
        archs=archs,
        by_file=by_file,
        cmake=of_cmake(archs.text) if archs and "\0" not in archs.text else ArchList(),
        flags=flags,
        certain=known and not unseen and target.sure and target.cuda is True,
        there=target.sure and target.cuda is True,
        perhaps=(*(_alternative(text) for text in texts), doubted),
        follows=follows,
        by_torch=torch if target.kind != "FindCUDA" else None,
    )


def _alternative(text: str) -> ArchList:
    """What an unknown part may be; one that is unknown itself may serve."""
    if "\0" in text:
        return ArchList(native=True)
    return of_cmake(text.strip(";")) if _on(text) else ArchList()


def _on(text: str) -> bool:
    return text.upper() not in ("OFF", "0", "NO", "FALSE", "")


def _may_choose(said: Said) -> bool:
    """Whether an unknown flag of the project's may name architectures."""
    if said.hangs == FOREIGN or ("\0" not in said.text and said.sure):
        return False
    known = said.text.replace("\0", "").strip()
    return not known or "arch" in known or "gencode" in known or "sm_" in known


def _joined(flags: tuple[Said, ...]) -> Iterator[Said]:
    """-gencode and what it names are two words or one."""
    pending: Said | None = None
    for said in flags:
        if pending is not None:
            said = said._replace(text=f"{pending.text} {said.text}")
            pending = None
        if said.text in ("-gencode", "--generate-code", *TWO_WORDS):
            pending = said
            continue
        if said.sure or "\0" not in said.text:
            yield said


def serves(view: View, build: CMakeBuild, surely: bool = False) -> bool:
    """Whether a run compiles every CUDA target for all GPUs.

    surely: else one of which that is not known will do, as long as the project fixes nothing for it.
    """
    found = list(compiled(build))
    if not found or build.fails is not None:
        return False
    return all(_serves(view, row) and (row.certain or not surely) for row in found)


def _serves(view: View, row: Compiled) -> bool:
    everything = row.everything
    if everything.bad or everything.native or refused(view, everything)[1]:
        return False
    if not missed(view, everything):
        return True
    return not row.certain and not row.flags and not row.by_file


class Knob(Frozen):
    """A variable with which the build serves the targets: of the environment, or of CMake's -D."""

    name: str
    value: str
    define: bool = False

    def variable(self, view: View) -> tuple[str, str]:
        """The environment variable that sets it, with its value: pip hands CMAKE_ARGS on."""
        if not self.define:
            return self.name, self.value
        old = view.env("CMAKE_ARGS") or ""
        return "CMAKE_ARGS", f"{old} -D{self.name}={self.value}".strip()


def steering(view: View, root: CMakeRoot) -> Knob | None:
    """The variable that steers the architectures, found by running again with each that is read."""
    for knob in islice(_candidates(view, root), _MOST_RUNS):
        if knob.define:
            build = run(view, root.path, {**root.defines, knob.name: knob.value})
        else:
            build = run(view, root.path, root.defines, {knob.name: knob.value})
        if serves(view, build, surely=True):
            return knob
    return None


def _candidates(view: View, root: CMakeRoot) -> Iterator[Knob]:
    """Each variable with the targets in each spelling that build files know."""
    archs = {a for t in targets(view) if isinstance(a := parse_arch(t.arch), CudaArch)}
    numbers = [f"{a.number}{a.variant}" for a in sorted(archs)]
    dotted = [f"{a.major}.{a.minor}{a.variant}" for a in sorted(archs)]
    spellings = [";".join(numbers), ";".join(dotted), ";".join(f"sm_{n}" for n in numbers)]
    if not numbers:
        return
    for define, name in _read(root):
        for value in [_of_torch(view, dotted)] if name == LIST else spellings:
            if not (define and ";" in value):  # a shell would have to quote it
                yield Knob(name=name, value=value, define=define)


def _of_torch(view: View, dotted: list[str]) -> str:
    """TORCH_CUDA_ARCH_LIST; torch's CMake files take what its cpp_extension does not know."""
    torch = view.facts.torch
    try:
        return spelled(targets(view), torch.release if torch else None)
    except ValueError:
        return ";".join(dotted)


def _read(root: CMakeRoot) -> Iterator[tuple[bool, str]]:
    """The variables that the build reads: the environment's first, the likelier ones before."""
    names = [q.subject for q in root.build.asked if q.kind == "variable"]
    environment = [n[4:-1] for n in names if n.startswith("ENV{")]
    cache = [
        n for n in names if not n.startswith(("ENV{", "CMAKE_")) or n == "CMAKE_CUDA_ARCHITECTURES"
    ]
    likely = [n for n in environment if _likely(n)]
    yield from ((False, n) for n in likely)
    if root.caller in ("scikit-build-core", "setup.py"):
        yield from ((True, n) for n in cache if _likely(n) and n not in root.defines)


def _likely(name: str) -> bool:
    """Whether a name may be one of architectures: others are not tried, each costs a run."""
    upper = name.upper()
    return any(
        word in upper
        for word in ("ARCH", "GPU", "SM", "CUDA", "COMPUTE", "CAPAB", "NVCC", "GENCODE")
    )
