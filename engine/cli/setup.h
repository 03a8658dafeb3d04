// What most verbs need before they can start, from the flags.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "engine/cli/arguments.h"
#include "engine/cli/console.h"
#include "engine/model/model_files.h"
#include "engine/precision/recipe.h"
#include "jit/isa.h"

namespace bertq::engine::cli {

tokenizer::Tokenizer::Overrides tokenizer_overrides(const Arguments& arguments);

// -m, or that model of the embedded sample.
ModelFiles open_model_files(const Arguments& arguments, const Console& console,
                            EmbeddedModel sample = EmbeddedModel::mrpc);
// The same for a verb that runs the model: with --mmap, a .bertq file stays mapped. Throws Error
// (usage) for --mmap and another file.
ModelFiles open_runnable_files(const Arguments& arguments, const Console& console,
                               EmbeddedModel sample = EmbeddedModel::mrpc);
// Throws Error (input) if the model came without a tokenizer.
const tokenizer::Tokenizer& tokenizer_of(const ModelFiles& files);

// --activation, where given, in place of the config's.
void apply_activation(const Arguments& arguments, ModelConfig& config);
// In the arithmetic that --precision means for this checkpoint.
std::shared_ptr<const Model> load_model(const Arguments& arguments, const ModelFiles& files,
                                        const Recipe& recipe, jit::Isa isa);
std::shared_ptr<const Model> load_model(const Arguments& arguments, const ModelFiles& files,
                                        const Recipe& recipe, jit::Isa isa,
                                        const ArithmeticChoice& arithmetic);
// bertq's own for fp32 and for a recipe, PyTorch's for torch-dynamic, else the checkpoint's where
// it has one.
ArithmeticChoice chosen_arithmetic(const Arguments& arguments);
// --batch for a model whose answers depend on it, else 0; and the session is told --pad-to. Throws
// Error (usage) if either is given for another model.
std::size_t apply_batching(const Arguments& arguments, Session& session);

// --isa, BERTQ_ISA or the best there is. Throws jit::IsaUnavailable.
jit::Isa chosen_isa(const Arguments& arguments);
// --threads, BERTQ_THREADS or as many as there are usable CPUs.
std::size_t chosen_threads(const Arguments& arguments);

// --recipe read, or the uniform one that --precision means.
Recipe chosen_recipe(const Arguments& arguments);
// The same for a model; a .bertq file has its own, and asking for another throws Error (usage).
Recipe chosen_recipe(const Arguments& arguments, const ModelFiles& files);
// "tuned" for a recipe given, else the name of the precision.
std::string precision_label(const Arguments& arguments);
std::string precision_label(const Arguments& arguments, const ModelFiles& files);

// --max-seq-length, else `otherwise`, and never more than the model takes. Throws Error (input) if
// the flag asks for more than the position table has.
std::size_t token_limit(const Arguments& arguments, const ModelFiles& files, std::size_t otherwise);

}  // namespace bertq::engine::cli
