"""`gpufix fleet smoke`: GPUs, links and collectives of many nodes, by running them.

pairing, naming, network, topology, copies, rank and node run on the nodes, in the patient's Python (3.8
or newer): they import the standard library, each other, and torch.
"""
