// The fuzz targets' inputs, without a fuzzer: seeds, and every input that once failed.

#include <doctest/doctest.h>

#include <ctime>
#include <filesystem>
#include <string>
#include <string_view>

#include "fuzz/open_and_read.h"
#include "loaders/checkpoint.h"
#include "support/read_file.h"

namespace bertq::loaders {
namespace {

namespace fs = std::filesystem;

struct Format {
  std::string_view name;
  void (*open)(std::span<const std::byte>);
};
constexpr Format formats[] = {
    {"safetensors", fuzz::open_file},  {"torch_zip", fuzz::open_file},
    {"torch_legacy", fuzz::open_file}, {"torch_tar", fuzz::open_file},
    {"bertq", fuzz::open_file},        {"tensorflow", fuzz::open_tensorflow},
    {"zip", fuzz::open_zip},
};

TEST_CASE("what once troubled a reader is refused or read, at once") {
  for (const Format& format : formats) {
    std::size_t inputs = 0;
    for (const auto& entry :
         fs::directory_iterator(fs::path(BERTQ_TEST_DATA) / "fuzz" / format.name)) {
      CAPTURE(entry.path().string());
      const std::string bytes = testing::read_file(entry.path());
      const std::clock_t start = std::clock();
      CHECK_NOTHROW(format.open(std::as_bytes(std::span(bytes))));
      CHECK(std::clock() - start < CLOCKS_PER_SEC);
      ++inputs;
    }
    CAPTURE(format.name);
    CHECK(inputs > 0);
  }
}

TEST_CASE("the seeds of the fuzz targets are good files") {
  for (const Format& format : formats) {
    if (format.open != fuzz::open_file) continue;
    for (const auto& entry :
         fs::directory_iterator(fs::path(BERTQ_TEST_DATA) / "fuzz" / format.name)) {
      if (!entry.path().filename().string().starts_with("seed-")) continue;
      CAPTURE(entry.path().string());
      CHECK_NOTHROW(open_checkpoint_file(open_file(entry.path())));
    }
  }
}

}  // namespace
}  // namespace bertq::loaders
