"""The rasteriser on a GPU: against float64, and at the edges of its interface."""

from __future__ import annotations

import importlib

import pytest
from splat_scenes import (
    CASES,
    errors,
    make_camera,
    make_case,
    make_gaussians,
    of_module,
    of_reference,
)

import needs

torch = needs.module("torch")
pytestmark = pytest.mark.needs("torch")

# A pixel at the edge of a decision (alpha at 1/255, a radius at a whole number) may fall to either
# side in float32, and is then worth up to 1/255 of a color.
VALUE, GRADIENT = 1e-3, 1e-2


@pytest.mark.parametrize("name", CASES)
def test_against_float64(built, name):
    p, camera, antialiasing = make_case(name)
    got = of_module(built, p, camera, antialiasing)
    want = of_reference(p, camera, antialiasing, "cuda")
    found = errors(got, want)
    print({key: f"{value:.1e}" for key, value in found.items()})
    assert found.pop("radii") <= 0.005
    for key, value in found.items():
        assert value < (GRADIENT if key.startswith("by ") else VALUE), key


def scene(module, n=300, **flags):
    """Inputs and a rasteriser, on the GPU."""
    camera = make_camera()
    p = {k: v.cuda() for k, v in make_gaussians(n, camera).items() if v is not None}
    options = {"prefiltered": False, "debug": False, **flags}
    settings = module.GaussianRasterizationSettings(
        **vars(camera.to("cuda", torch.float32)), **options
    )
    return p, module.GaussianRasterizer(settings)


def run(rasterizer, p):
    return rasterizer(means2D=torch.zeros_like(p["means3D"]), **p)


def test_what_is_visible(built):
    p, rasterizer = scene(built)
    visible = rasterizer.markVisible(p["means3D"])
    home = torch.nn.functional.pad(p["means3D"], (0, 1), value=1.0)
    assert visible.dtype == torch.bool
    assert torch.equal(visible, (home @ rasterizer.raster_settings.viewmatrix)[:, 2] > 0.2)
    assert 0 < int(visible.sum()) < len(visible)
    assert not run(rasterizer, p)[1][~visible].any()


def test_no_gaussians(built):
    """The original launches nothing then: the image is black, whatever the background."""
    p, rasterizer = scene(built)
    p = {k: v[:0].requires_grad_() for k, v in p.items()}
    color, radii = run(rasterizer, p)
    assert not color.any() and color.shape == (3, 96, 144)
    assert radii.shape == (0,) and radii.dtype == torch.int32
    color.sum().backward()
    assert p["shs"].grad.shape == (0, 16, 3)
    assert rasterizer.markVisible(p["means3D"].detach()).shape == (0,)


def test_all_behind_the_camera(built):
    p, rasterizer = scene(built, antialiasing=True)
    behind = rasterizer.raster_settings.campos - 5 * rasterizer.raster_settings.viewmatrix[:3, 2]
    p["means3D"] = behind.expand(300, 3).contiguous()
    p = {k: v.requires_grad_() for k, v in p.items()}
    color, radii, depth = run(rasterizer, p)
    assert torch.equal(color, rasterizer.raster_settings.bg[:, None, None].expand_as(color))
    assert not radii.any() and not depth.any()
    (color.sum() + depth.sum()).backward()
    assert all(v.grad is not None and not v.grad.any() for v in p.values())


def test_prefiltered_is_a_promise(built):
    p, rasterizer = scene(built, prefiltered=True)
    with pytest.raises(RuntimeError, match="prefiltered"):
        run(rasterizer, p)
    visible = rasterizer.markVisible(p["means3D"])
    seen = {k: v[visible] for k, v in p.items()}
    whole = run(scene(built)[1], p)
    assert torch.equal(run(rasterizer, seen)[0], whole[0])
    assert torch.equal(run(rasterizer, seen)[1], whole[1][visible])


