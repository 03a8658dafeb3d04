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
  explicit KernelSet(Isa isa)
      : isa_(isa),
        generated_rows_(isa == Isa::reference ? nullptr : generate_row_kernels(isa)),
        rows_(generated_rows_ ? generated_rows_->table() : reference_row_kernels()) {}

  Isa isa() const override { return isa_; }
  const RowKernels& rows() const override { return rows_; }

  const Gemm& gemm(const GemmSpec& spec) const override {
    const std::lock_guard lock(mutex_);
    std::unique_ptr<Gemm>& slot = gemms_[spec];
    if (!slot) {
      slot = isa_ == Isa::reference ? make_reference_gemm(spec) : make_generated_gemm(isa_, spec);
    }
    return *slot;
  }

 private:
  Isa isa_;
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
  static auto& sets = *new std::array<std::unique_ptr<KernelSet>, 6>;
  const std::lock_guard lock(mutex);
  std::unique_ptr<KernelSet>& slot = sets.at(static_cast<std::size_t>(isa));
  if (!slot) slot = std::make_unique<KernelSet>(isa);
  return *slot;
}

}  // namespace bertq::jit
