// What the runtime (hip.cpp) hands to the driver (child.py) for a launch.
#pragma once

#include <cstdint>

extern "C" {

struct Launch {
    const void* bundle;
    const char* kernel;
    uint32_t blocks[3], threads[3], dynamic_lds;
    void** arguments;
};

// 0, or another number after it has said on standard error what is wrong.
using Launcher = int (*)(const Launch*);
void set_launcher(Launcher launcher, const char* arch, int wave_size);
}
