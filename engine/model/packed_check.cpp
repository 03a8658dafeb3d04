#include "engine/model/packed_check.h"

#include <optional>

#include "bertq/error.h"
#include "engine/model/weights.h"

namespace bertq::engine {

void check_packing(const Model& model, const std::string& file) {
  const auto check = [&](const Linear& layer) {
    if (layer.padding_is_zero()) return;
    throw Error(ErrorKind::input, file + ": section " + layer.module() +
                                      ".weight.s8: expected zeros in the padding, got others");
  };
  const Model::Impl& impl = model.impl();
  for (const EncoderLayer& layer : impl.layers) {
    for (const Linear& linear : layer.query_key_value) check(linear);
    for (const Linear* linear : {&layer.attention_output, &layer.intermediate, &layer.output}) {
      check(*linear);
    }
  }
  for (const std::optional<Linear>* head : {&impl.pooler, &impl.classifier, &impl.span}) {
    if (*head) check(**head);
  }
}

}  // namespace bertq::engine
