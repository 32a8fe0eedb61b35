FROM nvidia/cuda:13.0.1-devel-ubuntu24.04
RUN apt-get update && apt-get install -y --no-install-recommends python3-dev python3-setuptools
COPY . /src
RUN cd /src && python3 setup.py build_ext --inplace
