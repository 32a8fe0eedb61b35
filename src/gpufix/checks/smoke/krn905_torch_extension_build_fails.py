"""KRN905."""

from __future__ import annotations

from gpufix.checks.registry import page

KRN905 = page(
    "KRN905",
    "torch-extension-build-fails",
    """\
torch's own extension builder gives no working module in this environment.

## What it does
`gpufix smoke` has the patient's torch.utils.cpp_extension build a small operator, imports it,
and checks its result and its gradient, on the CPU and, where torch sees a GPU and a compiler,
on the GPU. `gpufix doctor` never reports this rule.

## Why it matters
Extensions are built this way. What stops this one, of a few lines, stops them: ninja or a
compiler missing, torch and toolkit of different CUDA majors, headers missing.

## Example
`torch's own extension build gives no working module: RuntimeError: Ninja is required to load C++
extensions`

## Severity
Error.

## Fix
None of its own: `gpufix doctor` in a project that builds extensions names the cause.

## Source
torch's own words.
""",
)
