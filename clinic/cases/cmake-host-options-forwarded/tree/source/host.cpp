#include <omp.h>

extern "C" int planewave_threads() { return omp_get_max_threads(); }
