#pragma once
#include <cstddef>

extern "C" {
void *managed_new(size_t bytes);
int managed_to_device(void *p, size_t bytes, int device);
int managed_to_host(void *p, size_t bytes);
}
