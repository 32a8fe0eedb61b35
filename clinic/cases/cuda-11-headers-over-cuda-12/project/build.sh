set -eu
nvidia=$(python -c "import sysconfig; print(sysconfig.get_path('purelib'))")/nvidia
cuda=$nvidia/cuda_runtime
g++ -I"$cuda/include" -I"$nvidia/cuda_nvcc/include" check.cpp -o check \
  "$cuda/lib/libcudart.so.12" -Wl,-rpath,"$cuda/lib"
./check
