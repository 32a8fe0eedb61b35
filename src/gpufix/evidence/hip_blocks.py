"""HIP constructs in view: for which AMD targets, and which code reaches them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gpufix.evidence import building, builds, cxx
from gpufix.evidence.removed_names import header_ends, resolve
from gpufix.evidence.supposed_worlds import with_gpu
from gpufix.evidence.view import View
from gpufix.frozen import Frozen
from gpufix.knowledge import hip_api
from gpufix.knowledge.data_table import at_least, minor, numbers
from gpufix.knowledge.gpus import models
from gpufix.source.builds.run import UNKNOWN_PART, BuildRun
from gpufix.source.cxx.hip import COMPAT, ROWS, narrow

if TYPE_CHECKING:
    from gpufix.source.source_facts import Guards

_OPT_IN_BY_TORCH = "2.8"  # -DHIP_ENABLE_WARP_SYNC_BUILTINS=1 in cpp_extension's HIP flags


class Block(Frozen):
    """One construct at one line. `certain`: it does not compile; else its meaning may differ."""

    name: str
    line: int
    reason: str
    certain: bool = True
    shim: bool = False  # the compatibility header stands in for it


def blocks(view: View, facts: cxx.HipFile) -> list[Block]:
    """Everything in one file, by line."""
    passes = cxx.hip_passes(view)
    given = view.derive(_stood_in_for)
    compat = any(include.name == COMPAT for include in facts.includes)
    if compat:
        given = given | {name for name, c in hip_api.CONSTRUCTS.items() if c.shim}
    found = []
    for name, line, guards, detail in _constructs(facts):
        if name not in given and cxx.live(facts.macros, guards, passes):
            block = _judge(view, facts, name, line, detail)
            if block is not None and not (compat and block.shim):
                found.append(block)
    kept = {block.line for block in found if block.name == hip_api.BALLOT}
    found = [b for b in found if b.certain or b.name != "__ballot_sync" or b.line not in kept]
    return sorted(found, key=lambda block: block.line)


def _stood_in_for(view: View) -> frozenset[str]:
    """Constructs for which a source of the project has a macro of its own."""
    files = cxx.hip_files(view).items()
    own = (name for path, facts in files if not path.endswith(COMPAT) for name in facts.shims)
    return frozenset(own)


def _constructs(facts: cxx.HipFile) -> Iterator[tuple[str, int, Guards, str]]:
    yield from facts.uses
    for include in facts.includes:
        if include.name in hip_api.HEADERS:
            yield f"<{include.name}>", include.line, include.guards, ""


def _judge(view: View, facts: cxx.HipFile, name: str, line: int, detail: str) -> Block | None:
    if name == hip_api.CHEVRONS:
        return Block(name, line, f"the launch of {detail}: clang and hipify read <<< as one token")
    if name == hip_api.PTX:
        return Block(name, line, f"{detail}: AMD GPUs have other instructions")
    if name.startswith("#define "):
        return Block(name, line, detail, certain=False)
    if name == hip_api.BALLOT:
        if 64 not in waves(view):
            return None
        reason = f"{detail} has a bit for each lane, and {_of_64(view)} has 64"
        return Block(name, line, reason, certain=False, shim=detail in hip_api.CONSTRUCTS)
    construct = hip_api.CONSTRUCTS.get(name)
    if construct is None:
        return None  # known to the gpufix that made the snapshot, not to this one
    block = _construct(view, facts, construct, line, detail)
    return replace(block, shim=construct.shim) if block is not None else None


def _construct(
    view: View, facts: cxx.HipFile, construct: hip_api.Construct, line: int, detail: str
) -> Block | None:
    name = construct.name
    rocm = rocm_version(view)
    if construct.native is None:
        return _lacked(construct, line, rocm)
    if not _available(view, construct, rocm):
        known = f"ROCm {minor(rocm)} does not have it" if rocm else "unknown ROCm version"
        since = construct.opt_in or construct.native
        return Block(
            name, line, f"{known}; from {since} on{_later(view, facts, name, detail)}", bool(rocm)
        )
    masked = _masked(view, facts, name, line, detail) if name in hip_api.MASKED else None
    return masked or _means_else(construct, facts, rocm, line, detail)


def _means_else(
    construct: hip_api.Construct, facts: cxx.HipFile, rocm: str | None, line: int, detail: str
) -> Block | None:
    """What this ROCm compiles, and does not mean as CUDA does."""
    if construct.partial:
        return Block(construct.name, line, f"HIP has it {construct.partial}", certain=False)
    holds = {"rows": detail == ROWS, "mask": not _whole(detail, facts.macros)}
    if construct.means_else(rocm) and holds.get(construct.only_if or "", True):
        return Block(construct.name, line, str(construct.means), certain=False)
    return None


_ALL_LANES = re.compile(r"0[xX][fF]{16}[uUlL]*|~\s*0[uU]?[lL]{1,2}[uU]?|-\s*1[lL]{1,2}")


def _whole(mask: str, macros: Mapping[str, str]) -> bool:
    """Whether a mask is a constant of 64 ones: it has no holes."""
    return _ALL_LANES.fullmatch(macros.get(mask, mask).strip("() ")) is not None


def _lacked(construct: hip_api.Construct, line: int, rocm: str | None) -> Block:
    """What no version has, as far as versions were read: past them, it may have come."""
    name, newest = construct.name, construct.without
    instead = "" if construct.shim else f"; instead: {construct.instead}"
    if not newest:
        what = "HIP has no such header" if name.startswith("<") else "no version of HIP has it"
        return Block(name, line, f"{what}{instead}")
    known = rocm is not None and at_least(newest, minor(rocm))
    return Block(name, line, f"not in ROCm up to {newest}{instead}", known)


def _later(view: View, facts: cxx.HipFile, name: str, mask: str) -> str:
    """What a 32-bit mask means for the versions that have the function."""
    if name not in hip_api.MASKED or not narrow(mask, facts.macros):
        return ""
    half = f", and names half of {_of_64(view)}'s 64 lanes" if 64 in waves(view) else ""
    return f", which refuses the 32 bits of {mask}{half}"


def _of_64(view: View) -> str:
    return next(arch for arch in gfx_targets(view) if models.wave_size(arch) == 64)


def _masked(view: View, facts: cxx.HipFile, name: str, line: int, mask: str) -> Block | None:
    if narrow(mask, facts.macros):
        half = f"; it names half of {_of_64(view)}'s 64 lanes" if 64 in waves(view) else ""
        why = f"mask {mask} has 32 bits, HIP asks for 64 (static_assert){half}"
        return Block(name, line, why)
    if name == "__ballot_sync" and mask and 64 in waves(view):
        return Block(name, line, "its value has 64 lanes on a target of 64", certain=False)
    return None


def _available(view: View, construct: hip_api.Construct, rocm: str | None) -> bool:
    if rocm is None or construct.native is None:
        return False
    if at_least(rocm, construct.native):
        return True
    torch = view.facts.torch
    opted = torch and torch.release and at_least(torch.release, _OPT_IN_BY_TORCH)
    return bool(opted and construct.opt_in and at_least(rocm, construct.opt_in))


def rocm_version(view: View) -> str | None:
    """The ROCm that a build would use: the toolkit's, else the one torch was built with."""
    toolkit = building.toolkit_in_use(view, "rocm")
    if toolkit and toolkit.version:
        return toolkit.version
    torch = view.facts.torch
    named = (torch.rocm or torch.hip) if torch else None
    return named if named and len(numbers(named)) >= 2 else None


