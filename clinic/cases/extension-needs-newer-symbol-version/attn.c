int kern_scale(int);
int kern_fused(int);

int run(void) { return kern_fused(kern_scale(5)); }
