extern "C" int beamform_abi() { return 1; }
