// Which logit of a checkpoint stands for which class of a task.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "engine/model/config.h"
#include "engine/task/task.h"

namespace bertq::engine {

// For each class of the task, which logit of a checkpoint is its: by the config's labels where
// they have names, in order where they have none ("LABEL_1", or the index itself). Of a task whose
// answer is a number: {0}. Throws Error (input) if the checkpoint does not fit the task; `name`
// stands for it in the message.
std::vector<std::size_t> match_labels(const Task& task, const ModelConfig& config,
                                      std::size_t logits, std::string_view name);

}  // namespace bertq::engine
