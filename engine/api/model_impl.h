// What a bertq::Model stands for.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "bertq/model.hpp"
#include "engine/model/model.h"
#include "engine/model/model_files.h"

namespace bertq {

struct Model::Impl {
  std::shared_ptr<const engine::ModelFiles> files;
  std::shared_ptr<const engine::Model> model;
  std::string precision;
  std::size_t max_tokens = 0;
};

}  // namespace bertq
