int kern_scale(int x) { return 2 * x; }
#ifdef FUSED
int kern_fused(int x) { return 2 * x + 1; }
#endif
