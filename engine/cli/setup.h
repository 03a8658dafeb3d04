// What most verbs need before they can start, from the flags.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "engine/cli/arguments.h"
#include "engine/cli/console.h"
#include "engine/model/model_files.h"
#include "engine/model/precision_choice.h"
#include "engine/precision/recipe.h"
#include "jit/isa.h"

namespace bertq::engine::cli {

tokenizer::Tokenizer::Overrides tokenizer_overrides(const Arguments& arguments);

// The files that were read of an opened model: none of them may be written to.
std::vector<std::string> files_read(const ModelFiles& files);
// All that is in a folder, where it is not known which of it will be read; of anything else, none.
std::vector<std::string> files_in(const std::filesystem::path& folder);

// -m, or that model of the embedded sample. Throws Error (usage) where a flag would have one of the
// model's files overwritten.
ModelFiles open_model_files(const Arguments& arguments, const Console& console,
                            EmbeddedModel sample = EmbeddedModel::mrpc);
// The same for a verb that runs the model: with --mmap, a .bertq file stays mapped. Throws Error
// (usage) for --mmap and another file.
ModelFiles open_runnable_files(const Arguments& arguments, const Console& console,
                               EmbeddedModel sample = EmbeddedModel::mrpc);
// --activation, where given, in place of the config's.
void apply_activation(const Arguments& arguments, ModelConfig& config);
// In the arithmetic that --precision means for this checkpoint.
std::shared_ptr<const Model> load_model(const Arguments& arguments, const ModelFiles& files,
                                        const Recipe& recipe, jit::Isa isa);
std::shared_ptr<const Model> load_model(const Arguments& arguments, const ModelFiles& files,
                                        const Recipe& recipe, jit::Isa isa,
                                        const ArithmeticChoice& arithmetic);
ArithmeticChoice chosen_arithmetic(const Arguments& arguments);
// --batch for a model whose answers depend on it, else 0; and the session is told --pad-to. Throws
// Error (usage) if either is given for another model.
std::size_t apply_batching(const Arguments& arguments, Session& session);

// --isa, BERTQ_ISA or the best there is. Throws jit::IsaUnavailable.
jit::Isa chosen_isa(const Arguments& arguments);
// --threads or BERTQ_THREADS, but no more than the CPU quota (machine_notes.h says so); else the
// cores that this process may use. Of several `instances`, the threads of each.
std::size_t chosen_threads(const Arguments& arguments, std::size_t instances = 1);

// precision_choice.h, of --precision, --recipe and --reduce-range.
Recipe chosen_recipe(const Arguments& arguments);
Recipe chosen_recipe(const Arguments& arguments, const ModelFiles& files);
std::string precision_label(const Arguments& arguments);
std::string precision_label(const Arguments& arguments, const ModelFiles& files);

// --max-seq-length, else `otherwise`, and never more than the model takes. Throws Error (input) if
// the flag asks for more than the position table has.
std::size_t token_limit(const Arguments& arguments, const ModelFiles& files, std::size_t otherwise);

}  // namespace bertq::engine::cli
