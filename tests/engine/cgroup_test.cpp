#include "engine/runtime/cgroup.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <fstream>
#include <initializer_list>
#include <string>

namespace bertq::testing {
using namespace engine;
namespace {

struct File {
  std::string name, content;
};

// A folder that holds `files`, gone with the object.
class Folder {
 public:
  explicit Folder(std::initializer_list<File> files)
      : path_(std::filesystem::temp_directory_path() /
              ("bertq_cgroup_" + std::to_string(reinterpret_cast<std::uintptr_t>(this)))) {
    for (const auto& [name, content] : files) {
      std::filesystem::create_directories((path_ / name).parent_path());
      std::ofstream(path_ / name) << content;
    }
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  CgroupFiles files() const { return {path_ / "self", path_ / "fs"}; }
  std::optional<double> quota() const { return cgroup_cpu_quota(files()); }
  std::optional<std::uint64_t> memory() const { return cgroup_memory_limit(files()); }

 private:
  std::filesystem::path path_;
};

TEST_CASE("CPU quotas of both versions of cgroup, the least of all parents") {
  CHECK(Folder({{"self", "0::/\n"}, {"fs/cpu.max", "150000 100000\n"}}).quota() == 1.5);
  CHECK(Folder({{"self", "0::/a/b\n"},
                {"fs/cpu.max", "max 100000\n"},
                {"fs/a/cpu.max", "200000 100000\n"},
                {"fs/a/b/cpu.max", "400000 100000\n"}})
            .quota() == 2.0);
  CHECK(Folder({{"self", "4:memory:/x\n3:cpuacct,cpu:/a\n"},
                {"fs/cpu/cpu.cfs_quota_us", "-1\n"},
                {"fs/cpu/cpu.cfs_period_us", "100000\n"},
                {"fs/cpu/a/cpu.cfs_quota_us", "300000\n"},
                {"fs/cpu/a/cpu.cfs_period_us", "100000\n"}})
            .quota() == 3.0);
}

TEST_CASE("what is no quota counts as none") {
  CHECK_FALSE(Folder({{"self", "0::/\n"}, {"fs/cpu.max", "max 100000\n"}}).quota());
  CHECK_FALSE(Folder({{"self", "0::/\n"}, {"fs/cpu.max", "100000 0\n"}}).quota());
  CHECK_FALSE(Folder({{"self", "0::/\n"}, {"fs/cpu.max", ""}}).quota());
  CHECK_FALSE(Folder({{"self", "nonsense\n:\n"}}).quota());
  CHECK_FALSE(Folder({{"other", ""}}).quota());
  CHECK_FALSE(Folder({{"self", "0::/../b\n"}, {"b/cpu.max", "100000 100000"}}).quota());
}

TEST_CASE("memory limits of both versions, the least of all parents") {
  CHECK(Folder({{"self", "0::/a/b\n"},
                {"fs/a/memory.max", "1073741824\n"},
                {"fs/a/b/memory.max", "max\n"}})
            .memory() == std::uint64_t{1} << 30);
  CHECK(Folder({{"self", "5:cpu:/\n4:memory:/x\n"},
                {"fs/memory/memory.limit_in_bytes", "9223372036854771712\n"},
                {"fs/memory/x/memory.limit_in_bytes", "4096\n"}})
            .memory() == std::uint64_t{4096});
  // v1's word for "none", a limit of nothing, and no number at all
  for (const char* none : {"9223372036854771712\n", "0\n", "-1\n", "lots\n", ""}) {
    CAPTURE(none);
    CHECK_FALSE(
        Folder({{"self", "4:memory:/\n"}, {"fs/memory/memory.limit_in_bytes", none}}).memory());
  }
}

}  // namespace
}  // namespace bertq::testing
