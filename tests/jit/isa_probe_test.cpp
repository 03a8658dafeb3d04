#include "jit/isa_probe.h"

#include <doctest/doctest.h>
#include <signal.h>

#include <string>

#include "jit/isa_testing.h"
#include "jit/kernels.h"
#include "support/skipped.h"

namespace bertq::testing {
namespace {

using namespace jit;

TEST_CASE("what is promised executes, and what no CPU has is SIGILL") {
  CHECK(probe(Isa::reference) == 0);
  for (const Isa isa : all_isas()) {
    if (isa == Isa::reference) continue;
    const std::string name(isa_name(isa));
    CAPTURE(name);
    CHECK(probe(isa, true) == SIGILL);
    if (const std::string why = why_not_promised(isa); !why.empty()) {
      print_skipped("the probe of " + name, why);
      continue;
    }
    CHECK(probe(isa) == 0);
  }
}

TEST_CASE("a path that is promised and faults is not chosen, and says why") {
  if (!available(Isa::avx2)) return print_skipped("falling back", why_unavailable(Isa::avx2));
  const Isa best = select_isa("");
  assume_faulting_for_tests(best, true);
  const std::string why = why_unavailable(best);
  CHECK(why == "its instructions end in SIGILL, although the CPU and the kernel promise them");
  CHECK(why_not_promised(best).empty());
  CHECK_THROWS_AS(select_isa(isa_name(best)), IsaUnavailable);
  if (best != Isa::avx2) {
    const Isa next = select_isa("");
    CHECK(next != best);
    CHECK(Kernels::of(next).isa() == next);
  }
  // With all of them broken there is `reference`, for those who ask for it.
  for (const Isa isa : all_isas()) {
    if (isa != Isa::reference) assume_faulting_for_tests(isa, true);
  }
  CHECK_THROWS_WITH_AS(select_isa(""), doctest::Contains("SIGILL"), IsaUnavailable);
  CHECK(select_isa("reference") == Isa::reference);
  for (const Isa isa : all_isas()) assume_faulting_for_tests(isa, false);
  CHECK(select_isa("") == best);
}

}  // namespace
}  // namespace bertq::testing
