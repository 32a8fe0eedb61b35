"""How a CMake build is made to compile for the targets; each way is tried by a run of it."""

from __future__ import annotations

from gpufix.evidence import cmake_archs, cmake_builds
from gpufix.evidence.view import View
from gpufix.fixes.source.planned_edits import rewrite
from gpufix.fixes.toolchain.set_arch_list import value_for
from gpufix.frozen import Frozen
from gpufix.model import SetVariables, Step
from gpufix.model.source_payload import CMakeArchs, CMakeGpuAsked
from gpufix.source import edits


class Chosen(Frozen):
    """A plan's title and steps."""

    title: str
    steps: tuple[Step, ...]


def choose(view: View, place: CMakeArchs | CMakeGpuAsked) -> Chosen:
    """A variable that the build reads as it is, else an edit by which the file follows one.

    Raises ValueError, with the reason, where neither makes it serve the targets.
    """
    root = next((r for r in cmake_builds.roots(view) if r.path == place.root), None)
    if root is None:
        raise ValueError(f"{place.root} is not run")
    if knob := cmake_archs.steering(view, root):
        name, setting = knob.variable(view)
        variables: dict[str, str | None] = {name: setting}
        return Chosen(f"set {name} to {setting}", (SetVariables(variables=variables),))
    if place.follows is None:
        raise ValueError("the old FindCUDA reads no variable for architectures")
    if root.blind is not None and (plain := _set(view, root)) is not None:
        return plain
    value = value_for(view, place.follows)
    if value is None:
        raise ValueError("no target is known that the variable could name")
    if isinstance(place, CMakeGpuAsked) and root.build.detects is not None:
        build = cmake_builds.run(view, root.path, root.defines, {place.follows: value})
        if build.detects is None and build.fails is None:
            steps = (SetVariables(variables={place.follows: value}),)
            return Chosen(f"set {place.follows} to {value}", steps)
    return _followed(view, root, place, place.follows, value)


def _set(view: View, root: cmake_builds.CMakeRoot) -> Chosen | None:
    """A list of architectures with which the configure does not end, and serves the targets."""
    for variable in ("TORCH_CUDA_ARCH_LIST", "CUDAARCHS"):
        value = value_for(view, variable)
        if value is None:
            continue
        build = cmake_builds.run(view, root.path, root.defines, {variable: value})
        if build.fails is None and cmake_archs.serves(view, build):
            steps = (SetVariables(variables={variable: value}),)
            return Chosen(f"set {variable} to {value}", steps)
    return None


def _followed(
    view: View,
    root: cmake_builds.CMakeRoot,
    place: CMakeArchs | CMakeGpuAsked,
    variable: str,
    value: str,
) -> Chosen:
    write = rewrite(view, place.path, lambda text: edits.follow_archs(text, place.line, variable))
    if write is None:
        raise ValueError(f"{place.path} does not set it in a form that is changed with confidence")
    edited = {place.path: write.content}
    build = cmake_builds.run(view, root.path, root.defines, {variable: value}, edited)
    if not cmake_archs.serves(view, build):
        raise ValueError(f"CMake would not take them from {variable} only")
    title = f"let {place.path} follow {variable}, set to {value}"
    return Chosen(title, (write, SetVariables(variables={variable: value})))
