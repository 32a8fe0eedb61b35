#pragma once
#include "config.h"

void gather(const float *table, const uint32_t *rows, float *out, size_t n, uint32_t width);
