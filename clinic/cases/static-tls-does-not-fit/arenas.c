__thread volatile char heap[65536];

int arena(void) {
    heap[1] = 3;
    return heap[1];
}
