"""Device code: barriers under a thread's own condition, warp functions, count and fill."""

from __future__ import annotations

import pytest

from gpufix.source.cxx.barriers import divergent
from gpufix.source.cxx.code import CxxCode
from gpufix.source.cxx.fill import counts, fills
from gpufix.source.cxx.hip import constructs, narrow
from gpufix.source.source_facts import ClosedCount, KernelLaunch, PrefixScan

QUIET = {
    "top": "int t = threadIdx.x; __syncthreads();",
    "after the branch": "if (threadIdx.x < 3) { a[0] = 1; } __syncthreads();",
    "block condition": "if (blockIdx.x < n) { __syncthreads(); }",
    "uniform loop": "for (int i = 0; i < n; i++) { int t = i + threadIdx.x; __syncthreads(); }",
    "halving": "for (int o = n / 2; o >= 1; o /= 2)\n{ if (threadIdx.x < o) a[0]++; __syncthreads(); }",
    "vote": "bool d = threadIdx.x > n; int c = __syncthreads_count(d); if (c == 3) __syncthreads();",
    "shared flag": "__shared__ int f; if (threadIdx.x == 0) f = threadIdx.x; if (f) __syncthreads();",
    "two loops of one name": "for (int i = threadIdx.x; i < n; i += 2) a[i] = 0;\n"
    "for (int i = 0; i < m; i++) __syncthreads();",
    "constant bound": "for (int i = threadIdx.x; i < SIZE; i += 32) __syncthreads();",
    "rounded up": "int r = (n / blockDim.x + 1) * blockDim.x;\n"
    "for (int i = threadIdx.x; i < r; i += blockDim.x) __syncthreads();",
    "the same offset on both sides": "const int i = threadIdx.x; "
    "for (int t = n*m + i, e = (n+1)*m + i; t < e; t += m) __syncthreads();",
    "offsets kept in variables": "const int i = threadIdx.x, first = n*m + i, last = first + m;\n"
    "for (int t = first; t < last - 2*n; t += m) { if (t > last - n) __syncthreads(); }",
    "rounded up to a constant": "int r = (n + S - 1) / S * S;\n"
    "for (int i = threadIdx.x; i < r; i += S) __syncthreads();",
    "rounded up in the condition": "for (int i = threadIdx.x; i < S * ((n + S - 1) / S); i += S) "
    "__syncthreads();",
    "rounded up by a function": "int b = n * m, r = b + round_up(n, S);\n"
    "for (int i = b + threadIdx.x; i < r; i += S) __syncthreads();",
    "a number of steps by a function": "for (int i = threadIdx.x; i < ceil_div(n, S) * S; i += S) "
    "__syncthreads();",
    "in all rounds but the first": "for (int i = threadIdx.x; i < round_up(n, S); i += S) "
    "{ if (i >= S) __syncthreads(); }",
    "rounded up by a remainder": "int r = n % S == 0 ? n : n - n % S + S, i = threadIdx.x;\n"
    "while (i < r) { __syncthreads(); i += S; }",
    "rounded up, with const behind the type": "int const r = ((n + blockDim.x - 1) / blockDim.x) * "
    "blockDim.x;\nfor (int i = threadIdx.x; i < r; i += blockDim.x) __syncthreads();",
    "a reference to a place in shared memory": "extern __shared__ char mem[]; int* all = (int*)(mem + M);"
    "int& first = all[1]; if (threadIdx.x == 0) first = threadIdx.x; __syncthreads();\n"
    "int k = n - first; if (k == 0) __syncthreads();",
    "up to a number in shared memory": "__shared__ int most; int first = a[threadIdx.x], c = first;\n"
    "if (threadIdx.x == 0) most = c; for (int i = first; i < first + most; i++) __syncthreads();",
    "a number made of another variable of its name": "{ int e = a[threadIdx.x]; a[e] = 0; }\n"
    "int e = blockIdx.x / m; int node = e / 8; if (node == n) __syncthreads();",
    "another variable of its name, declared without a value": "{ const int i = threadIdx.x; a[i] = 0; }\n"
    "int i, j; for (i = 0; i < n; i++) __syncthreads();",
    "what a function of another file does with it": "if (!launch<2>(a, n, threadIdx.x)) __syncthreads();",
    "comment": "if (threadIdx.x) { /* __syncthreads(); */ }",
}
DIVERGENT = {
    "a reference to a thread's own place in shared memory": (
        "__shared__ int all[9]; int w = threadIdx.x / 32; int& own = all[w]; own = threadIdx.x;"
        "if (own) __syncthreads();",
        1,
    ),
    "a reference to a thread's own variable": (
        "__shared__ int m; int t = threadIdx.x; int& r = t; if (r) __syncthreads();",
        1,
    ),
    "branch": ("if (threadIdx.x < n) {\n__syncthreads(); }", 2),
    "no braces": ("if (threadIdx.x < n)\n__syncthreads();", 2),
    "else": ("if (threadIdx.x < n) { a[0]++; } else {\n__syncthreads(); }", 2),
    "variable": ("auto t = block.thread_rank(); bool in = t < n; if (in) __syncthreads();", 1),
    "in some rounds": (
        "for (int i = threadIdx.x; i < round_up(n, S); i += S)\n{ if (i >= m) __syncthreads(); }",
        2,
    ),
    "a part, times another": (
        "for (int i = threadIdx.x; i < (n + 1) / S * m; i++) __syncthreads();",
        1,
    ),
    "a thread's own, rounded up": (
        "int r = (n + threadIdx.x) / S * S; for (int i = 0; i < r; i++) __syncthreads();",
        1,
    ),
    "loop": ("for (int i = threadIdx.x; i < n; i += blockDim.x) { __syncthreads(); }", 1),
    "while": ("int i = threadIdx.x;\nwhile (i < n) { i += 3; __syncthreads_or(1); }", 2),
    "another offset": (
        "for (int t = threadIdx.x, e = n + threadIdx.y; t < e; t += m) { __syncthreads(); }",
        1,
    ),
    "the same offset, own steps": (
        "int i = threadIdx.x; for (int t = i; t < n + i; t += i) { __syncthreads(); }",
        1,
    ),
    "the same offset, moved": (
        "int i = threadIdx.x; for (int t = i; t < n + i; t += m) { t += i; __syncthreads(); }",
        1,
    ),
    "up to its own number": (
        "int first = a[threadIdx.x]; for (int i = first; i < first + first; i++) __syncthreads();",
        1,
    ),
    "one variable, declared without a value": (
        "int i, j; i = threadIdx.x; if (i < n) __syncthreads();",
        1,
    ),
    "a function of this file": ("if (k(a, n, threadIdx.x)) __syncthreads();", 1),
    "a macro around it": ("if (LIKELY(threadIdx.x < n)) __syncthreads();", 1),
    "loaded": ("float v = a[threadIdx.x]; if (v > 0) __syncthreads();", 1),
}


