// Machines of many shapes, as folders of the kernel's form: read by bertq and, independently, by
// hwloc.
#include "engine/runtime/topology.h"

#include <doctest/doctest.h>
#include <hwloc.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "bertq/error.h"
#include "engine/runtime/cpu_count.h"
#include "support/skipped.h"

namespace bertq::testing {
using namespace engine;
namespace {

namespace fs = std::filesystem;

// `siblings_apart`: CPU numbers run over all cores before they come to second siblings, as Linux
// numbers most machines; otherwise siblings are neighbours, as many clouds number theirs.
struct Shape {
  const char* what;
  std::uint32_t packages, nodes_per_package, cores_per_node, siblings;
  bool siblings_apart;

  std::uint32_t cores() const { return packages * nodes_per_package * cores_per_node; }
  std::uint32_t cpus() const { return cores() * siblings; }
  std::uint32_t core_of(std::uint32_t cpu) const {
    return siblings_apart ? cpu % cores() : cpu / siblings;
  }
  std::uint32_t node_of(std::uint32_t cpu) const { return core_of(cpu) / cores_per_node; }
  std::uint32_t package_of(std::uint32_t cpu) const { return node_of(cpu) / nodes_per_package; }
};

constexpr Shape shapes[] = {
    {"one core", 1, 1, 1, 1, false},
    {"a laptop", 1, 1, 4, 2, true},
    {"a cloud machine that numbers siblings side by side", 1, 1, 8, 2, false},
    {"two packages", 2, 1, 4, 2, true},
    {"two packages of two nodes each, more CPUs than a mask's word", 2, 2, 12, 2, true},
    {"four siblings a core", 1, 2, 3, 4, false},
};

// The kernel's other form, "00000003,ffffffff".
std::string mask_text(const CpuSet& cpus) {
  std::string text;
  for (std::uint32_t word = 3; word-- > 0;) {
    std::uint32_t bits = 0;
    for (const std::uint32_t cpu : cpus) {
      if (cpu / 32 == word) bits |= 1U << cpu % 32;
    }
    char digits[10];
    std::snprintf(digits, sizeof digits, "%08x", bits);
    if (!text.empty()) text += ',';
    text += digits;
  }
  return text;
}

// A root folder with /sys/devices/system as far as hwloc and bertq read it, gone with the object.
class Machine {
 public:
  explicit Machine(const Shape& shape)
      : root_(fs::temp_directory_path() / ("bertq_machine_" + std::to_string(::getpid()))) {
    fs::create_directories(root_ / "proc");
    write("cpu/online", all(shape).text());
    write("cpu/possible", all(shape).text());
    std::set<std::uint32_t> nodes;
    for (std::uint32_t cpu = 0; cpu < shape.cpus(); ++cpu) {
      const std::string folder = "cpu/cpu" + std::to_string(cpu) + "/topology/";
      const auto core = like(shape, cpu, &Shape::core_of);
      const auto package = like(shape, cpu, &Shape::package_of);
      write(folder + "core_id", std::to_string(shape.core_of(cpu)));
      write(folder + "physical_package_id", std::to_string(shape.package_of(cpu)));
      write(folder + "core_cpus_list", core.text());
      write(folder + "core_cpus", mask_text(core));
      write(folder + "package_cpus", mask_text(package));
      nodes.insert(shape.node_of(cpu));
      const std::string node = "node/node" + std::to_string(shape.node_of(cpu));
      write(node + "/cpulist", like(shape, cpu, &Shape::node_of).text());
      write(node + "/cpumap", mask_text(like(shape, cpu, &Shape::node_of)));
    }
    write("node/online", CpuSet({nodes.begin(), nodes.end()}).text());
  }
  ~Machine() { fs::remove_all(root_); }
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  static CpuSet all(const Shape& shape) {
    std::vector<std::uint32_t> cpus(shape.cpus());
    for (std::uint32_t cpu = 0; cpu < shape.cpus(); ++cpu) cpus[cpu] = cpu;
    return CpuSet(cpus);
  }
  fs::path root() const { return root_; }
  fs::path system() const { return root_ / "sys/devices/system"; }

