"""flash_attn's functions against a softmax written out query by query in float64, and its gradients."""

from __future__ import annotations

import itertools
import math
import types
from typing import Any

import pytest

import needs

torch = needs.module("torch")
pytestmark = pytest.mark.needs("torch")
Tensor = Any

RULES: dict[str, dict[str, Any]] = {
    "plain": {},
    "scaled": {"softmax_scale": 0.3},
    "causal": {"causal": True},
    "window": {"window_size": (3, 1)},
    "left window": {"window_size": (2, -1)},
    "right window": {"window_size": (-1, 2)},
    "causal window": {"window_size": (4, 7), "causal": True},
    "softcap": {"softcap": 0.7},
    "softcap, causal": {"softcap": 0.7, "causal": True},
    "alibi": {"alibi": 1},
    "alibi of each sequence, causal": {"alibi": 2, "causal": True},
    "all at once": {"alibi": 1, "causal": True, "window_size": (5, 0), "softcap": 1.5},
}
LENGTHS = ((7, 7), (5, 11), (11, 5), (1, 6), (6, 1))


def drawn(*shape: int, seed: int = 0, dtype: Any = None) -> Tensor:
    made = torch.Generator().manual_seed(seed + sum(shape))
    return torch.randn(*shape, generator=made, dtype=dtype or torch.float64)


