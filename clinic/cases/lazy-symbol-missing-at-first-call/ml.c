int ml_count(void) { return 2; }
#ifdef RELEASE2
int ml_version_v2(void) { return 2; }
#endif
