#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *options[64];
int option_count;

void register_option(const char *name) {
    for (int i = 0; i < option_count; i++)
        if (!strcmp(options[i], name)) {
            fprintf(stderr, "fatal: option '%s' is registered twice\n", name);
            abort();
        }
    options[option_count++] = name;
}

__attribute__((constructor)) static void at_load(void) { register_option("debug-pass"); }

int run(void) { return option_count; }
