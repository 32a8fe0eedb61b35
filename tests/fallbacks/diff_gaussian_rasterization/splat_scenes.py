"""Cameras and Gaussians for the tests, on any device, float32; and what a rasteriser makes of them."""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any

import splat_reference as reference
from splat_reference import INPUTS, Camera

import needs

torch = needs.module("torch")
Tensor = Any

CASES = {
    "harmonics": {},
    "degree 0": {"degree": 0},
    "degree 1 of 16": {"degree": 1},
    "degree 2, 9 coefficients": {"degree": 2, "coefficients": 9},
    "colors": {"colors": True},
    "covariances": {"covariances": True},
    "colors and covariances": {"colors": True, "covariances": True},
    "scale modifier": {"scale_modifier": 0.7},
    "antialiasing": {"antialiasing": True},
    "antialiasing, covariances": {"antialiasing": True, "covariances": True},
    "depth": {"antialiasing": False},
    "odd size": {"width": 131, "height": 77},
    "less than a tile": {"width": 13, "height": 5},
    "one pixel": {"width": 1, "height": 1},
    "opaque": {"opacity": 4.0},
    "near and large": {"size": 30.0},
    "rotations of any length": {"stretch": 1.3},
    "principal point aside": {"shift": 0.2},
}


def make_camera(
    width: int = 144,
    height: int = 96,
    degree: int = 3,
    scale_modifier: float = 1.0,
    shift: float = 0,
) -> Camera:
    """Turned and moved a little, so that no entry of the matrices is trivial."""
    a, b = 0.2, -0.15
    turn_y = torch.tensor(
        [[math.cos(a), 0, math.sin(a)], [0, 1, 0], [-math.sin(a), 0, math.cos(a)]]
    )
    turn_x = torch.tensor(
        [[1, 0, 0], [0, math.cos(b), -math.sin(b)], [0, math.sin(b), math.cos(b)]]
    )
    view = torch.eye(4)
    view[:3, :3], view[:3, 3] = turn_x @ turn_y, torch.tensor([0.1, -0.2, 0.3])
    tan_x, tan_y = 0.7, 0.7 * height / width
    near, far = 0.01, 100.0
    flat = torch.zeros(4, 4)
    flat[0, 0], flat[1, 1], flat[3, 2] = 1 / tan_x, 1 / tan_y, 1
    flat[0, 2] = shift
    flat[2, 2], flat[2, 3] = far / (far - near), -far * near / (far - near)
    return Camera(
        height, width, tan_x, tan_y, torch.tensor([0.2, 0.5, 0.1]), scale_modifier, view.T,
        (flat @ view).T.contiguous(), degree, torch.linalg.inv(view)[:3, 3].contiguous(),
    )  # fmt: skip


def make_gaussians(
    n: int,
    camera: Camera,
    colors: bool = False,
    covariances: bool = False,
    coefficients: int = 16,
    opacity: float = 1.0,
    size: float = 1.0,
    stretch: float = 1.0,
    seed: int = 0,
) -> dict[str, Tensor | None]:
    """Some behind the camera, some beside the view, thin and round, faint and opaque."""
    draw = torch.Generator().manual_seed(seed)

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=draw)

    z = torch.where(uniform(n, 1) < 0.05, -1.0, 1.0) * (0.1 + 6 * uniform(n, 1))
    tan = torch.tensor([camera.tanfovx, camera.tanfovy])
    seen = torch.cat([(2.8 * uniform(n, 2) - 1.4) * tan * z, z], 1)
    turn, move = camera.viewmatrix[:3, :3], camera.viewmatrix[3, :3]
    pixel = 2 * camera.tanfovx / camera.image_width * z.abs()
    scales = size * 0.3 * 30 ** uniform(n, 3) * pixel
    rotations = torch.nn.functional.normalize(torch.randn(n, 4, generator=draw))
    p: dict[str, Tensor | None] = dict.fromkeys(INPUTS)
    p["means3D"] = (seen - move) @ torch.linalg.inv(turn)
    p["opacities"] = (opacity * (0.002 + 0.998 * uniform(n, 1))).clamp(max=1)
    if colors:
        p["colors_precomp"] = 1.2 * uniform(n, 3) - 0.1
    else:
        p["shs"] = 0.3 * torch.randn(n, coefficients, 3, generator=draw)
    if covariances:
        m = reference.rotation_matrices(rotations) * scales[:, None]
        full = m @ m.transpose(1, 2)
        p["cov3D_precomp"] = full.reshape(n, 9)[:, [0, 1, 2, 4, 5, 8]].contiguous()
    else:
        p["scales"], p["rotations"] = scales, stretch * rotations
    return p


