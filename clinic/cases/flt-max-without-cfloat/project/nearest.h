#pragma once

struct Point {
  float x, y, z;
};

void nearest(int n, const Point *points, float *distances);
