// With assertions, operator[] calls std::__glibcxx_assert_fail of GLIBCXX_3.4.30.
#include <vector>

extern "C" int check() {
    std::vector<int> v{1, 2, 4};
    return v[2];
}
