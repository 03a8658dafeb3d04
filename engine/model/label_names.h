// The names of a classifier's labels where config.json has none: labels.txt, which nlp-architect
// (Q8BERT) leaves beside its checkpoints, one label a line in the order of the logits.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "engine/model/model_folder.h"

namespace bertq::engine {

// Whether nobody gave the labels names: there are none, or "LABEL_0", "LABEL_1", ..., as
// transformers writes them.
bool are_generic(const std::vector<std::string>& labels);

// The names in the folder's labels.txt. Throws Error (input) unless it has one for each of `logits`
// logits, no two the same.
std::vector<std::string> read_label_names(const loaders::ByteSource& file, std::size_t logits);
inline constexpr const char* label_names_file = "labels.txt";

}  // namespace bertq::engine
