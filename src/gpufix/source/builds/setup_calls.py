"""What a setup.py asks of torch, and what setuptools does with what it is given."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from gpufix.source.builds import python_formats as formats
from gpufix.source.builds import python_operations as ops
from gpufix.source.builds.python_outside import BuildOutside
from gpufix.source.builds.python_values import (
    ExtensionClass,
    OutsideMethod,
    Partial,
    Rest,
    Text,
    TorchVersion,
    extension,
)
from gpufix.source.builds.run import BuiltExtension, Kind, Macro, Place, Said
from gpufix.source.python.import_values import (
    Bound,
    Class,
    Frame,
    Instance,
    Outside,
    Unknown,
    attribute,
)

_EXT = "torch.utils.cpp_extension."
# What packages of other vendors give torch when they are imported.
_OTHERS = re.compile(r"(?:is_)?(?:musa|npu|mlu|hpu|sdaa|gcu|supa|maca|dipu|xla|ipu|ixuca)(?:_\w+)?")
_TORCH_HAS = frozenset({"cuda", "version", "utils", "backends", "_C", "xpu", "mps", "compile"})
# cpp_extension.py of torch 1.13 to 2.14
_EXT_HAS = frozenset(
    {"load", "load_inline", "BuildExtension", "CppExtension", "CUDAExtension", "include_paths",
     "library_paths", "CUDA_HOME", "_get_build_directory", "_get_cuda_arch_flags"}
)  # fmt: skip
_BUILDS = frozenset(
    {"build", "build_ext", "bdist_wheel", "install", "develop", "bdist", "bdist_egg"}
)
_NO_HOME = "CUDA_HOME environment variable is not set. Please set it to your CUDA install root."
_LOADERS = ("ctypes.CDLL", "ctypes.cdll.LoadLibrary", "ctypes.WinDLL", "ctypes.windll.LoadLibrary")
_DRIVER = re.compile(r"(?:.*/)?(?:lib|nv)?cuda\.(so|dylib|dll)(?:\.1)?")
_FIRST, _LAST = ("egg_info", "build_py"), ("install_lib", "install")


class BuildSetup(BuildOutside):
    """Runs a setup.py, the commands of its own too."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.built: list[BuiltExtension] = []
        self.called = False
        self.name: str | None = None
        self.given: list[Any] = []  # ext_modules
        self._folders: Any = None  # include_dirs of setup()
        self._commands: dict[str, Any] = {}
        self._ran: set[str] = set()
        self._recorded: set[Instance] = set()
        self._known |= self._torch_constants()

    # torch

    def _torch_constants(self) -> dict[str, Any]:
        torch, world = self.build.torch, self.build
        if torch is None:
            return {}
        version = TorchVersion(torch.version)
        version.place = Place("", 0)
        home: Any = Unknown("CUDA_HOME") if world.cuda_home == "?" else world.cuda_home
        home = home if torch.cuda else None
        rocm = world.rocm_home if torch.hip else None
        folder = f"{torch.location}/torch"
        return {
            "torch.__version__": version,
            "torch.version.__version__": version,
            "torch.version.cuda": torch.cuda,
            "torch.version.hip": torch.hip,
            "torch.version.xpu": None,
            "torch.utils.hipify.__version__": "2.0.0",
            "torch.__file__": f"{folder}/__init__.py",
            "torch.__path__": [folder],
            "torch.utils.cmake_prefix_path": f"{folder}/share/cmake",
            "torch._C._GLIBCXX_USE_CXX11_ABI": Unknown("torch's C++ ABI")
            if torch.cxx11_abi is None
            else torch.cxx11_abi,
            f"{_EXT}CUDA_HOME": home,
            f"{_EXT}ROCM_HOME": rocm,
            f"{_EXT}HIP_HOME": f"{rocm}/hip" if rocm else None,
            f"{_EXT}IS_HIP_EXTENSION": bool(torch.hip and rocm),
            f"{_EXT}IS_WINDOWS": world.platform == "win32",
            f"{_EXT}IS_MACOS": False,
            f"{_EXT}IS_LINUX": world.platform == "linux",
            f"{_EXT}TORCH_LIB_PATH": f"{folder}/lib",
            f"{_EXT}SYCL_HOME": None,
            f"{_EXT}CUDNN_HOME": world.environment.get("CUDNN_HOME"),
        }

    def has_member(self, owner: Any, name: str) -> bool | None:
        """Whether a value has an attribute; None: only a run would tell."""
        if isinstance(owner, Outside) and owner.name == "torch":
            if _OTHERS.fullmatch(name):
                return False
            if name in _TORCH_HAS:
                return True
        if isinstance(owner, Outside) and f"{owner.name}." == _EXT and name in _EXT_HAS:
            return True
        if isinstance(owner, Outside) and owner.name in ("torch.version", "torch.backends"):
            return True if name in ("cuda", "hip", "mps", "cudnn", "git_version") else None
        return super().has_member(owner, name)

    def outside(self, name: str, args: list[Any], named: dict[Any, Any], frame: Frame) -> Any:
        """A call of what is not followed, by its name. Raises Fails."""
        if name.startswith("torch."):
            told = self._of_torch(name, args, named)
            if told is not NotImplemented:
                return told
        if name in _LOADERS and args:
            self._load_driver(args[0])
        last = name.rpartition(".")[2]
        if args and isinstance(args[0], Instance) and self._is_of(args[0], name):
            of = name.rpartition(".")[0]
            return self.base_method(OutsideMethod(of, last, args[0]), args[1:], named)
        if name in ("setuptools.setup", "distutils.core.setup", "skbuild.setup"):
            return self._setup(named)
        if last.endswith("Extension") and last != "BuildExtension":
            return self._extension(name, last, args, named)
        if last == "cythonize" and args:
            return args[0] if isinstance(args[0], list) else [args[0]]
        if name == "setuptools.find_packages" or name == "setuptools.find_namespace_packages":
            return [Rest("packages")]
        if last in ("get_include", "get_cmake_dir") and "." in name:
            return f"\0/{name.partition('.')[0]}/include"
        if last == "get_build_platform" or last == "get_platform":
            return f"linux_{self.build.machine}" if "wheel" in name else "linux-x86_64"
        return super().outside(name, args, named, frame)

    def _load_driver(self, library: Any) -> None:
        """ctypes opens CUDA's driver where there is one, to ask it for the GPU. Raises Fails."""
        found = _DRIVER.fullmatch(library) if isinstance(library, str) else None
        if found is None:
            return
        if (found[1] == "so") == (self.build.platform == "linux"):
            self.ask("capability", library)
            if self.build.gpu is not False:
                return
        raise ops.raises("OSError", f"{library}: cannot open shared object file")

    def _is_of(self, owner: Instance, name: str) -> bool:
        """Whether a name is that of a method of the class outside that an object is derived from."""
        base = self.outside_base(owner.of).rpartition(".")[2]
        return bool(base) and name.rpartition(".")[0].rpartition(".")[2] == base

    def _of_torch(self, name: str, args: list[Any], named: dict[Any, Any]) -> Any:
        if name.startswith(_EXT):
            return self._of_cpp_extension(name.removeprefix(_EXT), args, named)
        if name.startswith(("torch.cuda.", "torch._C._cuda")):
            return self._of_cuda(name.removeprefix("torch.cuda."), args)
        if name in ("torch.backends.mps.is_available", "torch.xpu.is_available"):
            return False
        if name in ("torch.compiled_with_cxx11_abi", "torch._C._cuda_isCompiled"):
            return self._known["torch._C._GLIBCXX_USE_CXX11_ABI"]
        return NotImplemented

    def _of_cuda(self, name: str, args: list[Any]) -> Any:
        world = self.build
        if name == "is_available":
            self.ask("gpu", "torch.cuda.is_available()")
            return self._visible()
        if name in ("get_arch_list", "get_gencode_flags"):
            self.ask("gpu", f"torch.cuda.{name}()")
            if not self._sees():
                return [] if name == "get_arch_list" else ""
            return self._archs_of_torch(name)
        if name == "device_count":
            self.ask("gpu", "torch.cuda.device_count()")
            if world.gpu and world.capabilities is not None:
                return len(world.capabilities)
            return 0 if self._visible() is False else Unknown("torch.cuda.device_count()")
        if name == "torch._C._cuda_getArchFlags" and world.torch and world.torch.archs:
            return " ".join(world.torch.archs)
        if name in ("_is_compiled",):
            return bool(world.torch and (world.torch.cuda or world.torch.hip))
        if name in ("get_device_capability", "get_device_properties", "get_device_name",
                    "current_device", "init", "mem_get_info", "get_device"):  # fmt: skip
            self.ask("capability", f"torch.cuda.{name}()")
            return self._device(name, args)
        return NotImplemented

    def _archs_of_torch(self, name: str) -> Any:
        torch = self.build.torch
        if torch is None or torch.archs is None:
            return [Rest("torch's architectures")] if name == "get_arch_list" else "\0"
        if name == "get_arch_list":
            return list(torch.archs)
        pairs = (arch.split("_") for arch in torch.archs)
        return " ".join(f"-gencode compute=compute_{n},code={kind}_{n}" for kind, n in pairs)

    def _visible(self) -> Any:
        torch = self.build.torch
        if torch is not None and not (torch.cuda or torch.hip):
            return False
        return Unknown("torch.cuda.is_available()") if self.build.gpu is None else self.build.gpu

    def _sees(self) -> bool:
        return bool(self.decides(self._visible()))

    def _device(self, name: str, args: list[Any]) -> Any:
        torch = self.build.torch
        if not self._sees():
            if torch is not None and not (torch.cuda or torch.hip):
                raise ops.raises("AssertionError", "Torch not compiled with CUDA enabled")
            said = (
                "Found no NVIDIA driver on your system."
                if torch and torch.cuda
                else "No HIP GPUs are available"
            )
            raise ops.raises("RuntimeError", said)
        index = args[0] if args and isinstance(args[0], int) else 0
        seen = self.build.capabilities or ()
        if name == "get_device_capability" and index < len(seen):
            return seen[index]
        if name == "get_device_properties" and index < len(seen):
            major, minor = seen[index]
            names = {"major": major, "minor": minor, "multi_processor_count": Unknown("SMs")}
            return Instance(
                Class("properties", {}, [Outside("torch._C._CudaDeviceProperties")]), names
            )
        if name in ("current_device", "init"):
            return 0
        return Unknown(f"torch.cuda.{name}({index})")

    def _of_cpp_extension(self, name: str, args: list[Any], named: dict[Any, Any]) -> Any:
        location = f"{self.build.torch.location}/torch" if self.build.torch else "torch"
        home = self._known.get(f"{_EXT}CUDA_HOME")
        if name in ("include_paths", "library_paths"):
            if name == "library_paths":
                return [f"{location}/lib"]
            found = [f"{location}/include", f"{location}/include/torch/csrc/api/include"]
            asks = args[:1] == ["cuda"] or named.get("device_type") == "cuda" or args[:1] == [True]
            return [*found, f"{home}/include"] if asks and isinstance(home, str) else found
        if name in ("_find_cuda_home",):
            return home
        if name == "_find_rocm_home":
            return self._known.get(f"{_EXT}ROCM_HOME")
        if name == "_join_cuda_home":
            if home is None:
                raise ops.raises("OSError", _NO_HOME)
            return "/".join([home if isinstance(home, str) else "\0", *map(formats.text_of, args)])
        if name in ("_get_cuda_arch_flags", "_get_rocm_arch_flags"):
            self.ask("capability", f"{name}()")
            return [Rest("torch's own architectures")]
        if name == "BuildExtension.with_options":
            return Partial(Outside(f"{_EXT}BuildExtension"), args, named)
        if name in ("load", "load_inline"):
            return self._loaded(args, named)
        return NotImplemented

    def _loaded(self, args: list[Any], named: dict[Any, Any]) -> Any:
        """An extension that is built when the program runs."""
        names = ("name", "sources", "extra_cflags", "extra_cuda_cflags")
        given = dict(zip(names, args, strict=False)) | named
        values = {
            "name": given.get("name", "?"),
            "sources": given.get("sources", []) + given["cuda_sources"]
            if isinstance(given.get("cuda_sources"), list)
            and isinstance(given.get("sources"), list)
            else given.get("sources", []),
            "extra_compile_args": {
                "cxx": given.get("extra_cflags") or [],
                "nvcc": given.get("extra_cuda_cflags") or [],
            },
            "include_dirs": given.get("extra_include_paths") or [],
            "extra_link_args": given.get("extra_ldflags") or [],
        }
        self.record(extension("jit", self.at, values))
        return Unknown(f"the extension {ops.shown(values['name'])}")

    # Extensions

    def _extension(self, name: str, last: str, args: list[Any], named: dict[Any, Any]) -> Any:
        kind = "plain"
        if name.startswith(_EXT):
            kind = {"CUDAExtension": "cuda", "CppExtension": "cpp"}.get(last, "plain")
        hip, home = (self._known.get(f"{_EXT}{n}") for n in ("IS_HIP_EXTENSION", "CUDA_HOME"))
        if kind == "cuda" and not hip and home is None:
            raise ops.raises("OSError", _NO_HOME)
        return extension(kind, self.at, self._attributes(args, named))

    def _attributes(self, args: list[Any], named: dict[Any, Any]) -> dict[str, Any]:
        order = ("name", "sources", "include_dirs", "define_macros", "undef_macros", "library_dirs")
        given = dict(zip(order, args, strict=False)) | named
        for each in ("include_dirs", "define_macros", "library_dirs", "libraries", "undef_macros",
                     "extra_compile_args", "extra_link_args", "extra_objects", "depends"):  # fmt: skip
            if given.get(each) is None:
                given[each] = []
        given.setdefault("name", Unknown("a name"))
        given.setdefault("sources", [])
        return {"py_limited_api": False, "language": None, **given}

    def base_method(self, called: OutsideMethod, args: list[Any], named: dict[Any, Any]) -> Any:
        """A method that a class outside the project has. Raises Fails."""
        base, method, owner = called.name.rpartition(".")[2], called.method, called.owner
        if base.endswith("Extension") and base != "BuildExtension":
            if method == "__init__" and isinstance(owner, Instance):
                made = self._extension(called.name, base, args, named)
                owner.names |= made.names
                owner.names["\0kind"] = made.of
            return None
        if isinstance(owner, Instance):
            return self._of_command(base, method, owner, args)
        return Unknown(f"{called.name}.{method}()")

    def attribute_of(self, owner: Any, name: str) -> Any:
        """`owner.name`. Raises Fails."""
        found = super().attribute_of(owner, name)
        if isinstance(found, Outside) and found.name.startswith(_EXT):
            return self._told(found)
        return found

    # setup() and its commands

    def _setup(self, named: dict[Any, Any]) -> Any:
        self.called = True
        name = named.get("name")
        self.name = str(name) if isinstance(name, str) and "\0" not in name else "?"
        commands = named.get("cmdclass")
        self._ran, self._recorded = set(), set()  # a file may call setup() again
        self._commands = commands if isinstance(commands, dict) else {}
        modules = named.get("ext_modules")
        if isinstance(modules, Unknown):
            self.doubt("the extensions that setup() is given")
        self.given = ops.elements(modules) if modules is not None else []
        self._folders = named.get("include_dirs")  # for every extension, behind its own
        self._pure = self._has_pure(named)
        if _BUILDS.isdisjoint(map(str, self.argv)):
            return Unknown("the distribution")
        wheel = self._commands.get("bdist_wheel")
        if isinstance(wheel, Class) and "bdist_wheel" in self.argv:
            self._run_command(wheel, "bdist_wheel")
        else:
            self._run_builds()
        return Unknown("the distribution")

    def _has_pure(self, named: dict[Any, Any]) -> bool:
        """Whether there may be Python modules: without any, setuptools runs no build_py.

        It looks for some itself where neither these nor extensions are given; its files may name some.
        """
        given = [named[key] for key in ("packages", "py_modules") if named.get(key) is not None]
        if given:
            return any(isinstance(each, Unknown) or ops.elements(each) for each in given)
        return not self.given or any(
            self.files.exists(f"{self.folder}/{name}") is not False
            for name in ("setup.cfg", "pyproject.toml")
        )

    def _run_builds(self) -> None:
        """What bdist_wheel makes the other commands do."""
        for label in _FIRST:
            if label != "build_py" or self._pure:
                self._run_named(label)
        self._run_named("build")
        for label in _LAST:
            self._run_named(label)

    def _run_named(self, label: str) -> None:
        if label in self._ran:
            return
        kind = self._commands.get(label)
        if label in ("build", "build_ext") or isinstance(kind, Class):
            self._ran.add(label)
        if isinstance(kind, Class):
            self._run_command(kind, label)
        elif label == "build":
            self._build()
        elif label == "build_ext" and self.given:
            for each in self.given:
                self.record(each)

    def _build(self) -> None:
        if self._pure:
            self._run_named("build_py")
        if self.given:
            self._run_named("build_ext")

    def _run_command(self, kind: Class, label: str) -> None:
        command = Instance(kind)
        compiler = Instance(Class("compiler", {}, [Outside("compiler")]), dict(_COMPILER()))
        distribution = Instance(
            Class("Distribution", {}, [Outside("setuptools.Distribution")]),
            {"ext_modules": self.given, "command_options": {}, "cmdclass": self._commands},
        )
        command.names |= {
            "extensions": self.given, "compiler": compiler, "distribution": distribution,
            "build_lib": "build/lib", "build_temp": "build/temp", "inplace": False, "debug": None,
            "force": None, "verbose": 1, "parallel": None, "include_dirs": [], "\0label": label,
            "plat_name": f"linux-{self.build.machine}", "dist_dir": "dist", "editable_mode": False,
        }  # fmt: skip
        for method in ("__init__", "initialize_options", "finalize_options", "run"):
            if method == "__init__" and not any("__init__" in k.names for k in kind.every()):
                continue
            args = [distribution] if method == "__init__" else []
            self._virtual(command, method, args)

    def _virtual(self, owner: Instance, method: str, args: list[Any]) -> Any:
        found = attribute(owner, method)
        if isinstance(found, Bound):
            return self.call(found, args, {})
        base = self.outside_base(owner.of).rpartition(".")[2]
        return self._of_command(base, method, owner, args)

    def _of_command(self, base: str, method: str, owner: Instance, args: list[Any]) -> Any:
        label = owner.names.get("\0label")
        if method == "run_command" and args and isinstance(args[0], str):
            self._run_named(str(args[0]))
            return None
        if method == "spawn" and args:
            return self._started("subprocess.check_call", args[0], {})
        if method == "run":
            if label == "build_ext":
                self._virtual(owner, "build_extensions", [])
            elif label == "bdist_wheel":
                self._run_builds()
            elif label == "build":
                self._build()
            elif label in ("install", "develop"):
                self._run_named("build")
            return None
        if method == "build_extensions":
            for each in ops.elements(owner.names.get("extensions")):
                self._virtual(owner, "build_extension", [each])
            return None
        if method == "build_extension" and args:
            self.record(args[0])
            return None
        if method in ("__init__", "initialize_options", "finalize_options", "set_undefined_options",
                      "copy_extensions_to_source", "announce", "warn", "get_outputs", "swig_sources"):  # fmt: skip
            return None
        if method in ("get_ext_fullpath", "get_ext_filename"):
            return f"build/lib/{formats.text_of(args[0]) if args else chr(0)}.so"
        return Unknown(f"{base}.{method}")

    # What is compiled

    def record(self, each: Any) -> None:
        """An extension is compiled, as it is now."""
        if not isinstance(each, Instance):
            self.doubt("an extension that setup() is given")
            return
        if each in self._recorded:
            return
        self._recorded.add(each)
        kind = each.names.get("\0kind", each.of)
        label: str = kind.kind if isinstance(kind, ExtensionClass) else "plain"
        place = kind.place if isinstance(kind, ExtensionClass) else self.at
        flags = each.names.get("extra_compile_args", [])
        by = flags if isinstance(flags, dict) else {"cxx": flags, "nvcc": flags}
        # "gcc" is what build commands of a project's own read, not BuildExtension.
        host = by.get("cxx", by.get("gcc", []) if label == "plain" else [])
        self.built.append(
            BuiltExtension(
                name=formats.text_of(each.names.get("name")),
                kind=_kind(label),
                place=place,
                sources=tuple(self._sources(each.names.get("sources"), place)),
                cxx=tuple(self._said([*ops.elements(host)], place)),
                nvcc=tuple(self._said(ops.elements(by.get("nvcc", [])), place)),
                macros=tuple(self._macros(each.names.get("define_macros"), place)),
                include_dirs=(
                    *self._said(each.names.get("include_dirs"), place),
                    *self._said(self._folders, place),
                ),
                libraries=tuple(self._said(each.names.get("libraries"), place)),
                link=tuple(self._said(each.names.get("extra_link_args"), place)),
            )
        )

    def _said(self, values: Any, place: Place) -> Iterator[Said]:
        for value in ops.elements(values) if values is not None else ():
            if isinstance(value, Instance) and isinstance(attribute(value, "__str__"), Bound):
                value = self.call(attribute(value, "__str__"), [], {})
            text = str(value) if isinstance(value, str) else formats.text_of(value)
            yield Said(text, value.place if isinstance(value, Text) else place)

    def _sources(self, values: Any, place: Place) -> Iterator[Said]:
        for said in self._said(values, place):
            full = self.absolute(said.text) if "\0" not in said.text else said.text
            inside = full.startswith(f"{self.build.root}/")
            yield said._replace(text=full[len(self.build.root) + 1 :] if inside else full)

    def _macros(self, values: Any, place: Place) -> Iterator[Macro]:
        for value in ops.elements(values) if values is not None else ():
            if isinstance(value, (tuple, list)) and value and isinstance(value[0], str):
                held = value[1] if len(value) > 1 else None
                where = value[0].place if isinstance(value[0], Text) else place
                yield Macro(str(value[0]), None if held is None else formats.text_of(held), where)


def _kind(label: str) -> Kind:
    kinds: dict[str, Kind] = {"cuda": "cuda", "cpp": "cpp", "jit": "jit"}
    return kinds.get(label, "plain")


def _COMPILER() -> dict[str, Any]:
    """Attributes of the compiler that distutils makes on Linux."""
    return {
        "compiler_type": "unix",
        "src_extensions": [".c", ".C", ".cc", ".cxx", ".cpp", ".m"],
        "compiler_so": ["gcc", "-fPIC"],
        "compiler_cxx": ["g++"],
        "compiler": ["gcc"],
        "linker_so": ["g++", "-shared"],
    }
