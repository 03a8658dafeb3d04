// The user's own task: texts or pairs with a class or a value each, in columns or under keys of any
// name, scored by a metric of the user's choice.
#pragma once

#include <cstddef>
#include <memory>

#include "engine/model/model_files.h"
#include "engine/task/evaluation_set.h"
#include "loaders/byte_source.h"

namespace bertq::engine {

// A file whose first line is a JSON object has one in each line; any other is a table
// (table_reader.h). Labels are those of the checkpoint's config, or their indices; numbers where
// the checkpoint has a single logit. `max_tokens`: the longest input.
//
// Throws Error (usage) for options that do not go with each other or with the model, Error (input)
// for data that cannot be used.
std::unique_ptr<EvaluationSet> open_custom_set(const loaders::ByteSource& source,
                                               const ModelFiles& files, std::size_t max_tokens,
                                               Split split, const CustomOptions& options);

}  // namespace bertq::engine
