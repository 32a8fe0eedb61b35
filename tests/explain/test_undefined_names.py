"""Names that a program uses without having them."""

from __future__ import annotations

import pytest

from gpufix.explain.read import explain

INSTALLED = (
    '  File "/env/lib/python3.11/site-packages/somelib/ops.py", line 3, in run\n    widget()\n'
)


@pytest.mark.parametrize("log", ["NameError: name 'my_widget' is not defined", "x is not defined"])
def test_anyones_own_stays_unknown(log: str) -> None:
    assert explain([log.encode()])[0].primary is None


@pytest.mark.parametrize(
    "log, do",
    [
        ("NameError: name '_C' is not defined", "--no-build-isolation"),
        ("_C is not defined in ms_deform_attn.py", "--no-build-isolation"),
        ("NameError: name 'selective_scan_cuda_core' is not defined", "CUDAExtension"),
        ("NameError: name 'selective_scan_fn' is not defined", "mamba-ssm"),
        ("NameError: name 'file' is not defined. Did you mean: 'filter'?", "Python 3"),
        ("NameError: name 'np' is not defined", "`import numpy as np`"),
        (f"{INSTALLED}NameError: name 'widget' is not defined", "pip install -U somelib"),
        (
            f"{INSTALLED.replace('somelib', 'unsloth')}NameError: name 'layer_type_validation' is not defined",
            "`pip install -U unsloth`, which copies",
        ),
        (
            f"{INSTALLED}NameError: name 'layer_type_validation' is not defined",
            "is a name of transformers: `pip install -U transformers`",
        ),
    ],
)
def test_what_brings_a_name(log: str, do: str) -> None:
    answer = explain([log.encode()])[0].primary
    assert answer is not None and answer.rule is None and do in answer.do


@pytest.mark.parametrize(
    "log, what, do",
    [
        ("identifier 'THCState_custom' is undefined", "THCState_custom is gone", "at::Tensor"),
        ("identifier 'THCudaMalloc' is undefined", "THCudaMalloc is gone", "raw_alloc"),
        ("'THCudaTensor_data' was not declared", "THCudaTensor_data is gone", "at::Tensor"),
    ],
)
def test_a_name_of_torch_that_went(log: str, what: str, do: str) -> None:
    answer = explain([f"x.cu(3): error: {log} in this scope".encode()])[0].primary
    assert answer is not None and answer.rule == "SRC604"
    assert what in answer.what and do in answer.do
