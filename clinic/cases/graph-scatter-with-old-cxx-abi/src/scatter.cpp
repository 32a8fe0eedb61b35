// Sums the values of each group. An error is reported as libtorch does it.
#include <cstdint>
#include <string>

namespace c10 {
struct SourceLocation {
  const char* function;
  const char* file;
  uint32_t line;
};

class Error {
 public:
  Error(SourceLocation where, std::string what);

 private:
  alignas(16) char room[256];
};
}  // namespace c10

extern "C" int scatter_sum(const float* values, const int64_t* group, int64_t count, float* out,
                           int64_t groups) {
  for (int64_t i = 0; i < count; ++i) {
    if (group[i] < 0 || group[i] >= groups)
      throw c10::Error({__func__, __FILE__, __LINE__}, "no such group: " + std::to_string(group[i]));
    out[group[i]] += values[i];
  }
  return 0;
}