def reference(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    softmax_scale: float | None = None,
    causal: bool = False,
    window_size: tuple[int, int] = (-1, -1),
    softcap: float = 0.0,
    slopes: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """One sequence: queries x heads x dimension; the result and the log-sum-exp of each query's scores.

    After flash-attn's documentation: query i stands beside key i + keys - queries.
    """
    queries, heads, dim = q.shape
    keys = len(k)
    scale = dim**-0.5 if softmax_scale is None else softmax_scale
    rows, sums = [], []
    for i, h in itertools.product(range(queries), range(heads)):
        own, group = i + keys - queries, h // (heads // k.shape[1])
        first = 0 if window_size[0] < 0 else max(0, own - window_size[0])
        last = keys if window_size[1] < 0 else min(keys, own + window_size[1] + 1)
        last = min(last, own + 1) if causal else last
        seen = range(first, max(first, last))
        scores = [(q[i, h] * k[j, group]).sum() * scale for j in seen]
        if softcap:
            scores = [softcap * torch.tanh(score / softcap) for score in scores]
        if slopes is not None:
            scores = [s - slopes[h] * abs(own - j) for s, j in zip(scores, seen, strict=True)]
        if not scores:
            rows.append(q.new_zeros(v.shape[-1]) * q[i, h].sum())
            sums.append(q.new_tensor(math.inf))
            continue
        weights = torch.stack(scores).softmax(0)
        rows.append(weights @ v[list(seen), group])
        sums.append(torch.stack(scores).logsumexp(0))
    shape = queries, heads
    return torch.stack(rows).reshape(*shape, -1), torch.stack(sums).reshape(shape)


def slopes_of(rule: dict[str, Any], batch: int, heads: int) -> tuple[dict[str, Any], Tensor | None]:
    rule = dict(rule)
    kind = rule.pop("alibi", 0)
    shape = {0: None, 1: (heads,), 2: (batch, heads)}[kind]
    return rule, None if shape is None else drawn(*shape, seed=5).abs().float()


def gradients(out: Tensor, *inputs: Tensor) -> tuple[Tensor, ...]:
    return torch.autograd.grad((out * drawn(*out.shape, seed=9)).sum(), inputs)


@pytest.mark.some(15)
@pytest.mark.parametrize("lengths", LENGTHS, ids=str)
@pytest.mark.parametrize("name", RULES)
def test_against_the_definition(
    flash: types.ModuleType, name: str, lengths: tuple[int, int]
) -> None:
    queries, keys = lengths
    rule, slopes = slopes_of(RULES[name], 2, 4)
    q = drawn(2, queries, 4, 8).requires_grad_()
    k, v = (drawn(2, keys, 2, 8, seed=s).requires_grad_() for s in (1, 2))
    out = flash.flash_attn_func(q, k, v, alibi_slopes=slopes, **rule)
    again, sums, nothing = flash.flash_attn_func(
        q, k, v, alibi_slopes=slopes, return_attn_probs=True, **rule
    )
    each = [
        reference(
            q[b], k[b], v[b], slopes=None if slopes is None else slopes.expand(2, 4)[b], **rule
        )
        for b in range(2)
    ]
    wanted = torch.stack([one for one, _ in each])
    torch.testing.assert_close(out, wanted)
    assert nothing is None and torch.equal(again, out)
    torch.testing.assert_close(
        sums, torch.stack([sum_.T for _, sum_ in each]).float(), rtol=1e-5, atol=1e-5
    )
    for got, want in zip(gradients(out, q, k, v), gradients(wanted, q, k, v), strict=True):
        torch.testing.assert_close(got, want)


STARTS = ([0, 3, 3, 8, 9, 12], [0, 5, 7, 7, 8, 11])  # of queries and keys: none, and more of either


@pytest.mark.parametrize("name", RULES)
def test_sequences_one_after_the_other(flash: types.ModuleType, name: str) -> None:
    rule, slopes = slopes_of(RULES[name], 5, 4)
    q = drawn(12, 4, 8).requires_grad_()
    k, v = (drawn(11, 2, 8, seed=s).requires_grad_() for s in (1, 2))
    starts = [torch.tensor(s, dtype=torch.int32) for s in STARTS]
    out, sums, _ = flash.flash_attn_varlen_func(
        q, k, v, *starts, 5, 5, alibi_slopes=slopes, return_attn_probs=True, **rule
    )
    each = []
    spans = zip(STARTS[0], STARTS[0][1:], STARTS[1], STARTS[1][1:], strict=False)
    for b, (q0, q1, k0, k1) in enumerate(spans):
        if q1 > q0:
            some = None if slopes is None else slopes.expand(5, 4)[b]
            each.append(reference(q[q0:q1], k[k0:k1], v[k0:k1], slopes=some, **rule))
    wanted = torch.cat([one for one, _ in each])
    torch.testing.assert_close(out, wanted)
    torch.testing.assert_close(
        sums, torch.cat([s for _, s in each]).T.float(), rtol=1e-5, atol=1e-5
    )
    for got, want in zip(gradients(out, q, k, v), gradients(wanted, q, k, v), strict=True):
        torch.testing.assert_close(got, want)


def test_packed(flash: types.ModuleType) -> None:
    qkv = drawn(2, 6, 3, 4, 8).requires_grad_()
    q, k, v = qkv.unbind(2)
    wanted = flash.flash_attn_func(q, k, v, causal=True)
    assert torch.equal(flash.flash_attn_qkvpacked_func(qkv, causal=True), wanted)
    assert torch.equal(flash.flash_attn_kvpacked_func(q, qkv[:, :, 1:], causal=True), wanted)
    starts = torch.tensor([0, 6, 12], dtype=torch.int32)
    flat = qkv.flatten(0, 1)
    rows = flash.flash_attn_varlen_qkvpacked_func(flat, starts, 6, causal=True)
    torch.testing.assert_close(rows.unflatten(0, (2, 6)), wanted)
    rows = flash.flash_attn_varlen_kvpacked_func(
        flat[:, 0], flat[:, 1:], starts, starts, 6, 6, causal=True
    )
    torch.testing.assert_close(rows.unflatten(0, (2, 6)), wanted)
    rows.sum().backward()
    assert qkv.grad.isfinite().all() and qkv.grad[:, :, 2].any()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_dtypes(flash: types.ModuleType, dtype: str) -> None:
    kind = getattr(torch, dtype)
    q, k, v = (drawn(1, 9, 2, 16, seed=s).to(kind) for s in (0, 1, 2))
    out = flash.flash_attn_func(q, k, v, window_size=(2, 2), softcap=2.0)
    assert out.dtype == kind
    want = reference(*(t[0].double() for t in (q, k, v)), window_size=(2, 2), softcap=2.0)[0]
    torch.testing.assert_close(out[0].double(), want, rtol=2e-2, atol=2e-2)


@pytest.mark.parametrize("softcap", [0.0, 3.0])
def test_dropout(flash: types.ModuleType, softcap: float) -> None:
    """Half of the weights fall, the others count double: the mean over many stays."""
    q, k, v = (drawn(1, 4, 256, 8, seed=s) for s in (0, 1, 2))
    whole = flash.flash_attn_func(q, k, v * 0 + 1)
    torch.manual_seed(1)
    out = flash.flash_attn_func(q, k, v * 0 + 1, dropout_p=0.5, softcap=softcap)
    assert not torch.allclose(out, whole)
    assert abs(float(out.mean()) - 1) < 0.1
    with pytest.raises(NotImplementedError, match="dropout"):
        flash.flash_attn_func(q, k, v, dropout_p=0.5, return_attn_probs=True)


REFUSED: dict[str, tuple[tuple[int, ...], ...]] = {
    "4 dimensions": ((2, 3, 8), (2, 3, 8), (2, 3, 8)),
    "do not fit together": ((1, 3, 2, 8), (1, 4, 2, 8), (1, 5, 2, 8)),
    "must divide": ((1, 3, 4, 8), (1, 3, 3, 8), (1, 3, 3, 8)),
}


@pytest.mark.parametrize("says", REFUSED)
def test_what_does_not_fit(flash: types.ModuleType, says: str) -> None:
    with pytest.raises(RuntimeError, match=says):
        flash.flash_attn_func(*(drawn(*shape) for shape in REFUSED[says]))


def test_what_is_not_there(flash: types.ModuleType) -> None:
    q = drawn(3, 2, 8)
    with pytest.raises(RuntimeError, match="fp16 and bf16"):
        flash.flash_attn_func(*(q[None].int(),) * 3)
    starts = torch.tensor([0, 3], dtype=torch.int32)
    with pytest.raises(NotImplementedError, match="block_table"):
        flash.flash_attn_varlen_func(q, q, q, starts, starts, 3, 3, block_table=starts)
    with pytest.raises(RuntimeError, match="cu_seqlens end at 3 and 9"):
        flash.flash_attn_varlen_func(q, q, q, starts, 3 * starts, 3, 9)
    with pytest.raises(RuntimeError, match="differ in their sequences"):
        flash.flash_attn_varlen_func(q, q, q, starts, starts[:1], 3, 3)
    assert not hasattr(flash, "flash_attn_with_kvcache")


# ---- padding -------------------------------------------------------------------------------------
def test_padding(flash: types.ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    from flash_attn import bert_padding

    x = drawn(3, 4, 2, 5).requires_grad_()
    mask = torch.tensor([[1, 1, 0, 0], [1, 1, 1, 1], [0, 0, 1, 0]])
    tokens, indices, starts, longest, lengths = bert_padding.unpad_input(x, mask)
    assert starts.tolist() == [0, 2, 6, 7] and starts.dtype == torch.int32
    assert (
        longest == 4
        and lengths.tolist() == [2, 4, 1]
        and indices.tolist() == [0, 1, 4, 5, 6, 7, 10]
    )
    assert torch.equal(tokens, x.flatten(0, 1)[mask.flatten().bool()])
    back = bert_padding.pad_input(tokens, indices, 3, 4)
    assert torch.equal(back, x * mask[..., None, None])
    back.sum().backward()
    assert torch.equal(x.grad, mask[..., None, None].expand_as(x).double())
    unused = torch.tensor([[0, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]])
    assert bert_padding.unpad_input(x, mask, unused)[2].tolist() == [0, 3, 7, 8]
    assert bert_padding.unpad_input(x, mask, unused)[4].tolist() == [2, 4, 1]
    monkeypatch.setattr(bert_padding, "PARTS", (2, 6, 3))
    assert len(bert_padding.unpad_input(x, mask)) == 4


# ---- on a GPU ------------------------------------------------------------------------------------
FAST = [name for name, rule in RULES.items() if not {"softcap", "alibi"} & rule.keys()]


@pytest.mark.needs("GPU")
@pytest.mark.parametrize("name", FAST)
@pytest.mark.parametrize("varlen", [False, True])
@pytest.mark.parametrize("dim", [64, 128])
def test_the_kernel(flash: types.ModuleType, name: str, varlen: bool, dim: int) -> None:
    """It serves, and agrees with the plain computation in float32.

    A window to the left alone, without sequences, torch's kernel computes otherwise: it is not used then.
    """
    from flash_attn import _attend, _kernel

    shape = (300, 4, dim) if varlen else (2, 150, 4, dim)
    q = drawn(*shape).half().cuda().requires_grad_()
    k, v = (drawn(*shape, seed=s).half().cuda().requires_grad_() for s in (1, 2))
    starts = torch.tensor([0, 37, 130, 300], dtype=torch.int32, device="cuda")
    call, more = flash.flash_attn_func, ()
    if varlen:
        call, more = flash.flash_attn_varlen_func, (starts, starts, 170, 170)
    out = call(q, k, v, *more, **RULES[name])
    wide = [t.detach().float().requires_grad_() for t in (q, k, v)]
    want = call(*wide, *more, **RULES[name])
    torch.testing.assert_close(out.float(), want, rtol=1e-2, atol=5e-3)
    chain = drawn(*shape, seed=7).half().cuda()
    ours = torch.autograd.grad(out, (q, k, v), chain)
    theirs = torch.autograd.grad(want, wide, chain.float())
    for got, wanted in zip(ours, theirs, strict=True):
        torch.testing.assert_close(got.float(), wanted, rtol=2e-2, atol=2e-2)
    lengths = _attend.Lengths(starts, starts, 170, 170) if varlen else None
    rule = {"dropout": 0.0, "scale": None, "causal": False, "window": (-1, -1), "softcap": 0.0}
    given = {{"softmax_scale": "scale", "window_size": "window"}.get(key, key): value
             for key, value in RULES[name].items()}  # fmt: skip
    known = _attend.Rule.of(q, slopes=None, **{**rule, **given})
    assert _kernel.serves(q, v, lengths, known) or (name == "left window" and not varlen)
