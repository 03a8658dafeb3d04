#include "tokenizer/file.h"

#include <doctest/doctest.h>

#include <sys/stat.h>
#include <string>

#include "support/temporary_folder.h"
#include "tokenizer/tokenizer.h"

namespace bertq::tokenizer::testing {
namespace {

using bertq::testing::TemporaryFolder;

TEST_CASE("a file comes whole, what is none is refused") {
  const TemporaryFolder folder;
  folder.write("empty", "");
  folder.write("big", std::string(3'000'000, 'x'));
  CHECK(read_file(folder / "empty").empty());
  CHECK(read_file(folder / "big").size() == 3'000'000);

  CHECK_THROWS_WITH_AS(read_file(folder / "absent"),
                       doctest::Contains("absent: cannot be read: no such file"), TokenizerError);
  CHECK_THROWS_WITH_AS(read_file(folder.path()), doctest::Contains("expected a file"),
                       TokenizerError);
  CHECK_THROWS_WITH_AS(read_file("/dev/zero"), doctest::Contains("expected a file"),
                       TokenizerError);
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  CHECK_THROWS_WITH_AS(read_file(folder / "pipe"), doctest::Contains("expected a file"),
                       TokenizerError);
  std::filesystem::create_symlink("loop", folder / "loop");
  CHECK_THROWS_WITH_AS(read_file(folder / "loop"), doctest::Contains("loop: cannot be read"),
                       TokenizerError);
}

TEST_CASE("a file past the bound is refused") {
  const TemporaryFolder folder;
  folder.write("huge", "");
  std::filesystem::resize_file(folder / "huge", std::uintmax_t{1} << 34);  // sparse
  CHECK_THROWS_WITH_AS(read_file(folder / "huge"),
                       doctest::Contains("huge: expected at most 64 MiB"), TokenizerError);
}

}  // namespace
}  // namespace bertq::tokenizer::testing
