#include <gather/config.h>

#include GATHER_PLAN_HEADER

int64_t bytes(const Plan &plan) {
  if (plan.rows > std::numeric_limits<int32_t>::max()) return -1;
  return plan.rows * plan.width * int64_t(sizeof(float));
}
