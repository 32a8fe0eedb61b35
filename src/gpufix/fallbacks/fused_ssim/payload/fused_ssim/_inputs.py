"""What the functions accept, with the original's errors where it has one."""

from __future__ import annotations

import torch
from torch import Tensor

_NAMES = {torch.float32: "Float", torch.float64: "Double", torch.float16: "Half"}
_AXES = {2: "batch, channels, height, width", 3: "batch, channels, depth, height, width"}


def checked(img1: Tensor, img2: Tensor, axes: int) -> tuple[Tensor, Tensor]:
    """Both images, contiguous and of one dtype.

    float32, as the original; float64 as well. Half precision is an error, as there, but under
    autocast it is computed in float32, as torch's own losses are. Raises IndexError for missing
    dimensions, ValueError for other shapes, RuntimeError for dtypes and devices.
    """
    if axes not in _AXES:
        raise ValueError(f"spatial_dims: 2 or 3, not {axes}")
    if img1.dim() != axes + 2:
        error = IndexError if img1.dim() < axes + 2 else ValueError
        raise error(f"fused_ssim: images are {_AXES[axes]}; got {img1.dim()} dimensions")
    if img1.shape != img2.shape:
        raise ValueError(f"fused_ssim: {tuple(img1.shape)} against {tuple(img2.shape)}")
    if img1.device != img2.device:
        raise RuntimeError(f"fused_ssim: images on {img1.device} and {img2.device}")
    if img1.dtype != img2.dtype or img1.dtype not in (torch.float32, torch.float64):
        img1, img2 = _as_float32(img1), _as_float32(img2)
    return img1.contiguous(), img2.contiguous()


def _as_float32(image: Tensor) -> Tensor:
    if image.dtype in (torch.float16, torch.bfloat16) and _autocasts(image.device.type):
        return image.float()
    if image.dtype != torch.float32:
        name = _NAMES.get(image.dtype, str(image.dtype).split(".")[-1])
        raise RuntimeError(f"expected scalar type Float but found {name}")
    return image


def _autocasts(kind: str) -> bool:
    try:
        return torch.is_autocast_enabled(kind)
    except TypeError:  # torch before 2.4
        return torch.is_autocast_cpu_enabled() if kind == "cpu" else torch.is_autocast_enabled()
