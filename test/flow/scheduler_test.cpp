#include "flow/bench.hpp"
TEST_CASE("scheduler: x") {}
