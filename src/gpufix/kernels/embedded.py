"""Kernels of the suite as shared libraries: their C interface (``<name>_c.cu``) through ctypes.

Addresses are device pointers as ints (``tensor.data_ptr()``), float32 and contiguous unless said
otherwise; ``stream`` is the runtime's handle as an int, 0 for the default stream. Calls queue work
and return; only ``Splat.prepare`` and ``Raster.prepare`` wait for the device.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from ctypes import Structure, byref, c_float, c_int, c_longlong, c_size_t, c_uint, c_void_p
from pathlib import Path

from gpufix.kernels.manifest import COMMON, SUITE
from gpufix.kernels.toolchain import KernelTarget, Toolchain, ToolchainError
from gpufix.process import Limits, NotStarted, Program, run

NAMES = ("ssim", "knn", "splat", "raster")


class LaunchError(RuntimeError):
    """A launcher's status was not success; the number is the CUDA or HIP runtime's."""


def build(name: str, toolchain: Toolchain, target: KernelTarget, folder: Path) -> Path:
    """Compiles ``lib<name>.so`` into ``folder``. Raises ToolchainError with the compiler's words."""
    source, library = SUITE / name / f"{name}_c.cu", folder / f"lib{name}.so"
    pic = ["-Xcompiler", "-fPIC"] if toolchain.kind == "nvcc" else ["-fPIC"]
    arguments = [*toolchain.arguments(target), "-shared", *pic, f"-I{COMMON}", str(source)]
    command = [str(toolchain.compiler), *arguments, *toolchain.libraries(), "-o", str(library)]
    try:
        ended = run(Program(command, toolchain.env), Limits(300.0))
    except NotStarted as error:
        raise ToolchainError(f"{toolchain.compiler} {error.problem}") from error
    if ended.code != 0:
        words = (ended.stderr or ended.stdout).strip()[-2000:]
        raise ToolchainError(f"{name}: {words or ended.problem or f'exit status {ended.code}'}")
    return library


class _Library:
    """Functions of ``gpufix_<prefix>_*``; a call's result other than 0 is a LaunchError."""

    prefix = ""

    def __init__(self, path: Path) -> None:
        self._library = ctypes.CDLL(str(path))

    def _call(self, name: str, *arguments: object) -> None:
        status = self._library[f"gpufix_{self.prefix}_{name}"](*arguments)
        if status:
            raise LaunchError(f"{self.prefix} {name}: runtime error {status}")

    def _bytes(self, name: str, *arguments: object) -> int:
        function = self._library[f"gpufix_{self.prefix}_{name}"]
        function.restype = c_size_t
        return int(function(*arguments))


class Ssim(_Library):
    """``shape`` is (planes, height, width), planes = N * C; ``valid`` drops the map's border of 5."""

    prefix = "ssim"

    def workspace(self, shape: tuple[int, int, int]) -> int:
        """Bytes that forward and mean_and_gradient need, zero at the first use; calls take turns with them."""
        return self._bytes("workspace", *_shape(shape))

    def forward(
        self, x: int, y: int, shape: tuple[int, int, int], valid: bool,
        map_: int, mean: int, workspace: int, stream: int = 0,
    ) -> None:  # fmt: skip
        """The map and its mean; either address may be 0."""
        outputs = (c_void_p(map_), c_void_p(mean), c_void_p(workspace), c_void_p(stream))
        self._call("forward", c_void_p(x), c_void_p(y), *_shape(shape), int(valid), *outputs)

    def mean_and_gradient(
        self, x: int, y: int, shape: tuple[int, int, int], valid: bool,
        mean: int, gradient: int, workspace: int, stream: int = 0,
    ) -> None:  # fmt: skip
        """The mean (1 float) and its gradient by x (x's shape)."""
        outputs = (c_void_p(mean), c_void_p(gradient), c_void_p(workspace), c_void_p(stream))
        self._call(
            "mean_and_gradient", c_void_p(x), c_void_p(y), *_shape(shape), int(valid), *outputs
        )

    def backward(
        self, x: int, y: int, shape: tuple[int, int, int], valid: bool,
        map_gradient: int, gradient: int, stream: int = 0,
    ) -> None:  # fmt: skip
        """The gradient by x of sum(map_gradient * map)."""
        rest = (c_void_p(map_gradient), c_void_p(gradient), c_void_p(stream))
        self._call("backward", c_void_p(x), c_void_p(y), *_shape(shape), int(valid), *rest)

    def scale(self, values: int, n: int, factor: int, stream: int = 0) -> None:
        """values[:n] *= the float at ``factor``."""
        self._call("scale", c_void_p(values), c_size_t(n), c_void_p(factor), c_void_p(stream))


def _shape(shape: tuple[int, int, int]) -> tuple[object, ...]:
    planes, height, width = shape
    return c_longlong(planes), c_int(height), c_int(width)


class Knn(_Library):
    """Points are n x 3; at most 2**28."""

    prefix = "knn"

    def workspace(self, n: int) -> int:
        """Bytes that mean_distance needs; 0 when n is out of range."""
        return self._bytes("workspace", c_longlong(n))

    def mean_distance(
        self, points: int, n: int, mean: int, workspace: int, stream: int = 0
    ) -> None:
        """Mean squared distance to the 3 nearest others, n floats."""
        rest = (c_void_p(mean), c_void_p(workspace), c_void_p(stream))
        self._call("mean_distance", c_void_p(points), c_longlong(n), *rest)


