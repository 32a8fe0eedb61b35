"""What is read from messages at run time: options, ports, widths, answers of the Hub, names without a package."""

from __future__ import annotations

import pytest

from gpufix.explain.read import explain

SAID = {
    # an option with a successor, one of a package that is known, one of a program that is not
    "vllm: error: unrecognized arguments: --enable-reasoning": "--reasoning-parser turns it on",
    "api_server.py: error: unrecognized arguments: --new-thing": "pip install -U vllm",
    "train.py: error: unrecognized arguments: --local-rank=0": "torchrun",
    "tool.py: error: unrecognized arguments: --foo": "`--help` lists",
    # a port: ollama's by custom, another one, torch's own
    "Error: listen tcp 127.0.0.1:11434: bind: address already in use": "systemctl stop ollama",
    "OSError: [Errno 98] error while attempting to bind on address ('0.0.0.0', 8123): address already in use": "lsof -i :8123",
    "failed to bind to [::]:29500 (errno: 98 - Address already in use)": "master_port",
    # widths: two text encoders, packed weights, neither
    "mat1 and mat2 shapes cannot be multiplied (77x2048 and 768x320)": "CLIP-L (SD 1.5)",
    "mat1 and mat2 shapes cannot be multiplied (5x4096 and 1x8388608)": "packed 4 bit",
    "mat1 and mat2 shapes cannot be multiplied (5x100 and 99x10)": "in_features",
    # the Hub's answers, and another host's
    "huggingface_hub.errors.RepositoryNotFoundError: 404 Client Error. Repository Not Found for url: https://huggingface.co/x": "HF_TOKEN",
    "requests.exceptions.HTTPError: 429 Client Error: Too Many Requests for url: https://huggingface.co/x": "wait",
    "ConnectionError: HTTPSConnectionPool(host='example.org', port=443): 404 Client Error": "HTTPS_PROXY",
    "SSLError: CERTIFICATE_VERIFY_FAILED, Max retries exceeded": "certifi",
    # torch's own part for a GPU, while torch runs, and before it does
    'File "/v/lib/python3.11/site-packages/torchaudio/__init__.py", line 4, in <module>\nFile "/v/lib/python3.11/site-packages/torch/_ops.py", line 9, in '
    "load_library\nOSError: libtorch_cuda.so: cannot open shared object file": "build of torchaudio that goes with the installed torch",
    "ImportError: libtorch_cuda.so: cannot open shared object file": "Import torch first",
    # a library by its path, without the loader's reason
    "RuntimeError: Failed to load plugin /opt/app/libheat.so": "gpufix inspect /opt/app/libheat.so",
    # CUDA for a program that runs, and for a build
    "RuntimeError: warming requires CUDA 12.8 or newer": "update the driver",
    'File "setup.py", line 3\nRuntimeError: warming requires CUDA 12.8 or newer': "Point CUDA_HOME",
    # a name that a package imports only sometimes
    "NameError: name 'init_empty_weights' is not defined": "pip install -U accelerate",
    # memory that is free, and not allowed
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 4.00 GiB. GPU 0 has a total capacity of 139.80 GiB of which 139.29 GiB is free. "
    "Including non-PyTorch memory, this process has 518.00 MiB memory in use. 1.40 GiB allowed; Of": "The process may have 1.4 GiB of the GPU's 139.8",
    # xformers: built and given the CPU's tensors, a mask that is not aligned, or not built
    "NotImplementedError: No operator found for `memory_efficient_attention_forward` with inputs:\n`cutlassF` is not supported because:\n    "
    "device=cpu (supported: {'cuda'})": "go without xformers",
    "NotImplementedError: No operator found for `memory_efficient_attention_forward` with inputs:\n`fa2F` is not supported because:\n    operator "
    "wasn't built\n`cutlassF-pt` is not supported because:\n    attn_bias.stride(-2) % 8 != 0": "multiple of 8",
    "NotImplementedError: No operator found for `memory_efficient_attention_forward` with inputs:\n`cutlassF` is not supported because:\n    "
    "attn_bias.stride(-2) % 8 != 0\n    xFormers wasn't build with CUDA support": "release that names this torch",
    # torchcodec's release for the torch of the message, and of one that no release is made for
    "RuntimeError: Could not load libtorchcodec. Likely causes:\n2. The PyTorch version (2.8.0+cu126) is not": "torchcodec==0.7",
    "RuntimeError: Could not load libtorchcodec. Likely causes:\n2. The PyTorch version (1.2.3) is not": "0.10 for 2.10",
    # an operator without its namespace, of a package's import and of torchvision
    "Failed to import diffusers.models because of the following error\n'_OpNamespace' object has no attribute 'warm'": "A newer torch",
    "torchvision\nAttributeError: '_OpNamespace' object has no attribute 'nms'": "torchvision",
    # a product that cuBLAS does not have, in torch's words and in ggml's
    "RuntimeError: CUDA error: CUBLAS_STATUS_NOT_SUPPORTED when calling `cublasGemmEx( a, CUDA_R_16BF)`": "torch_dtype=torch.float16",
    # memory that is pinned, and the GPU's; a meta device's other order
    'File "/v/lib/python3.11/site-packages/torch/utils/data/_utils/pin_memory.py", line 57, in pin_memory\n    return data.pin_memory(device)\n'
    "RuntimeError: CUDA error: out of memory": "pin_memory=False",
    'File "/x/kiln.py", line 57, in burn\n    x = x.cuda()\nRuntimeError: CUDA error: out of memory': "Smaller batch",
    "RuntimeError: Tensor on device cuda:0 is not on the expected device meta!": "low_cpu_mem_usage=False",
    # FP8 as it is stored, a part of a program, neither
    "RuntimeError: mat1 and mat2 must have the same dtype, but got Half and Float8_e4m3fn": "weight_dtype",
    'File "/c/custom_nodes/ComfyUI-Kiln/nodes.py", line 3, in burn\n    f(x)\nRuntimeError: mat1 and mat2 must have the same dtype, but got Half and '
    "Float": "git -C custom_nodes/ComfyUI-Kiln pull",
    "RuntimeError: mat1 and mat2 must have the same dtype, but got Half and Float": "most often older ones.",
    # triton where an error names it, and where a program goes on
    "ValueError: Can't import SageAttention: No module named 'triton'": "On Windows `pip install triton-windows`",
    "A matching Triton is not available, some optimizations will not be enabled.\nError caught was: No module named 'triton'": "Nothing to do",
    # ComfyUI's own class and module
    "AttributeError: 'ModelPatcher' object has no attribute 'x'": "update ComfyUI",
}

