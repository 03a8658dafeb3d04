// The value of a PyTorch pickle as a checkpoint: its tree of dicts, lists, tuples and TorchScript
// objects walked into dotted names.
//
//   {"state_dict": {"bert.pooler.dense.weight": tensor}, "epoch": 3}
//     -> tensor "state_dict.bert.pooler.dense.weight", attribute "epoch"
//   p._packed_params._packed_params = (weight, bias)
//     -> tensors "p._packed_params._packed_params.0" and ".1"
//
// What is None is left out. The names of dtypes are attributes ("torch.qint8").
#pragma once

#include <string>

#include "loaders/checkpoint.h"
#include "loaders/pickle.h"

namespace bertq::loaders {

// How a file's pickles stand for tensors: by calls that would make them, or by keys.
class TorchTensorMaker {
 public:
  virtual ~TorchTensorMaker() = default;
  virtual bool is_tensor(PickleIndex value) const = 0;
  // Of such a value; `name` goes into the tensor. Throws FormatError "<file>: tensor <name>: ...".
  virtual Tensor make(PickleIndex value, const std::string& name) = 0;
};

// Adds tensors, attributes and module versions to `checkpoint`. Throws FormatError.
void add_torch_state(Checkpoint& checkpoint, const Pickle& pickle, TorchTensorMaker& maker);

}  // namespace bertq::loaders
