"""Attention against a softmax written out in float64, and its gradients."""

from __future__ import annotations

import math
import types
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import needs

torch = needs.module("torch")
pytestmark = pytest.mark.needs("torch")
Tensor = Any


def reference(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None, scale: float | None) -> Tensor:
    """[B, M, H, K] in float64; a row that sees nothing gives nothing."""
    q, k, v = (t.double().transpose(1, 2) for t in (q, k, v))
    scores = q @ k.transpose(-1, -2) * (scale if scale is not None else q.shape[-1] ** -0.5)
    if bias is not None:
        scores = scores + bias.double()
    return (scores.softmax(-1).nan_to_num(0.0) @ v).transpose(1, 2)


def drawn(*shape: int, seed: int = 0, dtype: Any = None) -> Tensor:
    made = torch.Generator().manual_seed(seed + sum(shape))
    return torch.randn(*shape, generator=made, dtype=dtype or torch.float32)


def qkv(b: int, m: int, n: int, h: int, k: int, kv: int | None = None) -> tuple[Tensor, ...]:
    return drawn(b, m, h, k), drawn(b, n, h, k, seed=1), drawn(b, n, h, kv or k, seed=2)


DENSE = {
    "none": lambda f: None,
    "causal": lambda f: f.LowerTriangularMask(),
    "causal from the bottom right": lambda f: f.attn_bias.LowerTriangularFromBottomRightMask(),
    "window": lambda f: f.attn_bias.LocalAttentionFromBottomRightMask(2, 1),
    "causal window": lambda f: (
        f.attn_bias.LowerTriangularFromBottomRightLocalAttentionMask(_window_size=3)
    ),
    "causal and a tensor": lambda f: f.LowerTriangularMask().add_bias(drawn(7, 11, seed=9)),
}


@pytest.mark.parametrize("case", DENSE)
@pytest.mark.parametrize("heads", [1, 3])
def test_dense(xops: types.ModuleType, case: str, heads: int) -> None:
    bias = DENSE[case](xops.fmha)
    q, k, v = qkv(2, 7, 11, heads, 16, 24)
    written = None if bias is None else bias.materialize((7, 11), torch.float64)
    out = xops.memory_efficient_attention(q, k, v, attn_bias=bias)
    assert out.shape == (2, 7, heads, 24) and out.dtype == q.dtype
    torch.testing.assert_close(
        out.double(), reference(q, k, v, written, None), rtol=1e-5, atol=1e-5
    )


MASKS = {
    "LowerTriangularMask": ([[1, 0, 0], [1, 1, 0]], {}),
    "LowerTriangularFromBottomRightMask": ([[1, 1, 0], [1, 1, 1]], {}),
    "LocalAttentionFromBottomRightMask": (
        [[1, 1, 0], [0, 1, 1]],
        {"window_left": 1, "window_right": 0},
    ),
}


@pytest.mark.parametrize("name", MASKS)
def test_masks_written_out(xops: types.ModuleType, name: str) -> None:
    seen, arguments = MASKS[name]
    bias = getattr(xops.fmha.attn_bias, name)(**arguments).materialize((4, 2, 3))
    assert bias.shape == (4, 2, 3) and set(bias.unique().tolist()) <= {0.0, -math.inf}
    assert ((bias == 0).int() == torch.tensor(seen)).all()


def test_layouts_agree(xops: types.ModuleType) -> None:
    q, k, v = qkv(2, 5, 9, 4, 8)
    four = xops.memory_efficient_attention(q, k, v)
    five = xops.memory_efficient_attention(*(t.unflatten(2, (2, 2)) for t in (q, k, v)))
    assert torch.equal(five.flatten(2, 3), four)
    flat = [t.transpose(1, 2).flatten(0, 1) for t in (q, k, v)]
    three = xops.memory_efficient_attention(*flat)
    torch.testing.assert_close(three, four.transpose(1, 2).flatten(0, 1))


def test_tensor_bias_of_each_layout(xops: types.ModuleType) -> None:
    q, k, v = qkv(2, 5, 9, 4, 8)
    bias = drawn(2, 4, 5, 9, seed=3)
    expected = reference(q, k, v, bias, None)
    out = xops.memory_efficient_attention(q, k, v, attn_bias=bias)
    torch.testing.assert_close(out.double(), expected, rtol=1e-5, atol=1e-5)
    flat = [t.transpose(1, 2).flatten(0, 1) for t in (q, k, v)]
    three = xops.memory_efficient_attention(*flat, attn_bias=bias.flatten(0, 1))
    torch.testing.assert_close(three, out.transpose(1, 2).flatten(0, 1))
    five = [t.unflatten(2, (2, 2)) for t in (q, k, v)]
    grouped = xops.memory_efficient_attention(*five, attn_bias=bias.unflatten(1, (2, 2)))
    torch.testing.assert_close(grouped.flatten(2, 3), out)


