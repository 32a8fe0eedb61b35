"""C++, CUDA and HIP sources as plain facts, and edits of them."""
