"""The suite's kernels beside the upstream extensions they can replace, on the same tensors.

    python benchmarks/kernels_vs_upstream.py --nvcc /usr/local/cuda/bin/nvcc

Needs a torch that sees a CUDA GPU. Of fused_ssim, simple_knn, gsplat and
diff_gaussian_rasterization it runs those that this environment can import, and names the others;
it builds nothing of theirs. Ours are compiled as plain shared libraries for this run. Results are
compared before anything is timed. Times are medians of 20 runs on a cold L2, with the host's part
(Python, allocation) on both sides; ratio = their time / our time. Exit status 1: a disagreement.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from gpu_timing import cold_ms
from gpufix.kernels import embedded
from gpufix.kernels.toolchain import Toolchain, parse_target

REPS = 20
DEVICE = "cuda"
failures: list[str] = []


# ---- measuring -----------------------------------------------------------------------------------
def agree(what: str, ours: torch.Tensor, theirs: torch.Tensor, tolerance: float) -> bool:
    """||ours - theirs|| / ||theirs||; a difference above the tolerance is said and counted."""
    error = float((ours.double() - theirs.double()).norm() / theirs.double().norm())
    good = error <= tolerance
    if not good:
        failures.append(what)
        print(f"  {what}: DISAGREE, relative difference {error:.2e} over {tolerance:.0e}")
    return good


def row(name: str, ours: Callable[[], object], theirs: Callable[[], object]) -> None:
    mine, other = cold_ms(ours), cold_ms(theirs)
    print(f"  {name:<36} {other:9.3f} ms {mine:9.3f} ms {other / mine:8.2f}x", flush=True)


def said(name: str, compare: Callable[[], None]) -> None:
    """An upstream that loads and then fails, at a launch say, is a row, and the next one's turn comes."""
    try:
        compare()
    except RuntimeError as error:
        first = (str(error).splitlines() or [""])[0]
        failures.append(name)
        print(f"  {name}: FAILED ({type(error).__name__}: {first})", flush=True)