def test_scale_dropout_dtypes_and_output(xops: types.ModuleType) -> None:
    q, k, v = qkv(1, 6, 6, 2, 8)
    scaled = xops.memory_efficient_attention(q, k, v, scale=0.25)
    torch.testing.assert_close(
        scaled.double(), reference(q, k, v, None, 0.25), rtol=1e-5, atol=1e-5
    )
    assert torch.isfinite(xops.memory_efficient_attention(q, k, v, p=0.5)).all()
    half = xops.memory_efficient_attention(*(t.bfloat16() for t in (q, k, v)))
    assert half.dtype == torch.bfloat16
    wide = xops.memory_efficient_attention(q, k, v, output_dtype=torch.float64)
    assert wide.dtype == torch.float64
    op = xops.MemoryEfficientAttentionFlashAttentionOp
    assert torch.half in op[0].SUPPORTED_DTYPES
    assert torch.equal(
        xops.memory_efficient_attention(q, k, v, op=op), xops.memory_efficient_attention(q, k, v)
    )


def test_the_log_sum_exp(xops: types.ModuleType) -> None:
    q, k, v = qkv(2, 5, 9, 3, 8)
    out, lse = xops.fmha.memory_efficient_attention_forward_requires_grad(q, k, v)
    scores = q.transpose(1, 2) @ k.transpose(1, 2).transpose(-1, -2) / math.sqrt(8)
    torch.testing.assert_close(lse, scores.logsumexp(-1))
    torch.testing.assert_close(out, xops.memory_efficient_attention(q, k, v))


BLOCKS = {
    "BlockDiagonalMask": None,
    "BlockDiagonalCausalMask": "make_causal",
    "BlockDiagonalCausalFromBottomRightMask": "make_causal_from_bottomright",
    "BlockDiagonalCausalLocalAttentionMask": "make_local_attention",
}
LENGTHS = st.lists(st.tuples(st.integers(0, 6), st.integers(1, 6)), min_size=1, max_size=6)


@pytest.mark.parametrize("case", BLOCKS)
@given(lengths=LENGTHS)
@settings(max_examples=25, deadline=None)
def test_blocks(xops: types.ModuleType, case: str, lengths: list[tuple[int, int]]) -> None:
    sees_all = case in ("BlockDiagonalMask", "BlockDiagonalCausalMask")
    queries = [m if sees_all else min(m, n) for m, n in lengths]
    keys = [n for _, n in lengths]
    bias = xops.fmha.BlockDiagonalMask.from_seqlens(queries, keys)
    method = BLOCKS[case]
    if method is not None:
        bias = getattr(bias, method)(*([2] if "local" in method else []))
    q, k, v = qkv(1, sum(queries), sum(keys), 2, 8, 4)
    q, k, v = (t.requires_grad_() for t in (q, k, v))
    written = bias.materialize((sum(queries), sum(keys)), torch.float64)
    out = xops.memory_efficient_attention(q, k, v, attn_bias=bias)
    expected = reference(q, k, v, written, None)
    torch.testing.assert_close(out.double(), expected, rtol=1e-5, atol=1e-5)
    chain = drawn(*out.shape, seed=5)
    mine = torch.autograd.grad(out, (q, k, v), chain, allow_unused=True)
    theirs = torch.autograd.grad(expected, (q, k, v), chain.double(), allow_unused=True)
    for one, other in zip(mine, theirs, strict=True):
        if one is not None and other is not None:
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_a_list_of_tensors_and_back(xops: types.ModuleType) -> None:
    tensors = [drawn(2, 3, 4, 8), drawn(1, 5, 4, 8), drawn(3, 2, 4, 8)]
    bias, whole = xops.fmha.BlockDiagonalMask.from_tensor_list(tensors)
    assert whole.shape == (1, 2 * 3 + 5 + 3 * 2, 4, 8)
    out = bias.split(xops.memory_efficient_attention(whole, whole, whole, attn_bias=bias))
    for one, tensor in zip(out, tensors, strict=True):
        alone = xops.memory_efficient_attention(tensor, tensor, tensor)
        torch.testing.assert_close(one, alone)


def test_lists_of_queries_and_keys(xops: types.ModuleType) -> None:
    queries = [drawn(1, 3, 2, 8), drawn(1, 1, 2, 8)]
    keys = [drawn(1, 4, 2, 8), drawn(1, 6, 2, 8)]
    made = xops.fmha.BlockDiagonalMask.from_tensor_lists_qkv(queries, keys, keys)
    bias, q, k, v = made
    out = bias.split_queries(xops.memory_efficient_attention(q, k, v, attn_bias=bias))
    for one, query, key in zip(out, queries, keys, strict=True):
        torch.testing.assert_close(one, xops.memory_efficient_attention(query, key, key))
    assert [t.shape[1] for t in bias.split_kv(k)] == [4, 6]
    with pytest.raises(ValueError, match="split_queries"):
        bias.split(q)


