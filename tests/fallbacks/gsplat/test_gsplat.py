"""rasterization and its parts against a float64 reference: pictures, gradients, what training scripts read."""

from __future__ import annotations

import itertools
from types import ModuleType
from typing import Any

import pytest

import needs

torch = needs.module("torch")
pytestmark = pytest.mark.needs("torch")
Tensor = Any
if torch is not None:
    import gsplat_reference as reference

LEAVES = ("means", "quats", "scales", "opacities", "colors", "viewmats")


def off(ours: Tensor, wanted: Tensor) -> float:
    assert ours.shape == wanted.shape
    ours, wanted = ours.detach(), wanted.detach()
    return float((ours - wanted).norm() / wanted.norm().clamp(min=1e-30))


def weights(like: Tensor) -> Tensor:
    return torch.arange(like.numel(), dtype=like.dtype).mul(0.37).sin().view(like.shape)


def compare(
    gsplat: ModuleType, scene: dict[str, Any], packed: bool = False, **arguments: Any
) -> None:
    """Pictures, alphas and the gradients of everything to 1e-9."""
    wanted = reference.rasterization(**scene, **arguments)
    ours = gsplat.rasterization(**scene, **arguments, packed=packed)
    names = [name for name in LEAVES if scene[name] is not None]
    names += [name for name in ("backgrounds", "covars") if name in arguments]
    leaves = [{**scene, **arguments}[name] for name in names]
    found = []
    for picture, alphas, _ in (ours, wanted):
        loss = (picture * weights(picture)).sum() + (alphas * weights(alphas)).sum()
        found.append(torch.autograd.grad(loss, leaves, allow_unused=True))
    assert off(ours[0], wanted[0]) < 1e-9 and off(ours[1], wanted[1]) < 1e-9
    for name, ours_by, wanted_by in zip(names, *found, strict=True):
        if ours_by is None or wanted_by is None:
            assert not any(by is not None and by.any() for by in (ours_by, wanted_by)), name
        elif name == "covars":  # read off the upper triangle
            assert off(ours_by + ours_by.mT, wanted_by + wanted_by.mT) < 1e-9
        else:
            assert off(ours_by, wanted_by) < 1e-9, name
    radii = ours[2]["radii"]
    flat = wanted[2]["radii"]
    assert torch.equal(radii, flat[(flat > 0).all(-1)] if packed else flat)


MODES = [
    *(("RGB", mode, packed, 3) for mode, packed in itertools.product(("classic", "antialiased"), (False, True))),
    ("RGB+ED", "antialiased", True, 1),
    ("RGB+D", "classic", False, 2),
    ("ED", "classic", True, None),
    ("D", "antialiased", False, 0),
]  # fmt: skip


@pytest.mark.some(3)
@pytest.mark.parametrize(("render", "mode", "packed", "degree"), MODES)
def test_pictures_and_gradients(gsplat, render, mode, packed, degree):
    """Two cameras; Gaussians behind them, beside and through each other."""
    scene = reference.scene(cameras=2)
    if degree is None:
        scene["colors"] = scene["colors"].detach()[:, 0].requires_grad_()
    backs = weights(torch.ones(2, 3, dtype=torch.float64)).requires_grad_()
    compare(
        gsplat,
        scene,
        packed,
        render_mode=render,
        rasterize_mode=mode,
        sh_degree=degree,
        backgrounds=backs,
    )


@pytest.mark.parametrize("channels", [1, 5])
def test_features(gsplat, channels):
    """Any number of channels, of each camera's own."""
    scene = reference.scene(n=15, cameras=2)
    scene["colors"] = weights(torch.ones(2, 15, channels, dtype=torch.float64)).requires_grad_()
    compare(gsplat, scene, packed=channels == 5)


