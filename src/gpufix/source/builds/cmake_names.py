"""The variables that CMake itself knows, and those that nobody sets unless a project does."""

from __future__ import annotations

from collections.abc import Collection

from gpufix.source.builds.cmake_store import UNDEFINED, Value, unknown

# Variables of CMake's own that nobody sets unless the caller or the project does.
_UNSET = {
    f"CMAKE_{name}"
    for name in [
        "BUILD_TYPE",
        "CUDA_ARCHITECTURES",
        "CXX_STANDARD",
        "C_STANDARD",
        "CUDA_STANDARD",
        "CUDA_FLAGS",
        "CXX_FLAGS",
        "C_FLAGS",
        "CUDA_COMPILER",
        "CUDA_HOST_COMPILER",
        "MODULE_PATH",
        "PREFIX_PATH",
        "TOOLCHAIN_FILE",
        "CUDA_SEPARABLE_COMPILATION",
        "POSITION_INDEPENDENT_CODE",
        "CXX_STANDARD_REQUIRED",
        "CUDA_STANDARD_REQUIRED",
        "CXX_EXTENSIONS",
        "CUDA_EXTENSIONS",
        "EXPORT_COMPILE_COMMANDS",
        "CROSSCOMPILING",
        "CONFIGURATION_TYPES",
        "LIBRARY_OUTPUT_DIRECTORY",
        "RUNTIME_OUTPUT_DIRECTORY",
        "ARCHIVE_OUTPUT_DIRECTORY",
        "CUDA_RESOLVE_DEVICE_SYMBOLS",
        "CUDA_RUNTIME_LIBRARY",
        "INTERPROCEDURAL_OPTIMIZATION",
        "HIP_ARCHITECTURES",
        "HIP_FLAGS",
        "VERBOSE_MAKEFILE",
        "OSX_ARCHITECTURES",
        "OSX_DEPLOYMENT_TARGET",
        "OSX_SYSROOT",
        "FIND_ROOT_PATH",
        "CXX_VISIBILITY_PRESET",
        "INSTALL_RPATH",
        "BUILD_RPATH",
        "CXX_COMPILER_LAUNCHER",
        "CUDA_COMPILER_LAUNCHER",
        "C_COMPILER_LAUNCHER",
        "CXX_CLANG_TIDY",
        "SYSTEM_PROCESSOR",
        "SYSTEM_NAME",
        "CXX_COMPILER",
        "C_COMPILER",
        "HIP_COMPILER",
        "GENERATOR_PLATFORM",
        "GENERATOR_TOOLSET",
        "IOS",
        "ANDROID",
        "POLICY_VERSION_MINIMUM",
        "ENABLE_EXPORTS",
        "INCLUDE_CURRENT_DIR",
        "JOB_POOLS",
        "HIP_STANDARD",
        "DEBUG_POSTFIX",
        "CUDA_COMPILER_ID",
        "CXX_COMPILER_ID",
        "CUDA_COMPILER_VERSION",
        "CXX_COMPILER_VERSION",
        "PROJECT_NAME",
        "PROJECT_VERSION",
        "CUDA_COMPILER_LOADED",
        "CXX_COMPILER_LOADED",
        "UNITY_BUILD",
        "WARN_DEPRECATED",
        "SKIP_INSTALL_RULES",
        "MSVC_RUNTIME_LIBRARY",
        "C_EXTENSIONS",
        "VISIBILITY_INLINES_HIDDEN",
        "INSTALL_LIBDIR",
        "INSTALL_BINDIR",
        "INSTALL_INCLUDEDIR",
        "CXX_SIMULATE_ID",
        "SHARED_LINKER_FLAGS",
        "EXE_LINKER_FLAGS",
        "MODULE_LINKER_FLAGS",
        "CUDA_COMPILER_TOOLKIT_ROOT",
    ]
}
OFF = {
    "WIN32",
    "MSVC",
    "APPLE",
    "MINGW",
    "CYGWIN",
    "ANDROID",
    "IOS",
    "MSYS",
    "XCODE",
    "BORLAND",
    "WINCE",
}


def built_in(name: str, linux: bool, prefixes: Collection[str]) -> Value:
    """A variable that neither the project nor the caller sets. prefixes: of what others may set."""
    if name in OFF:
        return UNDEFINED if linux else unknown(defined=None)
    if name in _UNSET or name == "TORCH_CUDA_ARCH_LIST" or name.startswith("CMAKE_MATCH_"):
        return UNDEFINED
    if name.startswith(("CMAKE_", "CPACK_", "CTEST_")) or name == "UNIX":
        return unknown(defined=None)
    if any(name.startswith(prefix) for prefix in prefixes):
        return unknown(defined=None)
    return UNDEFINED
