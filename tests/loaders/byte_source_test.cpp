#include "loaders/byte_source.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <vector>

#include "support/skipped.h"
#include "support/temporary_folder.h"
#include "support/thrown_message.h"

namespace bertq::loaders {
namespace {

namespace fs = std::filesystem;
using testing::TemporaryFolder;
using testing::thrown_message;

std::string opening_complaint(const fs::path& path) {
  return thrown_message<FormatError>([&] { open_file(path); });
}

std::string read_back(const ByteSource& source, std::uint64_t offset, std::size_t count) {
  std::string text(count, '?');
  source.read(offset, std::as_writable_bytes(std::span(text)));
  return text;
}

TEST_CASE("a file and memory give the same bytes") {
  const TemporaryFolder folder;
  const std::string bytes("abc\0def", 7);
  const fs::path path = folder.write("f", bytes);
  const auto file = open_file(path);
  const auto memory = open_memory(std::as_bytes(std::span(bytes)), "memory");
  CHECK(file->name() == path.string());
  CHECK(memory->name() == "memory");
  for (const ByteSource* source : {file.get(), memory.get()}) {
    CHECK(source->size() == 7);
    CHECK(read_back(*source, 0, 7) == bytes);
    CHECK(read_back(*source, 2, 3) == bytes.substr(2, 3));
    CHECK(read_back(*source, 7, 0).empty());
    CHECK(read_text(*source, 7) == bytes);
    CHECK_THROWS_AS(read_back(*source, 5, 3), FormatError);
    CHECK_THROWS_AS(read_back(*source, 8, 1), FormatError);
    CHECK_THROWS_AS(read_back(*source, ~std::uint64_t{0} >> 1U, 1), FormatError);
  }
}

TEST_CASE("what is no regular file is refused at once") {
  const TemporaryFolder folder;
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  fs::create_symlink("loop", folder / "loop");
  fs::create_symlink("nowhere", folder / "dangling");
  struct Row {
    fs::path path;
    std::string complaint;
  };
  const std::vector<Row> rows{
      {folder / "absent", "expected a readable file, got: No such file or directory"},
      {folder / "dangling", "expected a readable file, got: No such file or directory"},
      {folder / "loop", "expected a readable file, got: Too many levels of symbolic links"},
      {folder / std::string(300, 'x'), "expected a readable file, got: File name too long"},
      {folder.path(), "expected a file, got a folder"},
      {folder / "pipe", "expected a file, got a named pipe"},
      {"/dev/zero", "expected a file, got a device"}};
  const auto start = std::chrono::steady_clock::now();  // a hang would last for ever
  for (const Row& row : rows) {
    CHECK(opening_complaint(row.path) == row.path.string() + ": " + row.complaint);
  }
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(20));
}

TEST_CASE("an unreadable file is refused") {
  if (::geteuid() == 0) {
    testing::print_skipped("an unreadable file", "root may read everything");
    return;
  }
  const TemporaryFolder folder;
  const fs::path path = folder.write("secret", "x");
  fs::permissions(path, fs::perms::none);
  CHECK(opening_complaint(path) ==
        path.string() + ": expected a readable file, got: Permission denied");
}

TEST_CASE("a file that shrinks while it is read is an error, not a signal") {
  const TemporaryFolder folder;
  const fs::path path = folder.write("f", std::string(100'000, 'x'));
  const auto source = open_file(path);
  fs::resize_file(path, 10);
  CHECK(read_back(*source, 0, 10) == std::string(10, 'x'));
  CHECK(thrown_message<FormatError>([&] { read_back(*source, 8, 50'000); }) ==
        path.string() + ": byte 10: expected 49998 more bytes, the file ends");
}

TEST_CASE("read_text refuses more than its limit") {
  const TemporaryFolder folder;
  const fs::path path = folder.write("f", "12345");
  CHECK(thrown_message<FormatError>([&] { read_text(*open_file(path), 4); }) ==
        path.string() + ": expected at most 4 bytes, got 5");
  CHECK(read_text(*open_file(folder.write("empty", "")), 4).empty());
}

}  // namespace
}  // namespace bertq::loaders
