"""Compiles the native part of a fallback for the targets, and reads back what came out."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import gpufix
from gpufix.engine import child
from gpufix.engine.run_context import Refused, RunContext, StepFailed
from gpufix.evidence.gpu_code import Service, code_in, listed, service
from gpufix.facts.context import CollectContext as Reading
from gpufix.facts.libraries.library_facts import gpu_code
from gpufix.fallbacks.catalogue import Fallback, Native
from gpufix.kernels.manifest import COMMON
from gpufix.kernels.toolchain import KernelTarget, Toolchain, parse_target
from gpufix.knowledge.gpus.models import resolve
from gpufix.model import Facts, Library
from gpufix.smoke.compile import choose
from gpufix.smoke.request import child_environment

_LIMIT_S = 1800.0
_PER_TARGET = ("-gencode=", "--offload-arch=")


def toolchain(archs: Sequence[str], context: RunContext) -> Toolchain:
    """The compiler for all of these architectures, which are of one vendor. Raises Refused."""
    if not archs:
        raise Refused("no GPU is named or visible: name what to compile for, as in --gpu sm_120")
    env = child_environment(context.facts, context.environ)
    found = [_of(arch, context.facts, env) for arch in archs]
    return found[0]


def _of(arch: str, facts: Facts, env: Mapping[str, str]) -> Toolchain:
    choice = choose(facts, _target(arch), env)
    if choice.toolchain is None:
        why = f" ({choice.tried[0]})" if choice.tried else ""
        raise Refused(f"no compiler for {arch} is here{why}")
    return choice.toolchain


def compiled(fallback: Fallback, archs: Sequence[str], context: RunContext) -> dict[str, bytes]:
    """Path below site-packages → the shared library. Raises Refused, StepFailed, OSError."""
    if not fallback.build:
        return {}
    chosen = toolchain(archs, context)
    found = {}
    with tempfile.TemporaryDirectory(prefix="gpufix-") as scratch:
        for number, native in enumerate(fallback.build):
            context.say(f"compiling {native.source} for {', '.join(archs)}")
            library = Path(scratch) / f"{number}.so"
            command = _command(native, chosen, archs, library)
            child.run(command, context, chosen.env or {}, f"compile-{number}", _LIMIT_S)
            _read_back(native, archs, library)
            found[native.library] = library.read_bytes()
    return found


def _command(native: Native, chosen: Toolchain, archs: Sequence[str], library: Path) -> list[str]:
    source = Path(gpufix.__file__).parent / native.source
    targets = [_target(arch) for arch in archs]
    arguments = chosen.arguments(targets[0])
    for target in targets[1:]:
        arguments += [a for a in chosen.arguments(target) if a.startswith(_PER_TARGET)]
    pic = ["-Xcompiler", "-fPIC"] if chosen.kind == "nvcc" else ["-fPIC"]
    command = [str(chosen.compiler), *arguments, "-shared", *pic, f"-I{COMMON}", str(source)]
    return [*command, *chosen.libraries(), "-o", str(library)]


def _read_back(native: Native, archs: Sequence[str], library: Path) -> None:
    objects, parts = gpu_code(Reading(environ={}), str(library))
    code = code_in(native.library, [Library(path=str(library), code=objects, parts=parts)])
    for arch in archs:
        how = service(code, resolve(arch))
        if how in (Service.none, Service.partly):
            which = "none of it runs" if how is Service.none else "not all of it runs"
            raise StepFailed(f"{native.library} holds {listed(objects)}; {which} on {arch}")


def _target(arch: str) -> KernelTarget:
    """Feature flags are dropped: code for gfx90a serves gfx90a:xnack- too."""
    return parse_target(arch.partition(":")[0])
