"""What the fused_ssim fallback accepts, refuses and leaves alone, as the original does."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
from ssim_reference import C1, C2, images

import needs

torch = needs.module("torch")
pytestmark = pytest.mark.needs("torch")


def value_and_gradient(fused: ModuleType, x: Any, y: Any) -> tuple[Any, Any]:
    x = x.requires_grad_() if x.is_leaf else x
    x.retain_grad()
    value = fused.fused_ssim(x, y)
    value.backward()
    return value.detach(), x.grad


@pytest.mark.parametrize(
    "layout",
    [
        lambda t: t.contiguous(memory_format=torch.channels_last),
        lambda t: t.transpose(2, 3).contiguous().transpose(2, 3),
        lambda t: torch.cat((t, t), 3)[..., :25],
        lambda t: torch.cat((t.flatten(), t.flatten()))[1:][: t.numel()].view(t.shape),
        lambda t: t[:, :, :1].expand_as(t),
        lambda t: t.flip(3),
    ],
    ids=["channels last", "transposed", "slice", "odd address", "expanded", "flipped"],
)
def test_layouts(fused: ModuleType, layout: Any) -> None:
    x, y = (layout(t) for t in images(2, 3, 20, 25))
    plain = value_and_gradient(
        fused, x.clone(memory_format=torch.contiguous_format), y.contiguous()
    )
    strided = value_and_gradient(fused, x.detach(), y)
    torch.testing.assert_close(strided, plain)


@pytest.mark.parametrize("shape", [(0, 3, 20, 20), (2, 0, 20, 20), (1, 3, 0, 20), (1, 3, 20, 0)])
def test_nothing_in_it(fused: ModuleType, shape: tuple[int, ...]) -> None:
    x = torch.zeros(shape, requires_grad=True)
    for padding in ("same", "valid"):
        value = fused.fused_ssim(x, torch.zeros(shape), padding)
        value.backward()
        assert value.isnan() and x.grad is not None and x.grad.shape == shape
    assert fused.FusedSSIMMap.apply(C1, C2, x, x.detach()).shape == shape


@pytest.mark.parametrize(
    ("first", "second", "error", "said"),
    [
        ((3, 8, 8), (3, 8, 8), IndexError, "batch, channels, height, width; got 3"),
        ((1, 1, 3, 8, 8), (1, 1, 3, 8, 8), ValueError, "got 5 dimensions"),
        ((1, 3, 8, 8), (1, 1, 8, 8), ValueError, r"\(1, 3, 8, 8\) against \(1, 1, 8, 8\)"),
    ],
)
def test_shapes_that_do_not_fit(
    fused: ModuleType, first: Any, second: Any, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        fused.fused_ssim(torch.rand(first), torch.rand(second))


@pytest.mark.parametrize(
    ("first", "second", "named"),
    [
        ("float16", "float16", "Half"),
        ("bfloat16", "float32", "bfloat16"),
        ("float32", "float64", "Double"),
        ("uint8", "uint8", "uint8"),
    ],
)
def test_dtypes_that_the_original_refuses(
    fused: ModuleType, first: str, second: str, named: str
) -> None:
    x, y = torch.ones(1, 1, 12, 12), torch.ones(1, 1, 12, 12)
    with pytest.raises(RuntimeError, match=f"expected scalar type Float but found {named}"):
        fused.fused_ssim(x.to(getattr(torch, first)), y.to(getattr(torch, second)))


def test_other_devices(fused: ModuleType) -> None:
    x = torch.ones(1, 1, 12, 12)
    with pytest.raises(RuntimeError, match="images on cpu and meta"):
        fused.fused_ssim(x, x.to("meta"))


@pytest.mark.parametrize("window", [0, 1, 2, 13, -1, True, "11", None])
def test_windows_that_are_none(fused: ModuleType, window: Any) -> None:
    x, y = images(1, 1, 12, 12)
    with pytest.raises(ValueError, match="window_size: an odd number from 3 to 11"):
        fused.fused_ssim(x, y, window_size=window)


def test_unknown_padding(fused: ModuleType) -> None:
    assert fused.allowed_padding == ["same", "valid"]
    with pytest.raises(AssertionError):
        fused.fused_ssim(*images(1, 1, 12, 12), padding="reflect")


def test_autocast(fused: ModuleType) -> None:
    x, y = images(1, 3, 20, 20)
    wanted = fused.fused_ssim(x, y)
    half = x.bfloat16().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(fused.fused_ssim(x, y), wanted)  # not rounded inside
        value = fused.fused_ssim(half, y)
        assert torch.equal(value, fused.fused_ssim(x.bfloat16().float(), y))
    value.backward()
    assert value.dtype == torch.float32 and half.grad.dtype == torch.bfloat16


def test_the_process_may_ask_for_coarse_products(fused: ModuleType) -> None:
    x, y = images(1, 1, 40, 40)
    wanted = fused.fused_ssim(x, y)
    torch.set_float32_matmul_precision("medium")
    try:
        assert torch.equal(fused.fused_ssim(x, y), wanted)
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision("highest")


def test_only_the_first_image_has_a_gradient(fused: ModuleType) -> None:
    x, y = (t.requires_grad_() for t in images(1, 1, 15, 15))
    fused.fused_ssim(x, y).backward()
    assert x.grad is not None and y.grad is None
    assert not fused.fused_ssim(x.detach(), y).requires_grad


def test_without_training(fused: ModuleType) -> None:
    x, y = images(1, 1, 15, 15)
    x.requires_grad_()
    value = fused.fused_ssim(x, y, train=False)
    assert torch.equal(value.detach(), fused.fused_ssim(x, y).detach())
    with pytest.raises(RuntimeError, match="train=False keeps nothing"):
        value.backward()
    with torch.no_grad():
        assert not fused.fused_ssim(x, y).requires_grad
    with torch.inference_mode():
        assert torch.equal(fused.fused_ssim(x, y), value)


@pytest.mark.parametrize("deferred", [False, True])
def test_backward_twice_and_of_itself(
    fused: ModuleType, monkeypatch: pytest.MonkeyPatch, deferred: bool
) -> None:
    x, y = images(1, 1, 15, 15)
    x.requires_grad_()
    run = fused.implementation(x, 5)
    monkeypatch.setattr(type(run), "defers_gradient", lambda _self, _x: deferred)
    value = fused.fused_ssim(x, y)
    (first,) = torch.autograd.grad(value, x, retain_graph=True)
    (second,) = torch.autograd.grad(3 * value, x, retain_graph=True)
    torch.testing.assert_close(second, 3 * first)
    (slope,) = torch.autograd.grad(value, x, create_graph=True)
    with pytest.raises(RuntimeError, match="does not require grad"):
        slope.sum().backward()


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_a_gradient_at_once_or_later_is_the_same(
    fused: ModuleType, monkeypatch: pytest.MonkeyPatch, padding: str
) -> None:
    x, y = images(2, 3, 21, 17)
    x.requires_grad_()
    found = []
    for deferred in (False, True):
        run = fused.implementation(x, 5)
        monkeypatch.setattr(type(run), "defers_gradient", lambda _self, _x, d=deferred: d)
        value = fused.fused_ssim(x, y, padding=padding)
        found.append(torch.autograd.grad(value * 7, x)[0])
    torch.testing.assert_close(*found)


def test_inputs_are_not_touched(fused: ModuleType) -> None:
    x, y = images(1, 2, 20, 20)
    before = x.clone(), y.clone()
    value_and_gradient(fused, x, y)
    fused.FusedSSIMMap.apply(C1, C2, x, y, "valid").sum().backward()
    assert torch.equal(x.detach(), before[0]) and torch.equal(y, before[1])


def test_compiled_around(fused: ModuleType) -> None:
    x, y = images(1, 1, 20, 20)
    step = torch.compile(lambda x, y: (1 - fused.fused_ssim(x * 1.0, y)) * 2, backend="eager")
    one, other = x.clone().requires_grad_(), x.clone().requires_grad_()
    loss = step(one, y)
    loss.backward()
    wanted = (1 - fused.fused_ssim(other, y)) * 2
    wanted.backward()
    torch.testing.assert_close(loss, wanted)
    torch.testing.assert_close(one.grad, other.grad)
