/* wine_host.exe LIST: lines "ADD folder" and "LOAD path". Each file is loaded as Python loads a module,
   and freed; what the loader says of it stands between two lines of standard error. */
#include <stdio.h>
#include <wchar.h>
#include <windows.h>

#define HOW (LOAD_LIBRARY_SEARCH_DEFAULT_DIRS | LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR)

int wmain(int argc, wchar_t **argv) {
    static char line[8192];
    static wchar_t path[8192];
    SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX | SEM_NOOPENFILEERRORBOX);
    FILE *list = argc > 1 ? _wfopen(argv[1], L"r") : NULL;
    while (list && fgets(line, sizeof line, list)) {
        line[strcspn(line, "\r\n")] = 0;
        char *name = strchr(line, ' ') + 1;
        MultiByteToWideChar(CP_UTF8, 0, name, -1, path, 8192);
        if (line[0] == 'A') {
            AddDllDirectory(path);
            continue;
        }
        fprintf(stderr, "BEGIN %s\n", name);
        fflush(stderr);
        HMODULE module = LoadLibraryExW(path, NULL, HOW);
        fprintf(stderr, "\nEND %lu\n", module ? 0 : GetLastError());
        fflush(stderr);
        if (module) FreeLibrary(module);
    }
    TerminateProcess(GetCurrentProcess(), 0);
    return 0;
}
