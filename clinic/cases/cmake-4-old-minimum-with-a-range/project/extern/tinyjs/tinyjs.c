#include "tinyjs.h"

int tinyjs_braces(const char *text) {
  int open = 0;
  for (; *text; ++text) open += (*text == '{') - (*text == '}');
  return open;
}