def kernel(body: str) -> CxxCode:
    return CxxCode(f"__global__ void k(float* a, int n, int m) {{ {body} }}\n")


@pytest.mark.parametrize("case", QUIET)
def test_barriers_that_all_threads_reach(case: str) -> None:
    assert divergent(kernel(QUIET[case])) == ()


@pytest.mark.parametrize("case", DIVERGENT)
def test_barriers_that_some_threads_miss(case: str) -> None:
    body, line = DIVERGENT[case]
    assert [barrier.line for barrier in divergent(kernel(body))] == [line]


@pytest.mark.parametrize(
    ("mask", "verdict"),
    [
        ("0xffffffff", True),
        ("0xFFFFFFFFu", True),
        ("~0u", True),
        ("FULL", True),
        ("0xffffffffffffffffull", False),
        ("0xffffffffull", False),
        ("mask", None),
        ("__activemask()", None),
    ],
)
def test_masks_of_32_bits(mask: str, verdict: bool | None) -> None:
    assert narrow(mask, {"FULL": "(0xffffffff)"}) is verdict


def test_constructs_with_their_lines() -> None:
    code = CxxCode(
        "// __shfl_sync(1)\n__global__ void k(int* p) {\n"
        "  p[0] = __shfl_sync(0xffffffff, p[1], 0);\n"
        '  asm volatile("mov.u32 %0, %laneid;" : "=r"(p[0]));\n'
        '  asm("s_nop 0");\n}\nvoid f() { k << <1, 2 >> >(0); }\n'
    )
    assert [(use.name, use.line, use.detail) for use in constructs(code)] == [
        ("__shfl_sync", 3, "0xffffffff"),
        ("inline PTX", 4, "mov.u32 %0, %laneid;"[:60] + '" : "=r"(p[0])'),
        ("launch chevrons with a space", 7, "k"),
    ]


FILL = """
__global__ void fill(const uint32_t* offsets, uint64_t* keys, uint32_t* values, int n) {
  int idx = blockIdx.x * blockDim.x + threadIdx.x;
  if (idx >= n) return;
  uint32_t off = (idx == 0) ? 0 : offsets[idx - 1];
  for (int y = 0; y < 4; y++) {
    for (int x = 0; x < 4; x++) {
      %s
      keys[off] = y;
      values[off] = idx;
      off++;
    }
  }
}
"""


@pytest.mark.parametrize(
    ("condition", "lines"),
    [("int k = 1;", []), ("if (alpha(x, y) < limit) continue;", [8]), ("x += 0;", [])],
)
def test_conditions_within_the_filling_loop(condition: str, lines: list[int]) -> None:
    (row,) = fills(CxxCode(FILL % condition))
    assert (row.kernel, row.offsets, row.outputs) == ("fill", 0, (1, 2))
    assert [condition.line for condition in row.conditions] == lines


def test_counts_and_scans() -> None:
    code = CxxCode(
        "__global__ void pre(uint32_t* touched, int n) {\n"
        "  touched[i] = (b.y - a.y) * (b.x - a.x);\n}\n"
        "void run() { cub::DeviceScan::InclusiveSum(t, s, g.touched, g.offsets, P);\n"
        "  fill<<<1, 2>>>(g.offsets, b.keys, b.values, P); }\n"
    )
    found = counts(code)
    assert found is not None
    expression = "(b.y - a.y) * (b.x - a.x)"
    assert found.closed == (ClosedCount("pre", 0, 2, expression, "touched"),)
    assert found.scans == (PrefixScan("touched", "offsets", 4),)
    assert found.launches == (KernelLaunch("fill", 5, ("offsets", "keys", "values", "P")),)
