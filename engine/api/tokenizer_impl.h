// What a bertq::Tokenizer stands for.
#pragma once

#include <memory>

#include "bertq/tokenizer.hpp"
#include "tokenizer/tokenizer.h"

namespace bertq {

struct Tokenizer::Impl {
  std::shared_ptr<const tokenizer::Tokenizer> tokenizer;  // perhaps a model's
};

}  // namespace bertq
