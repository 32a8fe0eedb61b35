def count(bytes signs):
    cdef Py_ssize_t i
    return sum(signs[i] != signs[i - 1] for i in range(1, len(signs)))
