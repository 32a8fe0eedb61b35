"""What the GPU code readers report: images, their kinds, and how they add up."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace

from gpufix.frozen import Frozen


class CodeError(ValueError):
    """A file, section or container of GPU code contradicts itself or exceeds a bound."""


class GpuImage(Frozen):
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


class ImageGroup(Frozen):
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

    images: tuple[GpuImage, ...] = ()
    groups: tuple[ImageGroup, ...] = ()
    gaps: tuple[str, ...] = ()
    hollow: tuple[GpuImage, ...] = ()

    @property
    def containers(self) -> int:
        return sum(group.count for group in self.groups)

    def parts(self) -> list[tuple[tuple[GpuImage, ...], int]]:
        """What each container has to serve a GPU with, and how many have just that.

        Where GPU code was linked (nvcc -rdc=true), the driver takes an object file's own relocatable
        images for a GPU that the linked image does not serve: run on driver 580 with PTX and with
        cubins alone; an object without any for it fails, whatever the others have. Which container
        holds the linked image is not written there, so every other one counts with all of the
        objects' behind it: rather a miss than a false alarm. LTO-IR is not linked so (nvcc's
        manual, "JIT linking").
        """
        held = [(tuple(self.images[i] for i in group.images), group.count) for group in self.groups]
        linked = [part for part in held if not all(image.relocatable for image in part[0])]
        if not linked:
            return held
        objects = [
            (_linkable(images), count) for images, count in held if (images, count) not in linked
        ]
        before = [image for images, _ in linked for image in images]
        behind = [image for images, _ in objects for image in images]
        return [
            *((_union(images, behind), count) for images, count in linked),
            *((_union(images, before), count) for images, count in objects if images),
        ]

    def __bool__(self) -> bool:
        return bool(self.images)


def _linkable(images: Iterable[GpuImage]) -> tuple[GpuImage, ...]:
    return tuple(image for image in images if image.kind != "lto")


def _union(own: Iterable[GpuImage], others: Iterable[GpuImage]) -> tuple[GpuImage, ...]:
    return tuple(dict.fromkeys((*own, *others)))


# A real library has a few dozen kinds of image; a made-up one could have a new kind per entry.
MAX_KINDS = 4096
MAX_GROUPS = 4096
MAX_GAPS = 20
# libtorch_cuda.so 2.7 has 3,029 containers and entries; a million takes a few seconds.
MAX_STEPS = 1_000_000


class Tally:
    """Images are keyed by whatever distinguishes them, so that each kind is described once."""

    def __init__(self) -> None:
        self._index: dict[Hashable, int] = {}
        self._images: list[GpuImage] = []
        self._counts: list[list[int]] = []
        self._groups: dict[tuple[int, ...], int] = {}
        self._gaps: dict[str, int] = {}
        self._steps = 0

    def step(self, cost: int = 1) -> None:
        """To be called for each header read, so that no file takes for ever. CodeError in the end."""
        self._steps += cost
        if self._steps > MAX_STEPS:
            raise CodeError(f"more than {MAX_STEPS} containers and entries of GPU code")

    def count(self, key: Hashable, size: int) -> int | None:
        """Count one more image of `size` bytes; the index of its kind, None when that is new."""
        index = self._index.get(key)
        if index is not None:
            counts = self._counts[index]
            counts[0] += 1
            counts[1] += size
        return index

    def add(self, key: Hashable, image: GpuImage, size: int) -> int:
        """As count, for a kind that may be new. CodeError beyond MAX_KINDS."""
        index = self.count(key, size)
        if index is None:
            if len(self._images) >= MAX_KINDS:
                raise CodeError(f"more than {MAX_KINDS} kinds of GPU code")
            self._images.append(image)
            self._counts.append([1, size])
            index = self._index[key] = len(self._images) - 1
        return index

    def group(self, images: set[int]) -> None:
        """One container with these kinds of image. CodeError beyond MAX_GROUPS."""
        key = tuple(sorted(images))
        if key not in self._groups and len(self._groups) >= MAX_GROUPS:
            raise CodeError(f"more than {MAX_GROUPS} different containers")
        if key:
            self._groups[key] = self._groups.get(key, 0) + 1

    def gap(self, reason: str) -> None:
        """Something that could not be read; repeated reasons are kept once, and no more than MAX_GAPS."""
        if reason in self._gaps or len(self._gaps) < MAX_GAPS:
            self._gaps[reason] = self._gaps.get(reason, 0) + 1

    def result(self) -> GpuCode:
        """What was added up; the groups count the images that are not hollow."""
        images = [
            replace(image, count=count, size=size)
            for image, (count, size) in zip(self._images, self._counts, strict=True)
        ]
        solid = [index for index, image in enumerate(images) if not image.hollow]
        place = {index: number for number, index in enumerate(solid)}
        return GpuCode(
            images=tuple(images[index] for index in solid),
            groups=tuple(
                ImageGroup(tuple(place[index] for index in key), count)
                for key, count in self._groups.items()
            ),
            gaps=tuple(f"{why} ({n} times)" if n > 1 else why for why, n in self._gaps.items()),
            hollow=tuple(image for image in images if image.hollow),
        )