def gfx_targets(view: View) -> list[str]:
    """The AMD architectures among the targets."""
    return [target.arch for target in view.targets if target.arch.startswith("gfx")]


def waves(view: View) -> set[int]:
    """Lanes of a wavefront on the AMD targets."""
    sizes = (models.wave_size(arch) for arch in gfx_targets(view))
    return {size for size in sizes if size}


def hip_counterpart(view: View, path: str) -> bool:
    """Whether the project has a HIP source of the same name: the CUDA one is not built for HIP."""
    if cxx.source_kinds(view).get(path) == "hip":
        return False
    stem = path.rpartition("/")[2].rpartition(".")[0]
    return any(
        kind == "hip" and other.rpartition("/")[2].rpartition(".")[0] == stem
        for other, kind in cxx.source_kinds(view).items()
    )


# Libraries of templates for NVIDIA's tensor cores: what includes them is built for CUDA alone.
_CUDA_ALONE = ("cutlass/", "cute/")
_DEVICE = ("cuda", "hip")


def handed(view: View) -> dict[str, bool]:
    """Path -> whether a build that knows nothing of HIP compiles it, and hands it to hipify so.

    False: the build knows of HIP and may have its ways; or no build file names any source.
    """
    return view.derive(_handed)


def _handed(view: View) -> dict[str, bool]:
    kinds = cxx.source_kinds(view)
    if not cxx.built(view):
        files = {} if cxx.knows_hip(view) else cxx.hip_files(view)
        return {path: False for path in files if kinds.get(path) != "cpp"}
    found: dict[str, bool] = {}
    left_out = _left_out(view)
    for root, plain in cxx.for_hip(view).items():
        if left_out.get(root):
            continue
        plain = plain and root not in left_out
        if kinds.get(root) in _DEVICE and (compiled := _compiled(view, root)):
            for path in compiled:
                found[path] = found.get(path, False) or plain
    return found


