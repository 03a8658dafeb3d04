// The names that PyTorch writes into pickles of tensors, and what they mean: the whole allow-list.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "loaders/dtype.h"
#include "loaders/pickle.h"

namespace bertq::loaders {

enum class TorchName : std::uint8_t {
  storage,               // torch.FloatStorage, with its element type
  untyped_storage,       // bytes
  dtype,                 // torch.float16 as a value
  scheme_tensor,         // one scale for a quantised tensor
  scheme_channel,        // one for each index of an axis
  rebuild_tensor,        // the functions that make tensors: (storage, offset, size, stride, ...)
  rebuild_tensor_typed,  // ... with the type as an argument, over bytes
  rebuild_quantized,
  rebuild_wrapped,  // first argument: a tensor
  rebuild_of_type,  // (function, class, arguments, state)
  other             // understood by the pickle's reader, or never looked at
};

struct TorchMeaning {
  TorchName kind = TorchName::other;
  std::optional<DType> dtype = std::nullopt;  // of a storage; of a dtype that bertq has
  bool quantized = false;                     // storages of torch.quantize_*
};

// For read_pickle. With `script`, objects of TorchScript's classes are allowed.
PickleNames torch_names(bool script);
// Of PickleValues::global(), which may be a class of TorchScript's.
const TorchMeaning& torch_meaning(std::size_t global);
// "torch.qint8", for messages and attributes.
std::string torch_name_text(std::size_t global);
// torch.dtype as TorchScript stores it: "torch.qint8" for 12. Empty if there is none.
std::string_view torch_scalar_type(std::int64_t number);

}  // namespace bertq::loaders
