// What a bertq::Recipe stands for.
#pragma once

#include <memory>
#include <utility>

#include "bertq/tuner.hpp"
#include "engine/precision/recipe.h"

namespace bertq {

struct Recipe::Impl {
  engine::Recipe recipe;
};

}  // namespace bertq
