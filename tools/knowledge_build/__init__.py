"""From the rows kept by hand in knowledge/ to the tables that gpufix ships."""
