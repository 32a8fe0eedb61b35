#pragma once
#include <cstddef>
#include <vector>

template <typename T>
class RingBuffer {
 public:
  explicit RingBuffer(std::size_t size) : items_(size) {}
  T &at(std::size_t i) { return items_[i % items_.size()]; }
  std::size_t size() const { return items_.size(); }

 private:
  std::vector<T> items_;
};
