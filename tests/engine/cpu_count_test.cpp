#include "engine/runtime/cpu_count.h"

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
  std::optional<double> quota() const { return cgroup_quota(path_ / "self", path_ / "fs"); }

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

TEST_CASE("this process has CPUs to use") {
  CHECK(affinity_cpus() >= 1);
  CHECK(usable_cpus() >= 1);
  CHECK(usable_cpus() <= affinity_cpus());
}

}  // namespace
}  // namespace bertq::testing
