import ctypes
from pathlib import Path

lib = ctypes.CDLL(str(Path(__file__).with_name("libdecode.so")))
