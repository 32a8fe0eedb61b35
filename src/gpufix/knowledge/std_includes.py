"""Which standard header declares a name, and which headers are known not to bring it along."""

from __future__ import annotations

import re

from gpufix.frozen import Frozen


class Need(Frozen):
    """A standard header and the names that need it.

    `silent` are headers that bring none of the names with GCC from `since` on (None = with any).
    Every header that is not listed may bring them.
    """

    header: str
    also: tuple[str, ...]  # headers that serve as well
    pattern: str  # of the name without a qualifier and without the "u" of unsigned types
    given: str  # pattern of names that are declared anyhow
    triggers: tuple[str, ...]  # patterns, one of which matches where such a name begins, or before
    since: int | None
    silent: frozenset[str]
    source: str

    def names(self, name: str) -> bool:
        """Whether a name, with its qualifier, needs the header."""
        return re.fullmatch(self.given, name) is None


# With libstdc++ 12's <bits/char_traits.h> freed of <cstdint>, as 13's is, these declare neither
# uint32_t nor std::uintptr_t (C++17). cuda_runtime_api.h and cuda_runtime.h: measured with 13.0,
# reported by users of GCC 13 with 11.8 to 12.6.
_QUIET = frozenset(
    [
        "array",
        "cassert",
        "cctype",
        "cerrno",
        "cfloat",
        "climits",
        "cmath",
        "cstdarg",
        "cstddef",
        "cstdio",
        "cstdlib",
        "cstring",
        "ctime",
        "deque",
        "exception",
        "fstream",
        "functional",
        "initializer_list",
        "iomanip",
        "ios",
        "iosfwd",
        "iostream",
        "istream",
        "iterator",
        "limits",
        "list",
        "map",
        "new",
        "numeric",
        "optional",
        "ostream",
        "queue",
        "set",
        "sstream",
        "stack",
        "stdexcept",
        "string",
        "string_view",
        "tuple",
        "type_traits",
        "typeinfo",
        "unordered_map",
        "unordered_set",
        "utility",
        "vector",
        "assert.h",
        "ctype.h",
        "errno.h",
        "float.h",
        "limits.h",
        "math.h",
        "stddef.h",
        "stdio.h",
        "stdlib.h",
        "string.h",
        "time.h",
        "cuda_runtime_api.h",
        "cuda_runtime.h",
        "device_launch_parameters.h",
        "vector_types.h",
        "driver_types.h",
    ]
)

CSTDINT = Need(
    header="cstdint",
    also=("stdint.h", "inttypes.h", "cinttypes"),
    pattern=r"int(?:(?:_least|_fast)?(?:8|16|32|64)|ptr|max)_t\b",
    # Signed types without std:: come with <stdlib.h> (glibc's sys/types.h), which every CUDA
    # source has.
    given=r"(?:::)?int(?:8|16|32|64)_t",
    triggers=(
        r"int(?:_least|_fast|ptr_t|max_t|8_t(?:(?<=[u:]int8_t)|(?<=: int8_t))"
        r"|(?:16|32|64)_t(?:(?<=[u:]int\d\d_t)|(?<=: int\d\d_t)))",
    ),
    since=13,
    silent=_QUIET,
    source="GCC 13 porting guide, header dependency changes",
)
CFLOAT = Need(
    header="cfloat",
    also=("float.h",),
    pattern=r"(?:FLT|DBL)_(?:MAX|MIN|EPSILON|DIG|MANT_DIG|MAX_EXP|MIN_EXP)\b",
    given="",
    triggers=("FLT_[MED]", "DBL_[MED]"),
    since=None,
    silent=_QUIET - {"cfloat", "float.h"},
    source="nvcc 13.0 and GCC 12: cuda_runtime.h only declares none",
)
NEEDS = (CSTDINT, CFLOAT)