def test_covariances(gsplat):
    scene = reference.scene(n=15)
    turned = reference.matrix(scene["quats"]) @ torch.diag_embed(scene["scales"])
    covars = (turned @ turned.mT).detach().requires_grad_()
    compare(gsplat, {**scene, "quats": None, "scales": None}, covars=covars, sh_degree=1)


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_harmonics(gsplat, degree):
    """Directions of any length; what is masked is black."""
    directions = 3 * weights(torch.ones(7, 3, dtype=torch.float64)).requires_grad_()
    given = weights(torch.ones(7, 16, 3, dtype=torch.float64))
    masks = torch.arange(7) != 2
    ours = gsplat.spherical_harmonics(degree, directions, given, masks)
    unit = directions / directions.norm(dim=-1, keepdim=True)
    basis = reference.harmonics(degree, unit)
    wanted = torch.einsum("nk,nkc->nc", basis, given[:, : (degree + 1) ** 2])
    assert off(ours[masks], wanted[masks]) < 1e-12 and not ours[2].any()


def test_rules(gsplat):
    """Planes, least radii, and how wide pixels are."""
    scene = reference.scene(n=30)
    compare(gsplat, scene, sh_degree=0, near_plane=2.0, far_plane=4.0)
    compare(gsplat, scene, sh_degree=0, radius_clip=12.0)
    compare(gsplat, scene, sh_degree=0, eps2d=1.5, tile_size=8)


def test_derivatives(gsplat):
    """Against differences, not against another derivative."""
    scene = reference.scene(n=4)
    scene["width"], scene["height"] = 16, 12
    names = [*LEAVES]

    def picture(*leaves: Tensor) -> Tensor:
        given = {**scene, **dict(zip(names, leaves, strict=True))}
        return gsplat.rasterization(**given, sh_degree=1, render_mode="RGB+D", packed=False)[0].sum(
            (1, 2)
        )

    leaves = [scene[name] for name in names]
    assert torch.autograd.gradcheck(picture, leaves, eps=1e-6, atol=1e-4, rtol=1e-3, fast_mode=True)


def test_batches(gsplat):
    """Two scenes at once are two scenes."""
    one, two = (reference.scene(n=9, cameras=2, seed=seed) for seed in (1, 2))
    both = {name: torch.stack((one[name], two[name])).detach() for name in (*LEAVES, "Ks")}
    size = {"width": one["width"], "height": one["height"], "sh_degree": 2}
    picture, alphas, meta = gsplat.rasterization(**both, **size, packed=False)
    assert picture.shape == (2, 2, 27, 45, 3) and alphas.shape == (2, 2, 27, 45, 1)
    assert meta["n_batches"] == 2 and meta["radii"].shape == (2, 2, 9, 2)
    packed = gsplat.rasterization(**both, **size, packed=True)
    assert torch.equal(packed[2]["batch_ids"].unique(), torch.arange(2))
    for i, scene in enumerate((one, two)):
        alone = gsplat.rasterization(**scene, sh_degree=2, packed=False)[0]
        assert off(picture[i], alone) < 1e-12 and off(packed[0][i], alone) < 1e-12


def test_a_background_of_one_picture(gsplat):
    """gsplat 1.5.3 takes [C, D], and where packed only [D]: both are taken."""
    scene = {**reference.scene(n=5), "sh_degree": 0}
    back = torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64)
    one, other = (gsplat.rasterization(**scene, backgrounds=b)[0] for b in (back, back[None]))
    assert torch.equal(one, other)
    with pytest.raises(ValueError, match="backgrounds"):
        gsplat.rasterization(**scene, backgrounds=back[None, None])


