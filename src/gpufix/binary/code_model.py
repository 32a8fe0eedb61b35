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
    """All GPU code of a file. `gaps`: what could not be read, and why."""

    images: tuple[Image, ...] = ()
    groups: tuple[Group, ...] = ()
    gaps: tuple[str, ...] = ()

    @property
    def containers(self) -> int:
        return sum(group.count for group in self.groups)

    def parts(self) -> list[tuple[tuple[Image, ...], int]]:
        """What each container has to serve a GPU with, and how many have just that.

        Where GPU code was linked (nvcc -rdc=true), the driver links the relocatable images again for
        a GPU that the linked ones do not serve: they stand behind every container. LTO-IR does not.
        """
        held = [(tuple(self.images[i] for i in group.images), group.count) for group in self.groups]
        linked = [part for part in held if not all(image.relocatable for image in part[0])]
        spare = [images for images, _ in held if all(image.relocatable for image in images)]
        common = {image for image in (spare[0] if spare else ()) if image.kind != "lto"}
        for images in spare:
            common &= set(images)
        if not linked or not common:
            return linked or held
        behind = tuple(image for image in self.images if image in common)
        return [((*images, *behind), count) for images, count in linked]

    def __bool__(self) -> bool:
        return bool(self.images)
