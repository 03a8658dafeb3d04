#include "engine/runtime/replace_file.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <iterator>
#include <string>

#include "bertq/error.h"
#include "support/read_file.h"

namespace bertq::testing {
using namespace engine;
namespace {

namespace fs = std::filesystem;

class Folder {
 public:
  Folder()
      : path_(fs::temp_directory_path() / ("bertq_replace_file_" + std::to_string(::getpid()))) {
    fs::create_directories(path_);
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  fs::path operator/(const char* name) const { return path_ / name; }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(path_), {}));
  }

 private:
  fs::path path_;
};

TEST_CASE("a file is replaced whole, through a link too") {
  const Folder folder;
  replace_file(folder / "file", "old");
  replace_file(folder / "file", "new");
  CHECK(read_file(folder / "file") == "new");
  fs::create_symlink(folder / "file", folder / "link");
  replace_file(folder / "link", "newer");
  CHECK(fs::is_symlink(folder / "link"));
  CHECK(read_file(folder / "file") == "newer");
  CHECK(folder.files() == 2);
}

TEST_CASE("what cannot be written is an error of resources, and leaves nothing behind") {
  const Folder folder;
  const auto kind_of = [](const fs::path& path) {
    try {
      replace_file(path, "text");
    } catch (const Error& error) {
      return error.kind();
    }
    return ErrorKind::internal;
  };
  CHECK(kind_of(folder / "none/file") == ErrorKind::resources);
  CHECK(kind_of(folder / ".") == ErrorKind::resources);
  CHECK(folder.files() == 0);
  // Through a link, so that a mistake here would cost the link and not the device.
  fs::create_symlink("/dev/full", folder / "full");
  CHECK(kind_of(folder / "full") == ErrorKind::resources);
  CHECK(fs::is_symlink(folder / "full"));
  CHECK(fs::is_character_file("/dev/full"));
  fs::create_symlink("/dev/null", folder / "null");
  replace_file(folder / "null", "text");
  CHECK(fs::is_character_file(folder / "null"));
}

}  // namespace
}  // namespace bertq::testing
