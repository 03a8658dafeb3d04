// The storages of a PyTorch file: which there are, where they lie, and views of them as tensors.
//
// Shape, strides and offset of a view are checked against its storage, so that no tensor reaches
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

// A view of `storage`, checked. `strides` empty: row-major. Throws FormatError with `place`.
Tensor tensor_in_storage(const ByteSource& source, const TorchStorage& storage, DType dtype,
                         std::uint64_t offset, std::vector<std::uint64_t> shape,
                         std::vector<std::uint64_t> strides, const std::string& place);

// An integer of 0 or more. Throws FormatError "<place>: <what>: expected ..., got ...".
std::uint64_t natural(const PickleValues& values, PickleIndex value, const std::string& place,
                      std::string_view what);

}  // namespace bertq::loaders
