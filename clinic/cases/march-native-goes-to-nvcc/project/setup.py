import os
from distutils import sysconfig

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

CUDA = os.environ.get("CUDA_HOME", "/usr/local/cuda")
FLAGS = ["-w", "-std=c++17", "-march=native", "-ffast-math", "-O3"]


class build_cuda_ext(build_ext):
    """Let the compiler class take .cu files, with nvcc in the place of the C compiler."""

    def build_extensions(self):
        self.compiler.src_extensions.append(".cu")
        usual = self.compiler.compiler_so
        compile_one = self.compiler._compile

        def _compile(obj, src, ext, cc_args, extra, pp_opts):
            if src.endswith(".cu"):
                self.compiler.set_executable("compiler_so", f"{CUDA}/bin/nvcc")
            compile_one(obj, src, ext, cc_args, extra, pp_opts)
            self.compiler.compiler_so = usual

        self.compiler._compile = _compile
        super().build_extensions()


setup(
    name="rangecast",
    version="0.1",
    ext_modules=[
        Extension(
            "rangecast",
            ["src/module.cpp", "src/cast.cu"],
            include_dirs=[sysconfig.get_python_inc()],
            library_dirs=[f"{CUDA}/lib64"],
            libraries=["cudart"],
            extra_compile_args=FLAGS,
        )
    ],
    cmdclass={"build_ext": build_cuda_ext},
)
