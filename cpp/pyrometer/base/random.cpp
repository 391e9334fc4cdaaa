#include "pyrometer/base/random.hpp"
namespace pyrometer::base {
std::array<std::uint64_t, 2> threefry(Seed, std::array<std::uint64_t, 2>) { return {}; }
}
