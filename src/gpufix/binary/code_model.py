"""What the GPU code readers report: kinds of GPU code, and which of them stand side by side."""

from __future__ import annotations

from dataclasses import dataclass


class CodeError(ValueError):
    """A file, section or container of GPU code contradicts itself or exceeds a bound."""


@dataclass(frozen=True, slots=True)
class Image:
    """One kind of GPU code; `count` images of it occupy `size` bytes as stored.

    kind: "cubin", "ptx", "lto" (NVIDIA LTO-IR), "hip" (AMD code object), "bitcode" (AMD, -fgpu-rdc),
    "spirv" (AMD, compiled by the runtime) or "other".
    arch: "sm_90a", "sm_120f" (PTX too), "gfx90a:xnack-", "gfx11-generic"; "" when it is not written.
    ptx_version: PTX ISA, "8.4". code_version: AMD code object version, 4 to 6.
    compression: "", "lz4", "zlib", "zstd" or "unknown".
    hollow: in a container without any function or variable: of no use to any GPU, missed by none.
    relocatable: to be linked with other GPU code before it can run (nvcc -rdc=true, -fgpu-rdc).
    """

    kind: str
    arch: str
    section: str
    ptx_version: str | None = None
    code_version: int | None = None
    compression: str = ""
    relocatable: bool = False
    debug: bool = False
    bits: int = 64
    hollow: bool = False
    count: int = 1
    size: int = 0

    @property
    def compressed(self) -> bool:
        return self.compression != ""


@dataclass(frozen=True, slots=True)
class Group:
    """`count` containers (fatbins, bundles) hold exactly these images, by index into `images`.

    A launch finds its kernel in one container: each container must serve the GPU for itself.
    """

    images: tuple[int, ...]
    count: int


@dataclass(frozen=True, slots=True)
class GpuCode:
    """All GPU code of a file, but for hollow images, which stand apart.

    gaps: what could not be read, and why.
    """

    images: tuple[Image, ...] = ()
    groups: tuple[Group, ...] = ()
    gaps: tuple[str, ...] = ()
    hollow: tuple[Image, ...] = ()

    @property
    def containers(self) -> int:
        return sum(group.count for group in self.groups)

    def parts(self) -> list[tuple[tuple[Image, ...], int]]:
        """What each container has to serve a GPU with, and how many have just that.

        Where GPU code was linked (nvcc -rdc=true), the driver links the relocatable images again for
        a GPU that the linked image does not serve, if each object file has one for it: run on driver
        580 with PTX and with cubins alone. So they stand behind the linked images; where objects
        differ, all of them, though the GPU may be served by some only: rather a miss than a false alarm.
        LTO-IR is not linked so (nvcc's manual, "JIT linking").
        """
        held = [(tuple(self.images[i] for i in group.images), group.count) for group in self.groups]
        linked = [part for part in held if not all(image.relocatable for image in part[0])]
        behind = tuple(i for i in self.images if i.relocatable and i.kind != "lto")
        if not linked:
            return held
        return [(tuple(dict.fromkeys((*images, *behind))), count) for images, count in linked]

    def __bool__(self) -> bool:
        return bool(self.images)
