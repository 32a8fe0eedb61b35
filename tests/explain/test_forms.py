"""Forms of messages: what claims no rule first, then each rule's forms across releases."""

from __future__ import annotations

import pytest

from gpufix.explain.read import explain

# Of no rule: user errors, other programs, wrappers whose cause is missing.
NOT_OURS = [
    "RuntimeError: Expected all tensors to be on the same device, but found at least two devices, cpu and cuda:0!",
    "RuntimeError: CUDA error: device-side assert triggered",
    "RuntimeError: Error compiling objects for extension",
    "subprocess.CalledProcessError: Command '['ninja', '-v']' returned non-zero exit status 1.",
    "KeyError: 'image'",
    "FileNotFoundError: [Errno 2] No such file or directory: 'data/train.json'",
    "requests.exceptions.HTTPError: 403 Client Error: Forbidden for url: https://huggingface.co/x",
    "ModuleNotFoundError: No module named 'torch'",
    "ModuleNotFoundError: No module named 'cv2'",
    "error: externally-managed-environment",
    "error[E0425]: cannot find value `x` in this scope",
    "make: *** No rule to make target 'all'.  Stop.",
    "npm ERR! code ERESOLVE\nnpm ERR! ERESOLVE unable to resolve dependency tree",
    "ValueError: expected sequence of length 3 at dim 1 (got 4)",
    "RuntimeError: mat1 and mat2 shapes cannot be multiplied (77x768 and 1024x320)",
    "RuntimeError: Sizes of tensors must match except in dimension 1.",
    "ImportError: cannot import name 'foo' from 'mypackage.utils' (/home/user/mypackage/utils.py)",
    "torch.distributed.DistBackendError: NCCL error in: ../torch/csrc/distributed/c10d/ProcessGroupNCCL.cpp:1333, unhandled system error, NCCL version 2.18.1",
    "main.cpp:10:5: error: 'foo' was not declared in this scope",
    "java.lang.OutOfMemoryError: Java heap space",
    "TypeError: 'NoneType' object is not subscriptable",
    "ERROR: Could not find a version that satisfies the requirement mypkg==3.0",
    "RuntimeError: Error(s) in loading state_dict for Model: size mismatch for fc.weight",
    "AttributeError: 'Namespace' object has no attribute 'device'",
    "OSError: [Errno 28] No space left on device",
    "NotImplementedError: The operator 'aten::foo' is not currently implemented for the MPS device.",
    "python train.py\nKilled",
    "Package 'foo' requires a different Python: 3.8.10 not in '>=3.9'",
    "foo 1.2 requires Python>=3.9",
    "docker: Error response from daemon: pull access denied for foo, repository does not exist",
    "AttributeError: module 'foo' has no attribute 'bar'",
    "sqlalchemy.exc.OperationalError: (sqlite3.OperationalError) unable to open database file",
    "ValueError: too many values to unpack (expected 2)",
    "cv2.error: OpenCV(4.5.1) /tmp/x/resize.cpp:4051: error: (-215:Assertion failed) !ssize.empty() in function 'resize'",
    "g++: error: foo.cpp: No such file or directory",
    "undefined reference to `foo()'\ncollect2: error: ld returned 1 exit status",
    "UnicodeDecodeError: 'utf-8' codec can't decode byte 0xff in position 0",
    "RuntimeError: The size of tensor a (3) must match the size of tensor b (4) at non-singleton dimension 1",
    "PermissionError: [Errno 13] Permission denied: '/data'",
    "subprocess.CalledProcessError: Command '['/usr/bin/gcc', '/tmp/tmpq/main.c', '-O3']' returned non-zero exit status 1.",
    "fatal: not a git repository (or any of the parent directories): .git",
    "fatal error: opencv2/opencv.hpp: No such file or directory",
    "ERROR: Failed building wheel for dlib",
    "AssertionError: Invalid device id",
    "RuntimeError: CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm`",
    "yaml.scanner.ScannerError: mapping values are not allowed here",
    "Segmentation fault (core dumped)",
    "RuntimeError: Trying to backward through the graph a second time",
    "ImportError: attempted relative import with no known parent package",
    "NET/Plugin : Could not find: libnccl-net.so: cannot open shared object file: No such file",
    "No CUDA runtime is found, using CUDA_HOME='/usr/local/cuda'",
    "UserWarning: 1Torch was not compiled with flash attention. (Triggered internally at ...)",
    "error: can't find Rust compiler",
    "ERROR: Cannot uninstall 'PyYAML'. It is a distutils installed project and thus we cannot accurately determine",
    'OSError: [WinError 1455] The paging file is too small for this operation to complete. Error loading "C:\\torch\\lib\\cudnn.dll"',
    "nvcc fatal   : A single input file is required for a non-link phase when an outputfile is specified",
    "ERROR: No matching distribution found for cupy-cuda11x",
    "arm-none-eabi-gcc -c a.c\na.c:1:10: fatal error: string.h: No such file or directory",
]

