#include "jit/peak.h"

#include <doctest/doctest.h>

#include <cmath>
#include <set>
#include <string_view>

namespace bertq::jit {

TEST_CASE("every unit has a name, and every path's products live on a unit that it has") {
  std::set<std::string_view> names;
  for (const Unit unit : all_units()) names.insert(unit_name(unit));
  CHECK(names.size() == all_units().size());
  for (const Isa isa : all_isas()) {
    if (isa == Isa::reference || !available(isa)) continue;
    CAPTURE(isa_name(isa));
    for (const auto operands : {Operands::f32, Operands::u8s8, Operands::bf16}) {
      CHECK(available(unit_of(isa, operands)));
    }
  }
}

TEST_CASE("peaks are measured, or refused where the machine lacks the unit") {
  for (const Unit unit : all_units()) {
    CAPTURE(unit_name(unit));
    if (available(unit)) {
      const double rate = measure_peak(unit, 0.002);
      CHECK(std::isfinite(rate));
      CHECK(rate > 0.0);
    } else {
      CHECK_THROWS_AS(measure_peak(unit, 0.002), IsaUnavailable);
    }
  }
}

TEST_CASE("bandwidth is measured for any amount of memory, by every path") {
  for (const Isa isa : all_isas()) {
    if (!available(isa) || !available(Isa::avx2)) continue;
    CAPTURE(isa_name(isa));
    for (const auto traffic : {Traffic::read, Traffic::update}) {
      for (const std::size_t bytes : {std::size_t{0}, std::size_t{4097}, std::size_t{3} << 20}) {
        const double rate = measure_bandwidth(isa, traffic, bytes, 0.002);
        CHECK(std::isfinite(rate));
        CHECK(rate > 0.0);
      }
    }
  }
}

}  // namespace bertq::jit
