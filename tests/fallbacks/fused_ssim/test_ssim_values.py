"""Values and gradients of the fused_ssim fallback against float64."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ssim_reference import C1, C2, apart, images, mean_and_gradient, similarity_map

import needs

torch = needs.module("torch")
pytestmark = pytest.mark.needs("torch")

VALUE, GRADIENT = 1e-6, 1e-5


def measured(function: Any, x: Any, y: Any, **options: Any) -> tuple[float, Any]:
    x = x.detach().clone().requires_grad_()
    value = function(x, y, **options)
    value.backward()
    return float(value.detach()), x.grad


def agrees(function: Any, x: Any, y: Any, padding: str = "same", window: int = 11) -> None:
    options = {"padding": padding} | ({"window_size": window} if window != 11 else {})
    value, gradient = measured(function, x, y, **options)
    wanted, slope = mean_and_gradient(x, y, padding, window)
    assert abs(value - wanted) < VALUE
    assert gradient.shape == x.shape and gradient.is_contiguous()
    assert apart(gradient, slope) < GRADIENT


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize(
    "shape",
    [
        (1, 3, 64, 96),
        (2, 1, 55, 109),
        (1, 2, 54, 11),
        (3, 2, 11, 54),
        (1, 1, 13, 200),
        (2, 4, 31, 17),
    ],
)
def test_mean(fused: ModuleType, shape: tuple[int, ...], padding: str) -> None:
    agrees(fused.fused_ssim, *images(*shape), padding)


def test_the_gradient_is_scaled_by_what_follows(fused: ModuleType) -> None:
    x, y = images(1, 1, 12, 12)
    x.requires_grad_()
    (3 * fused.fused_ssim(x, y)).backward()
    assert apart(x.grad, 3 * mean_and_gradient(x, y)[1]) < GRADIENT


@pytest.mark.parametrize(
    "shape", [(1, 1, 1, 1), (1, 1, 1, 9), (2, 3, 7, 1), (1, 2, 4, 5), (1, 1, 10, 10)]
)
def test_images_smaller_than_the_window(fused: ModuleType, shape: tuple[int, ...]) -> None:
    agrees(fused.fused_ssim, *images(*shape))
    value, gradient = measured(fused.fused_ssim, *images(*shape), padding="valid")
    assert value != value and not gradient.any()  # the mean of nothing, as the original's


@pytest.mark.parametrize("window", [3, 7, 9])
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_other_windows(fused: ModuleType, window: int, padding: str) -> None:
    agrees(fused.fused_ssim, *images(1, 2, 23, 30), padding, window)


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("shape", [(1, 2, 12, 17, 15), (2, 1, 30, 11, 13)])
def test_volumes(fused: ModuleType, shape: tuple[int, ...], padding: str) -> None:
    agrees(fused.fused_ssim3d, *images(*shape), padding)


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("shape", [(2, 2, 40, 33), (1, 1, 12, 60), (1, 1, 14, 12, 13)])
def test_map(fused: ModuleType, shape: tuple[int, ...], padding: str) -> None:
    x, y = images(*shape)
    axes = len(shape) - 2
    x64, x32 = x.double().requires_grad_(), x.clone().requires_grad_()
    wanted = similarity_map(x64, y.double(), padding)
    got = fused.FusedSSIMMap.apply(C1, C2, x32, y, padding, True, axes)
    assert got.shape == wanted.shape and (got - wanted).abs().max() < 1e-5
    weights = torch.rand(wanted.shape, generator=torch.Generator().manual_seed(3))
    (got * weights).sum().backward()
    (wanted * weights).sum().backward()
    assert apart(x32.grad, x64.grad) < GRADIENT


def test_map_with_its_defaults_and_other_constants(fused: ModuleType) -> None:
    x, y = images(1, 1, 20, 20)
    whole = fused.FusedSSIMMap.apply(C1, C2, x, y)
    torch.testing.assert_close(whole, fused.FusedSSIMMap.apply(C1, C2, x, y, "same", False))
    assert not torch.allclose(whole, fused.FusedSSIMMap.apply(1.0, 2.0, x, y))


def test_the_compiled_modules_functions(fused: ModuleType) -> None:
    raw = importlib.import_module("fused_ssim_cuda")
    for shape, suffix in (((2, 3, 20, 30), ""), ((1, 2, 12, 13, 14), "3d")):
        x, y = images(*shape)
        got = getattr(raw, f"fusedssim{suffix}")(C1, C2, x, y, True)
        x64 = x.double().requires_grad_()
        wanted = similarity_map(x64, y.double())
        assert (got[0] - wanted).abs().max() < 1e-5 and all(t.shape == x.shape for t in got)
        chain = torch.rand(shape)
        (wanted * chain).sum().backward()
        gradient = getattr(raw, f"fusedssim_backward{suffix}")(C1, C2, x, y, chain, *got[1:])
        assert apart(gradient, x64.grad) < GRADIENT
        no_more = getattr(raw, f"fusedssim{suffix}")(C1, C2, x, y, False)
        assert [t.numel() for t in no_more[1:]] == [0, 0, 0]


@pytest.mark.parametrize("padding", [pytest.param("same", marks=pytest.mark.slow), "valid"])
def test_gradcheck(fused: ModuleType, padding: str) -> None:
    x, y = (t.double() for t in images(1, 1, 11, 12))
    x.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: fused.fused_ssim(x, y, padding), x)
    assert torch.autograd.gradcheck(lambda x: fused.FusedSSIMMap.apply(C1, C2, x, y, padding), x)


def test_identical_images_and_large_values(fused: ModuleType) -> None:
    x, _ = images(1, 3, 40, 40)
    assert float(fused.fused_ssim(x, x)) == pytest.approx(1.0, abs=1e-6)
    raw = fused.FusedSSIMMap.apply(C1, C2, 1e3 * x, 1e3 * x)  # float32 cancels: kept in [-1, 1]
    assert raw.min() >= -1 and raw.max() <= 1
    assert fused.fused_ssim(x, 1 - x) < 0


def test_a_nan_stays_visible(fused: ModuleType) -> None:
    x, y = images(1, 1, 30, 30)
    x[0, 0, 3, 4] = float("nan")
    assert fused.fused_ssim(x, y).isnan()


def test_training_converges(fused: ModuleType) -> None:
    _, y = images(1, 3, 32, 40)
    x = torch.full_like(y, 0.5).requires_grad_()
    optimiser = torch.optim.Adam([x], lr=0.05)
    for _ in range(60):
        optimiser.zero_grad()
        loss = 1 - fused.fused_ssim(x, y)
        loss.backward()
        optimiser.step()
    assert float(loss.detach()) < 0.05


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    shape=st.tuples(st.integers(1, 2), st.integers(1, 3), st.integers(1, 70), st.integers(1, 70)),
    padding=st.sampled_from(["same", "valid"]),
    seed=st.integers(0, 1000),
)
def test_any_shape(fused: ModuleType, shape: tuple[int, ...], padding: str, seed: int) -> None:
    x, y = images(*shape, seed=seed)
    if padding == "valid" and min(shape[2:]) < 11:
        padding = "same"
    agrees(fused.fused_ssim, x, y, padding)
    forth, back = fused.fused_ssim(x, y, padding), fused.fused_ssim(y, x, padding)
    assert abs(float(forth - back)) < VALUE
