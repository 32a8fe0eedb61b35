# Flags that every target shares.
CXXFLAGS = -std=c++17 -O1 -fPIC
# PyTorch's wheels use the old string ABI.
CXXFLAGS += -D_GLIBCXX_USE_CXX11_ABI=0
