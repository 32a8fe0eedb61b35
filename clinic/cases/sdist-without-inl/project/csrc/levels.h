#pragma once

namespace quant {
constexpr int levels = 8;
}
