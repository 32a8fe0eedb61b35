"""What may be asked of the files that the facts name.

A method is a question; snapshots name it so, with "-" for "_", and its subject after a colon:
"torch-declares:c10/util/Half.h isnan". facts/queries.py answers from the disk, evidence/view.py
asks, and takes from a snapshot what it holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, get_type_hints

if TYPE_CHECKING:  # a run without a project needs none of these records
    from gpufix.source.scanned import CxxSources, Mention, Scanned, SourceText
    from gpufix.source.source_facts import (
        CMakeFacts,
        HipFacts,
        PythonFacts,
        RequirementFacts,
        ShellFacts,
        TomlFacts,
    )


class Questions(Protocol):
    """Each raises ValueError (nobody can tell, a path that is not allowed) or OSError."""

    def torch_symbols(self, path: str) -> tuple[str, ...]:
        """torch's names that a library leaves undefined."""
        ...

    def c10_destructors(self, path: str) -> tuple[str, ...]:
        """Destructors of c10's classes that a library holds itself."""
        ...

    def search_path(self, path: str) -> tuple[str, ...]:
        """The folders of a library's RUNPATH, or RPATH."""
        ...

    def unnamed_kernels(self, units: str) -> tuple[str, ...]:
        """A kernel of each unit of GPU code that has kernels, none of them named for a GPU.

        units: what they hold, as knowledge.gpus.units.Unit.key has it, a blank, the library.
        """
        ...

    def chooses_gpu(self, path: str) -> bool | None:
        """Whether a library, or the Python of its package, asks which GPU is there; None: hidden."""
        ...

    def exports(self, name: str) -> bool:
        """Whether some library of the installed torch defines a mangled name."""
        ...

    def demangle(self, name: str) -> str | None:
        """The C++ name of a mangled one, None when it is none."""
        ...

    def sha256(self, path: str) -> str:
        """The digest of a file, in hexadecimal."""
        ...

    def recorded_code(self, metadata: str) -> tuple[str, ...]:
        """The Python sources, stubs and compiled modules that a distribution's RECORD lists."""
        ...

    def lacks_module(self, name: str) -> bool:
        """Whether the patient's Python surely finds no module of a name without dots."""
        ...

    def source(self, path: str) -> SourceText:
        """A source file as it is."""
        ...

    def system_header(self, name: str) -> bool:
        """Whether a header such as EGL/egl.h lies where a compiler would look."""
        ...

    def ptxas_release(self, path: str) -> str | None:
        """The CUDA release ("12.8") that a ptxas names in itself, "" for none; None: no such file."""
        ...

    def clashing_math(self, root: str) -> tuple[str, ...]:
        """The functions that a CUDA toolkit declares otherwise than the C library here does."""
        ...

    def torch_header(self, name: str) -> bool:
        """Whether the installed torch has a header, named as its users include it."""
        ...

    def torch_declares(self, header: str, word: str) -> bool:
        """Whether a header of the installed torch has a word."""
        ...

    def torch_standard(self, header: str) -> int:
        """The oldest C++ (17) that compiles an include of a header of the installed torch; 0: any."""
        ...

    def project_python(self, root: str) -> Scanned[PythonFacts]:
        """The project's Python files."""
        ...

    def project_cmake(self, root: str) -> Scanned[CMakeFacts]:
        """The project's CMake files."""
        ...

    def project_shell(self, root: str) -> Scanned[ShellFacts]:
        """The project's shell scripts."""
        ...

    def project_docker(self, root: str) -> Scanned[ShellFacts]:
        """The project's Dockerfiles."""
        ...

    def project_requirements(self, root: str) -> Scanned[RequirementFacts]:
        """The project's requirement and conda environment files."""
        ...

    def project_toml(self, root: str) -> Scanned[TomlFacts]:
        """The project's pyproject.toml files."""
        ...

    def project_cxx(self, root: str) -> CxxSources:
        """The project's C++, CUDA and HIP files."""
        ...

    def project_hip(self, root: str) -> Scanned[HipFacts]:
        """What a HIP build meets in them."""
        ...

    def project_mentions(self, path: str) -> tuple[Mention, ...]:
        """The project's files that name a path; at most twenty."""
        ...

    def project_holders(self, word: str) -> tuple[str, ...]:
        """The project's Python files that hold a word."""
        ...

    def project_having(self, words: str) -> tuple[str, ...]:
        """The project's Python files that have words of a reader that is asked of a whole project.

        "half": casts to half precision; "half models": these beside a run over modules; "device":
        self.device; "moves": one of several modules is moved.
        """
        ...

    def project_names(self, folder: str) -> tuple[str, ...]:
        """The names in a folder of the project, those of folders with "/" behind; () for none there."""
        ...


def answer_kind(question: str) -> Any:
    """What the answers to a question are declared to be, by its name in snapshots."""
    from gpufix.source import scanned, source_facts

    method = getattr(Questions, question.replace("-", "_"))
    return get_type_hints(method, localns={**vars(source_facts), **vars(scanned)})["return"]