 private:
  static CpuSet like(const Shape& shape, std::uint32_t cpu,
                     std::uint32_t (Shape::*place)(std::uint32_t) const) {
    std::vector<std::uint32_t> cpus;
    for (std::uint32_t other = 0; other < shape.cpus(); ++other) {
      if ((shape.*place)(other) == (shape.*place)(cpu)) cpus.push_back(other);
    }
    return CpuSet(cpus);
  }
  void write(const std::string& name, const std::string& content) const {
    const fs::path path = system() / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << content << '\n';
  }
  fs::path root_;
};

// What matters of a machine: the allowed CPUs of each core, and where the core lies.
using Cores = std::map<std::string, std::pair<std::uint32_t, std::uint32_t>>;

Cores cores_of(const Topology& topology) {
  Cores cores;
  for (const Core& core : topology.cores) cores[core.cpus.text()] = {core.node, core.package};
  return cores;
}

CpuSet cpus_in(hwloc_const_bitmap_t bitmap) {
  std::vector<std::uint32_t> cpus;
  for (int cpu = hwloc_bitmap_first(bitmap); cpu >= 0; cpu = hwloc_bitmap_next(bitmap, cpu)) {
    cpus.push_back(static_cast<std::uint32_t>(cpu));
  }
  return CpuSet(cpus);
}

// `root` "": this machine.
Cores cores_by_hwloc(const CpuSet& allowed, const std::string& root) {
  ::setenv("HWLOC_PLUGINS_PATH", "/nonexistent", 1);  // no OpenCL, no OpenGL
  if (!root.empty()) {
    ::setenv("HWLOC_FSROOT", root.c_str(), 1);
    ::setenv("HWLOC_THISSYSTEM", "0", 1);
  }
  hwloc_topology_t topology = nullptr;
  REQUIRE(hwloc_topology_init(&topology) == 0);
  hwloc_topology_set_components(topology, HWLOC_TOPOLOGY_COMPONENTS_FLAG_BLACKLIST, "x86");
  REQUIRE(hwloc_topology_load(topology) == 0);
  for (const char* name : {"HWLOC_PLUGINS_PATH", "HWLOC_FSROOT", "HWLOC_THISSYSTEM"}) {
    ::unsetenv(name);
  }
  hwloc_bitmap_t kept = hwloc_bitmap_alloc();
  for (const std::uint32_t cpu : allowed) hwloc_bitmap_set(kept, cpu);
  REQUIRE(hwloc_topology_restrict(topology, kept, 0) == 0);
  hwloc_bitmap_free(kept);
  Cores cores;
  hwloc_obj_t core = nullptr;
  while ((core = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_CORE, core)) != nullptr) {
    const hwloc_obj_t package = hwloc_get_ancestor_obj_by_type(topology, HWLOC_OBJ_PACKAGE, core);
    REQUIRE(package != nullptr);
    const int node = hwloc_bitmap_first(core->nodeset);
    cores[cpus_in(core->cpuset).text()] = {static_cast<std::uint32_t>(node), package->os_index};
  }
  hwloc_topology_destroy(topology);
  return cores;
}

TEST_CASE("cores, nodes and packages are those that hwloc finds") {
  for (const Shape& shape : shapes) {
    CAPTURE(shape.what);
    const Machine machine(shape);
    const CpuSet all = Machine::all(shape);
    std::vector<std::uint32_t> odd, last;
    for (const std::uint32_t cpu : all) {
      if (cpu % 2 == 1) odd.push_back(cpu);
      if (cpu >= shape.cpus() / 2) last.push_back(cpu);
    }
    for (const CpuSet& allowed : {all, CpuSet(odd), CpuSet(last), CpuSet({0})}) {
      if (allowed.empty()) continue;  // one CPU has no odd one
      CAPTURE(allowed.text());
      const Topology topology = read_topology(allowed, machine.system());
      CHECK(topology.allowed == allowed);
      CHECK(cores_of(topology) == cores_by_hwloc(allowed, machine.root().string()));
    }
    const Topology whole = read_topology(all, machine.system());
    CHECK(whole.cores.size() == shape.cores());
    CHECK(whole.packages() == shape.packages);
    CHECK(whole.nodes().size() == shape.packages * shape.nodes_per_package);
    CHECK(whole.most_siblings() == shape.siblings);
  }
}

TEST_CASE("this machine is what hwloc finds, and its cores give the number of threads") {
  const Topology& topology = machine_topology();
  const char* const told = "/sys/devices/system/cpu/online";
  if (std::ifstream(told).good()) {
    CHECK(cores_of(topology) == cores_by_hwloc(topology.allowed, ""));
  } else {  // hwloc then asks CPUID, bertq nobody
    print_skipped("the machine's cores", std::string("there is no ") + told);
  }
  CHECK(topology.allowed == allowed_cpus());
  CHECK(usable_cpus() >= 1);
  CHECK(usable_cpus() <= topology.cores.size());
  CHECK(usable_cpus() <= quota_cpus());
}

TEST_CASE("what the kernel does not tell is taken to be simple") {
  const Topology unknown = read_topology(CpuSet({2, 5}), "/nonexistent");
  CHECK(cores_of(unknown) == Cores{{"2", {0, 0}}, {"5", {0, 0}}});
  CHECK(read_topology({}, "/nonexistent").cores.size() == 1);
  const Machine machine(shapes[1]);
  const auto spoil = [&](const char* name, const char* content) {
    std::ofstream(machine.system() / name) << content;
  };
  spoil("cpu/cpu0/topology/core_cpus_list", "1-3\n");  // a core without its own CPU
  spoil("cpu/cpu1/topology/core_cpus_list", "nonsense\n");
  spoil("cpu/cpu2/topology/physical_package_id", "-1\n");
  spoil("node/node0/cpulist", "\n");
  const Topology spoilt = read_topology(CpuSet({0, 1, 2, 6}), machine.system());
  CHECK(cores_of(spoilt) == Cores{{"0", {0, 0}}, {"1", {0, 0}}, {"2,6", {0, 0}}});
}

std::vector<std::string> texts(const std::vector<CpuSet>& sets) {
  std::vector<std::string> list;
  for (const CpuSet& set : sets) list.push_back(set.text());
  return list;
}

using Texts = std::vector<std::string>;

TEST_CASE("instances share the cores") {
  const Shape shape{"", 2, 1, 4, 2, true};  // cores 0-3 and 4-7, siblings 8 later
  const Machine machine(shape);
  const Topology whole = read_topology(Machine::all(shape), machine.system());
  CHECK(texts(instance_cpus(1, whole)) == Texts{"0-15"});
  CHECK(texts(instance_cpus(2, whole)) == Texts{"0-3,8-11", "4-7,12-15"});
  CHECK(texts(instance_cpus(4, whole)) == Texts{"0-1,8-9", "2-3,10-11", "4-5,12-13", "6-7,14-15"});
  CHECK(texts(instance_cpus(3, whole)) == Texts{"0-1,8-9", "2-4,10-12", "5-7,13-15"});
  // More than cores: siblings apart, neighbours first.
  const auto each = texts(instance_cpus(16, whole));
  CHECK(Texts(each.begin(), each.begin() + 4) == Texts{"0", "8", "1", "9"});
  CHECK(texts(instance_cpus(17, whole)).back() == "0");
  // Nodes of unequal size: one instance a node, not half of the cores each.
  const Topology uneven = read_topology(*CpuSet::parse("0-3,4"), machine.system());
  CHECK(texts(instance_cpus(2, uneven)) == Texts{"0-3", "4"});
}

TEST_CASE("every instance has CPUs, and no core is left out") {
  for (const Shape& shape : shapes) {
    const Machine machine(shape);
    const Topology whole = read_topology(Machine::all(shape), machine.system());
    for (std::size_t instances = 1; instances <= shape.cpus(); ++instances) {
      CAPTURE(instances);
      CpuSet together;
      std::size_t cpus = 0;
      for (const CpuSet& set : instance_cpus(instances, whole)) {
        CHECK_FALSE(set.empty());
        together.insert(set);
        cpus += set.size();
      }
      CHECK(together == whole.allowed);
      CHECK(cpus == whole.allowed.size());  // no CPU twice
    }
  }
  for (const std::size_t instances : {std::size_t{0}, std::size_t{1025}, ~std::size_t{0}}) {
    CHECK_THROWS_WITH_AS(instance_cpus(instances),
                         ("expected 1 to 1024 instances, got " + std::to_string(instances)).c_str(),
                         Error);
  }
}

}  // namespace
}  // namespace bertq::testing
