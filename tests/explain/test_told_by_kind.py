"""What single kinds of messages tell: objects of another package, a node's own files, packages on no index, old sources."""

from __future__ import annotations

import pytest

from gpufix.explain.explanation import Explanation
from gpufix.explain.read import explain
from gpufix.knowledge import name_spans


def told(text: str) -> Explanation:
    answer, _ = explain([text.encode()])
    assert answer.primary is not None
    return answer.primary


IN_TRANSFORMERS = (
    '  File "/env/lib/python3.9/site-packages/transformers/models/llama/modeling_llama.py", line 402, in forward\n'
    "    kv_seq_len += past_key_value.get_usable_length(kv_seq_len)\n"
)
SOURCES = (
    "Collecting {0}=={1}\n  Using cached {0}-{1}.tar.gz (175 kB)\n  Getting requirements to build wheel ... error\n"
    "  error: subprocess-exited-with-error\n\n  /tmp/pip-build-env-x/overlay/lib/python3.12/site-packages/setuptools/dist.py:759: a remark\n"
)
UNUSED = "CMake Warning:\n  Manually-specified variables were not used by the project:\n\n    {}\n"

CASES = {
    "a list in the place of a package's own class": (
        IN_TRANSFORMERS + "AttributeError: 'list' object has no attribute 'get_usable_length'",
        "a list that another package made",
    ),
    "a list that the program uses": (
        '  File "/src/train.py", line 2, in go\n    x.get_usable_length()\n'
        "AttributeError: 'list' object has no attribute 'get_usable_length'",
        None,
    ),
    "another package's class of that name": (
        IN_TRANSFORMERS
        + "AttributeError: 'TrainingArguments' object has no attribute 'eval_strategy'",
        "another package's TrainingArguments",
    ),
    "a file of a node": (
        "Cannot import /x/custom_nodes/ComfyUI-Easy-Use module for custom nodes: No module named 'ComfyUI-Easy-Use.py.libs.fluxai'",
        "ComfyUI-Easy-Use is a part that was added to ComfyUI",
    ),
    "a package with a like name": (
        "ModuleNotFoundError: No module named 'easy_nodes'",
        "The module easy_nodes is not installed",
    ),
    "a package on no index": (
        "  × No solution found when resolving dependencies:\n  ╰─▶ Because there are no versions of pyav and lerobot==0.1.0 depends on\n"
        "      pyav>=12.0.5, we can conclude that lerobot==0.1.0 cannot be used.\n",
        "No index in use has any release of pyav, and lerobot 0.1.0 asks for pyav>=12.0.5",
    ),
    "PyYAML before Cython 3": (SOURCES.format("PyYAML", "5.4.1"), "before Cython 3"),
    "PyYAML after it": (SOURCES.format("PyYAML", "6.0.2"), "most often they are older"),
    "a package that is always built": (
        SOURCES.format("flash_attn", "2.7.4"),
        "A build from sources failed",
    ),
    "an option by its old name": (
        UNUSED.format("LLAMA_HIPBLAS"),
        "LLAMA_HIPBLAS is no option of this source any more",
    ),
    "an option that is not known": (UNUSED.format("MY_OPTION"), "options that this source does not have"),
    "a type of CUDA's": (
        'a.cu(3): error: identifier "__nv_bfloat16" is undefined',
        "without <cuda_bf16.h>",
    ),
    "a name of the source's own": (
        'a.cu(3): error: identifier "halfway" is undefined',
        "The compiler refused",
    ),
    "an import that was put off": (
        "Failed to import diffusers.loaders.peft because of the following error (look up to see its traceback):\n"
        "cannot import name 'foo' from 'bar'",
        "which diffusers asks for",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_cause_is_told(case: str) -> None:
    text, words = CASES[case]
    answer, _ = explain([text.encode()])
    what = answer.primary.what if answer.primary else ""
    assert "another package" not in what if words is None else words in what


def test_leaving_an_argument_out_is_for_code_of_ones_own() -> None:
    own = '  File "/src/app.py", line 4, in <module>\n    gr.Dropdown(\n'
    wraps = (
        '  File "/env/lib/python3.12/site-packages/gradio/component_meta.py", line 167, in wrapper\n'
        "    return fn(self, **kwargs)\n"
    )
    error = "TypeError: Dropdown.__init__() got an unexpected keyword argument 'placeholder'"
    assert "leave placeholder out" in told(own + wraps + error).do
    assert "leave placeholder out" not in told(error).do


def test_a_bare_argument_is_laid_to_a_class_only_where_one_had_it() -> None:
    assert name_spans.of_called("no_such_argument", (), ()) is None
    assert name_spans.of_called("css", {"launch"}, ()) is None


def test_a_name_is_found_in_the_module_that_has_it_in_some_releases() -> None:
    assert name_spans.module_of("diffusers", "randn_tensor") == "diffusers.utils"
    assert name_spans.module_of("diffusers", "no_such_name") is None
    assert name_spans.sole_owner("no_such_name") is None
