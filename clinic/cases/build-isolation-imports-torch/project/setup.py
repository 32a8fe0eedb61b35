import torch
from setuptools import setup

# The wheel says for which torch it was made.
local = "torch" + "".join(torch.__version__.split("+")[0].split(".")[:2])

setup(
    name="attn",
    version=f"2.7.2+{local}",
    packages=["attn"],
    install_requires=["torch"],
)
