#pragma once
#include "ringBuffer.h"

struct Queue {
  RingBuffer<int> ids{64};
};
