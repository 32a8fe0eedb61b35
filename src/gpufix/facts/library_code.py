"""The GPU code of one library, in the vocabulary of the facts."""

from __future__ import annotations

from gpufix.binary.code import CodeError, GpuCode, Image, code_objects
from gpufix.facts.context import Context
from gpufix.facts.files import text
from gpufix.model import CodeObject, CodePart

Key = tuple[str, str, str | None, bool]


def gpu_code(ctx: Context, path: str) -> tuple[list[CodeObject], list[CodePart]]:
    """Kinds of code, and which of them stand side by side; what cannot be read is a gap."""
    try:
        code = code_objects(path)
    except CodeError:  # no machine-code file: the loader's verdict says so
        return [], []
    if code.gaps:
        ctx.gap("binaries", text(path), text("; ".join(code.gaps[:3])))
    if not code.images:
        return [], []
    kinds: dict[Key, int] = {}
    for image in code.images:
        kinds[_key(image)] = kinds.get(_key(image), 0) + image.count
    objects = [
        CodeObject.model_validate(
            {"kind": k, "arch": arch, "ptx_version": isa, "compressed": packed, "count": count}
        )
        for (k, arch, isa, packed), count in kinds.items()
    ]
    return objects, _parts(code, {key: at for at, key in enumerate(kinds)})


def _key(image: Image) -> Key:
    """Images that differ in nothing that the facts keep become one."""
    return image.kind, text(image.arch), image.ptx_version, image.compressed


def _parts(code: GpuCode, index: dict[Key, int]) -> list[CodePart]:
    held: dict[tuple[int, ...], int] = {}
    for images, count in code.parts():
        members = tuple(sorted({index[_key(image)] for image in images}))
        held[members] = held.get(members, 0) + count
    return [CodePart(code=list(members), count=count) for members, count in held.items()]
