"""What callers import from xformers and look at, besides attention."""

from __future__ import annotations

import importlib
import types

import pytest

import needs

torch = needs.module("torch")
pytestmark = pytest.mark.needs("torch")

IMPORTS = [
    "import xformers, xformers.ops; xformers.__version__",
    "from xformers.version import __version__",
    "from xformers.ops import memory_efficient_attention, unbind, fmha",
    "from xformers.ops import scaled_index_add, index_select_cat, SwiGLU",
    "from xformers.ops import LowerTriangularMask, MemoryEfficientAttentionFlashAttentionOp",
    "from xformers.ops.fmha import BlockDiagonalMask, LowerTriangularMask",
    "from xformers.ops.fmha.attn_bias import BlockDiagonalCausalMask, BlockDiagonalMask",
    "import xformers.ops as xops; xops.fmha.BlockDiagonalMask.from_seqlens([1, 2])",
    "import xformers.info; xformers.info.print_info()",
]


@pytest.mark.parametrize("code", IMPORTS)
def test_imports(xops: types.ModuleType, code: str) -> None:
    exec(code, {})


def test_there_is_no_compiled_library(xops: types.ModuleType) -> None:
    assert importlib.import_module("xformers")._has_cpp_library is False


def test_rows_by_index(xops: types.ModuleType) -> None:
    x, source, scaling = torch.zeros(4, 2, 3), torch.ones(2, 2, 3), torch.tensor([1.0, 2.0, 3.0])
    out = xops.scaled_index_add(x, torch.tensor([2, 0]), source, scaling, 0.5)
    assert out[1].sum() == 0 and torch.equal(out[2, 0], scaling / 2)
    rows = xops.index_select_cat([x + 1, x + 2], [torch.tensor([0]), torch.tensor([1, 3])])
    assert rows.shape == (6 + 12,) and rows[0] == 1 and rows[-1] == 2


def test_slices_of_one_tensor_are_recognised(xops: types.ModuleType) -> None:
    packed = torch.arange(24.0).reshape(2, 3, 4)
    again = xops.stack_or_none(xops.unbind(packed, 1), 1)
    assert again is not None and again.data_ptr() == packed.data_ptr()
    assert torch.equal(again, packed)
    assert xops.stack_or_none([packed, packed.clone()], 0) is None


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("bias", [True, False])
def test_swiglu(xops: types.ModuleType, packed: bool, bias: bool) -> None:
    layer = xops.SwiGLU(6, 8, bias=bias, _pack_weights=packed).double()
    x = torch.randn(3, 6, dtype=torch.float64)
    w1, b1, w2, b2, w3, b3 = layer._ordered_params()
    expected = xops.swiglu(x, w1, b1, w2, b2, w3, b3)
    torch.testing.assert_close(layer(x), expected)
    assert set(layer.state_dict()) >= ({"w12.weight"} if packed else {"w1.weight", "w2.weight"})


def test_the_import_costs_little_beyond_torch(script: object) -> None:
    text = "import sys, torch; before = set(sys.modules); import xformers.ops\n"
    text += "new = {m for m in set(sys.modules) - before if not m.startswith('xformers')}\n"
    text += "assert not any(m.startswith(('triton', 'torch._dynamo', 'numpy')) for m in new), new"
    script("xformers", text)  # type: ignore[operator]
