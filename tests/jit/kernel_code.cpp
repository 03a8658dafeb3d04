#include "kernel_code.h"

#include <unistd.h>

#include <fstream>
#include <sstream>
#include <stdexcept>

#include "jit/kernels.h"

namespace bertq::testing {

std::vector<GeneratedKernel> generated_kernels() {
  static const bool enabled = (jit::enable_perf_map(), true);
  if (!enabled) return {};
  const std::string path = "/tmp/perf-" + std::to_string(getpid()) + ".map";
  std::ifstream map(path);
  if (!map) throw std::runtime_error("cannot read " + path);
  std::vector<GeneratedKernel> kernels;
  for (std::string line; std::getline(map, line);) {
    std::istringstream fields(line);
    std::uintptr_t address = 0;
    std::size_t size = 0;
    std::string name;
    fields >> std::hex >> address >> size >> name;
    if (!fields) throw std::runtime_error(path + ": cannot read '" + line + "'");
    const std::string ours = "bertq.";
    if (name.rfind(ours, 0) != 0) throw std::runtime_error(path + ": a foreign name: " + name);
    kernels.push_back(
        {reinterpret_cast<const std::uint8_t*>(address), size, name.substr(ours.size())});
  }
  return kernels;
}

}  // namespace bertq::testing
