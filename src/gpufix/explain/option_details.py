"""Options that a program does not know: whose they are, and what they are called now."""

from __future__ import annotations

import re

from gpufix.explain.explanation import Explanation, context
from gpufix.explain.log_scan import Hit

_OPTION = re.compile(
    r"(?:unrecognized arguments?|argument|invalid argument|unknown (?:flag|option)):? (?P<name>--?[A-Za-z][\w-]{0,60})"
)
_PROGRAM = re.compile(r"(?P<name>[\w.-]{1,60}): error:")
_PACKAGES = {
    "api_server.py": "vllm",
    "vllm": "vllm",
    "launch_server.py": "sglang",
    "sglang": "sglang",
    "accelerate": "accelerate",
    "deepspeed": "deepspeed",
    "lmdeploy": "lmdeploy",
    "llamafactory-cli": "llamafactory",
    "whisperx": "whisperx",
}  # fmt: skip
# What a release took away or renamed, by the programs' own release notes.
_SUCCESSORS = {
    "--enable-reasoning": "leave it out: --reasoning-parser turns it on by itself (vLLM from 0.10 on)",
    "--task": "write --runner pooling (embeddings, scores) or --runner generate in its place (vLLM from 0.13 on)",
    "--disable-log-requests": "leave it out: it is the default (vLLM from 0.10.1 on)",
    "--num-scheduler-steps": "leave it out: vLLM's V1 engine does without",
    "--use-v2-block-manager": "leave it out: it is the only one now",
    "--guided-decoding-backend": "write --structured-outputs-config.backend in its place (vLLM from 0.12 on; 0.11 takes both)",
    "--enable-ep-moe": "write --ep-size with the value of --tp-size in its place (SGLang from 0.5 on)",
    "--local-rank": 'torch from 2.0 on passes --local-rank: start with `torchrun` and read os.environ["LOCAL_RANK"], or '
    'parser.add_argument("--local-rank", "--local_rank", type=int)',
    "--local_rank": 'start with `torchrun` and read os.environ["LOCAL_RANK"], or parser.add_argument("--local-rank", '
    '"--local_rank", type=int)',
}  # fmt: skip


# Options of CMake that a source calls otherwise now.
_VARIABLES = {
    "LLAMA_CUBLAS": "GGML_CUDA",
    "LLAMA_CUDA": "GGML_CUDA",
    "LLAMA_HIPBLAS": "GGML_HIP",
    "GGML_HIPBLAS": "GGML_HIP",
}
_UNUSED = re.compile(r"^\s{2,12}(?P<name>[A-Za-z]\w{2,60})[ \t]*$", re.MULTILINE)


def unused_variables(explanation: Explanation, hit: Hit) -> Explanation:
    """What the options are called now, where that is known."""
    given = [one["name"] for one in _UNUSED.finditer(hit.after[:600])]
    renamed = {name: _VARIABLES[name] for name in given if name in _VARIABLES}
    if not renamed:
        return explanation.but(role="notice") if not given else explanation
    ways = " and ".join(f"-D{new}=ON in place of {old}" for old, new in renamed.items())
    return explanation.but(
        role="cause",
        what=f"{' and '.join(renamed)} is no option of this source any more: it has no effect, and what is built is for the CPU.",
        do=f"Configure again with {ways}, in an empty build folder (or a source of the time of the old name).",
    )


def unknown_option(explanation: Explanation, hit: Hit) -> Explanation:
    """The option's new name, or the package whose other release knows it."""
    option, program = _OPTION.search(hit.shown), _PROGRAM.search(hit.shown)
    name = option["name"] if option else ""
    if new := _SUCCESSORS.get(name):
        return explanation.but(do=f"{new[0].upper()}{new[1:]}.")
    package = _PACKAGES.get(program["name"] if program else "")
    if package is None and program and program["name"].endswith(".py"):
        said = re.findall(r"usage: (\w+)", context(hit, 4000, 0))
        package = next((_PACKAGES[one] for one in said if one in _PACKAGES), None)
    if package is None:
        return explanation
    return explanation.but(
        do=f"`--help` lists what it knows. A new option: `pip install -U {package}`; one that was taken away: leave {name or 'it'} out, "
        f"or install the {package} release that the instructions are for."
    )