# What a kernel's own report says, before the cause.
_ASSERTED = "/pytorch/aten/src/ATen/native/cuda/K.cu:9: f: block: [0,0,0], thread: [0,0,0] Assertion `{}` failed.\nCUDA error: device-side assert triggered"
REPORTED = {
    _ASSERTED.format("input_val >= zero && input_val <= one"): "binary_cross_entropy",
    _ASSERTED.format("t >= 0 && t < n_classes"): "A class label",
    _ASSERTED.format(
        '-sizes[i] <= index && index < sizes[i] && "index out of bounds"'
    ): "An index is outside",
    _ASSERTED.format("srcIndex < srcSelectDimSize"): "An index is outside",
    _ASSERTED.format("radius > 0"): "An assertion inside a kernel failed",
    "CUDA error: device-side assert triggered": "An assertion inside a kernel failed",
    "========= Invalid __global__ write of size 4 bytes\n=========     at fill(float *, int)+0x70 in field.cu:31\n"
    "=========     by thread (11,0,0) in block (0,0,0)": "the kernel fill(float *, int) (field.cu:31) access memory outside its own",
    "========= Invalid __shared__ read of size 8 bytes\n=========     at fill(float *)+0x7f0\n": "the kernel fill(float *) access memory outside its own.",
    "========= Invalid __shared__ read of size 8 bytes": "a kernel access memory outside its own",
}


@pytest.mark.parametrize("text", REPORTED)
def test_what_the_kernel_reports_is_the_cause(text: str) -> None:
    primary = explain([text.encode()])[0].primary
    assert primary is not None
    assert REPORTED[text] in primary.what


def test_the_reason_of_tritons_compiler_stands_under_the_caret() -> None:
    text = "triton.compiler.errors.CompilationError: at 4:4:\ndef put(x):\n    tl.store(x, 1)\n    ^\nUnsupported ptr type"
    primary = explain([text.encode()])[0].primary
    assert primary is not None
    assert primary.notes == ("The reason: Unsupported ptr type",)


@pytest.mark.parametrize("text", SAID)
def test_the_remedy_is_read_from_the_message(text: str) -> None:
    primary = explain([text.encode()])[0].primary
    assert primary is not None
    assert SAID[text] in primary.do


@pytest.mark.parametrize(
    "text",
    [
        "NameError: name 'my_variable' is not defined",  # anyone's own
        "AttributeError: 'ModelThing' object has no attribute 'x'",
        "RuntimeError: a tensor does not require what it should set",  # a statement, no advice
        "the width of the model (768) is not that of the picture (2048)",
    ],
)
def test_what_is_anyones_own_stays_unknown(text: str) -> None:
    assert explain([text.encode()])[0].primary is None