@pytest.mark.parametrize(("block", "lengths"), [(False, None), (True, [2, 3, 2]), (True, [3, 3])])
def test_gradcheck(xops: types.ModuleType, block: bool, lengths: list[int] | None) -> None:
    bias = xops.fmha.BlockDiagonalMask.from_seqlens(lengths).make_causal() if block else None
    total = sum(lengths) if lengths else 4
    tensors = [
        drawn(1, total, 2, 3, seed=n, dtype=torch.float64).requires_grad_() for n in range(3)
    ]
    assert torch.autograd.gradcheck(
        lambda q, k, v: xops.memory_efficient_attention(q, k, v, attn_bias=bias), tensors
    )


def test_non_contiguous_inputs(xops: types.ModuleType) -> None:
    packed = drawn(2, 7, 3, 4, 8)
    q, k, v = xops.unbind(packed, 2)
    assert not q.is_contiguous()
    out = xops.memory_efficient_attention(q, k, v)
    again = xops.memory_efficient_attention(*(t.contiguous() for t in (q, k, v)))
    torch.testing.assert_close(out, again)


def test_nothing_to_attend_to(xops: types.ModuleType) -> None:
    q, k, v = qkv(0, 3, 3, 2, 8)
    assert xops.memory_efficient_attention(q, k, v).shape == (0, 3, 2, 8)
    bias = xops.fmha.BlockDiagonalMask.from_seqlens([0, 0], [2, 1])
    q, k, v = qkv(1, 0, 3, 2, 8, 4)
    assert xops.memory_efficient_attention(q, k, v, attn_bias=bias).shape == (1, 0, 2, 4)
    none = xops.fmha.BlockDiagonalMask.from_seqlens([])
    empty = qkv(1, 0, 0, 2, 8)
    assert xops.memory_efficient_attention(*empty, attn_bias=none).shape == (1, 0, 2, 8)


def test_autocast_and_compile(xops: types.ModuleType) -> None:
    q, k, v = qkv(1, 5, 5, 2, 8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = xops.memory_efficient_attention(q, k, v)
    torch.testing.assert_close(
        out.float(), reference(q, k, v, None, None).float(), rtol=0.05, atol=0.05
    )
    bias = xops.fmha.BlockDiagonalMask.from_seqlens([2, 3])

    def run(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return xops.memory_efficient_attention(q, k, v, attn_bias=bias) * 2

    compiled = torch.compile(run, backend="eager")
    torch.testing.assert_close(compiled(q, k, v), run(q, k, v))


REFUSED = {
    "dimensions": (
        lambda x: x.memory_efficient_attention(*(torch.ones(3, 4) for _ in "qkv")),
        "3, 4 or 5",
    ),
    "heads": (
        lambda x: x.memory_efficient_attention(
            torch.ones(1, 2, 2, 8), torch.ones(1, 2, 1, 8), torch.ones(1, 2, 1, 8)
        ),
        "do not fit",
    ),
    "tokens of a block bias": (
        lambda x: x.memory_efficient_attention(
            *qkv(1, 5, 5, 1, 8), attn_bias=x.fmha.BlockDiagonalMask.from_seqlens([2, 2])
        ),
        "the bias is for",
    ),
    "a bool tensor": (
        lambda x: x.memory_efficient_attention(
            *qkv(1, 5, 5, 1, 8), attn_bias=torch.ones(1, 1, 5, 5, dtype=torch.bool)
        ),
        "bool",
    ),
    "more queries than keys": (
        lambda x: x.fmha.BlockDiagonalMask.from_seqlens([3], [2]).make_causal_from_bottomright(),
        "more queries",
    ),
    "an empty window": (
        lambda x: x.fmha.BlockDiagonalMask.from_seqlens([3]).make_local_attention(0),
        "at least one",
    ),
    "lists of two lengths": (
        lambda x: x.fmha.BlockDiagonalMask.from_seqlens([3], [2, 1]),
        "1 query and 2 key",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused(xops: types.ModuleType, case: str) -> None:
    call, says = REFUSED[case]
    with pytest.raises(ValueError, match=says):
        call(xops)


def test_an_unknown_bias_is_never_left_out(xops: types.ModuleType) -> None:
    class Strange(xops.AttentionBias):  # type: ignore[misc,name-defined]
        pass

    for bias in (Strange(), "causal"):
        with pytest.raises(NotImplementedError):
            xops.memory_efficient_attention(*qkv(1, 5, 5, 1, 8), attn_bias=bias)