def test_what_strategies_read(gsplat):
    """Gradients of the means on the screen, their absolute sums, and who they belong to."""
    scene = reference.scene(cameras=2)
    found = {}
    for packed in (False, True):
        picture, _, meta = gsplat.rasterization(**scene, sh_degree=3, packed=packed, absgrad=True)
        meta["means2d"].retain_grad()
        (picture * weights(picture)).sum().backward()
        found[packed] = meta
        assert (meta["width"], meta["height"], meta["n_cameras"]) == (45, 27, 2)
        assert (meta["tile_width"], meta["tile_height"], meta["tile_size"]) == (3, 2, 16)
        assert meta["means2d"].absgrad.shape == meta["means2d"].grad.shape == meta["means2d"].shape
        assert (meta["means2d"].absgrad >= meta["means2d"].grad.abs() - 1e-12).all()
        assert len(meta["flatten_ids"]) == meta["tiles_per_gauss"].sum() == len(meta["isect_ids"])
    whole, packed = found[False], found[True]
    at = (packed["camera_ids"], packed["gaussian_ids"])
    for name in ("radii", "means2d", "depths", "conics", "opacities", "tiles_per_gauss"):
        assert torch.equal(whole[name][at], packed[name]), name
    assert off(whole["means2d"].grad[at], packed["means2d"].grad) < 1e-9
    assert off(whole["means2d"].absgrad[at], packed["means2d"].absgrad) < 1e-9


def test_parts_make_the_picture(gsplat):
    """As programs call them one by one, in whole pixels' tiles and in bits of ids."""
    scene = reference.scene(cameras=2)
    size = (scene["width"], scene["height"])
    some = (scene["means"], None, scene["quats"], scene["scales"], scene["viewmats"], scene["Ks"])
    for packed in (False, True):
        seen = gsplat.fully_fused_projection(
            *some, *size, packed=packed, opacities=scene["opacities"]
        )
        *ids, radii, means2d, depths, conics, none = seen
        assert none is None
        where = {"packed": packed}
        faint = scene["opacities"].expand(2, -1)
        if packed:
            _, camera, gaussian = ids
            where |= {"n_images": 2, "image_ids": camera, "gaussian_ids": gaussian}
            faint = faint[camera, gaussian]
        tiles = gsplat.isect_tiles(means2d, radii, depths, 16, 3, 2, **where)
        offsets = gsplat.isect_offset_encode(tiles[1], 2, 3, 2)
        shade = torch.stack((depths, faint), -1)
        picture, alphas = gsplat.rasterize_to_pixels(
            means2d, conics, shade, faint, *size, 16, offsets, tiles[2], packed=packed
        )
        wanted = gsplat.rasterization(**scene, sh_degree=0, render_mode="D", packed=packed)
        assert off(picture[..., :1], wanted[0]) < 1e-12 and off(alphas, wanted[1]) < 1e-12
        assert torch.equal(tiles[1], wanted[2]["isect_ids"])
        assert torch.equal(offsets, wanted[2]["isect_offsets"])
        assert torch.equal(
            tiles[1] & 0xFFFFFFFF,
            depths.float().flatten().view(torch.int32)[tiles[2].long()].long(),
        )


def test_covariances_of_quaternions(gsplat):
    scene = reference.scene(n=5)
    covars, precis = gsplat.quat_scale_to_covar_preci(scene["quats"], scene["scales"])
    turned = reference.matrix(scene["quats"]) @ torch.diag_embed(scene["scales"])
    assert off(covars, turned @ turned.mT) < 1e-12
    assert off(covars @ precis, torch.eye(3, dtype=torch.float64).expand(5, 3, 3)) < 1e-9
    half, none = gsplat.quat_scale_to_covar_preci(
        scene["quats"], scene["scales"], compute_preci=False, triu=True
    )
    assert none is None and torch.equal(half, covars.flatten(1)[:, [0, 1, 2, 4, 5, 8]])


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("n", [0, 3])
def test_nothing_to_see(gsplat, packed, n):
    """Backgrounds, and gradients that are zero."""
    scene = reference.scene(n=n)
    with torch.no_grad():
        scene["means"][:, 2] = -5
    backs = torch.tensor([[0.1, 0.2, 0.3]], dtype=torch.float64)
    picture, alphas, meta = gsplat.rasterization(
        **scene, sh_degree=0, packed=packed, backgrounds=backs, render_mode="RGB+ED"
    )
    assert torch.equal(picture[0, 0, 0], torch.tensor([0.1, 0.2, 0.3, 0.0], dtype=torch.float64))
    assert not alphas.any() and not meta["tiles_per_gauss"].sum()
    picture.sum().backward()
    assert scene["means"].grad.shape == (n, 3) and not scene["means"].grad.any()


