"""Which files of a project a build for HIP would compile."""

from __future__ import annotations

from gpufix.checks import cxx_view
from gpufix.checks.removed_cuda_api import header_ends, resolve
from gpufix.view import View

# Libraries of templates for NVIDIA's tensor cores: what includes them is built for CUDA alone.
_CUDA_ALONE = ("cutlass/", "cute/")
_DEVICE = ("cuda", "hip")


def handed(view: View) -> dict[str, bool]:
    """Path -> whether a build that knows nothing of HIP compiles it, and hands it to hipify so.

    False: the build knows of HIP and may have its ways; or no build file names any source.
    """
    return view.derive(_handed)


def _handed(view: View) -> dict[str, bool]:
    kinds = cxx_view.kinds(view)
    if not cxx_view.built(view):
        files = {} if cxx_view.knows_hip(view) else cxx_view.hip_files(view)
        return {path: False for path in files if kinds.get(path) != "cpp"}
    found: dict[str, bool] = {}
    for root, plain in cxx_view.for_hip(view).items():
        if kinds.get(root) in _DEVICE and (compiled := _compiled(view, root)):
            for path in compiled:
                found[path] = found.get(path, False) or plain
    return found


def _compiled(view: View, root: str) -> set[str]:
    """A source and the project's headers that it includes; empty for what is for CUDA alone."""
    files, by_end = cxx_view.files(view), view.derive(header_ends)
    passes = cxx_view.hip_passes(view)
    found, queue = {root}, [root]
    while queue:
        path = queue.pop()
        facts = files.get(path, {})
        for name, _, _, guards in facts.get("includes", []):
            if cxx_view.live(facts, guards, passes) is False:
                continue
            if name.startswith(_CUDA_ALONE):
                return set()
            header = resolve(path, name, by_end)
            if header and header not in found:
                found.add(header)
                queue.append(header)
    return found
