int tinyjs_braces(const char *text);
