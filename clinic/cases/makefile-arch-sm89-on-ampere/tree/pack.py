import ctypes
import pathlib

LIB = ctypes.CDLL(str(pathlib.Path(__file__).parent / "native" / "libpack.so"))