def make_case(name: str, n: int = 400) -> tuple[dict[str, Tensor | None], Camera, bool | None]:
    options = dict(CASES[name])
    antialiasing = options.pop("antialiasing", None)
    names = ("width", "height", "degree", "scale_modifier", "shift")
    camera = make_camera(**{k: options.pop(k) for k in names if k in options})
    return make_gaussians(n, camera, **options), camera, antialiasing


def weights(camera: Camera, device: str) -> tuple[Tensor, Tensor]:
    """Of the losses: by the image and by the inverse depth."""
    draw = torch.Generator().manual_seed(7)
    shape = (4, camera.image_height, camera.image_width)
    w = (2 * torch.rand(*shape, generator=draw) - 1).to(device)
    return w[:3], w[3:]


Results = dict[str, Tensor]


def of_reference(
    p: dict[str, Tensor | None], camera: Camera, antialiasing: bool | None, device: str
) -> Results:
    leaves = {
        k: None if v is None else v.to(device).double().requires_grad_() for k, v in p.items()
    }
    screen = torch.zeros(len(p["means3D"]), 2, device=device, dtype=torch.float64).requires_grad_()
    color, radii, depth = reference.render(
        leaves, camera.to(device, torch.float64), bool(antialiasing), screen
    )
    by_color, by_depth = weights(camera, device)
    loss = (by_color * color).sum()
    if antialiasing is not None:
        loss = loss + (by_depth * depth).sum()
    loss.backward()
    found = {"color": color.detach(), "radii": radii}
    if antialiasing is not None:
        found["depth"] = depth.detach()
    found |= {f"by {k}": v.grad for k, v in leaves.items() if v is not None}
    return found | {"by means2D": torch.nn.functional.pad(screen.grad, (0, 1))}


def of_module(
    module: ModuleType,
    p: dict[str, Tensor | None],
    camera: Camera,
    antialiasing: bool | None,
    **flags: bool,
) -> Results:
    """What a module with the package's interface gives, in float32 on the GPU."""
    device = "cuda"
    leaves = {k: None if v is None else v.to(device).requires_grad_() for k, v in p.items()}
    screen = torch.zeros(len(p["means3D"]), 3, device=device, requires_grad=True)
    options = {"prefiltered": False, "debug": False, **flags}
    if antialiasing is not None:
        options["antialiasing"] = antialiasing
    settings = module.GaussianRasterizationSettings(
        **vars(camera.to(device, torch.float32)), **options
    )
    color, radii, *depth = module.GaussianRasterizer(settings)(means2D=screen, **leaves)
    by_color, by_depth = weights(camera, device)
    loss = (by_color * color).sum()
    found = {"color": color.detach(), "radii": radii}
    if antialiasing is not None:
        found["depth"] = depth[0].detach()
        loss = loss + (by_depth * depth[0]).sum()
    loss.backward()
    found |= {f"by {k}": v.grad for k, v in leaves.items() if v is not None}
    return found | {"by means2D": screen.grad}


def errors(got: Results, want: Results) -> dict[str, float]:
    """Relative, by norm; for radii the share that differ."""
    assert got.keys() == want.keys()
    found = {}
    for key, value in want.items():
        if key == "radii":
            found[key] = float((got[key] != value).float().mean())
            continue
        assert got[key].shape == value.shape, key
        off = (got[key].double() - value.double()).norm()
        found[key] = float(off / value.double().norm().clamp(min=1e-30))
    return found
