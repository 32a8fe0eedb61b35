"""Whose a class is that a message names, and how an older release of its package is asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gpufix.explain.explanation import context
from gpufix.explain.frames import frames_before
from gpufix.explain.log_scan import Hit
from gpufix.explain.releases_with import pip_name
from gpufix.knowledge import name_spans
from gpufix.knowledge.name_spans import Owner

# By how the classes of a package are called, where the wheels' names do not tell.
_CLASSES = (
    (r"\w{0,20}(?:SFT|DPO|PPO|GRPO|KTO|ORPO|CPO|Reward|Online\w+)(?:Trainer|Config)", "trl"),
    (r"(?:Async)?EngineArgs|LLM|(?:Async)?LLMEngine|AsyncLLM|SamplingParams|GPUModelRunner|ModelConfig", "vllm"),
    (r"\w*(?:Lora|Peft)\w*", "peft"),
    (r"\w+(?:Pipeline|Transformer[23]DModel|TransformerBlock|AttnProcessor\w*|Scheduler)|AttnProcessor\w*|UNet\w+|AutoencoderKL\w*", "diffusers"),
    (
        r"(?:Seq2Seq)?Trainer|(?:Seq2Seq)?TrainingArguments|Pre[Tt]rainedConfig|TokenizersBackend|\w*(?:Cache|ForCausalLM|ForConditionalGeneration|ForMaskedLM|ForSequenceClassification|Tokenizer|"
        r"TokenizerFast|ImageProcessor\w*|DecoderLayer|EncoderLayer|RotaryEmbedding|SdpaAttention|FlashAttention2)"
        r"|(?:Llama|Qwen|Mi[sx]tral|Gemma|Phi|CLIP|T5|Bert|Roberta|Whisper|Siglip|GPT|Falcon|DeepSeek|Deepseek|"
        r"InternVL|ChatGLM|Baichuan|LlavaQ?|Idefics|Bloom|OPT|ViT)\w*",
        "transformers",
    ),
    (r"Blocks|Chatbot|ChatInterface|Textbox|Gallery|Model3D|Dropdown|Slider|Dataframe|CheckboxGroup|Accordion|ImageEditor", "gradio"),
    (r"Accelerat\w+|AcceleratorState|PartialState", "accelerate"),
)  # fmt: skip

PASSING_ON = ("torch", "accelerate", "peft")  # pass on what they are given


def older_release(package: str) -> str:
    """As pip is asked for an older release: the ones before the last great change, where there was one."""
    pip = pip_name(package)
    return name_spans.before_the_break(pip) or f"{pip}==X.Y.Z"


def recorded(known: Iterator[Owner], owner: str, hit: Hit) -> Owner | None:
    """The package that has the class or function; of several the one that the text names, if it is one."""
    found = list(known)
    if len(found) > 1:
        words = set(re.findall(r"\w+", context(hit, 8192, 400)))
        found = [one for one in found if one.package in words or owner.startswith(one.package)]
    return found[0] if len(found) == 1 else None


def package_of(owner: str) -> str | None:
    """Whose a class is: by its module, by the wheels, by its name."""
    if "." in owner:
        return owner.partition(".")[0]
    if package := name_spans.package_of(owner):
        return package
    return next((package for pattern, package in _CLASSES if re.fullmatch(pattern, owner)), None)


def near(hit: Hit) -> list[str]:
    """The last two packages of the frames, the innermost first; none that passes on what it was given."""
    shown = [one for one in frames_before(hit) if not one.passes_on]
    packages = [one.package for one in shown if one.package and one.package not in PASSING_ON]
    return list(dict.fromkeys(reversed(packages)))[:2]
