"""One scene through the Triton kernels in float32 and through plain torch in float64: how far apart they are."""

from __future__ import annotations

from typing import Any

import gsplat
import torch
from gsplat_reference import scene

LEAVES = ("means", "quats", "scales", "opacities", "colors", "viewmats")


def both(device: str, n: int, cameras: int, **arguments: Any) -> dict[str, float]:
    """Relative differences of the picture, the alphas, the screen's gradients and each input's.

    ``backs``, ``channels`` and ``covariances`` change the scene.
    """
    found = [
        _run(torch.float32, device, n, cameras, **arguments),
        _run(torch.float64, "cpu", n, cameras, **arguments),
    ]
    return {
        name: float((ours.cpu().double() - wanted).norm() / wanted.double().norm().clamp(min=1e-30))
        for (name, ours), wanted in zip(found[0].items(), found[1].values(), strict=True)
    }


def _run(dtype: Any, device: str, n: int, cameras: int, **arguments: Any) -> dict[str, Any]:
    given = {
        k: v.detach().float().to(device, dtype) if hasattr(v, "to") else v
        for k, v in scene(n, cameras).items()
    }
    names = [*LEAVES]
    if channels := arguments.pop("channels", 0):
        wave = torch.arange(n * channels, dtype=torch.float64).mul(0.7).sin()
        given["colors"] = wave.view(n, channels).to(device, dtype)
    if arguments.pop("covariances", False):
        covars, _ = gsplat.quat_scale_to_covar_preci(given["quats"], given["scales"])
        given |= {"covars": covars, "quats": None, "scales": None}
        names = [name for name in names if name not in ("quats", "scales")] + ["covars"]
    if backs := arguments.pop("backs", 0):
        given["backgrounds"] = torch.full((cameras, backs), 0.3, dtype=dtype, device=device)
        names.append("backgrounds")
    leaves = [given[name].requires_grad_() for name in names]
    picture, alphas, meta = gsplat.rasterization(**given, **arguments)
    wave = torch.arange(picture.numel(), dtype=torch.float64).mul(0.37).sin().view(picture.shape)
    loss = (picture * wave.to(picture)).sum() + (alphas * wave[..., :1].to(alphas)).sum()
    screen, *gradients = torch.autograd.grad(loss, [meta["means2d"], *leaves], allow_unused=True)
    shown = {"picture": picture, "alphas": alphas, "radii": meta["radii"], "screen": screen}
    shown |= {"depths": meta["depths"], "conics": meta["conics"]}
    if arguments.get("absgrad"):
        shown["absgrad"] = meta["means2d"].absgrad
    named = {f"by {name}": g for name, g in zip(names, gradients, strict=True) if g is not None}
    return {name: value.detach().cpu() for name, value in (shown | named).items()}