def test_debug_changes_nothing_and_writes_down_what_fails(built, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    p, rasterizer = scene(built, debug=True)
    assert torch.equal(run(rasterizer, p)[0], run(scene(built)[1], p)[0])
    assert not list(tmp_path.iterdir())
    wrong = built.GaussianRasterizer(rasterizer.raster_settings._replace(tanfovx=-1.0))
    with pytest.raises(RuntimeError, match="prepare: invalid argument"):
        run(wrong, p)
    kept = torch.load(tmp_path / "snapshot_fw.dump", weights_only=True)
    assert torch.equal(kept[0], p["means3D"].cpu())
    assert "snapshot_fw.dump" in capsys.readouterr().out
    run(rasterizer, p)  # the GPU is none the worse


def test_layouts_do_not_matter(built):
    p, rasterizer = scene(built)
    wide = {k: torch.cat([v, v], -1)[..., : v.shape[-1]] for k, v in p.items()}
    odd = {k: torch.cat([v.new_zeros(1), v.flatten()])[1:].view_as(v) for k, v in p.items()}
    flat = {**p, "opacities": p["opacities"].reshape(-1)}
    wanted = run(rasterizer, p)[0]
    for same in (wide, odd, flat):
        assert torch.equal(run(rasterizer, same)[0], wanted)
    flat["opacities"].requires_grad_()
    run(rasterizer, flat)[0].sum().backward()
    assert flat["opacities"].grad.shape == (300,)


def test_the_image_may_be_changed(built):
    """exp_() and clamp_() on the result are the caller's business; the original keeps no copy of it."""
    p, rasterizer = scene(built)
    grads = []
    for change in (lambda x: x * 2, lambda x: x.mul_(2)):
        leaves = {k: v.clone().requires_grad_() for k, v in p.items()}
        change(run(rasterizer, leaves)[0]).sum().backward()
        grads.append(leaves["means3D"].grad)
    assert float((grads[0] - grads[1]).norm() / grads[0].norm()) < 1e-5


def test_without_gradients(built):
    p, rasterizer = scene(built)
    color = run(rasterizer, p)[0]
    with torch.no_grad():
        assert torch.equal(run(rasterizer, {k: v.requires_grad_() for k, v in p.items()})[0], color)
    assert not color.requires_grad


def test_gradient_of_the_depth_alone(built):
    p, rasterizer = scene(built, antialiasing=False)
    p = {k: v.requires_grad_() for k, v in p.items()}
    run(rasterizer, p)[2].sum().backward()
    assert p["means3D"].grad.any() and p["opacities"].grad.any() and not p["shs"].grad.any()


def test_tensors_of_another_kind_are_refused(built):
    p, rasterizer = scene(built)
    for key in p:
        with pytest.raises(RuntimeError, match="expected scalar type Float but found"):
            run(rasterizer, {**p, key: p[key].double()})
    with pytest.raises(RuntimeError, match=r"shs?: expected|sh must have dimensions"):
        run(rasterizer, {**p, "shs": p["shs"][:, :9]})
    with pytest.raises(RuntimeError, match="opacities must have dimensions"):
        run(rasterizer, {**p, "opacities": p["opacities"][:-1]})
    with pytest.raises(RuntimeError, match="scales is on cpu"):
        run(rasterizer, {**p, "scales": p["scales"].cpu()})


BAD = float("nan"), float("inf"), -float("inf"), 1e30


@pytest.mark.parametrize("key", ["means3D", "scales", "rotations", "cov3D_precomp"])
def test_numbers_that_place_a_gaussian_nowhere(built, key):
    """They draw nothing, and leave the others as they are."""
    camera = make_camera()
    p = make_gaussians(300, camera, covariances=key == "cov3D_precomp")
    p = {k: v.cuda() for k, v in p.items() if v is not None}
    rasterizer = scene(built)[1]
    wanted = run(rasterizer, p)[0]
    extra = {k: torch.cat([v, v[: 2 * len(BAD)]]) for k, v in p.items()}
    for i, bad in enumerate(BAD):
        extra[key][300 + 2 * i] = bad
        extra[key][301 + 2 * i, 0] = bad
    if key == "cov3D_precomp":
        extra[key][-1] = -p[key][0]
    leaves = {k: v.requires_grad_() for k, v in extra.items()}
    color = run(rasterizer, leaves)[0]
    assert torch.equal(color, wanted)
    color.sum().backward()
    assert all(v.grad[:300].isfinite().all() for v in leaves.values())


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_harmonics_that_are_no_numbers_are_seen(built, bad):
    """As in the original: the first step that goes wrong shows in the image, and in the gradient.

    That of the harmonics is the color's weight, and stays a number.
    """
    p, rasterizer = scene(built)
    drawn = int(run(rasterizer, p)[1].argmax())
    p["shs"][drawn, 1:] = bad
    leaves = {k: v.requires_grad_() for k, v in p.items()}
    color = run(rasterizer, leaves)[0]
    assert not color.isfinite().all()
    color.sum().backward()
    assert not leaves["opacities"].grad.isfinite().all()


@pytest.mark.parametrize("bad", [float("nan"), -float("inf")])
def test_an_opacity_that_is_none_draws_nothing(built, bad):
    p, rasterizer = scene(built)
    wanted = run(rasterizer, {k: v[1:] for k, v in p.items()})[0]
    p["opacities"][0] = bad
    leaves = {k: v.requires_grad_() for k, v in p.items()}
    color = run(rasterizer, leaves)[0]
    assert torch.equal(color, wanted)
    color.sum().backward()
    assert all(v.grad.isfinite().all() for v in leaves.values())


def test_within_torch_compile(built):
    p, rasterizer = scene(built)
    compiled = torch.compile(lambda **q: run(rasterizer, q)[0] * 2, backend="eager")
    assert torch.equal(compiled(**p), run(rasterizer, p)[0] * 2)


def test_on_a_stream_of_its_own(built):
    p, rasterizer = scene(built)
    wanted = run(rasterizer, p)[0]
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        found = run(rasterizer, p)[0]
    stream.synchronize()
    assert torch.equal(found, wanted)


def step(rasterizer, p):
    """An image and its gradients, by random weights of the pixels."""
    leaves = {k: v.detach().clone().requires_grad_() for k, v in p.items()}
    color = run(rasterizer, leaves)[0]
    weight = torch.linspace(-1, 1, color.numel(), device="cuda").sin().view_as(color)
    color.backward(weight)
    return [color.detach(), *(leaf.grad for leaf in leaves.values())]


def assert_same(got, want):
    assert torch.equal(got[0], want[0])
    for one, other in zip(got[1:], want[1:], strict=True):  # sums by atomics, in any order
        assert float((one - other).norm()) <= 1e-5 * float(other.norm())


@pytest.mark.parametrize("flags", [{}, {"antialiasing": True}])
def test_a_list_that_has_too_little_room_is_done_without(built, monkeypatch, flags):
    rooms = importlib.import_module("diff_gaussian_rasterization._room")
    p, rasterizer = scene(built, **flags)
    large = {**p, "scales": 8 * p["scales"]}
    monkeypatch.setattr(rooms, "_rooms", {})
    want = [
        step(rasterizer, large),
        step(rasterizer, p),
    ]  # the second: with more room than it needs
    monkeypatch.setattr(rooms, "_rooms", {})
    got = step(rasterizer, p)
    assert_same(got, want[1])
    (room,) = rooms._rooms.values()
    torch.cuda.synchronize()
    least = int(room.needed)
    assert_same(step(rasterizer, large), want[0])  # with too little
    torch.cuda.synchronize()
    assert int(room.needed) > 1.125 * least + 1024
    assert room.entries(300) > int(room.needed)
    assert_same(step(rasterizer, large), want[0])


def test_captured_in_a_graph(built, monkeypatch):
    """Replayed with other Gaussians, of which the last need more room than there is."""
    rooms = importlib.import_module("diff_gaussian_rasterization._room")
    p, rasterizer = scene(built)
    leaves = {k: v.clone().requires_grad_() for k, v in p.items()}
    weight = torch.linspace(-1, 1, 3 * 96 * 144, device="cuda").sin().view(3, 96, 144)

    def both():
        for leaf in leaves.values():
            leaf.grad = None
        color = run(rasterizer, leaves)[0]
        color.backward(weight)
        return color

    monkeypatch.setattr(rooms, "_rooms", {})
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        both()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        color = both()
    (room,) = rooms._rooms.values()
    first = int(room.needed)
    for scale in (1.0, 1.2, 10.0):
        changed = {**p, "scales": scale * p["scales"]}
        with torch.no_grad():
            for key, value in changed.items():
                leaves[key].copy_(value)
        graph.replay()
        torch.cuda.synchronize()
        needed = int(room.needed)
        assert_same([color, *(leaf.grad for leaf in leaves.values())], step(rasterizer, changed))
    assert needed > 2 * first + 1024


def test_a_capture_before_any_image_is_refused(built, monkeypatch):
    rooms = importlib.import_module("diff_gaussian_rasterization._room")
    p, rasterizer = scene(built)
    monkeypatch.setattr(rooms, "_rooms", {})
    refused = pytest.raises(RuntimeError, match="before one is captured")
    with refused, torch.cuda.graph(torch.cuda.CUDAGraph()):
        run(rasterizer, p)
    run(rasterizer, p)  # the GPU is none the worse


def test_training_converges_and_its_statistics_are_those_of_the_original(built):
    """Towards a rendered image, with what densification reads: the gradient of means2D, the radii."""
    p, rasterizer = scene(built)
    target = run(rasterizer, p)[0]
    draw = torch.Generator("cuda").manual_seed(3)
    start = {**p, "shs": p["shs"] + 0.3 * torch.randn(300, 16, 3, device="cuda", generator=draw)}
    leaves = {k: v.clone().requires_grad_() for k, v in start.items()}
    optimizer = torch.optim.Adam([leaves["shs"], leaves["opacities"]], lr=0.02)
    losses = []
    for _ in range(60):
        screen = torch.zeros_like(leaves["means3D"], requires_grad=True)
        color, radii = rasterizer(means2D=screen, **leaves)
        loss = (color - target).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
        moved = screen.grad[:, :2].norm(dim=1)
        assert not moved[radii == 0].any() and not screen.grad[:, 2].any()
    assert losses[-1] < 0.3 * losses[0]