class Scene(Structure):
    """``gpufix_splat::Scene``; rotations are w x y z, sh is n x sh_stride x 3."""

    _fields_ = (
        ("n", c_int), ("degree", c_int), ("sh_stride", c_int), ("means", c_void_p),
        ("scales", c_void_p), ("rotations", c_void_p), ("opacities", c_void_p), ("sh", c_void_p),
    )  # fmt: skip


class Camera(Structure):
    """``gpufix_splat::Camera``; view is 3 x 4, world to camera, z forward."""

    _fields_ = (
        ("view", c_float * 12), ("fx", c_float), ("fy", c_float), ("cx", c_float), ("cy", c_float),
        ("near_plane", c_float), ("width", c_int), ("height", c_int), ("background", c_float * 3),
    )  # fmt: skip


class Frame(Structure):
    """``gpufix_splat::Frame``: what one frame's calls hand to each other."""

    _fields_ = (
        ("splats", c_void_p), ("count", c_void_p), ("order", c_void_p), ("end", c_void_p),
        ("ranges", c_void_p), ("list", c_void_p), ("total", c_void_p), ("radii", c_void_p),
        ("instances", c_uint),
    )  # fmt: skip


class SceneGradient(Structure):
    """``gpufix_splat::SceneGradient``; screen (n x 2) may be null."""

    _fields_ = (
        ("means", c_void_p), ("scales", c_void_p), ("rotations", c_void_p),
        ("opacities", c_void_p), ("sh", c_void_p), ("screen", c_void_p),
    )  # fmt: skip


class Splat(_Library):
    """One frame: prepare, allocate list_bytes(frame.instances), render, backward."""

    prefix = "splat"

    def scene_bytes(self, n: int, camera: Camera) -> int:
        return self._bytes("scene_bytes", c_int(n), byref(camera))

    def list_bytes(self, instances: int) -> int:
        return self._bytes("list_bytes", c_uint(instances))

    def backward_bytes(self, n: int) -> int:
        return self._bytes("backward_bytes", c_int(n))

    def prepare(
        self, scene: Scene, camera: Camera, space: int, radii: int = 0, stream: int = 0
    ) -> Frame:
        """Waits for the device. ``radii`` (n int32) may be 0."""
        frame = Frame()
        rest = (c_void_p(space), c_void_p(radii), byref(frame), c_void_p(0), c_void_p(stream))
        self._call("prepare", byref(scene), byref(camera), *rest)
        return frame

    def render(
        self, scene: Scene, camera: Camera, frame: Frame, space: int, image: int, stream: int = 0
    ) -> None:
        """image: 3 x height x width."""
        rest = (byref(frame), c_void_p(space), c_void_p(image), c_void_p(stream))
        self._call("render", byref(scene), byref(camera), *rest)

    def backward(
        self, scene: Scene, camera: Camera, frame: Frame, image: int, image_gradient: int,
        space: int, out: SceneGradient, stream: int = 0,
    ) -> None:  # fmt: skip
        """Writes every element of ``out``."""
        images = (c_void_p(image), c_void_p(image_gradient), c_void_p(space))
        self._call(
            "backward",
            byref(scene),
            byref(camera),
            byref(frame),
            *images,
            byref(out),
            c_void_p(stream),
        )


class Mesh(Structure):
    """``gpufix_raster::Mesh``: vertices (x, y in pixels, depth), triangles of int32 indices."""

    _fields_ = (
        ("vertices", c_void_p), ("triangles", c_void_p),
        ("vertex_count", c_int), ("triangle_count", c_int),
    )  # fmt: skip


class RasterOutput(Structure):
    """``gpufix_raster::Output``: int32 index or -1, depth, two barycentric weights, a pixel."""

    _fields_ = (("triangle", c_void_p), ("depth", c_void_p), ("barycentrics", c_void_p))


class Raster(_Library):
    """One image: prepare, allocate list_bytes(pairs), rasterise."""

    prefix = "raster"

    def setup_bytes(self, triangles: int, width: int, height: int) -> int:
        return self._bytes("setup_bytes", c_int(triangles), c_int(width), c_int(height))

    def list_bytes(self, pairs: int) -> int:
        return self._bytes("list_bytes", c_uint(pairs))

    def prepare(self, mesh: Mesh, size: Sequence[int], space: int, stream: int = 0) -> int:
        """(bin, triangle) pairs. Waits for the device. ``size`` is (width, height)."""
        pairs = c_uint()
        rest = (c_void_p(space), byref(pairs), c_void_p(stream))
        self._call("prepare", byref(mesh), c_int(size[0]), c_int(size[1]), *rest)
        return pairs.value

    def rasterise(
        self, mesh: Mesh, size: Sequence[int], setup: int, list_: int, pairs: int,
        out: RasterOutput, stream: int = 0,
    ) -> None:  # fmt: skip
        spaces = (c_void_p(setup), c_void_p(list_), c_uint(pairs))
        self._call(
            "rasterise",
            byref(mesh),
            c_int(size[0]),
            c_int(size[1]),
            *spaces,
            byref(out),
            c_void_p(stream),
        )


LIBRARIES: dict[str, type[_Library]] = {"ssim": Ssim, "knn": Knn, "splat": Splat, "raster": Raster}