def test_no_numbers(gsplat):
    """A Gaussian with a NaN, an infinity or no rotation draws nothing; its neighbours are as without it."""
    scene = reference.scene(n=12)
    wanted = gsplat.rasterization(**scene, sh_degree=0)[0]
    spoilt = {name: torch.cat((scene[name], scene[name][:5])).detach() for name in LEAVES[:-1]}
    spoilt["means"][12, 0] = float("nan")
    spoilt["scales"][13, 1] = float("inf")
    spoilt["quats"][14] = float("nan")
    spoilt["opacities"][15] = float("nan")
    spoilt["means"][16, 2] = float("inf")
    ours = gsplat.rasterization(**{**scene, **spoilt}, sh_degree=0)[0]
    assert torch.equal(ours, wanted)


def test_sparse_gradients(gsplat):
    """As many rows as were seen, as torch.optim.SparseAdam takes them."""
    scene = reference.scene(cameras=2)
    dense = reference.scene(cameras=2)
    for each, sparse in ((scene, True), (dense, False)):
        each["colors"] = each["colors"].detach()[:, 0]
        picture = gsplat.rasterization(**each, sparse_grad=sparse)[0]
        (picture * weights(picture)).sum().backward()
    for name in ("means", "quats", "scales"):
        gradient = scene[name].grad
        assert gradient.is_sparse and gradient._nnz() < len(gradient)
        assert off(gradient.to_dense(), dense[name].grad) < 1e-12


REFUSED = {
    "distributed": True,
    "camera_model": "fisheye",
    "with_ut": True,
    "with_eval3d": True,
    "radial_coeffs": 1,
    "rolling_shutter": 1,
    "sh_degree": 4,
    "tile_size": 10,
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_covered_says_what_to_do(gsplat, name):
    scene = reference.scene(n=3, k=25)
    with pytest.raises(
        NotImplementedError, match=r"not covered by this fallback: .* or build gsplat itself"
    ):
        gsplat.rasterization(**{**scene, "sh_degree": 1, name: REFUSED[name]})


def test_shapes_that_do_not_fit(gsplat):
    scene = {**reference.scene(n=3), "sh_degree": 1}
    for name in ("means", "quats", "scales", "opacities", "colors", "viewmats", "Ks"):
        with pytest.raises(ValueError, match="gsplat"):
            gsplat.rasterization(**{**scene, name: scene[name][..., :1]})
    with pytest.raises(ValueError, match="float32"):
        gsplat.rasterization(**{**scene, "scales": scene["scales"].float()})
    with pytest.raises(TypeError, match="color"):
        gsplat.rasterization(**scene, color=1)
    with pytest.raises(ValueError, match="mode"):
        gsplat.rasterization(**scene, render_mode="BGR")


def test_one_radius_before_1_5(script):
    """Where an older gsplat is replaced, programs written for it find the greater of the two."""
    text = (
        "from importlib import metadata\n"
        "metadata.version = lambda name: '1.4.0+gpufix'\n"
        "import torch, gsplat\n"
        "r = gsplat.rasterization(torch.tensor([[0., 0, 3]]), torch.ones(1, 4), torch.ones(1, 3), torch.ones(1),\n"
        "    torch.ones(1, 3), torch.eye(4)[None], torch.eye(3)[None] * 9, 16, 16, packed=False)\n"
        "assert r[2]['radii'].shape == (1, 1) and r[2]['radii'].dtype == torch.int32, r[2]['radii']\n"
    )
    script("gsplat", text)
