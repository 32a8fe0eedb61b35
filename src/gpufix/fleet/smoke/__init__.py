"""`gpufix fleet smoke`: GPUs, links and collectives of many nodes, by running them.

node.py, rank.py and what they import run on the nodes, in the patient's Python (3.9 or newer): they
import the standard library, each other, and torch. packed.py lists them.
"""
