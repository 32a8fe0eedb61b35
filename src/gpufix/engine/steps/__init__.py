"""One kind of step, one file: what it checks, what it may touch, how it is carried out."""
