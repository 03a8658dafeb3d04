#include "jit/isa.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "jit/kernels.h"

namespace bertq::jit {
namespace {

// The message of the error that choosing `name` ends in; empty if there is none.
std::string refusal(const std::string& name) {
  try {
    select_isa(name);
  } catch (const IsaUnavailable& error) {
    return error.what();
  }
  return {};
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("names of instruction sets") {
  const std::vector<std::string> names = {"reference", "avx2",        "avx_vnni",
                                          "avx512",    "avx512_vnni", "amx"};
  const std::span<const Isa> isas = all_isas();
  REQUIRE(isas.size() == names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    CHECK(isa_name(isas[i]) == names[i]);
    CHECK(parse_isa(names[i]) == isas[i]);
  }
  for (const char* none : {"", "AVX2", "avx", "avx2 ", " avx2", "avx512vnni", "sse", "best"})
    CHECK_MESSAGE(!parse_isa(none).has_value(), none);
}

TEST_CASE("every path is either available or says what is lacking") {
  CHECK(available(Isa::reference));
  for (const Isa isa : all_isas()) {
    const std::string why = why_unavailable(isa);
    CHECK(available(isa) == why.empty());
    const bool says_who =
        why.empty() || contains(why, "the CPU has no ") || contains(why, "kernel") || contains(why, "SIG");
    CHECK_MESSAGE(says_who, why);
    CHECK(why_unavailable(isa) == why);  // the same when asked again
  }
  // Each of these has all that the one before it needs.
  if (available(Isa::avx_vnni)) CHECK(available(Isa::avx2));
  if (available(Isa::avx512_vnni)) CHECK(available(Isa::avx512));
}

TEST_CASE("choosing an instruction set") {
  CHECK(select_isa("reference") == Isa::reference);
  for (const Isa isa : all_isas()) {
    const std::string name(isa_name(isa));
    if (available(isa)) {
      CHECK(select_isa(name) == isa);
      CHECK(Kernels::of(isa).isa() == isa);
      continue;
    }
    CHECK_MESSAGE(contains(refusal(name), name), refusal(name));
    CHECK_MESSAGE(contains(refusal(name), why_unavailable(isa)), refusal(name));
    CHECK_THROWS_AS(Kernels::of(isa), IsaUnavailable);
  }
  for (const char* unknown : {"avx1024", "AVX2", "none"}) {
    CHECK_MESSAGE(contains(refusal(unknown), unknown), refusal(unknown));
    CHECK_MESSAGE(contains(refusal(unknown), "reference"), refusal(unknown));  // what there is
    CHECK_MESSAGE(!contains(refusal(unknown), "\n"), refusal(unknown));
  }
}

TEST_CASE("the best path is chosen unasked, `reference` never") {
  if (!available(Isa::avx2)) {
    CHECK_MESSAGE(contains(refusal(""), "AVX2"), refusal(""));
    CHECK_MESSAGE(contains(refusal(""), "reference"), refusal(""));
    return;
  }
  const Isa best = select_isa("");
  CHECK(best != Isa::reference);
  if (available(Isa::amx)) {
    CHECK(best == Isa::amx);
  } else if (available(Isa::avx512_vnni)) {
    CHECK(best == Isa::avx512_vnni);
  } else if (available(Isa::avx_vnni)) {
    CHECK(best == Isa::avx_vnni);
  }
}

TEST_CASE("the CPU is described") {
  const CpuDescription& cpu = describe_cpu();
  CHECK(!cpu.name.empty());
  CHECK(std::all_of(cpu.name.begin(), cpu.name.end(), [](char c) { return c >= ' ' && c <= '~'; }));
  CHECK(cpu.name.front() != ' ');
  CHECK(cpu.name.back() != ' ');
  if (cpu.l1_data_bytes > 0 && cpu.l2_bytes > 0) CHECK(cpu.l1_data_bytes <= cpu.l2_bytes);
}

}  // namespace bertq::jit
