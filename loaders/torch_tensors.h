// Tensors out of the calls in a PyTorch pickle that would make them: torch._utils._rebuild_*.
//
// Shape, strides and offset of each are checked against its storage, so that no tensor reaches
// beyond the bytes it was given.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "loaders/pickle.h"
#include "loaders/tensor.h"
#include "loaders/torch_names.h"
#include "loaders/torch_state.h"

namespace bertq::loaders {

// The elements behind a persistent id.
struct TorchStorage {
  std::optional<DType> dtype;  // empty: bytes without a type
  bool quantized = false;
  std::uint64_t offset = 0, bytes = 0;  // in the source
  std::shared_ptr<const Checksum> checksum;
};

// ('storage', class, key, location, elements[, view]), decoded. The location, a device, is ignored.
struct TorchStorageId {
  std::optional<DType> dtype;
  bool quantized = false;
  std::string_view key;
  std::uint64_t elements = 0;
  // A part of the storage under a key of its own: legacy files only.
  struct View {
    std::uint64_t offset = 0, elements = 0;
  };
  std::optional<View> view;

  std::uint64_t width() const { return dtype ? dtype_bytes(*dtype) : 1; }
  // Bytes of all its elements. Throws FormatError with `place` if that does not fit.
  std::uint64_t bytes(const std::string& place) const;
};
// Throws FormatError "<place>: expected ..., got ...".
TorchStorageId read_storage_id(const PickleValues& values, PickleIndex identity,
                               const std::string& place);

// Where a format keeps its storages.
class TorchStorages {
 public:
  virtual ~TorchStorages() = default;
  // Of a persistent id in the pickle. Throws FormatError "<place>: ...".
  virtual TorchStorage find(const PickleValues& values, PickleIndex identity,
                            const std::string& place) = 0;
};

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

// A view of `storage`, checked. `strides` empty: row-major. Throws FormatError with `place`.
Tensor tensor_in_storage(const ByteSource& source, const TorchStorage& storage, DType dtype,
                         std::uint64_t offset, std::vector<std::uint64_t> shape,
                         std::vector<std::uint64_t> strides, const std::string& place);

}  // namespace bertq::loaders
