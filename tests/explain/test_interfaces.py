"""Attributes, arguments, types of models: which release has them, what they are called now, who fails."""

from __future__ import annotations

import pytest

from gpufix.explain.explanation import Explanation
from gpufix.explain.read import explain
from gpufix.knowledge import name_spans


def told(log: str) -> Explanation:
    answer, _ = explain([log.encode()])
    assert answer.primary is not None, log
    return answer.primary


_OF_TRANSFORMERS = (
    '  File "/v/lib/python3.11/site-packages/transformers/{}.py", line 7, in make\n    {}\n'
)
ADVICE = [
    (  # read from a file by the package whose class it is; by somebody else
        f"{_OF_TRANSFORMERS.format('config', 'return cls(**given)')}TypeError: KilnConfig.__init__() got an unexpected keyword argument 'bricks'",
        ("`pip install -U transformers`", "config.json"),
    ),
    (
        f"{_OF_TRANSFORMERS.format('config', 'return make(given)')}TypeError: KilnConfig.__init__() got an unexpected keyword argument 'bricks'",
        ("most often an older one",),
    ),
    (  # a method that a class of somebody's own has in place of the caller's
        f"{_OF_TRANSFORMERS.format('trainer', 'loss = self.burn(x, bricks=3)')}TypeError: MyKiln.burn() got an unexpected keyword argument 'bricks'",
        ("**kwargs", "MyKiln.burn", '"transformers==X.Y.Z"'),
    ),
    (
        f"{_OF_TRANSFORMERS.format('trainer', 'loss = other.burn(x, bricks=3)')}TypeError: MyKiln.burn() got an unexpected keyword argument 'bricks'",
        ("most often an older one",),
    ),
    (  # what a model's own code asks of the base class that transformers gave it
        '  File "/c/modules/transformers_modules/kiln/modeling_kiln.py", line 7, in forward\n    self.get_extended_attention_mask(x)\n'
        '  File "/v/lib/python3.11/site-packages/torch/nn/modules/module.py", line 1, in __getattr__\n    raise AttributeError(\n'
        "AttributeError: 'KilnModel' object has no attribute 'get_extended_attention_mask'",
        ("transformers<=5",),
    ),
    (
        "AttributeError: 'UnslothGRPOConfig' object has no attribute 'loss_type'",
        ("unsloth_zoo", "delete the folder unsloth_compiled_cache"),
    ),
    (  # a dictionary in one release, and in others
        f"{_OF_TRANSFORMERS.format('tokenization_utils_base', 'c.model_type')}AttributeError: 'dict' object has no attribute 'model_type'",
        (">=4.57.3",),
    ),
    (  # a distribution under its old name, and under the only one
        "importlib.metadata.PackageNotFoundError: No package metadata was found for flashinfer",
        ("flashinfer-python` does not bring",),
    ),
    (
        "importlib.metadata.PackageNotFoundError: No package metadata was found for kiln",
        ("`python -m pip install kiln`.",),
    ),
    (  # a configuration is no tokenizer; a class of somebody else's code
        "AttributeError: 'BertConfig' object has no attribute 'pad_token_id'",
        ("transformers<5",),
    ),
    (
        f"{_OF_TRANSFORMERS.format('core', 'c.get_text_config()')}AttributeError: 'Kiln' object has no attribute 'get_text_config'",
        ("transformers_version",),
    ),
    (  # a package without a file of its own; without one of another release
        '  File "/v/lib/python3.11/site-packages/bitsandbytes/setup/main.py", line 2, in <module>\n    from .paths import x\n'
        "ModuleNotFoundError: No module named 'bitsandbytes.setup.paths'",
        ("pip uninstall -y bitsandbytes",),
    ),
    (
        "AttributeError: module transformers.models has no attribute gemma3_text",
        ("-U transformers",),
    ),
    ("AttributeError: 'DynamicCache' object has no attribute 'seen_tokens'", ("transformers",)),
    (
        "TypeError: TrainingArguments.__init__() got an unexpected keyword argument 'evaluation_strategy'",
        ("eval_strategy=", '"transformers<'),
    ),
    (
        "TypeError: Seq2SeqTrainingArguments.init() got an unexpected keyword argument ‘evaluation_strategy’",
        ("eval_strategy=",),
    ),
    (
        "TypeError: SFTTrainer.__init__() got an unexpected keyword argument 'tokenizer'",
        ("processing_class=", '"trl<=0.15.2"'),
    ),
    (
        "TypeError: Trainer.__init__() got an unexpected keyword argument 'tokenizer'",
        ("processing_class=", '"transformers<5'),
    ),
    (
        "ValueError: The checkpoint you are trying to load has model type `qwen3` but Transformers does not recognize this "
        "architecture. This could be because of an issue with the checkpoint, or because your version of Transformers is out "
        "of date.",
        ("qwen3", "transformers>=4.51"),
    ),
    (
        "No module named torchvision.transforms.functional_tensor",
        ("torchvision<0.17",),
    ),
    ("AttributeError: torchaudio.list_audio_backends", ("torchaudio<2.9",)),
    (
        "ERROR: Could not find a version that satisfies the requirement onnxruntime-gpu==1.20.1\n"
        " (from versions: 1.17.0, ... 1.20.0, 1.20.2, 1.21.0, ...)",
        ("onnxruntime-gpu==1.20.2", "onnxruntime-gpu==1.21.0"),
    ),
    (
        "AssertionError: MMCV==2.2.0 is used but incompatible. Please install mmcv>=2.0.0rc4, <2.2.0.",
        ('mim install "mmcv>=2.0.0rc4,<2.2.0"',),
    ),
    (
        "RuntimeError: Detected that PyTorch and torchvision were compiled with different CUDA versions. PyTorch has CUDA "
        "Version=11.8 and torchvision has CUDA Version=11.7. Please reinstall the torchvision that matches your PyTorch install.",
        ("whl/cu118",),
    ),
    ("nvcc fatal   : Unsupported gpu architecture 'compute_native'", ("CMAKE_CUDA_ARCHITECTURES",)),
    (
        '  File "/env/lib/python3.10/site-packages/vllm/worker.py", line 5, in load\n    run()\n'
        "RuntimeError: CUDA Error: out of memory at /workspace/csrc/cumem_allocator.cpp:62",
        ("gpu_memory_utilization",),
    ),
    (  # the class is called above, the error names its base
        '    with gr.Blocks(css=css) as demo:\n  File "/env/lib/python3.11/site-packages/gradio/blocks.py", line 1071, in __init__\n'
        "    super().__init__(render=False, **kwargs)\nTypeError: BlockContext.__init__() got an unexpected keyword argument 'css'",
        ('"gradio<=5.', "launch(css=…)"),
    ),
    (
        "    trainer = pl.Trainer(gpus=1)\nTypeError: __init__() got an unexpected keyword argument 'gpus'",
        ('"pytorch-lightning<=1.', "devices=…"),
    ),
    (
        "AttributeError: 'FigureCanvasInterAgg' object has no attribute 'tostring_rgb'",
        ('"matplotlib<=3.9.4"', "buffer_rgba()"),
    ),
    (
        "AttributeError: 'InternLM2ForCausalLM' object has no attribute 'generate'",
        ('"transformers<=4.51.3"', "GenerationMixin"),
    ),
    (
        "AttributeError: jax.interpreters.xla.pytype_aval_mappings was deprecated in JAX v0.5.0 and removed in JAX v0.7.0.",
        ('"jax<0.7.0"',),
    ),
    (
        "AttributeError: 'tensorrt.tensorrt.Builder' object has no attribute 'max_workspace_size'",
        ("set_memory_pool_limit", "TensorRT 8"),
    ),
    (  # the call stands in a macro
        'schedule_from.cuh", line 97: error: no suitable constructor exists to convert from "int" to "cudaMemLocation"\n    LOG_CUDA_API(',
        ("cudaMemLocationTypeDevice, device", "CUDART_VERSION >= 13000"),
    ),
    (
        "ImportError: cannot import name 'SlidingWindowCache' from 'transformers.cache_utils'",
        ('"transformers<5"',),
    ),
    (  # a decorator's package does not ask
        '  File "/home/user/train.py", line 67, in train\n    trainer = SFTTrainer(\n  File "/env/lib/python3.10/site-packages/transformers/utils/'
        'deprecation.py", line 165, in wrapped_func\n    return func(*args, **kwargs)\nTypeError: SFTTrainer.__init__() got an unexpected keyword '
        "argument 'max_seq_length'",
        ('"trl<=0.12.2"', "a newer release of what asks for it"),
    ),
    (
        "NotFoundError: /env/lib/python3.12/site-packages/tensorflow_text/python/ops/_x.so: undefined symbol: "
        "_ZN10tensorflow15shape_inference16InferenceContextE",
        ("tensorflow-text",),
    ),
]


