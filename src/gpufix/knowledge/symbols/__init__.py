"""The history of torch's exported symbols: which releases can satisfy a compiled extension."""

from .history import NameHistory, SymbolHistory
from .judge import Library, judge
from .judgement import BREAKS, Judgement, LayoutBreak, Promise
from .table import SymbolTableError

__all__ = [
    "BREAKS",
    "Judgement",
    "LayoutBreak",
    "Library",
    "NameHistory",
    "Promise",
    "SymbolHistory",
    "SymbolTableError",
    "judge",
]
