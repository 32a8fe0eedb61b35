"""Checks of the arguments, and the autograd function."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ._library import Frame, Gaussians, Gradient, View, call, size
from ._room import room_of

if TYPE_CHECKING:
    from . import GaussianRasterizationSettings

NEAR = 0.2
NAMES = ("means3D", "sh", "colors_precomp", "opacities", "scales", "rotations", "cov3Ds_precomp")
_ALIGNED = 16  # bytes: the kernels read whole vectors


def given(tensor: Tensor | None) -> Tensor | None:
    """None for the empty tensors by which the original leaves something out."""
    return None if tensor is None or tensor.shape == (0,) else tensor


def refused(name: str, wanted: str, tensor: Tensor) -> RuntimeError:
    return RuntimeError(f"{name} must have dimensions {wanted}, not {list(tensor.shape)}")


def rasterize(
    means: Tensor,
    screen: Tensor,
    sh: Tensor | None,
    colors: Tensor | None,
    opacities: Tensor,
    scales: Tensor | None,
    rotations: Tensor | None,
    covariances: Tensor | None,
    settings: GaussianRasterizationSettings,
) -> tuple[Tensor, ...]:
    """The image, the radii and, where the settings speak of antialiasing, the inverse depth."""
    some = (means, sh, colors, opacities, scales, rotations, covariances)
    check(dict(zip(NAMES, some)), settings)
    try:
        color, radii, depth = _Rasterize.apply(
            means, screen, sh, colors, opacities, scales, rotations, covariances, settings
        )
    except Exception:
        if settings.debug:
            dump("snapshot_fw.dump", (*some, settings))
        raise
    return (color, radii) if settings.antialiasing is None else (color, radii, depth)


def check(tensors: dict[str, Tensor | None], settings: GaussianRasterizationSettings) -> None:
    """RuntimeError where the original would read what is not there, or elsewhere."""
    means = tensors["means3D"]
    assert means is not None
    if means.dim() != 2 or means.shape[1] != 3:
        raise refused("means3D", "[num_points, 3]", means)
    if means.device.type != "cuda":
        raise RuntimeError(f"means3D must be on a GPU, not on {means.device}")
    n = len(means)
    for name, tensor in tensors.items():
        if tensor is None:
            continue
        if tensor.dtype != torch.float32:
            raise RuntimeError(f"{name}: expected scalar type Float but found {tensor.dtype}")
        if tensor.device != means.device:
            raise RuntimeError(f"{name} is on {tensor.device}, means3D on {means.device}")
    floats = {"opacities": 1, "colors_precomp": 3, "scales": 3, "rotations": 4, "cov3Ds_precomp": 6}
    for name, each in floats.items():
        tensor = tensors[name]
        if tensor is not None and (tensor.numel() != each * n or len(tensor) != n):
            raise refused(name, f"[{n}, {each}]", tensor)
    cameras = {"viewmatrix": 16, "projmatrix": 16, "campos": 3, "bg": 3}
    for name, numbers in cameras.items():
        tensor = getattr(settings, name)
        if tensor.numel() != numbers:
            raise refused(name, f"of {numbers} numbers", tensor)
    sh = tensors["sh"]
    least = (degree(settings) + 1) ** 2
    if sh is not None and (
        sh.dim() != 3 or len(sh) != n or sh.shape[1] < least or sh.shape[2] != 3
    ):
        raise refused("sh", f"[{n}, at least {least}, 3]", sh)


def degree(settings: GaussianRasterizationSettings) -> int:
    return max(0, min(int(settings.sh_degree), 3))


def dump(path: str, arguments: tuple[Any, ...]) -> None:
    """Copies on the CPU, for a report of what failed."""
    *tensors, settings = arguments
    flat = (*tensors, *settings)
    torch.save(tuple(a.cpu() if isinstance(a, Tensor) else a for a in flat), path)
    print(f"diff_gaussian_rasterization (gpufix): the arguments are in {path}")


def ready(tensor: Tensor | None) -> Tensor | None:
    """As the kernels read it."""
    if tensor is None:
        return None
    tensor = tensor.detach().contiguous()
    return tensor if tensor.data_ptr() % _ALIGNED == 0 else tensor.clone()


def address(tensor: Tensor | None) -> int | None:
    return None if tensor is None else tensor.data_ptr()


def space(size: int, device: torch.device) -> Tensor:
    return torch.empty(size, dtype=torch.uint8, device=device)


def _on(device: torch.device) -> AbstractContextManager[Any]:
    """The kernels are launched on the current device."""
    if device.index == torch.cuda.current_device():
        return nullcontext()
    return torch.cuda.device(device)


class _Call:
    """One image's inputs, as structs and as the tensors that the structs point into."""

    def __init__(
        self, given: Sequence[Tensor | None], settings: GaussianRasterizationSettings
    ) -> None:
        self.tensors = [ready(tensor) for tensor in given]
        means, sh, colors, opacities, scales, rotations, covariances = self.tensors
        assert means is not None
        self.device = means.device
        self.n = len(means)
        self.gaussians = Gaussians(
            self.n, degree(settings), 0 if sh is None else sh.shape[1],
            *map(address, (means, scales, rotations, covariances, opacities, sh, colors)),
        )  # fmt: skip
        matrices = (settings.viewmatrix, settings.projmatrix, settings.campos, settings.bg)
        self.matrices = [m.detach().to(self.device, torch.float32).contiguous() for m in matrices]
        self.height, self.width = int(settings.image_height), int(settings.image_width)
        self.view = View(
            self.width, self.height, bool(settings.antialiasing), float(settings.tanfovx),
            float(settings.tanfovy), float(settings.scale_modifier), *map(address, self.matrices),
        )  # fmt: skip
        self.stream = torch.cuda.current_stream(self.device).cuda_stream


