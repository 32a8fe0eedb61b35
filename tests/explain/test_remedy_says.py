"""Remedies by kind: what the text states stands in the command; near misses get none of it."""

from __future__ import annotations

import pytest

from gpufix.explain.read import explain

SILENT = {
    "another program's option": "error: Unrecognized option: --foo",
    "another program's key": "ValueError: Unrecognized key 'lr' in config.yaml",
    "an attribute of no package": "'Foo.Bar' has no attribute 'baz'",
    "a name of no package": "mylib.Thing was removed in the last release",
    "DeepSpeed's operations without a build": "the async_io benchmark took 3 s, fused_adam 2 s",
    "a GPU and a torch that work": "The RTX 5090 works well with torch 2.8.0+cu128.",
    "a class of nobody's": "AttributeError: 'Image' object has no attribute 'foo'",
    "a configuration of nobody's": "AttributeError: 'Config' object has no attribute 'foo'",
    "values, no arguments": "The header has multiple values for key 'lr'.",
}
# A text, what its advice holds, what it does not.
SAYS = {
    "the warning names the GPU": (
        "RuntimeError: CUDA error: no kernel image is available for execution on the device\n"
        "NVIDIA GeForce RTX 5090 with CUDA capability sm_120 is not compatible with the current PyTorch installation.",
        ("code for 12.0", "whl/cu1"),
        ("If the kernel is torch's own",),
    ),
    "companions of the torch that is named": (
        "RuntimeError: operator torchvision::nms does not exist\ntorch 2.5.1+cu121",
        ("torch==2.5.1", "torchvision==0.20.1", "whl/cu121"),
        (),
    ),
    "no torch named, no release invented": (
        "RuntimeError: operator torchvision::nms does not exist",
        ("--force-reinstall torch torchvision",),
        ("torchvision==",),
    ),
    "the toolkit of torch's CUDA": (
        "OSError: CUDA_HOME environment variable is not set.\ntorch==2.6.0+cu124",
        ("cuda-toolkit=12.4", "cuda-toolkit-12-4"),
        ("12.8",),
    ),
    "a new GPU wants a new index": (
        "AssertionError: Torch not compiled with CUDA enabled\nGPU: RTX 5070",
        ("whl/cu128",),
        ("whl/cu126",),
    ),
    "the successor of a name": (
        "AttributeError: module 'scipy.signal' has no attribute 'gaussian'",
        ("scipy", "scipy.signal.windows.gaussian"),
        (),
    ),
    "a successor without a record": (
        "AttributeError: module 'mediapipe' has no attribute 'solutions'",
        ("mediapipe<=0.10.21",),
        (),
    ),
    "the import stands before": (
        "from jax import linear_util as lu\nImportError: cannot import name 'linear_util'",
        ("jax.extend.linear_util",),
        (),
    ),
    "in one's own words": (
        "module scipy.integrate doesn't have an attribute simps",
        ("scipy.integrate.simpson",),
        (),
    ),
    "another's argument of the same name": (
        "TypeError: train() got an unexpected keyword argument 'proxies'",
        (),
        ("httpx",),
    ),
    "a folder of the project's own": (
        "ModuleNotFoundError: No module named 'utils.helpers'",
        ("PYTHONPATH",),
        ("pip install utils",),
    ),
    "DeepSpeed's operation in a build": (
        "RuntimeError: Error building extension 'cpu_adam'",
        ("DS_BUILD_CPU_ADAM=1",),
        (),
    ),
    "cuDNN 9 tells no CUDA": (
        "ImportError: libcudnn.so.9: cannot open shared object file: No such file or directory",
        ("install the wheel of it at the version that torch declares",),
        ("nvidia-cudnn-cu11", "nvidia-cudnn-cu12"),
    ),
    "a file on a GPU that is not here": (
        "RuntimeError: Attempting to deserialize object on CUDA device 5 but torch.cuda.device_count() is 1.",
        ("map_location",),
        (),
    ),
    "scikit-build tells no folder of CMake's": (
        'Could not find a package configuration file provided by "scikit-build"',
        ("scikit-build-core", "--no-build-isolation"),
        ("cmakedir", "_DIR"),
    ),
    "torch without what every torch has": (
        "AttributeError: module 'torch' has no attribute '__version__'",
        ("print(torch)", "rename", "pip uninstall -y torch"),
        ("newer than the installed",),
    ),
    "torch without a name that is new": (
        "AttributeError: module 'torch' has no attribute 'compiler'",
        ("torch>=2.1",),
        ("rename",),
    ),
    "torch without a name of nobody's": (
        "AttributeError: module 'torch' has no attribute 'fx'",
        (),
        ("rename",),
    ),
    "a torch that imports itself": (
        "AttributeError: partially initialized module 'torch' has no attribute 'fx' (most likely due to a circular import)",
        ("rename",),
        (),
    ),
    "the folder of torch's sources": (
        "ModuleNotFoundError: No module named 'torch.version'",
        ("rename",),
        (),
    ),
    "numpy of another Python": (
        "Importing the numpy C-extensions failed.\nOriginal error was: No module named 'numpy.core._multiarray_umath'",
        ("PYTHONPATH", "--force-reinstall"),
        (),
    ),
    "the folder is of another Python": (
        '  File "/opt/python3.10/dist-packages/numpy/core/__init__.py", line 50, in <module>\n'
        "Importing the numpy C-extensions failed.\n"
        '  * The Python version is: Python3.11 from "/usr/bin/python"\n'
        "Original error was: No module named 'numpy.core._multiarray_umath'",
        ("unset PYTHONPATH", "Python 3.10"),
        (),
    ),
    "the folder is of this Python": (
        '  File "/opt/python3.11/dist-packages/numpy/core/__init__.py", line 50, in <module>\n'
        "Importing the numpy C-extensions failed.\n"
        '  * The Python version is: Python3.11 from "/usr/bin/python"\n'
        "Original error was: No module named 'numpy.core._multiarray_umath'",
        ("--force-reinstall",),
        ("start Python",),
    ),
    "an extension for NumPy 1": (
        "A module that was compiled using NumPy 1.x cannot be run in\nNumPy 2.0.0 as it may crash.\n"
        "ImportError: numpy.core.multiarray failed to import",
        ('"numpy<2"',),
        ("PYTHONPATH",),
    ),
    "libNVVM is there and refuses": (
        "numba.cuda.cudadrv.error.NvvmError: Failed to verify\nNVVM_ERROR_INVALID_IR",
        ("numba-cuda", "libdevice.10.bc"),
        ("install the toolkit",),
    ),
    "libNVVM is not there": (
        "numba.cuda.cudadrv.error.NvvmSupportError: libNVVM cannot be found. Do `conda install cudatoolkit`",
        ("install the toolkit",),
        ("libdevice.10.bc",),
    ),
    "an attribute of transformers' configurations": (
        "AttributeError: 'MyConfig' object has no attribute 'rope_theta'",
        ("What asks for rope_theta is of transformers", '"transformers<5"'),
        ("MyConfig is of",),
    ),
    "a class of transformers' with a record": (
        "AttributeError: 'Qwen2Config' object has no attribute 'pad_token_id'",
        ("transformers<",),
        (),
    ),
    "an argument given twice": (
        "TypeError: func() got multiple values for argument 'deploy'",
        ("requirements",),
        (),
    ),
    "a system's package asked of pip": (
        "ERROR: Could not find a version that satisfies the requirement libsndfile1 (from versions: none)\n"
        "ERROR: No matching distribution found for libsndfile1",
        ("`apt install libsndfile1`",),
        (),
    ),
    "pip's own package that is not found": (
        "ERROR: No matching distribution found for ffmpeg-python-foo",
        (),
        ("apt install",),
    ),
    "NumPy's names, in one's own words": (
        "np.sctypes removed in NumPy 2.0",
        ("numpy<2",),
        (),
    ),
    "the name that NumPy took away has a successor": (
        "AttributeError: `np.float_` was removed in the NumPy 2.0 release. Use `np.float64` instead.",
        ("numpy<2", "np.float64"),
        (),
    ),
    "its successor, where the row leaves the module's name open": (
        "AttributeError: module 'numpy' has no attribute 'bool8'",
        ("numpy.bool_", "numpy<2.0"),
        ("{}",),
    ),
    "a name without its module, of one package": (
        "ImportError: cannot import name 'AutoModelForVision2Seq'",
        ("transformers<5",),
        (),
    ),
    "a name without its module, of nobody": (
        "ImportError: cannot import name 'foo'",
        (),
        ("transformers", "diffusers"),
    ),
    "a sentence names no package": (
        "You cannot import name tags from that page",
        (),
        ("install that", "that=="),
    ),
    "nanobind's option has its own name": (
        'Could not find a package configuration file provided by "nanobind"',
        ("python -m nanobind --cmake_dir",),
        (),
    ),
    "the value that passes a GPU off": (
        "rocBLAS error: Cannot read /opt/rocm/lib/rocblas/library/TensileLibrary.dat: No such file or directory for GPU arch : gfx1031",
        ("HSA_OVERRIDE_GFX_VERSION=10.3.0", "gfx1030's code"),
        (),
    ),
    "a GPU by its product": (
        "RuntimeError: HIP error: invalid device function\nGPU: AMD Radeon RX 6700 XT",
        ("HSA_OVERRIDE_GFX_VERSION=10.3.0",),
        (),
    ),
    "two GPUs with two values": (
        "RuntimeError: HIP error: invalid device function\ngfx1031 gfx1102",
        (),
        ("export HSA_OVERRIDE_GFX_VERSION",),
    ),
    "Windows has no such variable": (
        "RuntimeError: HIP error: invalid device function\nC:\\venv\\x.py gfx1031",
        (),
        ("export HSA_OVERRIDE_GFX_VERSION",),
    ),
    "a GPU of a newer CUDA still": (
        "AssertionError: Torch not compiled with CUDA enabled\nJetson AGX Thor (Thor)",
        ("whl/cu",),
        (),
    ),
    "a library by its SONAME": (
        "ImportError: libopenblas.so.0: cannot open shared object file: No such file or directory",
        ("apt install libopenblas0`", "dnf install 'libopenblas.so.0()(64bit)'"),
        ("torch declares",),
    ),
    "a SONAME whose name ends in a digit": (
        "ImportError: libfoo2.so.3: cannot open shared object file: No such file or directory",
        ("apt install libfoo2-3`",),
        (),
    ),
    "a renamed copy of a wheel is no package": (
        "ImportError: libgfortran-040039e1.so.5.0.0: cannot open shared object file: No such file or directory",
        (),
        ("apt install",),
    ),
    "TensorRT by its major": (
        "ImportError: libnvinfer.so.10: cannot open shared object file: No such file or directory",
        ('"tensorrt==10.*"',),
        (),
    ),
    "the loader names the library of the symbol": (
        "ImportError: /usr/local/lib/libfoo.so: undefined symbol: bar_baz, version libbar.so.9",
        ("unset LD_LIBRARY_PATH", "other libbar.so.9"),
        (),
    ),
    "a node of ComfyUI asks": (
        'File "D:\\ComfyUI\\custom_nodes\\ComfyUI-Foo\\nodes.py", line 9, in <module>\n'
        "    from comfy.ldm.modules.x import Attention\n"
        "ImportError: cannot import name 'Attention' from 'comfy.ldm.modules.x' (D:\\ComfyUI\\comfy\\ldm\\modules\\x.py)",
        ("git -C custom_nodes/ComfyUI-Foo pull", "requirements.txt"),
        ("pip install -U comfy", "comfy=="),
    ),
    "an error of nobody's, in a node": (
        'File "/x/ComfyUI/custom_nodes/ComfyUI-Foo/nodes.py", line 90, in run\n    out = model.do_it(x)\n'
        "AttributeError: 'FooModel' object has no attribute 'do_it'",
        ("custom_nodes/ComfyUI-Foo pull",),
        (),
    ),
    "a package in custom_nodes' environment is no node": (
        'File "/x/ComfyUI/custom_nodes/venv/lib/python3.11/site-packages/foo/nodes.py", line 9, in <module>\n'
        "ImportError: cannot import name 'Attention' from 'foo'",
        (),
        ("git -C",),
    ),
    "a source tree is no package of pip's": (
        "ImportError: cannot import name 'Attention' from 'mylib.x' (/home/user/work/mylib/x.py)",
        ("source tree here (/home/user/work/mylib/x.py)", "git pull"),
        ("pip install",),
    ),
    "an installed package is none": (
        "ImportError: cannot import name 'Attention' from 'mylib.x' (/opt/venv/lib/python3.11/site-packages/mylib/x.py)",
        ("pip install",),
        ("source tree",),
    ),
    "uv's own hint": (
        "  × No solution found when resolving dependencies:\n"
        "  ╰─▶ Because there is no version of foo and you require foo>=4, we can conclude that your requirements are\n"
        "      unsatisfiable.\n"
        "      hint: Pre-releases are available for `foo` in the requested range,\n"
        "      but pre-releases weren't enabled (try: `--prerelease=allow`)",
        ("uv's hint: Pre-releases are available", "range, but pre-releases", "--prerelease=allow"),
        (),
    ),
    "PyG's page for the torch of the text": (
        "ModuleNotFoundError: No module named 'torch_cluster'\ntorch 2.6.0+cu124",
        ("torch-2.6.0+cu124.html",),
        ("X.Y.0",),
    ),
    "a package that is called after torch is not torch's name": (
        "ModuleNotFoundError: No module named 'torch_geometric'",
        ("pip install torch-geometric",),
        ("change the code",),
    ),
    "a name of such a package": (
        "ImportError: cannot import name 'foo' from 'torchmetrics.text'",
        ("torchmetrics release that has foo",),
        ("torch.library",),
    ),
    "a module of Python itself": (
        "ModuleNotFoundError: No module named '_lzma'",
        ("apt install liblzma-dev", "no package of PyPI"),
        ("pip install",),
    ),
    "a part of Python that Debian packages apart": (
        "ModuleNotFoundError: No module named 'tkinter'",
        ("apt install python3-tk`",),
        ("pip install",),
    ),
    "a package of another name": (
        "ModuleNotFoundError: No module named 'docx'",
        ("pip install python-docx",),
        (),
    ),
    "a header that no toolkit holds": (
        "fatal error: nccl.h: No such file or directory",
        ("libnccl-dev", "nvidia-nccl-cu12"),
        (),
    ),
    "a part of apex that is built on request": (
        "ModuleNotFoundError: No module named 'amp_C'",
        ("APEX_CUDA_EXT=1",),
        (),
    ),
    "a graphics library other than libGL": (
        "OSError: libGLU.so.1: cannot open shared object file: No such file or directory",
        ("libglu1-mesa",),
        ("opencv",),
    ),
    "libGL itself": (
        "ImportError: libGL.so.1: cannot open shared object file: No such file or directory",
        ("apt install libgl1", "opencv-python-headless"),
        (),
    ),
    "a function of cuBLAS that the linker lacks": (
        "foo.o: undefined reference to `cublasLtCreate'",
        ("-lcublasLt", "CUDA::cublasLt"),
        ("-lNAME",),
    ),
    "a function of the driver that the linker lacks": (
        "foo.o: undefined reference to `cuInit'",
        ("-lcuda:", "CUDA::cuda_driver"),
        (),
    ),
    "a function of one's own that the linker lacks": (
        "foo.o: undefined reference to `current_state'",
        ("-lNAME",),
        ("-lcu",),
    ),
    "a function of one's own with CUDA in its name": (
        "foo.o: undefined reference to `cuda_paint'",
        ("-lNAME",),
        ("-lcudart",),
    ),
    "the argument that Python itself suggests": (
        "TypeError: paint() got an unexpected keyword argument 'colour'. Did you mean 'color'?",
        ("write color=",),
        (),
    ),
    "an argument on the line below": (
        "TypeError: SFTConfig.__init__() got an unexpected keyword argument\n'max_seq_length'. Did you mean 'max_length'?",
        ("trl", "write max_length="),
        (),
    ),
    "setuptools that is too old for Python, and pkg_resources": (
        "    import pkg_resources\n    register_finder(pkgutil.ImpImporter, find_on_path)\n"
        "AttributeError: module 'pkgutil' has no attribute 'ImpImporter'. Did you mean: 'zipimporter'?",
        ("setuptools>=66.1,<82",),
        (),
    ),
    "sources that pip fetched where it has no wheel": (
        "Collecting pandas==1.5.3\n  Downloading pandas-1.5.3.tar.gz (5.2 MB)\n"
        "  × Getting requirements to build wheel did not run successfully.\n"
        '  File "/tmp/pip-build-env/overlay/lib/python3.12/site-packages/setuptools/build_meta.py", line 317, in run_setup',
        ("pandas 1.5.3", "Python 3.12", "PIP_CONSTRAINT"),
        (),
    ),
    "a library of an old CUDA, by its SONAME": (
        "ImportError: libcublas.so.10.0: cannot open shared object file: No such file or directory",
        ("built for CUDA 10.0",),
        ("apt install",),
    ),
    "a library that is named like CUDA's": (
        "ImportError: libcunit.so.1.0: cannot open shared object file: No such file or directory",
        ("apt install libcunit1.0",),
        (),
    ),
    "a Python for which a package has no wheels, of uv": (
        "  × No solution found when resolving dependencies:\n  ╰─▶ Because widget==0.19.3 has no wheels with a matching\n"
        "      Python ABI tag and you require widget, we can conclude that your requirements are unsatisfiable.",
        ("uv venv --python", "newer widget"),
        (),
    ),
    "distutils": (
        "ModuleNotFoundError: No module named 'distutils'",
        ("newer release", "setuptools"),
        (),
    ),
    "Python's second try": (
        "ModuleNotFoundError: No module named 'pyaudioop'",
        ("pip install audioop-lts",),
        (),
    ),
    "a GPU behind a colon": (
        "RuntimeError: CUDA error: no kernel image is available for execution on the device\nplatform:5070ti",
        ("code for 12.0",),
        (),
    ),
    "no GPU in a ratio": (
        "RuntimeError: CUDA error: no kernel image is available for execution on the device\nratio 16:5090 mobile",
        (),
        ("code for 12.0",),
    ),
    "who imports is told by transformers": (
        "RuntimeError: Failed to import transformers.integrations.bitsandbytes because of the following error:\n"
        "No module named 'triton.ops'",
        ("newer release of bitsandbytes",),
        ("its successor",),
    ),
    "an instruction of this GPU's own target": (
        "ptxas a.ptx, line 9; error   : Instruction 'wgmma.fence' not supported on .target 'sm_90'",
        ("code=sm_90a",),
        ("another GPU",),
    ),
    "an instruction of other GPUs": (
        "ptxas a.ptx, line 9; error   : Instruction 'cvt with .e2m1x2' not supported on .target 'sm_90'",
        ("Leave that kernel out for sm_90",),
        ("sm_90a",),
    ),
    "an instruction that ptxas knows for nobody here": (
        "ptxas a.ptx, line 9; error   : Instruction 'wgmma.fence' not supported on .target 'sm_80'",
        ("Leave that kernel out for sm_80",),
        ("sm_80a",),
    ),
    "a module that Python found and the loader does not": (
        "ImportError: /e/lib/python3.11/site-packages/fused/_C.so: cannot open shared object file: No such file or directory",
        ("again on this machine", "file /e/lib"),
        ("LD_LIBRARY_PATH",),
    ),
    "a library that a module asks for by its path": (
        "ImportError: /opt/vendor/libfused.so: cannot open shared object file: No such file or directory",
        ("LD_LIBRARY_PATH",),
        ("again on this machine",),
    ),
    "torch's headers as C++14": (
        "nvcc -std=c++17 -I/e/torch/include -std=c++14 -c a.cu\n"
        "/e/torch/include/c10/util/Half.h:12:5: error: no matching function for call to 'f()'",
        ("`-std=c++14` out of the build file",),
        ("Nothing known",),
    ),
    "torch's headers as C++17": (
        "nvcc -std=c++14 -I/e/torch/include -std=c++17 -c a.cu\n"
        "/e/torch/include/c10/util/Half.h:12:5: error: no matching function for call to 'f()'",
        ("Nothing known",),
        ("-std",),
    ),
}


@pytest.mark.parametrize("log", SILENT.values(), ids=SILENT)
def test_a_near_miss_is_not_recognised(log: str) -> None:
    answer, _ = explain([log.encode()])
    assert not answer.recognised


@pytest.mark.parametrize(("log", "words", "others"), SAYS.values(), ids=SAYS)
def test_the_command_is_the_one_for_this_text(
    log: str, words: tuple[str, ...], others: tuple[str, ...]
) -> None:
    answer, _ = explain([log.encode()])
    assert answer.primary is not None
    assert all(word in answer.primary.do for word in words), answer.primary.do
    assert not [word for word in others if word in answer.primary.do]
