extern "C" int mixed_version() { return 3; }
