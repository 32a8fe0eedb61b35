"""`gpufix inspect`: what one file, wheel, folder or installed package says of itself.

Plain dataclasses and no pydantic: the command is run on thousands of files in loops, and must not
spend its time on starting up.
"""
