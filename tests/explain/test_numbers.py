"""What a message's numbers, frames and chains say, where its wording alone would mislead."""

from __future__ import annotations

import pytest

from gpufix.explain.read import explain

OLD = """\
{gpu} with CUDA capability {arch} is not compatible with the current PyTorch installation.
The current PyTorch install supports CUDA capabilities {archs}.
"""
SPAN = """\
    Found GPU0 {gpu} which is of cuda capability {cc}.
    Minimum and Maximum cuda capability supported by this version of PyTorch is
    ({low}) - ({high})
"""
RANGES = """\
UserWarning: Found GPU0 {gpu} which is of compute capability (CC) {cc}.
The following list shows the CCs this version of PyTorch was built for and the hardware CCs it supports:
- 7.5 which supports hardware CC >=7.5,<8.0
- 8.0 which supports hardware CC >=8.0,<9.0 except {{8.7}}
- 12.0 which supports hardware CC >=12.0,<13.0
"""
# fmt: off
WARNINGS = [
    (SPAN.format(gpu="NVIDIA GB10", cc="12.1", low="8.0", high="12.0"), None),
    (SPAN.format(gpu="NVIDIA GB10", cc="12.1", low="8.0", high="9.0"), "GPU101"),
    (SPAN.format(gpu="Tesla P100", cc="6.0", low="7.0", high="12.0"), "GPU101"),
    (RANGES.format(gpu="NVIDIA GB10", cc="12.1"), None),
    (RANGES.format(gpu="NVIDIA RTX A4000", cc="8.6"), None),
    (RANGES.format(gpu="Orin", cc="8.7"), "GPU101"),
    (RANGES.format(gpu="Tesla V100", cc="7.0"), "GPU101"),
    (OLD.format(gpu="RTX 5090", arch="sm_120", archs="sm_50 sm_80 sm_86 sm_90"), "GPU101"),
    (OLD.format(gpu="RTX 5090", arch="sm_120", archs="sm_80 sm_90 compute_90"), None),
    (OLD.format(gpu="A6000", arch="sm_86", archs="sm_70 sm_80"), None),
    (OLD.format(gpu="A100", arch="sm_80", archs="sm_70 sm_86"), "GPU101"),
    (OLD.format(gpu="B200", arch="sm_100", archs="sm_90a sm_120"), "GPU101"),
    (OLD.format(gpu="H100", arch="sm_90", archs="sm_80 sm_90a"), None),
]
# fmt: on


def rule_and_role(text: str) -> tuple[str | None, str]:
    primary = explain([text.encode()])[0].primary
    assert primary is not None
    return primary.rule, primary.role


@pytest.mark.parametrize(("text", "rule"), WARNINGS)
def test_torchs_warning_is_read_for_its_numbers(text: str, rule: str | None) -> None:
    assert rule_and_role(text) == (rule, "cause" if rule else "notice")


NO_IMAGE = "RuntimeError: CUDA error: no kernel image is available for execution on the device\n"
OPERATOR = """\
  File "/v/site-packages/{caller}", line 1, in forward
    {code}
  File "/v/site-packages/torch/_ops.py", line 1, in __call__
    return self._op(*args, **kwargs)
"""


@pytest.mark.parametrize(
    ("caller", "code", "rule"),
    [
        ("torch/nn/functional.py", "return torch.ops.aten.relu(x)", "GPU101"),
        ("vllm/_custom_ops.py", "torch.ops._C.rms_norm(out, x, w, eps)", "GPU103"),
        ("anybodys/ops.py", "torch.ops.anybodys.fwd(x)", "GPU103"),
        ("anybodys/ops.py", "return _fwd(x)", "GPU103"),
    ],
)
def test_an_operator_is_whose_name_is_called(caller: str, code: str, rule: str) -> None:
    assert rule_and_role(OPERATOR.format(caller=caller, code=code) + NO_IMAGE)[0] == rule