@pytest.mark.parametrize("log, words", ADVICE, ids=[words[0] for _, words in ADVICE])
def test_the_advice_names_the_release_or_the_new_name(log: str, words: tuple[str, ...]) -> None:
    do = told(log).do or ""
    for word in words:
        assert word in do


def test_a_build_that_failed_without_a_reason_gets_its_usual_causes() -> None:
    do = told("  ERROR: Failed building wheel for flash-attn").do or ""
    assert "flash-attn" in do


def raised(package: str) -> str:
    return (
        f'Traceback (most recent call last):\n  File "/env/lib/python3.11/site-packages/{package}/core.py", line 12, in fit\n'
        "    go()\nRuntimeError: the gnomes have left"
    )


def test_a_traceback_that_is_cut_off_is_called_that() -> None:
    shown = told(raised("sglang").rpartition("\n")[0])
    assert shown.role == "unknown" and "cut off" in shown.what and "sglang" in shown.do


def test_an_unknown_error_names_the_package_that_raised_it() -> None:
    shown = told(raised("sglang"))
    assert shown.rule is None
    assert shown.role == "unknown"
    assert "pip install -U sglang" in (shown.do or "")
    assert "pip install -U speechbrain" in (told(raised("speechbrain")).do or "")
    assert explain([raised("torch").encode()])[0].primary is None
    of_the_project = raised("x").replace("/env/lib/python3.11/site-packages/x", "/home/user/app")
    own = told(of_the_project)
    assert own.role == "unknown" and "/home/user/app" in own.what and "git pull" in own.do


