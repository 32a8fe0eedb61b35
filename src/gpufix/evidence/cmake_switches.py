"""What a caller of a CMake build has to give it before it has CUDA."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import TYPE_CHECKING

from gpufix.evidence import switch_values
from gpufix.evidence.builds import builds_of, variables_of
from gpufix.evidence.cmake_builds import (
    CALLS_CMAKE,
    CMakeRoot,
    calling,
    configured,
    defined_in,
    passed,
    project_of,
    run,
)
from gpufix.evidence.cmake_started import started_by
from gpufix.evidence.view import View
from gpufix.frozen import Frozen

if TYPE_CHECKING:
    from gpufix.source.builds.cmake_result import CMakeBuild
    from gpufix.source.builds.run import Place


class Switch(Frozen):
    """A variable and its value; setup: the setup.py that reads it of the environment, "" for cmake's -D."""

    name: str
    value: str
    place: Place
    setup: str = ""


def switched_off(view: View, root: CMakeRoot) -> Switch | None:
    """The variable without which a build has no CUDA, and by which it comes to have it."""
    if not root.build.whole or root.build.fails is not None:
        return None
    given = _by_a_person(view, root)
    base = root.build if given == root.defines else run(view, root.path, given)
    if not base.whole or base.fails is not None or base.enables_cuda:
        return None
    of = _by_setup if root.caller == "setup.py" else _by_value
    for switch in chain(_by_option(base, given), of(view, root, base, given)):
        if switch.setup:
            world = variables_of(view) | {switch.name: switch.value}
            found = started_by(view, root.path, environment=world)
            defines = found[1] if found else given
        else:
            defines = {**given, switch.name: switch.value}
        if _gains_cuda(base, run(view, root.path, defines)):
            return switch
    return None


def _by_option(base: CMakeBuild, given: Mapping[str, str | None]) -> Iterator[Switch]:
    """An option that is off, by its name."""
    asked = (q for q in base.asked if q.kind == "variable" and _SWITCH.search(q.subject))
    unset = (q for q in asked if (given.get(q.subject, "OFF") or "").upper() in _OFF)
    for question in islice(unset, _MOST_SWITCHES):
        yield Switch(name=question.subject, value="ON", place=question.place)


def _by_value(
    view: View, root: CMakeRoot, base: CMakeBuild, given: Mapping[str, str | None]
) -> Iterator[Switch]:
    """A variable of the cache that the files compare with a value for GPUs."""
    commands = switch_values.commands_of(view, base.files)
    values, ours = switch_values.compared(view, commands), switch_values.declared(commands)
    asked = {q.subject: q.place for q in base.asked if q.kind == "variable"}
    rows = (
        Switch(name=name, value=value, place=asked[name])
        for name, words in values.items()
        for value in words
        if name in ours and name in asked and given.get(name, "") not in (None, value)
    )
    yield from islice(rows, _MOST_SWITCHES)


def _by_setup(
    view: View, root: CMakeRoot, base: CMakeBuild, given: Mapping[str, str | None]
) -> Iterator[Switch]:
    """A variable of the environment whose default setup.py gives to cmake."""
    found = started_by(view, root.path)
    commands = switch_values.commands_of(view, base.files) if found else []
    values = switch_values.compared(view, commands)
    world = variables_of(view)
    asked = builds_of(view).run(found[0]).asked if found else ()
    rows = (
        Switch(name=q.subject, value=value, place=q.place, setup=found[0] if found else "")
        for name, words in values.items()
        for q in asked
        if q.kind == "variable" and q.subject not in world
        if q.default and q.default == given.get(name)
        for value in words
    )
    yield from islice(rows, _MOST_SWITCHES)


def _by_a_person(view: View, root: CMakeRoot) -> Mapping[str, str | None]:
    """The -D that a build by hand, or by pip, is given: what only an image or a script of CI gives is theirs."""
    if root.caller == "hand":
        scripts = view.derive(_passed_by_scripts)
        theirs = set(passed(view, root.caller)).difference(scripts)
        named = {name: text for name, text in root.defines.items() if name not in theirs}
        return {**dict.fromkeys(scripts), **named}
    project = project_of(view, root.path.rpartition("/")[0])
    if root.caller == "scikit-build-core" and "backend-path" not in project["build-system"]:
        kept = {*view.derive(_passed_by_settings), *configured(project)}
        theirs = set(passed(view, root.caller)) - kept
        return {n: text for n, text in root.defines.items() if text is not None or n not in theirs}
    return root.defines


def _passed_by_scripts(view: View) -> tuple[str, ...]:
    """What scripts give; where one hands its own arguments to cmake, what that one gives."""
    texts = [text for _, text in calling(view, ("shell", "make"))]
    open_ = [m[0] for text in texts for m in CALLS_CMAKE.finditer(text) if _HANDS_ON.search(m[0])]
    return defined_in(open_ or texts)


def _passed_by_settings(view: View) -> tuple[str, ...]:
    """What files give to a cmake that pip starts."""
    texts = (text for _, text in calling(view, ("shell", "docker", "make")))
    return defined_in(text for text in texts if _SETTINGS.search(text))


def _gains_cuda(base: CMakeBuild, on: CMakeBuild) -> bool:
    """Whether an option brings CUDA as a language, as a package, or by a file named after it."""
    if any(kind == "CUDA" for kind, _ in on.languages):
        return True
    read = set(on.files).difference(base.files)
    return not base.finds_cuda and (on.finds_cuda or any(_FOR_GPU.search(path) for path in read))


_OFF = ("OFF", "0", "NO", "FALSE", "N")
_HANDS_ON = re.compile(r"\$@|\$\{@\}|\$\*")
_SETTINGS = re.compile(r"CMAKE_ARGS|cmake\.args|cmake\.define")
_FOR_GPU = re.compile(r"(?:^|[-_/.])(?:gpu|cuda)(?:[-_/.]|$)", re.IGNORECASE)
_SWITCH = re.compile(r"^(?!CMAKE_|CUDA_).*(?:CUDA|CUBLAS|GPU)(?:_(?:TOOLKIT|BACKEND|SUPPORT))?$")
_MOST_SWITCHES = 4