class _Rasterize(torch.autograd.Function):
    # torch declares both with *args: naming what is passed is its documented use.
    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any,
        means: Tensor,
        screen: Tensor,
        sh: Tensor | None,
        colors: Tensor | None,
        opacities: Tensor,
        scales: Tensor | None,
        rotations: Tensor | None,
        covariances: Tensor | None,
        settings: GaussianRasterizationSettings,
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        some = (means, sh, colors, opacities, scales, rotations, covariances)
        ctx.settings = settings
        ctx.set_materialize_grads(False)
        shape = (int(settings.image_height), int(settings.image_width))
        wanted = settings.antialiasing is not None
        if not len(means):
            color, radii = means.new_zeros(3, *shape), means.new_zeros(0, dtype=torch.int32)
            ctx.mark_non_differentiable(radii)
            ctx.save_for_backward(*some)
            return color, radii, means.new_zeros(1, *shape) if wanted else None
        with _on(means.device):
            it = _Call(some, settings)
            color, radii = means.new_empty(3, *shape), means.new_empty(it.n, dtype=torch.int32)
            depth = means.new_empty(1, *shape) if wanted else None
            kept = means.new_empty(3 + wanted, *shape) if any(ctx.needs_input_grad) else None
            room = room_of(it.device, shape)
            frame = Frame(instances=room.entries(it.n))
            waits = frame.instances == 0
            scene = space(size("scene_bytes", it.n, it.view), it.device)
            call(
                "prepare", it.gaussians, it.view, address(scene), address(radii), frame,
                address(room.needed), it.stream,
            )  # fmt: skip
            if waits:
                room.needed.fill_(frame.instances)
            tiles = space(size("list_bytes", frame.instances), it.device)
            results = (address(color), address(depth), address(kept))
            call(
                "render", it.gaussians, it.view, frame, address(tiles), *results, it.stream,
            )  # fmt: skip
            if settings.debug:
                torch.cuda.synchronize()
        ctx.call, ctx.frame = it, frame
        ctx.save_for_backward(*some, kept, scene, tiles)
        ctx.mark_non_differentiable(radii)
        return color, radii, depth

    @staticmethod
    @once_differentiable
    def backward(  # type: ignore[override]
        ctx: Any, by_color: Tensor | None, _: None, by_depth: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        means, sh, colors, opacities, scales, rotations, covariances, *rest = ctx.saved_tensors
        some = [means, sh, colors, opacities, scales, rotations, covariances]
        if by_color is None and by_depth is None:
            return (None,) * 9
        out = [None if t is None else t.new_empty(t.shape) for t in some]
        by_screen = means.new_empty(len(means), 3)
        if rest:
            try:
                with _on(means.device):
                    _backward(ctx, rest[0], by_color, by_depth, out, by_screen)
            except Exception:
                if ctx.settings.debug:
                    dump("snapshot_bw.dump", (*some, by_color, by_depth, ctx.settings))
                raise
        m, s, c, o, scale, rotation, covariance = out
        return m, by_screen, s, c, o, scale, rotation, covariance, None


def _backward(
    ctx: Any,
    kept: Tensor,
    by_color: Tensor | None,
    by_depth: Tensor | None,
    out: Sequence[Tensor | None],
    by_screen: Tensor,
) -> None:
    it: _Call = ctx.call  # torch has seen that its tensors are what they were
    by_color = kept.new_zeros(kept[:3].shape) if by_color is None else by_color.float().contiguous()
    by_depth = None if by_depth is None else by_depth.float().contiguous()
    sums = space(size("sums_bytes", it.n, by_depth is not None), it.device)
    means, sh, colors, opacities, scales, rotations, covariances = map(address, out)
    gradient = Gradient(
        means, address(by_screen), scales, rotations, covariances, opacities, sh, colors
    )
    call(
        "backward", it.gaussians, it.view, ctx.frame, address(kept), address(by_color),
        address(by_depth), address(sums), gradient, torch.cuda.current_stream(it.device).cuda_stream,
    )  # fmt: skip
    if ctx.settings.debug:
        torch.cuda.synchronize()
