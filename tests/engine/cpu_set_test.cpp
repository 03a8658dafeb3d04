#include "engine/runtime/cpu_set.h"

#include <doctest/doctest.h>

#include <thread>

namespace bertq::testing {
using namespace engine;
namespace {

TEST_CASE("a list of CPUs, as the kernel writes it, and back") {
  CHECK(CpuSet::parse("0-3,8,10-11") == CpuSet({0, 1, 2, 3, 8, 10, 11}));
  CHECK(CpuSet({11, 8, 10, 0, 1, 3, 2, 3}).text() == "0-3,8,10-11");
  CHECK(CpuSet::parse("5") == CpuSet({5}));
  CHECK(CpuSet::parse("") == CpuSet());
  CHECK(CpuSet().text().empty());
  CHECK(CpuSet::parse("0-1048575")->size() == 1048576);
}

TEST_CASE("what is no list of CPUs") {
  for (const char* text : {"-1", "3-1", "1,", ",1", "1-", "a", "1 2", "1048576", "0-1048576",
                           "99999999999999999999", "0-1048575,0-1048575,0-1048575"}) {
    CAPTURE(text);
    CHECK_FALSE(CpuSet::parse(text));
  }
}

TEST_CASE("sets") {
  const CpuSet even({0, 2, 4, 6}), low({0, 1, 2, 3});
  CHECK(even.intersection(low) == CpuSet({0, 2}));
  CpuSet both = even;
  both.insert(low);
  CHECK(both == CpuSet({0, 1, 2, 3, 4, 6}));
  CHECK(both.contains(6));
  CHECK_FALSE(both.contains(5));
}

TEST_CASE("a pinned thread stays where it was put, and so do those that it starts") {
  const CpuSet before = allowed_cpus();
  REQUIRE_FALSE(before.empty());
  const CpuSet one({*before.begin()});
  CpuSet pinned, inherited;
  bool kept = true;
  std::thread([&] {
    kept = pin_thread(one) && !pin_thread({}) && !pin_thread(CpuSet({1048575}));
    pinned = allowed_cpus();
    std::thread([&] { inherited = allowed_cpus(); }).join();
  }).join();
  CHECK(kept);
  CHECK(pinned == one);
  CHECK(inherited == one);
  CHECK(allowed_cpus() == before);
}

}  // namespace
}  // namespace bertq::testing
