// The inputs of the fuzz targets of what the engine reads, without a fuzzer: seeds, and every input
// that once failed. Those of checkpoints are the loaders' (tests/loaders/fuzz_inputs_test.cpp).
#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <string_view>

#include "engine/precision/recipe.h"
#include "engine/quantized/best_configure.h"
#include "engine/tuning/journal.h"
#include "engine/tuning/lpot_settings.h"
#include "fuzz/read_settings.h"
#include "support/read_file.h"

namespace bertq::testing {
using namespace engine;
namespace {

namespace fs = std::filesystem;

const fs::path inputs = fs::path(BERTQ_TEST_DATA) / "fuzz";

struct Format {
  std::string_view name;
  void (*read)(std::span<const std::byte>);
};
constexpr Format formats[] = {{"recipe", fuzz::read_recipe},
                              {"lpot_settings", fuzz::read_lpot_settings},
                              {"best_configure", fuzz::read_best_configure},
                              {"journal", fuzz::read_journal}};

TEST_CASE("what once troubled a reader of settings is refused or read") {
  for (const Format& format : formats) {
    int count = 0;
    for (const auto& entry : fs::directory_iterator(inputs / format.name)) {
      CAPTURE(entry.path().string());
      const std::string bytes = read_file(entry.path());
      CHECK_NOTHROW(format.read(std::as_bytes(std::span(bytes))));
      ++count;
    }
    CAPTURE(format.name);
    CHECK(count > 0);
  }
}

TEST_CASE("the seeds of the fuzz targets of settings are good files") {
  CHECK(Recipe::parse(read_file(inputs / "recipe/seed-all"), "m").entries().size() == 3);
  CHECK(
      parse_lpot_settings(read_file(inputs / "lpot_settings/seed-all"), "m").space.op_wise.size() ==
      2);
  CHECK(parse_best_configure(read_file(inputs / "best_configure/seed-two"), "m").layers.size() ==
        2);
  CHECK(parse_journal(read_file(inputs / "journal/seed-four"), "m").records.size() == 4);
}

}  // namespace
}  // namespace bertq::testing
