// What google-research's BERT calls its variables, in the engine's terms.
//
//   bert/encoder/layer_0/attention/self/query/kernel [in][out]
//   -> bert.encoder.layer.0.attention.self.query.weight [out][in]
//
// Source: google-research/bert modeling.py, run_classifier.py, run_squad.py and optimization.py.
#pragma once

#include <string>
#include <string_view>

namespace bertq::engine {

struct TensorflowName {
  // As tensor_names.h spells it. A name that is ignored there for what is beside the model: slots
  // of the optimiser ("…/kernel/adam_m"), "global_step", the pre-training heads "cls/…".
  std::string canonical;
  bool transposed = false;  // stored [in][out]
};

TensorflowName from_tensorflow(std::string_view name);

// The reverse, of what a checkpoint may lack: the table of segments, the pooler and the heads.
std::string to_tensorflow(std::string_view canonical);

}  // namespace bertq::engine
