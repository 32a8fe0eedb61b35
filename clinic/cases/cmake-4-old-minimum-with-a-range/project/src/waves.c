#include "tinyjs.h"

int waves_is_balanced(const char *settings) { return tinyjs_braces(settings) == 0; }
