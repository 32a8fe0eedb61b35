"""The strategies: what they do to Gaussians, to their optimizers' state, and to the picture."""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any

import pytest

import needs

torch = needs.module("torch")
pytestmark = pytest.mark.needs("torch")
Tensor = Any
if torch is not None:
    import gsplat_reference as reference

NAMES = ("means", "quats", "scales", "opacities", "colors")


def training(n: int = 12) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Parameters as scripts keep them, an Adam for each that has made a step, and the cameras."""
    scene = reference.scene(n)
    params = {name: torch.nn.Parameter(scene[name].detach()) for name in NAMES}
    params["scales"] = torch.nn.Parameter(params["scales"].detach().log())
    params["opacities"] = torch.nn.Parameter(params["opacities"].detach().clamp(0.02, 0.98).logit())
    optimizers = {name: torch.optim.Adam([p], lr=1e-3) for name, p in params.items()}
    for name, p in params.items():
        p.grad = torch.ones_like(p)
        optimizers[name].step()
        optimizers[name].zero_grad()
    cameras = {name: scene[name] for name in ("viewmats", "Ks", "width", "height")}
    return params, optimizers, cameras


def shown(
    gsplat: ModuleType, params: dict[str, Any], cameras: dict[str, Any], **arguments: Any
) -> Any:
    given = {**params, "scales": params["scales"].exp(), "opacities": params["opacities"].sigmoid()}
    return gsplat.rasterization(**given, **cameras, sh_degree=1, **arguments)


def consistent(params: dict[str, Any], optimizers: dict[str, Any], n: int) -> None:
    for name, p in params.items():
        (group,) = optimizers[name].param_groups
        assert group["params"] == [p] and len(p) == n and p.requires_grad and p.is_leaf
        assert optimizers[name].state[p]["exp_avg"].shape == p.shape
        assert list(optimizers[name].state) == [p]


@pytest.mark.parametrize(("packed", "absgrad"), [(False, False), (True, True)])
def test_default_grows_and_prunes(gsplat, packed, absgrad):
    params, optimizers, cameras = training()
    with torch.no_grad():
        params["opacities"][3] = -9.0  # faint
    strategy = gsplat.DefaultStrategy(
        refine_start_iter=0,
        refine_every=2,
        grow_grad2d=1e-9,
        absgrad=absgrad,
        refine_scale2d_stop_iter=9,
    )
    strategy.check_sanity(params, optimizers)
    state = strategy.initialize_state(scene_scale=30.0)  # sizes up to 0.3 are small
    seen = torch.zeros(12, dtype=torch.bool)
    widest = torch.zeros(12, dtype=torch.float64)
    for step in (1, 2):
        picture, _, info = shown(gsplat, params, cameras, packed=packed, absgrad=absgrad)
        strategy.step_pre_backward(params, optimizers, state, step, info)
        picture.sum().backward()
        radii = info["radii"].amax(-1).double()
        ids = info["gaussian_ids"] if packed else radii.nonzero()[:, 1]
        radii = radii[radii > 0]
        seen[ids] = True
        widest[ids] = torch.maximum(widest[ids], radii / 45)
        small = params["scales"].exp().amax(-1) <= 0.3
        strategy.step_post_backward(params, optimizers, state, step, info, packed=packed)
        if step == 1:
            gradient = info["means2d"].absgrad if absgrad else info["means2d"].grad
            size = (gradient * torch.tensor([22.5, 13.5])).norm(dim=-1)
            size = size if packed else size[0, ids]
            assert torch.allclose(
                state["grad2d"], torch.zeros(12, dtype=size.dtype).index_add_(0, ids, size)
            )
            assert torch.equal(state["count"] > 0, seen) and torch.allclose(state["radii"], widest)
    cloned, split = seen & small, (seen & ~small) | (widest > 0.05)
    assert cloned.any() and split.any() and not seen[3]
    consistent(params, optimizers, 12 + int(cloned.sum()) + int(split.sum()) - 1)
    assert not state["grad2d"].any() and len(state["grad2d"]) == len(params["means"])


def test_splits_are_drawn_from_what_they_replace(gsplat):
    from gsplat.strategy.ops import split

    torch.manual_seed(0)
    params, optimizers, _ = training(2000)
    with torch.no_grad():
        for name in ("means", "quats", "scales"):
            params[name][:] = params[name][:1]
    before = {name: p.detach().clone() for name, p in params.items()}
    state = {"count": torch.arange(2000.0)}
    mask = torch.ones(2000, dtype=torch.bool)
    mask[0] = False
    split(params, optimizers, state, mask, revised_opacity=True)
    consistent(params, optimizers, 1 + 2 * 1999)
    drawn = params["means"][1:] - before["means"][:1]
    wanted, _ = gsplat.quat_scale_to_covar_preci(before["quats"][0], before["scales"][0].exp())
    assert (torch.cov(drawn.T) - wanted).norm() < 0.05 * wanted.norm()
    assert torch.allclose(
        params["scales"][1:].exp() * 1.6, before["scales"][:1].exp().expand(3998, 3)
    )
    assert torch.equal(state["count"][1:2000], torch.arange(1.0, 2000))
    # two halves behind each other let through what one did
    old, new = before["opacities"][1:].sigmoid(), params["opacities"][1:2000].sigmoid()
    assert torch.allclose((1 - new) ** 2, 1 - old)
    assert not optimizers["means"].state[params["means"]]["exp_avg"][1:].any()


def test_opacities_are_reset(gsplat):
    params, optimizers, cameras = training()
    strategy = gsplat.DefaultStrategy(reset_every=5, refine_every=1000)
    state = strategy.initialize_state()
    for step in (0, 4, 5):
        picture, _, info = shown(gsplat, params, cameras, packed=False)
        strategy.step_pre_backward(params, optimizers, state, step, info)
        picture.sum().backward()
        strategy.step_post_backward(params, optimizers, state, step, info)
        assert bool((params["opacities"].sigmoid() <= 0.01 + 1e-6).all()) is (step == 5)
    consistent(params, optimizers, 12)


def test_those_that_share_a_place_look_as_one_did(gsplat):
    """Equation 9 of the MCMC paper: the rendering of one and of N in its place have one integral."""
    from gsplat.strategy.ops import _shared

    binoms = gsplat.MCMCStrategy().initialize_state()["binoms"]
    assert float(binoms[7, 3]) == math.comb(7, 3) and binoms.shape == (51, 51)
    for opacity in (0.1, 0.7, 0.99):
        for extra in (1, 2, 9):
            params = {
                "opacities": torch.tensor([opacity], dtype=torch.float64).logit(),
                "scales": torch.zeros(1, 3, dtype=torch.float64),
            }
            drawn = torch.zeros(extra, dtype=torch.long)
            new, scales = _shared(params, drawn, binoms, 0.0)
            n = extra + 1
            assert torch.allclose((1 - new) ** n, torch.tensor(1 - opacity, dtype=torch.float64))
            x = torch.linspace(-9, 9, 4001, dtype=torch.float64)
            one = opacity * torch.exp(-0.5 * x**2)
            many = 1 - (1 - new[0] * torch.exp(-0.5 * (x / scales[0, 0]) ** 2)) ** n
            assert torch.allclose(torch.trapezoid(many, x), torch.trapezoid(one, x), rtol=1e-4)


def test_mcmc_moves_adds_and_shakes(gsplat):
    torch.manual_seed(0)
    params, optimizers, _ = training(100)
    with torch.no_grad():
        params["opacities"][:30] = -9.0
    before = params["means"].detach().clone()
    strategy = gsplat.MCMCStrategy(cap_max=103, refine_start_iter=0, refine_every=1)
    strategy.check_sanity(params, optimizers)
    state = strategy.initialize_state()
    strategy.step_post_backward(params, optimizers, state, 1, {}, lr=0.0)
    consistent(params, optimizers, 103)
    assert (params["opacities"].sigmoid() >= 0.005 - 1e-9).all()
    assert torch.equal(params["means"][30:100], before[30:])
    alive = {tuple(row) for row in before[30:].tolist()}
    assert {tuple(row) for row in params["means"].detach().tolist()} == alive
    # noise: within each one's shape, of faint ones
    with torch.no_grad():
        params["opacities"][:] = 9.0
        params["opacities"][0] = -9.0
    still = params["means"].detach().clone()
    strategy.step_post_backward(params, optimizers, state, strategy.refine_stop_iter, {}, lr=1e-5)
    moved = (params["means"].detach() - still).norm(dim=-1)
    assert moved[0] > 1e-3 and float(moved[1:].max()) < 1e-9


def test_what_does_not_go_together_is_told(gsplat):
    params, optimizers, _ = training()
    for strategy in (gsplat.DefaultStrategy(), gsplat.MCMCStrategy()):
        strategy.check_sanity(params, optimizers)
        with pytest.raises(AssertionError, match="optimizers are for"):
            strategy.check_sanity(params, {})
        with pytest.raises(AssertionError, match="lacks quats"):
            strategy.check_sanity(
                *({k: v for k, v in d.items() if k != "quats"} for d in (params, optimizers))
            )
