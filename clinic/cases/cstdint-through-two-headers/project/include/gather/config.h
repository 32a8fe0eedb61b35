#pragma once
#include <cfloat>
#include <cstddef>
#include <cstdint>
#include <limits>

#define GATHER_PLAN_HEADER "gather/plan.h"
