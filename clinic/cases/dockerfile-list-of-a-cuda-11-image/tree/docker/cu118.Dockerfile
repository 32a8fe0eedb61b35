FROM nvidia/cuda:11.8.0-devel-ubuntu22.04
ENV CUDA_HOME=/usr/local/cuda-11.8
ENV OCTREE_CUDA_ARCHS="50;52;60;61;70;75;80;86"
RUN apt-get update && apt-get install -y --no-install-recommends python3-dev python3-setuptools
COPY . /src
RUN cd /src && python3 setup.py build_ext --inplace