def _left_out(view: View) -> dict[str, bool]:
    """Sources beside a setup.py that no run of it compiles: its lists may be filtered in Python.

    True: for sure; False: as far as the runs could be followed.
    """
    kinds, out = cxx.source_kinds(view), dict[str, bool]()
    folders = {path.rpartition("/")[0] for path, _ in builds.setup_runs(view)}
    torch = builds.torch_seen(view)
    for path, run in builds.setup_runs(view):
        folder = path.rpartition("/")[0]
        # With a torch for CUDA the run here tells nothing of a build for HIP.
        runs = [*([run] if torch.hip else []), *_with_rocm(view, path, run)]
        taken = {said.text for each in runs for x in each.extensions for said in x.sources}
        if not any(text.endswith((".cu", ".hip")) for text in taken):
            continue
        if any(UNKNOWN_PART in text for text in taken) or f"{folder}/CMakeLists.txt" in kinds:
            continue
        whole = all(_followed(each) for each in runs)
        for source, kind in kinds.items():
            if kind in _DEVICE and source not in taken and _nearest(source, folders) == folder:
                out[source] = whole
    return out


def _followed(run: BuildRun) -> bool:
    """Whether nothing can add a source that the run did not meet."""
    ended = all(ending.state == "done" and ending.sure for ending in run.endings)
    return run.whole or (ended and not run.unsure and all(x.sure for x in run.extensions))


def _with_rocm(view: View, path: str, run: BuildRun) -> Iterator[BuildRun]:
    """The same with a ROCm and a GPU, and with every variable that it asks for set."""
    known = builds.builds_of(view)
    torch = builds.torch_seen(view)
    if not torch.hip:
        torch = replace(torch, cuda=None, hip=UNKNOWN_PART)
    rocm: dict[str, Any] = {"rocm_home": "/opt/rocm", "torch": torch, **with_gpu(view)}
    yield known.run(path, **rocm)
    asked = {question.subject: "1" for question in run.asked if question.kind == "variable"}
    if asked:
        yield known.run(path, environment=asked, **rocm)


def _nearest(path: str, folders: Collection[str]) -> str | None:
    """The innermost of some folders that holds a path."""
    folder = path
    while folder:
        folder = folder.rpartition("/")[0]
        if folder in folders:
            return folder
    return None


def _compiled(view: View, root: str) -> set[str]:
    """A source and the project's headers that it includes; empty for what is for CUDA alone."""
    files, by_end = cxx.cxx_files(view), view.derive(header_ends)
    passes = cxx.hip_passes(view)
    found, queue = {root}, [root]
    while queue:
        path = queue.pop()
        facts = files.get(path)
        for include in facts.includes if facts else ():
            if facts and cxx.live(facts.macros, include.guards, passes) is False:
                continue
            if include.name.startswith(_CUDA_ALONE):
                return set()
            header = resolve(path, include.name, by_end)
            if header and header not in found:
                found.add(header)
                queue.append(header)
    return found