def upstream(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except Exception as error:  # an extension that cannot load fails in any way it likes
        first = (str(error).splitlines() or [""])[0]
        print(f"{module}: not run ({type(error).__name__}: {first})")
        return None


def empty_bytes(n: int) -> torch.Tensor:
    return torch.empty(max(n, 1), dtype=torch.uint8, device=DEVICE)


# ---- ssim ----------------------------------------------------------------------------------------
def ssim_ours(
    lib: embedded.Ssim, x: torch.Tensor, y: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    n, c, h, w = x.shape
    shape = (n * c, h, w)
    mean, gradient, one = (
        torch.empty((), device=DEVICE),
        torch.empty_like(x),
        torch.ones((), device=DEVICE),
    )
    space = empty_bytes(lib.workspace(shape)).zero_()
    out = (mean.data_ptr(), gradient.data_ptr(), space.data_ptr())
    lib.mean_and_gradient(x.data_ptr(), y.data_ptr(), shape, False, *out)
    lib.scale(gradient.data_ptr(), gradient.numel(), one.data_ptr())
    return mean, gradient


def compare_ssim(lib: embedded.Ssim) -> None:
    module = upstream("fused_ssim")
    if module is None:
        return
    print("fused_ssim: forward and backward of the mean, same padding")
    for shape in ((1, 3, 1080, 1920), (5, 3, 1080, 1920), (1, 3, 2160, 3840), (1, 3, 545, 980)):
        y = torch.rand(shape, device=DEVICE)
        x = (0.7 * y + 0.3 * torch.rand_like(y)).requires_grad_()

        def theirs(x: torch.Tensor = x, y: torch.Tensor = y) -> torch.Tensor:
            x.grad = None
            value = module.fused_ssim(x, y)
            value.backward()
            return value

        name = "x".join(map(str, shape))
        mean, gradient = ssim_ours(lib, x.detach(), y)
        value = theirs()
        if agree(name, mean, value.detach(), 1e-5) & agree(name, gradient, x.grad, 1e-3):
            row(name, lambda x=x, y=y: ssim_ours(lib, x.detach(), y), theirs)


# ---- knn -----------------------------------------------------------------------------------------
def point_sets() -> dict[str, torch.Tensor]:
    million = 1000 * 1000
    centres = torch.rand(1000, 3, device=DEVICE)
    widths = 0.0005 * 100 ** torch.rand(1000, 1, device=DEVICE)
    cluster = torch.randint(1000, (million,), device=DEVICE)
    normal = torch.randn(million, 3, device=DEVICE)
    return {
        "uniform 1M": torch.rand(million, 3, device=DEVICE),
        "uniform 4M": torch.rand(4 * million, 3, device=DEVICE),
        "clustered 1M": centres[cluster] + widths[cluster] * normal,
        "sphere 1M": normal / normal.norm(dim=1, keepdim=True),
    }


def knn_ours(lib: embedded.Knn, points: torch.Tensor) -> torch.Tensor:
    mean, space = torch.empty(len(points), device=DEVICE), empty_bytes(lib.workspace(len(points)))
    lib.mean_distance(points.data_ptr(), len(points), mean.data_ptr(), space.data_ptr())
    return mean


def compare_knn(lib: embedded.Knn) -> None:
    module = upstream("simple_knn._C")
    if module is None:
        return
    print("simple_knn: distCUDA2")
    for name, points in point_sets().items():
        if agree(name, knn_ours(lib, points), module.distCUDA2(points), 1e-6):
            row(name, lambda p=points: knn_ours(lib, p), lambda p=points: module.distCUDA2(p))


# ---- splat ---------------------------------------------------------------------------------------
WIDTH, HEIGHT, FOCAL = 1920, 1080, 1152.0


class Model:
    """n Gaussians over the screen at depths 2 to 12, in camera coordinates; degree 3."""

    def __init__(self, n: int) -> None:
        def draw(*shape: int) -> torch.Tensor:
            return torch.rand(*shape, device=DEVICE)

        z = 2 + 10 * draw(n, 1)
        screen = (1.1 * draw(n, 2) - 0.55) * torch.tensor([WIDTH, HEIGHT], device=DEVICE)
        self.means = torch.cat([screen * z / FOCAL, z], 1)
        self.scales = 1.5 * 6.8 ** draw(n, 3) * z / FOCAL
        self.rotations = torch.nn.functional.normalize(torch.randn(n, 4, device=DEVICE))
        self.opacities = 0.02 + 0.96 * draw(n)  # below both sides' clamps
        self.sh = (2 * draw(n, 16, 3) - 1) * 0.3
        self.weight = 2 * draw(3, HEIGHT, WIDTH) - 1

    def parameters(self) -> list[torch.Tensor]:
        return [self.means, self.scales, self.rotations, self.opacities, self.sh]


class Ours:
    """Forward and backward of one model, allocating as an autograd function would."""

    def __init__(self, lib: embedded.Splat, m: Model, near: float) -> None:
        self.lib, self.m, self.n = lib, m, len(m.means)
        pointers = [p.data_ptr() for p in m.parameters()]
        self.scene = embedded.Scene(self.n, 3, 16, *pointers)
        view = (1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0)
        camera = embedded.Camera(fx=FOCAL, fy=FOCAL, cx=WIDTH / 2, cy=HEIGHT / 2, near_plane=near)
        camera.view[:] = view
        camera.width, camera.height = WIDTH, HEIGHT
        self.camera = camera

    def forward(self) -> torch.Tensor:
        self.space = empty_bytes(self.lib.scene_bytes(self.n, self.camera))
        self.frame = self.lib.prepare(self.scene, self.camera, self.space.data_ptr())
        self.list = empty_bytes(self.lib.list_bytes(self.frame.instances))
        self.image = torch.empty(3, HEIGHT, WIDTH, device=DEVICE)
        arguments = (self.frame, self.list.data_ptr(), self.image.data_ptr())
        self.lib.render(self.scene, self.camera, *arguments)
        return self.image

    def both(self) -> list[torch.Tensor]:
        self.forward()
        grads = [torch.empty_like(p) for p in self.m.parameters()]
        out = embedded.SceneGradient(*(g.data_ptr() for g in grads), None)
        space = empty_bytes(self.lib.backward_bytes(self.n))
        images = (self.image.data_ptr(), self.m.weight.data_ptr())
        self.lib.backward(self.scene, self.camera, self.frame, *images, space.data_ptr(), out)
        return grads


def gsplat_forward(module: Any, m: Model, p: list[torch.Tensor]) -> torch.Tensor:
    view = torch.eye(4, device=DEVICE)[None]
    k = [[FOCAL, 0, WIDTH / 2], [0, FOCAL, HEIGHT / 2], [0, 0, 1]]
    ks = torch.tensor([k], device=DEVICE)
    means, scales, rotations, opacities, sh = p
    image = module.rasterization(
        means, rotations, scales, opacities, sh, view, ks, WIDTH, HEIGHT,
        near_plane=0.2, sh_degree=3, packed=False,
    )[0]  # fmt: skip
    result: torch.Tensor = image[0].permute(2, 0, 1)
    return result


def diff_gaussian_forward(module: Any, m: Model, p: list[torch.Tensor]) -> torch.Tensor:
    tan_x, tan_y = WIDTH / (2 * FOCAL), HEIGHT / (2 * FOCAL)
    eye, projection = torch.eye(4, device=DEVICE), torch.zeros(4, 4, device=DEVICE)
    projection[0, 0], projection[1, 1] = 1 / tan_x, 1 / tan_y
    projection[2, 2], projection[3, 2], projection[2, 3] = 1.0, 1.0, -0.01
    fields = {
        "image_height": HEIGHT, "image_width": WIDTH, "tanfovx": tan_x, "tanfovy": tan_y,
        "bg": torch.zeros(3, device=DEVICE), "scale_modifier": 1.0, "viewmatrix": eye,
        "projmatrix": projection.T.contiguous(), "sh_degree": 3,
        "campos": torch.zeros(3, device=DEVICE), "prefiltered": False, "debug": False,
        "antialiasing": False,
    }  # fmt: skip
    known = module.GaussianRasterizationSettings._fields
    settings = module.GaussianRasterizationSettings(
        **{k: v for k, v in fields.items() if k in known}
    )
    means, scales, rotations, opacities, sh = p
    result: torch.Tensor = module.GaussianRasterizer(settings)(
        means3D=means, means2D=torch.zeros_like(means), shs=sh, opacities=opacities[:, None],
        scales=scales, rotations=rotations,
    )[0]  # fmt: skip
    return result


def along_sphere(rotations: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
    """Without the part along unit quaternions: who normalises them, as ours do, has none."""
    return gradient - (gradient * rotations).sum(1, keepdim=True) * rotations


def compare_splat(
    lib: embedded.Splat, name: str, forward: Callable[..., torch.Tensor], tolerance: float
) -> None:
    module = upstream(name)
    if module is None:
        return
    print(f"{name}: 1920 x 1080, degree 3")
    for n, label in ((200_000, "200k"), (1_000_000, "1M"), (3_000_000, "3M")):
        m = Model(n)
        ours = Ours(lib, m, near=0.2)
        leaves = [p.clone().requires_grad_() for p in m.parameters()]

        def theirs_both(m: Model = m, leaves: list[torch.Tensor] = leaves) -> torch.Tensor:
            for leaf in leaves:
                leaf.grad = None
            image = forward(module, m, leaves)
            image.backward(m.weight)
            return image.detach()

        good = agree(f"{label} image", ours.forward(), theirs_both(), tolerance)
        kinds = ("means", "scales", "rotations", "opacities", "sh")
        for kind, mine, leaf in zip(kinds, ours.both(), leaves, strict=True):
            theirs = along_sphere(m.rotations, leaf.grad) if kind == "rotations" else leaf.grad
            good &= agree(f"{label} gradient by {kind}", mine, theirs, 10 * tolerance)
        if good:
            row(f"{label} forward", ours.forward, lambda m=m: forward(module, m, m.parameters()))
            row(f"{label} forward + backward", ours.both, theirs_both)


def main() -> int:
    parser = argparse.ArgumentParser(description="our kernels beside upstream's")
    parser.add_argument("--nvcc", type=Path, required=True)
    arguments = parser.parse_args()
    major, minor = torch.cuda.get_device_capability()
    toolchain, target = Toolchain("nvcc", arguments.nvcc), parse_target(f"sm_{major}{minor}")
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}")
    print(f"  {'':<36} {'theirs':>12} {'ours':>12} {'ratio':>9}")
    with tempfile.TemporaryDirectory() as scratch:
        path = {
            n: embedded.build(n, toolchain, target, Path(scratch)) for n in ("ssim", "knn", "splat")
        }
        ssim, knn, splat = (
            kind(path[name])
            for name, kind in (
                ("ssim", embedded.Ssim),
                ("knn", embedded.Knn),
                ("splat", embedded.Splat),
            )
        )
        said("fused_ssim", lambda: compare_ssim(ssim))
        said("simple_knn", lambda: compare_knn(knn))
        # diff_gaussian_rasterization cuts at 3 standard deviations by whole tiles, ours at alpha 1/255.
        for name, forward, tolerance in (
            ("gsplat", gsplat_forward, 2e-3),
            ("diff_gaussian_rasterization", diff_gaussian_forward, 2e-2),
        ):
            said(name, lambda n=name, f=forward, t=tolerance: compare_splat(splat, n, f, t))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
