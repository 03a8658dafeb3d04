// Tensors out of the calls in a PyTorch pickle that would make them: torch._utils._rebuild_*.
#pragma once

#include <cstdint>
#include <string>

#include "loaders/pickle.h"
#include "loaders/tensor.h"
#include "loaders/torch_state.h"
#include "loaders/torch_storage.h"

namespace bertq::loaders {

class TorchTensors final : public TorchTensorMaker {
 public:
  // All must outlive it.
  TorchTensors(const ByteSource& source, const PickleValues& values, TorchStorages& storages)
      : source_(source), values_(values), storages_(storages), scales_left_(source.size() / 8) {}

  bool is_tensor(PickleIndex value) const override { return values_.is(value, PickleKind::call); }
  // Reads the scales of a quantised tensor, nothing else.
  Tensor make(PickleIndex value, const std::string& name) override;

 private:
  class Maker;

  const ByteSource& source_;
  const PickleValues& values_;
  TorchStorages& storages_;
  std::uint64_t scales_left_;  // a file that shares them may not make more of them than it holds
  ChecksumVerifier verifier_;  // of scales
};

}  // namespace bertq::loaders
