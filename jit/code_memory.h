// Memory that holds generated code: written first, executable after, never both.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace bertq::jit {

// One generated function before it is placed. Position-independent, with its constants behind it.
struct CodeBlock {
  std::string name;
  std::vector<std::uint8_t> bytes;
};

// Functions placed side by side in pages of their own. Owns the pages; what entry() gave is valid
// as long as it lives.
class CodeMemory {
 public:
  // Throws std::system_error if the pages cannot be had or made executable.
  explicit CodeMemory(std::span<const CodeBlock> blocks);
  ~CodeMemory();
  CodeMemory(const CodeMemory&) = delete;
  CodeMemory& operator=(const CodeMemory&) = delete;

  const void* entry(std::size_t block) const { return pages_ + offsets_[block]; }

  template <typename Function>
  Function function(std::size_t block) const {
    return reinterpret_cast<Function>(reinterpret_cast<std::uintptr_t>(entry(block)));
  }

 private:
  std::uint8_t* pages_ = nullptr;
  std::size_t size_ = 0;
  std::vector<std::size_t> offsets_;
};

}  // namespace bertq::jit
