// Two encoder layers' worth of modules to tune, and a classifier: no weights, only their shapes.
#pragma once

#include "engine/tuning/tuning_space.h"

namespace bertq::testing {

inline engine::ModelConfig small_config() {
  engine::ModelConfig config;
  config.hidden = 64;
  config.intermediate = 256;
  config.layers = 2;
  return config;
}

inline engine::Heads classifier_heads() {
  engine::Heads heads;
  heads.pooler = heads.classifier = true;
  return heads;
}

inline engine::TuningSpace small_space(const engine::SpaceRequest& request) {
  return engine::make_space(small_config(), classifier_heads(), request);
}

}  // namespace bertq::testing
