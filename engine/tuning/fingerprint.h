// XXH3-128 of what a search depends on, as hexadecimal digits: so that a journal is never continued
// with another model or other data, and a recipe says what it was made for.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "engine/model/model_files.h"
#include "engine/task/evaluation_set.h"
#include "engine/tuning/tuning_space.h"
#include "tokenizer/tokenizer.h"

namespace bertq::engine {

std::string fingerprint(std::string_view text);
// Every small file that the model was made from: config and vocabulary among them.
std::string small_files_fingerprint(const ModelFiles& files);
// Ids and segments.
std::string inputs_fingerprint(std::span<const tokenizer::Encoding> inputs);
// The inputs and what is wanted of them.
std::string set_fingerprint(const EvaluationSet& set);
// Modules and options.
std::string space_fingerprint(const TuningSpace& space);

}  // namespace bertq::engine
