int rt_launch(int x) { return x; }
#ifdef GRAPHS
int rt_graph_launch(int x) { return x * x; }
#endif
