// All kernels of one instruction set, generated once a process.
#pragma once

#include <array>
#include <cstdint>

#include "jit/gemm.h"
#include "jit/isa.h"
#include "jit/row_kernels.h"

namespace bertq::jit {

class Kernels {
 public:
  virtual ~Kernels() = default;

  // The kernels of `isa`, made on first use and kept for the life of the process. Thread-safe.
  // BF16 products are fast ones where has_fast_bf16(isa).
  // Throws IsaUnavailable if the machine lacks it, std::system_error if no code memory can be had.
  static const Kernels& of(Isa isa);

  virtual Isa isa() const = 0;
  virtual bool fast_bf16() const = 0;
  virtual const RowKernels& rows() const = 0;
  // The product for `spec`, generated on first use. Thread-safe; call it at load, not per answer.
  virtual const Gemm& gemm(const GemmSpec& spec) const = 0;
};

// Puts the calling thread into the state kernels need: round to nearest with denormals as zero
// (MXCSR), and the AMX tile configuration on `amx`. Restores what was there when it ends. Cheap
// beside a forward pass, not beside a kernel: one scope a task of a thread.
class ThreadScope {
 public:
  explicit ThreadScope(Isa isa);
  ~ThreadScope();
  ThreadScope(const ThreadScope&) = delete;
  ThreadScope& operator=(const ThreadScope&) = delete;

 private:
  Isa isa_;
  std::uint32_t saved_mxcsr_;
  alignas(64) std::array<std::uint8_t, 64> saved_tiles_;  // amx: the configuration as it was
};

// From now on, each kernel generated is written to /tmp/perf-PID.map, where `perf report` looks
// for the names of generated code. Kernels made before are written at once.
void enable_perf_map();

}  // namespace bertq::jit
