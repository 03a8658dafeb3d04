// A loaded model and its small files as one .bertq file.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string_view>

#include "engine/model/model.h"
#include "engine/model/model_files.h"
#include "loaders/bertq_writer.h"

namespace bertq::engine {

// Hands the file's bytes to `write`, in their order. `model` was loaded from `files`, which were
// opened with `overrides`; `program` is the version of bertq that writes. Throws Error (usage) if
// the files are a .bertq file already, and what reading the small files and `write` throw.
loaders::BertqWritten pack_model(const Model& model, const ModelFiles& files,
                                 const tokenizer::Tokenizer::Overrides& overrides,
                                 std::string_view program,
                                 const std::function<void(std::span<const std::byte>)>& write);

}  // namespace bertq::engine