def test_an_unknown_error_of_code_that_came_with_a_model_names_its_transformers() -> None:
    path = "/home/user/.cache/huggingface/modules/transformers_modules/x/modeling_x.py"
    text = raised("transformers").replace(
        "/env/lib/python3.11/site-packages/transformers/core.py", path
    )
    assert "transformers_version" in (told(text).do or "")


def test_spans_as_pip_writes_them() -> None:
    span = name_spans.Span("4.36.2", "4.57.1", "5.0.0")
    assert span.bounds == ">=4.36.2,<5.0.0"
    assert span.words == "from 4.36.2 up to 4.57.1"
    assert span.outside == ">=5.0.0"
    assert name_spans.Span("0.14.0", "", "").outside == "<0.14.0"


def test_a_class_is_like_another_by_two_words_of_its_name() -> None:
    def like(owner: str) -> set[str]:
        return {whole for whole, _ in name_spans.of_member_like(owner, "applymap")}

    assert "DataFrame" in like("MyDataFrame")
    assert not like("Frame") and not like("FrameOfData") and not like("MyStyler")


def test_an_argument_is_of_a_class_that_is_called_or_of_all_of_a_package() -> None:
    assert name_spans.of_called("gpus", {"Trainer"}, ()) is not None
    assert name_spans.of_called("gpus", {"Coach"}, ()) is None
    known = name_spans.of_called("css", (), ["gradio"])
    assert known is not None and known[1].package == "gradio"
    assert name_spans.of_called("css", (), ["flask"]) is None


def test_a_new_name_is_told_of_classes_by_the_end_of_their_names() -> None:
    assert name_spans.renamed("Seq2SeqTrainer", "tokenizer") == "processing_class"
    assert name_spans.renamed("", "evaluation_strategy") == "eval_strategy"
    assert name_spans.renamed("Pipeline", "tokenizer") is None
