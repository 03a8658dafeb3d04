#include "jit/kernels.h"

#include <array>
#include <map>
#include <memory>
#include <mutex>

#include "jit/generated_gemm.h"
#include "jit/generated_rows.h"
#include "jit/reference.h"

namespace bertq::jit {
namespace {

class KernelSet final : public Kernels {
 public:
  KernelSet(Isa isa, bool fast_bf16)
      : isa_(isa),
        fast_bf16_(fast_bf16),
        generated_rows_(isa == Isa::reference ? nullptr : generate_row_kernels(isa, fast_bf16)),
        rows_(generated_rows_ ? generated_rows_->table() : reference_row_kernels()) {}

  Isa isa() const override { return isa_; }
  bool fast_bf16() const override { return fast_bf16_; }
  const RowKernels& rows() const override { return rows_; }

  const Gemm& gemm(const GemmSpec& spec) const override {
    const std::lock_guard lock(mutex_);
    std::unique_ptr<Gemm>& slot = gemms_[spec];
    if (!slot) {
      slot = isa_ == Isa::reference ? make_reference_gemm(spec)
                                    : make_generated_gemm(isa_, fast_bf16_, spec);
    }
    return *slot;
  }

 private:
  Isa isa_;
  bool fast_bf16_;
  std::unique_ptr<GeneratedRows> generated_rows_;
  RowKernels rows_;
  mutable std::mutex mutex_;
  mutable std::map<GemmSpec, std::unique_ptr<Gemm>> gemms_;
};

}  // namespace

const Kernels& Kernels::of(Isa isa) {
  if (const std::string why = why_unavailable(isa); !why.empty()) {
    throw IsaUnavailable("instruction set " + std::string(isa_name(isa)) +
                         " is not available: " + why);
  }
  // Never destroyed: a thread that outlives main may still run a kernel.
  static std::mutex mutex;
  static auto& sets = *new std::array<std::array<std::unique_ptr<KernelSet>, 2>, 6>;
  const std::lock_guard lock(mutex);
  const bool fast_bf16 = has_fast_bf16(isa);
  std::unique_ptr<KernelSet>& slot = sets.at(static_cast<std::size_t>(isa)).at(fast_bf16 ? 1 : 0);
  if (!slot) slot = std::make_unique<KernelSet>(isa, fast_bf16);
  return *slot;
}

}  // namespace bertq::jit