@pytest.mark.parametrize(
    ("code", "rule"),
    [
        ("y = x * 2", "GPU101"),
        ("return self._act.forward(x)", "GPU101"),
        ("return torch.ops.aten.relu(x)", "GPU101"),
        ("out = _fused80.run(x)", "GPU103"),
        ("return torch.ops.anybodys.fwd(x)", "GPU103"),
    ],
)
def test_whose_function_the_last_frame_calls(code: str, rule: str) -> None:
    frame = f'  File "/v/site-packages/anybodys/ops.py", line 1, in forward\n    {code}\n'
    assert rule_and_role(frame + NO_IMAGE)[0] == rule


ABSENT = "ImportError: libcudart.so.12: cannot open shared object file: No such file or directory\n"


@pytest.mark.parametrize(
    ("beside", "rule"),
    [
        ("", "SYM402"),
        ("PyTorch: 2.9.1+cu128\n", "SYM402"),
        ("torch 2.9.1+cpu\n", "SYM402"),
        ("PyTorch: 2.9.1+cu130\n", "WHL510"),
        ("torch==2.9.1+cu130, then torch==2.9.1+cu128\n", "SYM402"),  # which one is not told
    ],
)
def test_a_library_of_another_cuda_than_torchs(beside: str, rule: str) -> None:
    assert rule_and_role(ABSENT + beside)[0] == rule


HANDLED = "\nDuring handling of the above exception, another exception occurred:\n\n"
TRIED = "ModuleNotFoundError: No module named 'fast_part'\n"


@pytest.mark.parametrize(
    ("text", "first"),
    [
        (TRIED, "No module named"),
        (TRIED + HANDLED + "RuntimeError: pip install 'fast_part'\n", "No module named"),
        (TRIED + HANDLED + NO_IMAGE, "no kernel image"),
        (ABSENT + HANDLED + NO_IMAGE, "libcudart.so.12"),  # there, and cannot be loaded: a fault
    ],
)
def test_a_first_try_that_is_handled_is_no_cause(text: str, first: str) -> None:
    primary = explain([text.encode()])[0].primary
    assert primary is not None and first in primary.shown


def test_signal_11_is_a_crash_and_no_lack_of_memory() -> None:
    died = "nvcc error   : 'cicc' died due to signal {} (Invalid memory reference)\n"
    assert rule_and_role(died.format(11)) == (None, "cause")
    assert rule_and_role(died.format(9)) == ("TCH208", "cause")


PTXAS = "ptxas {}, line 9; fatal   : Unsupported .version {}; current version is '{}'\n{}"


@pytest.mark.parametrize(
    "text, rule, words",
    [
        (PTXAS.format("k.ptx", "8.7", "8.4", ""), "TCH206", ("CUDA 12.8", "this ptxas", "CUDA 12.4")),
        (PTXAS.format("k.ptx", "8.7", "8.6", ""), "TCH206", ("CUDA 12.8", "up to 8.6:")),
        (PTXAS.format("application ptx input", "8.5", "8.2", ""), "GPU104", ("CUDA 12.5", "this driver")),
        (PTXAS.format("application ptx input", "6.3", "6.1", ""), "GPU104", ("6.3;", "this driver")),
        (PTXAS.format("application ptx input", "8.8", "8.4", "NvJitLinkError"), "TCH206", ("nvJitLink",)),
        (
            "PTXAS error: Internal Triton PTX codegen error\n`ptxas` stderr:\n"
            "ptxas fatal   : Value 'sm_121a' is not defined for option 'gpu-name'",
            "TCH206",
            ("sm_121a came with CUDA 12.9", "this ptxas"),
        ),
    ],
)  # fmt: skip
def test_versions_of_ptx(text: str, rule: str, words: tuple[str, ...]) -> None:
    answer = explain([text.encode()])[0].primary
    assert answer is not None and answer.rule == rule
    assert all(word in answer.what for word in words), answer.what


LISTING = """\
    288     raise RuntimeError(
    289         "Cannot re-initialize CUDA in forked subprocess. To use CUDA with "
--> 293     raise AssertionError("Torch not compiled with CUDA enabled")
"""


@pytest.mark.parametrize("end", ["", "\nAssertionError: Torch not compiled with CUDA enabled\n"])
def test_a_listed_source_line_is_no_message(end: str) -> None:
    answer = explain([f"{LISTING}{end}".encode()])[0].primary
    assert answer is not None and answer.rule == ("TCH201" if end else None)
