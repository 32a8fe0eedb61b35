#pragma once

struct Plan {
  uint32_t width;
  int64_t rows;
};
