"""distCUDA2 is called as the original is."""

from __future__ import annotations

import sys

import pytest
from knn_reference import SETS, error, mean_distance


@pytest.mark.slow
def test_import_as_in_the_original(script):
    text = "from simple_knn._C import distCUDA2; import torch; print(distCUDA2(torch.ones(9, 3)))"
    done = script("simple_knn", text)
    assert done.stdout.startswith("tensor([0., 0.,")
    assert done.stderr.splitlines() == [
        "simple_knn (gpufix): eager on cpu; not triton: Triton compiles nothing for cpu tensors"
    ]


def test_import_is_cheap(script):
    """Nothing of what takes long to import, unless torch itself does."""
    text = (
        "import sys, torch; before = set(sys.modules); import simple_knn._C\n"
        "print(*{m.split('.')[0] for m in sys.modules.keys() - before} - {'simple_knn'})\n"
        "print(*[m for m in sys.modules.keys() - before if m.startswith('torch.')])"
    )
    names, parts = script("simple_knn", text).stdout.splitlines()
    assert set(names.split()) <= sys.stdlib_module_names and not parts


def test_the_first_call_loads_no_compiler(script):
    """torch's dynamo alone takes seconds, and nobody compiles here."""
    text = (
        "import sys, torch; from simple_knn._C import distCUDA2; distCUDA2(torch.ones(9, 3))\n"
        "print([m for m in ('torch._dynamo', 'torch._inductor', 'triton') if m in sys.modules])"
    )
    assert script("simple_knn", text).stdout == "[]\n"


@pytest.mark.slow
def test_a_tier_can_be_named(script):
    text = "import simple_knn; print(simple_knn.tier('cpu'))"
    done = script("simple_knn", text, GPUFIX_SIMPLE_KNN_TIER="eager")
    assert "not triton: GPUFIX_SIMPLE_KNN_TIER=eager" in done.stdout


@pytest.mark.parametrize(
    ("dtype", "name"), [("float64", "Double"), ("float16", "Half"), ("int64", "Long")]
)
def test_another_dtype_is_refused_in_torch_s_words(dist, dtype, name):
    import torch

    with pytest.raises(RuntimeError, match=f"expected scalar type Float but found {name}"):
        dist(torch.ones(8, 3).to(getattr(torch, dtype)))


@pytest.mark.parametrize("shape", [(3,), (8, 4), (8, 2), (1, 8, 3), (0,)])
def test_another_shape_is_refused(dist, shape):
    import torch

    with pytest.raises(RuntimeError, match=r"points must be \[N, 3\]"):
        dist(torch.ones(shape))


@pytest.mark.needs("CUDA GPU")
def test_a_capture_is_refused(dist):
    import torch

    points = torch.rand(100, 3, device="cuda")
    refused = pytest.raises(RuntimeError, match="cannot be captured")
    with refused, torch.cuda.graph(torch.cuda.CUDAGraph()):
        dist(points)
    assert dist(points).isfinite().all()


def test_strided_points(dist):
    import torch

    points = SETS["uniform"](300)
    wanted = dist(points)
    wide = torch.cat((points, points), 1)
    for same in (points.T.contiguous().T, wide[:, :3], wide[:, 3:], points.flip(0).flip(0)):
        assert torch.equal(dist(same), wanted)
    assert torch.equal(dist(points[::2]), dist(points[::2].clone()))


def test_the_points_are_left_alone_and_get_no_gradient(dist):
    import torch

    points = SETS["uniform"](100).requires_grad_()
    before = points.detach().clone()
    found = dist(points)
    assert not found.requires_grad and found.dtype == torch.float32
    assert torch.equal(points, before)
    with torch.inference_mode():
        assert torch.equal(dist(before), found)


def test_within_autocast(dist):
    import torch

    points = SETS["uniform"](200)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = dist(points)
    assert found.dtype == torch.float32 and torch.equal(found, dist(points))


def test_within_torch_compile(dist):
    import torch

    points = SETS["uniform"](200)
    # The interpreter's own backend: no C++ compiler takes part.
    compiled = torch.compile(lambda p: dist(p * 2) + 1, backend="eager")
    assert torch.equal(compiled(points), dist(points * 2) + 1)


@pytest.mark.needs("numpy")
def test_the_usual_start_of_gaussian_splatting(dist):
    """clamp_min, log and sqrt of the result, on points as a file gives them."""
    import numpy as np
    import torch

    cloud = np.asarray(SETS["sphere"](500), dtype=np.float64)
    points = torch.from_numpy(cloud).float()
    scales = torch.log(torch.sqrt(torch.clamp_min(dist(points), 1e-7)))[..., None].repeat(1, 3)
    wanted = mean_distance(points).clamp_min(1e-7).sqrt().log()
    assert error(scales[:, 0].exp(), wanted.exp()) < 1e-6


@pytest.mark.parametrize("wrong", [0.0, float("nan"), 1.001])
def test_a_kernel_that_computes_something_else_is_not_used(module, monkeypatch, wrong):
    """A Triton that compiles and is wrong, as some are on new GPUs, is a reason too."""
    from types import SimpleNamespace

    import torch

    choice, eager = module("_choice"), module("_eager")
    fake = SimpleNamespace(search=lambda points, order: eager.search(points, order) * wrong)
    monkeypatch.setitem(sys.modules, "simple_knn._triton", fake)
    monkeypatch.setattr(choice, "need_triton", lambda device: None)
    tiers = choice.Tiers("simple_knn", choice.TIERS.loaders)
    tier = tiers.choose(torch.device("cpu"))
    assert tier.name == "eager" and "40 points came out wrong" in tier.reasons["triton"]
