"""Which cards a job of ours may use."""

CARDS = {"train": [0, 1], "serve": [2]}
