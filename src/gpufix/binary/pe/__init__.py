"""Reads PE files: the DLLs, .pyd and .exe files of Windows."""

from gpufix.binary.pe.file import PeFile
from gpufix.binary.pe.headers import PeError
from gpufix.binary.pe.tables import Exports, Import

__all__ = ["Exports", "Import", "PeError", "PeFile"]