FORMS = [
    (
        "GPU103",
        "OSError: Could not find compatible tinycudann extension for compute capability 75.",
    ),
    ("GPU103", "ValueError: /io/include/tensorview/tensor.h(171)\ndon't compiled with cuda"),
    (
        "SYM402",
        "CUDA backend failed to initialize: Unable to load cuDNN. Is it installed? (Set TF_CPP_MIN_LOG_LEVEL=0)",
    ),
    (
        "SYM402",
        "RuntimeError: operation cusparseGetProperty(MAJOR_VERSION, &major) failed: The cuSPARSE library was not found.",
    ),
    (
        "SYM402",
        "ImportError: libSM.so.6: cannot open shared object file: No such file or directory",
    ),
    (
        "RUN802",
        "ImportError: libGL.so.1: cannot open shared object file: No such file or directory",
    ),
    ("TCH202", "RuntimeError: FlashAttention-3 is only supported on CUDA 12.3 and above"),
    ("TCH202", 'raise RuntimeError("FlashAttention is only supported on CUDA 11")'),
    (
        "TCH204",
        "[WARNING]  cpu_adam cuda is missing or is incompatible with installed torch, only cpu ops can be compiled!",
    ),
    ("TCH204", "CMakeDetermineCUDACompiler.cmake:227 (message): Couldn't find CUDA library root"),
    (
        "TCH206",
        "cupy.cuda.compiler.CompileException: nvrtc: error: invalid value for --gpu-architecture (-arch)",
    ),
    (
        "GPU101",
        "RuntimeError: nvrtc: error: invalid value for --gpu-architecture (-arch)\n\nnvrtc compilation failed: ",
    ),
    ("TCH207", "AttributeError: module 'pkgutil' has no attribute 'ImpImporter'"),
    (
        "TCH207",
        "cuda_wrappers/cmath:27:15: fatal error: 'cmath' file not found\n   27 | #include_next <cmath>",
    ),
    (
        "JIT703",
        "This may be due to leftover lock files from the PyTorch C++ extension build process.",
    ),
    (
        "RUN803",
        "ValueError: Free memory on device (3.22/4.0 GiB) on startup is less than desired GPU memory utilization (0.9, 3.6 GiB).",
    ),
    (
        "SRC606",
        "× Getting requirements to build wheel did not run successfully.\n[WARNING] Unable to import torch, pre-compiling ops will be disabled.",
    ),
    (
        "WHL505",
        "error: Distribution `torch==2.5.1 @ registry+https://download.pytorch.org/whl/cu124` can't be installed because it doesn't have a source distribution or wheel for the current platform",
    ),
    ("WHL506", "package a-1.0 has constraint __cuda >=11.0 conflicting with __cuda-10.2-0"),
    ("WHL506", "ImportError: Numba needs NumPy 1.24 or less"),
    (
        "GPU101",
        "UserWarning: \n    Found GPU0 Quadro K2000 which is of cuda capability 3.0.\n    PyTorch no longer supports this GPU because it is too old.\n    The minimum cuda capability supported by this library is 3.7.",
    ),
    (
        "GPU101",
        "NVIDIA GeForce RTX 3090 with CUDA capability sm_86 is not compatible with the current PyTorch installation.",
    ),
    (
        "GPU103",
        '  File "/opt/conda/lib/python3.8/site-packages/mmcv/ops/nms.py", line 26, in forward\n    inds = ext_module.nms(\nRuntimeError: CUDA error: no kernel image is available for execution on the device',
    ),
    (
        "GPU103",
        "RuntimeError: CUDA error: no kernel image is available for execution on the device\nCUDA error (flash_fwd_launch_template.h:175)",
    ),
    (
        "GPU103",
        "CUDA error (/project/third_party/flash-attention/csrc/flash_attn/src/flash_fwd_launch_template.h:175): no kernel image is available for execution on the device",
    ),
    (
        "GPU103",
        "RuntimeError: Cuda error: 209[cudaFuncGetAttributes(&attr, (void*)fineRasterKernel);]",
    ),
    ("GPU104", "CUDA error: the provided PTX was compiled with an unsupported toolchain."),
    (
        "GPU105",
        "RuntimeError: The NVIDIA driver on your system is too old (found version 11040). Please update your GPU driver",
    ),
    (
        "GPU105",
        "nvidia-container-cli: requirement error: unsatisfied condition: cuda>=12.4, please update your driver to a newer version",
    ),
    (
        "NOD1124",
        "RuntimeError: Unexpected error from cudaGetDeviceCount(). Error 802: system not yet initialized",
    ),
    (
        "GPU106",
        'docker: Error response from daemon: could not select device driver "" with capabilities: [[gpu]].',
    ),
    (
        "GPU106",
        "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that the latest NVIDIA driver is installed and running.",
    ),
    ("GPU106", "pynvml.NVMLError_LibraryNotFound: NVML Shared Library Not Found"),
    (
        "GPU106",
        "ImportError: libcuda.so.1: cannot open shared object file: No such file or directory",
    ),
    ("GPU106", "failed call to cuInit: CUDA_ERROR_NO_DEVICE: no CUDA-capable device is detected"),
    ("GPU106", "Unable to open /dev/kfd read-write: Permission denied"),
    ("GPU107", "RuntimeError: HIP error: no kernel image is available for execution on the device"),
    ("GPU107", "hipErrorNoBinaryForGpu: Unable to find code object for all current devices!"),
    (
        "GPU107",
        '"hipErrorNoBinaryForGpu: Unable to find code object for all current devices!"\nAborted (core dumped)',
    ),
    (
        "RUN806",
        "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity of 23.64 GiB",
    ),
    ("RUN806", "torch.OutOfMemoryError: HIP out of memory. Tried to allocate 2.00 GiB."),
    (
        "RUN806",
        "RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    ),
    ("RUN806", "RuntimeError: Cuda error: 2[cudaMalloc(&m_gpuPtr, bytes);]"),
    ("RUN806", "MemoryError: std::bad_alloc: cudaErrorMemoryAllocation: out of memory"),
    ("RUN806", "RuntimeError: CUDA error:out of memory"),
    (
        "GPU103",
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 66846724.03 GiB. GPU 0 has",
    ),
    ("RUN804", "RuntimeError: Unrecognized CachingAllocator option: expandable_segment"),
    ("RUN804", "ValueError: Unrecognized key 'expandable_segment' in CUDA allocator config."),
    ("TCH201", "AssertionError: Torch not compiled with CUDA enabled"),
    (
        "TCH202",
        "RuntimeError: ('The detected CUDA version (%s) mismatches the version that was used to compilePyTorch (%s). Please make sure to use the same CUDA versions.', '12.4', '13.0')",
    ),
    (
        "TCH202",
        "RuntimeError: Cuda extensions are being compiled with a version of Cuda that does not match the version used to compile Pytorch binaries.  Pytorch binaries were compiled with Cuda 11.3.",
    ),
    (
        "TCH203",
        "UserWarning: The detected CUDA version (12.2) has a minor version mismatch with the version that was used to compile PyTorch (12.1). Most likely this shouldn't be a problem.",
    ),
    (
        "TCH204",
        "OSError: CUDA_HOME environment variable is not set. Please set it to your CUDA install root.",
    ),
    (
        "TCH204",
        "FileNotFoundError: [Errno 2] No such file or directory: '/usr/local/cuda/bin/nvcc'",
    ),
    ("TCH204", "/bin/sh: 1: /usr/local/cuda-12.1/bin/nvcc: not found"),
    (
        "TCH204",
        "error: [Errno 2] No such file or directory: '/usr/local/cuda/bin/nvcc': '/usr/local/cuda/bin/nvcc'",
    ),
    ("TCH204", "RuntimeError: Cannot find CUDA_HOME. CUDA must be available to build the package."),
    ("TCH204", "fatal error: crt/host_defines.h: No such file or directory"),
    (
        "TCH204",
        "In file included from <built-in>:1:\n/x/clang/include/__clang_cuda_runtime_wrapper.h:41:10: fatal error: 'cuda.h' file not found",
    ),
    (
        "TCH204",
        "TypeError: unsupported operand type(s) for +: 'NoneType' and 'str'\n    raw_output = subprocess.check_output([cuda_dir + \"/bin/nvcc\", \"-V\"])",
    ),
    ("TCH204", "CMake Error: CUDA_TOOLKIT_ROOT_DIR not found or specified"),
    (
        "TCH204",
        "-- Could NOT find CUDA (missing: CUDA_TOOLKIT_ROOT_DIR CUDA_NVCC_EXECUTABLE CUDA_INCLUDE_DIRS CUDA_CUDART_LIBRARY)",
    ),
    (
        "TCH204",
        "CMake Error at CMakeLists.txt:12 (find_package): Could not find nvcc, please set CUDAToolkit_ROOT.",
    ),
    ("TCH204", "/usr/bin/ld: cannot find -lcudart: No such file or directory"),
    (
        "TCH205",
        "error: #error -- unsupported GNU version! gcc versions later than 11 are not supported! The nvcc flag '-allow-unsupported-compiler' can be used",
    ),
    (
        "TCH205",
        "RuntimeError: The current installed version of x86_64-linux-gnu-g++ (13.2.0) is greater than the maximum required version by CUDA 11.8. Please make sure to use an adequate version of x86_64-linux-gnu-g++ (>=6.0.0, <12.0).",
    ),
    (
        "TCH205",
        "/usr/include/c++/11/bits/std_function.h:435:145: error: parameter packs not expanded with '...':",
    ),
    (
        "TCH205",
        "C:\\CUDA\\v11.8\\include\\crt/host_config.h(153): fatal error C1189: #error:  -- unsupported Microsoft Visual Studio version! Only the versions between 2017 and 2022 (inclusive) are supported!",
    ),
    ("TCH206", "nvcc fatal   : Unsupported gpu architecture 'compute_120'"),
    ("TCH206", "ptxas fatal   : Value 'sm_86' is not defined for option 'gpu-name'"),
    (
        "GPU104",
        "ptxas application ptx input, line 9; fatal   : Unsupported .version 7.8; current version is '7.4'",
    ),
    (
        "TCH207",
        "RuntimeError: Ninja is required to load C++ extensions (pip install ninja to get it)",
    ),
    ("TCH207", "fatal error: Python.h: No such file or directory"),
    (
        "TCH207",
        'error: Microsoft Visual C++ 14.0 or greater is required. Get it with "Microsoft C++ Build Tools"',
    ),
    (
        "TCH207",
        "RuntimeError: Failed to find C compiler. Please specify via CC environment variable.",
    ),
    ("TCH207", "error: command 'gcc' failed: No such file or directory"),
    ("TCH207", "error: invalid command 'bdist_wheel'"),
    ("TCH207", "ModuleNotFoundError: No module named 'pkg_resources'"),
    ("TCH207", "unable to execute 'x86_64-linux-gnu-gcc': No such file or directory"),
    ("TCH207", "RuntimeError: CMake must be installed to build the following extensions: _C"),
    (
        "TCH207",
        "UserWarning: Error checking compiler version for cl: [WinError 2] The system cannot find the file specified",
    ),
    (
        "TCH207",
        "/tmp/tmpabc/main.c:5:10: fatal error: Python.h: No such file or directory\n    5 | #include <Python.h>",
    ),
    ("TCH208", "x86_64-linux-gnu-gcc: fatal error: Killed signal terminated program cc1plus"),
    ("TCH208", "nvcc error   : 'cicc' died due to signal 9 (Kill signal)"),
    (
        "TCH210",
        "  File \"/x/torch/utils/cpp_extension.py\", line 1973, in _get_cuda_arch_flags\n    arch_list[-1] += '+PTX'\nIndexError: list index out of range",
    ),
    ("TCH210", "ValueError: Unknown CUDA arch (12.0) or GPU not supported"),
    ("TCH210", 'CMake Error in CMakeLists.txt:\n  CUDA_ARCHITECTURES is empty for target "x".'),
    (
        "ABI301",
        "ImportError: /x/_C.so: undefined symbol: _ZN3c106detail14torchCheckFailEPKcS2_jRKSs",
    ),
    (
        "ABI302",
        "ImportError: /lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.32' not found (required by /x/flash_attn_2_cuda.so)",
    ),
    ("ABI302", "OSError: /usr/lib/libstdc++.so.6: version `CXXABI_1.3.15' not found"),
    (
        "ABI303",
        "RuntimeError: module compiled against API version 0x10 but this version of numpy is 0xf",
    ),
    (
        "ABI303",
        "ValueError: numpy.dtype size changed, may indicate binary incompatibility. Expected 96 from C header, got 88 from PyObject",
    ),
    (
        "ABI303",
        "A module that was compiled using NumPy 1.x cannot be run in\nNumPy 2.0.0 as it may crash.",
    ),
    ("ABI303", "ImportError: numpy.core.multiarray failed to import"),
    ("ABI304", "ImportError: /x/_C.so: undefined symbol: _PyThreadState_UncheckedGet"),
    (
        "ABI304",
        "ERROR: torch-2.1.0-cp310-cp310-linux_x86_64.whl is not a supported wheel on this platform.",
    ),
    (
        "SYM401",
        "ImportError: /x/mamba.so: undefined symbol: _ZN2at4_ops5zeros4callEN3c108ArrayRefINS2_6SymIntEEENS2_8optionalINS2_10ScalarTypeEEE",
    ),
    ("SYM401", "undefined symbol: THPVariableClass"),
    ("SYM401", "libshm.so: undefined symbol: _ZTI24THRefcountedMapAllocator"),
    (
        "SYM402",
        "OSError: libcublas.so.11: cannot open shared object file: No such file or directory",
    ),
    (
        "SYM402",
        'OSError: [WinError 126] The specified module could not be found. Error loading "C:\\x\\torch\\lib\\fbgemm.dll" or one of its dependencies.',
    ),
    ("SYM402", "ImportError: libc10.so: cannot open shared object file: No such file or directory"),
    ("SYM403", "ImportError: /x/libtorch_cuda.so: undefined symbol: ncclGroupSimulateEnd"),
    (
        "SYM403",
        "ImportError: libcusparse.so.12: undefined symbol: __nvJitLinkAddData_12_1, version libnvJitLink.so.12",
    ),
    (
        "SYM403",
        "RuntimeError: cuDNN version incompatibility: PyTorch was compiled  against (8, 9, 2) but found runtime version (8, 5, 0).",
    ),
    ("SYM403", "libtorch_cpu.so: undefined symbol: iJIT_NotifyEvent"),
    ("SYM404", "RuntimeError: operator torchvision::nms does not exist"),
    ("WHL503", "ImportError: /x/libtorch_cpu.so: file too short"),
    (
        "WHL505",
        "RuntimeError: Detected that PyTorch and torchvision were compiled with different CUDA versions.",
    ),
    (
        "WHL505",
        "WARNING[XFORMERS]: xFormers can't load C++/CUDA extensions. xFormers was built for:\n    PyTorch 2.1.0+cu121 with CUDA 1201 (you have 2.2.0+cpu)",
    ),
    ("WHL505", "ERROR: No matching distribution found for torch==1.7.1+cu110"),
    (
        "WHL505",
        "ERROR: Could not find a version that satisfies the requirement kaolin==0.18.0 (from versions: 0.1)",
    ),
    ("WHL505", "OSError: Could not find module '_version_cuda' in /x/torch_scatter"),
    ("WHL506", "ERROR: ResolutionImpossible: for help visit https://pip.pypa.io"),
    (
        "WHL506",
        "  × No solution found when resolving dependencies:\n  ╰─▶ Because foo==1 depends on bar>2 and you require bar<2, we can conclude that your requirements are unsatisfiable.",
    ),
    (
        "WHL506",
        "gradio 4.44.1 requires pillow<11.0,>=8.0, but you have pillow 12.1.0 which is incompatible.",
    ),
    (
        "WHL506",
        "ImportError: cannot import name 'cached_download' from 'huggingface_hub' (/x/__init__.py)",
    ),
    ("WHL506", "ImportError: cannot import name 'is_offline_mode' from 'huggingface_hub'"),
    (
        "WHL506",
        "pydantic.errors.PydanticImportError: `BaseSettings` has been moved to the `pydantic-settings` package.",
    ),
    (
        "WHL506",
        "ImportError: tokenizers>=0.14,<0.19 is required for a normal functioning of this module, but found tokenizers==0.20.0.",
    ),
    (
        "WHL506",
        '  File "/x/gradio_client/utils.py", line 887, in get_type\n    if "const" in schema:\nTypeError: argument of type \'bool\' is not iterable',
    ),
    ("SRC603", "rasterizer_impl.h:24:17: error: 'std::uintptr_t' has not been declared"),
    ("SRC603", "error: ‘uint32_t’ was not declared in this scope"),
    ("SRC603", 'simple_knn.cu(90): error: identifier "FLT_MAX" is undefined'),
    ("SRC603", "error: ‘numeric_limits’ is not a member of ‘std’"),
    ("SRC604", 'error: namespace "cub" has no member "Max"'),
    (
        "SRC604",
        "AttributeError: 'torch.cuda._CudaDeviceProperties' object has no attribute 'total_mem'",
    ),
    ("SRC604", "fatal error: THC/THC.h: No such file or directory"),
    ("SRC604", "ModuleNotFoundError: No module named 'torch._six'"),
    ("SRC604", "AttributeError: module 'numpy' has no attribute 'float'."),
    (
        "SRC604",
        'error: no suitable conversion function from "const at::DeprecatedTypeProperties" to "c10::ScalarType" exists',
    ),
    ("SRC604", "error: ‘AT_CHECK’ was not declared in this scope; did you mean ‘DCHECK’?"),
    ("SRC604", "ModuleNotFoundError: No module named 'torchvision.transforms.functional_tensor'"),
    ("SRC604", "AttributeError: module 'PIL.Image' has no attribute 'ANTIALIAS'"),
    ("SRC605", "fatal error: glm/glm.hpp: No such file or directory"),
    ("SRC605", "ModuleNotFoundError: No module named 'trellis.representations.mesh.flexicubes'"),
    (
        "SRC606",
        "      Getting requirements to build wheel did not run successfully.\n      ModuleNotFoundError: No module named 'torch'\n      [end of output]",
    ),
    (
        "SRC606",
        "  × Failed to build `flash-attn==2.7.4`\n  ├─▶ The build backend returned an error\n  ╰─▶ Call to `setuptools.build_meta:__legacy__.build_wheel` failed (exit status: 1)\n      ModuleNotFoundError: No module named 'torch'",
    ),
    ("SRC607", "error: use of undeclared identifier '__shfl_xor_sync'"),
    ("SRC607", "error: use of undeclared identifier '__syncwarp'"),
    (
        "SRC610",
        "NotImplementedError: No operator found for `memory_efficient_attention_forward` with inputs:\n requires device with capability <= (9, 0) but your GPU has capability (12, 0) (too new)",
    ),
    ("SRC610", "RuntimeError: FlashAttention only supports Ampere GPUs or newer."),
    ("SRC610", "RuntimeError: eglInitialize() failed"),
    ("SRC611", "RuntimeError: mat1 and mat2 must have the same dtype, but got Float and Half"),
    (
        "SRC611",
        "RuntimeError: index_add_(): self (Float) and source (Half) must have the same scalar type",
    ),
    ("SRC611", "RuntimeError: expected scalar type Float but found Half"),
    ("RUN802", "fatal error: EGL/egl.h: No such file or directory"),
    (
        "RUN802",
        "ImportError: libGL.so.1: cannot open shared object file: No such file or directory",
    ),
    ("RUN803", "RuntimeError: CUDA error: all CUDA-capable devices are busy or unavailable"),
    (
        "JIT702",
        "CMake Error: The current CMakeCache.txt directory /a/CMakeCache.txt is different than the directory /b/build where CMakeCache.txt was created.",
    ),
    (
        "JIT703",
        '  File "/x/torch/utils/file_baton.py", line 42, in wait\n    time.sleep(self.wait_seconds)\nKeyboardInterrupt',
    ),
    ("WHL505", "    ModuleNotFoundError: No module named 'tools.nnwrap'"),
    (
        "JIT703",
        "Warning: Lock file exists in build directory: 'C:\\Users\\x\\AppData\\Local\\torch_extensions\\torch_extensions\\Cache\\py39_cu113\\renderutils_plugin\\lock'",
    ),
    ("JIT703", "Loading extension module dvr...\n经常卡在这里"),
    ("TCH208", "[3/5] nvcc x\nFAILED: x.o\nKilled\nninja: build stopped: subcommand failed."),
    (
        "TCH204",
        '-- Could NOT find CUDA (missing: CUDA_INCLUDE_DIRS CUDA_CUDART_LIBRARY) (found version "11.5")',
    ),
    ("SYM402", "ldd x.so\n libcudnn.so.9 => not found"),
    (
        "SYM403",
        "RuntimeError: cuDNN version mismatch: PyTorch was compiled against 7003 but linked against 7104",
    ),
    (
        "WHL506",
        "RuntimeError: Failed to import transformers.models.llama.modeling_llama because of the following error (look up to see its traceback):\ncannot import name 'foo' from 'bar'",
    ),
    (
        "SYM401",
        "RuntimeError: Failed to import transformers.models.llama.modeling_llama because of the following error (look up to see its traceback):\n/x/flash_attn_2_cuda.so: undefined symbol: _ZN2at4_ops9_pad_enum4callERKNS_6TensorEN3c108ArrayRefINS5_6SymIntEEElNS5_8optionalIdEE",
    ),
    ("TCH205", "cc1plus: error: unrecognized command line option '-std=c++17'"),
    (
        "SRC606",
        "  × Failed to build `flash-attn==2.7.0`\n  hint: This error likely indicates that `flash-attn@2.7.0` depends on `torch`, but doesn't declare it as a build dependency.",
    ),
    (
        "TCH204",
        "FileNotFoundError: [Errno 2] No such file or directory: '/opt/x/triton/backends/nvidia/bin/ptxas'",
    ),
    (
        "WHL505",
        "ERROR: Could not find a version that satisfies the requirement torch==1.4.0+cpu (from versions: 1.7.1, 1.8.0)",
    ),
    ("GPU106", "RuntimeError: No CUDA GPUs are available"),
    (
        "RUN804",
        "RuntimeError: PYTORCH_CUDA_ALLOC_CONF: Expected a single value for max_split_size_mb, got None",
    ),
    ("ABI302", "/bin/foo: /lib64/libc.so.6: version `GLIBC_2.34' not found (required by /bin/foo)"),
    (
        "ABI302",
        "[PYI-1:ERROR] Failed to load Python shared library '/tmp/x/libpython3.12.so.1.0': dlopen: "
        "/lib/x86_64-linux-gnu/libm.so.6: version `GLIBC_2.38' not found (required by /tmp/x/libpython3.12.so.1.0)",
    ),
    ("SYM402", "Could not locate cudnn64_8.dll. Please make sure it is in your library path!"),
    ("SYM402", "Invalid handle. Cannot load symbol cudnnCreateConvolutionDescriptor"),
    ("GPU103", "RuntimeError: nms_impl: implementation for device cuda:0 not found."),
    (
        "TCH203",
        "Exception: Installed CUDA version 11.7 does not match the version torch was compiled "
        "with 11.3, unable to compile cuda/cpp extensions without a matching cuda version.",
    ),
    ("TCH202", "RuntimeError: FlashAttention is only supported on CUDA 11.7 and above."),
    (
        "GPU106",
        "torch.cuda.DeferredCudaCallError: CUDA call failed lazily at initialization with error: device >= 0 && device < num_gpus INTERNAL ASSERT FAILED",
    ),
    ("ABI303", "ModuleNotFoundError: No module named 'numpy._core'"),
    ("TCH205", "nvcc fatal   : Failed to preprocess host compiler properties."),
    ("TCH204", "LINK : fatal error LNK1181: cannot open input file 'cudart.lib'"),
    ("TCH207", "LINK : fatal error LNK1104: cannot open file 'python310.lib'"),
    ("TCH209", "clang: error: unsupported HIP gpu architecture: gfx1151"),
    ("TCH203", "nvlink fatal   : Input file '/tmp/x.o' newer than toolkit (124 vs 122)"),
]


def rule_of(text: str) -> str | None:
    answer, _ = explain([text.encode()])
    return answer.primary.rule if answer.primary and answer.recognised else None


@pytest.mark.parametrize("text", NOT_OURS)
def test_a_text_of_no_rule_claims_none(text: str) -> None:
    assert rule_of(text) is None


@pytest.mark.parametrize(("rule", "text"), FORMS)
def test_a_form_is_recognised(rule: str, text: str) -> None:
    assert rule_of(text) == rule
