// A checkpoint, loaded: the weights that any number of sessions and threads share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "bertq/error.h"
#include "bertq/export.h"

namespace bertq {

class Tokenizer;  // bertq/tokenizer.hpp
class Recipe;     // bertq/tuner.hpp

// What linear layers and attention compute in. `automatic` is that of the recipe given or stored in
// a .bertq file, else that in which the checkpoint was quantised, else int8.
enum class Precision : std::uint8_t { automatic, fp32, bf16, int8 };

// Told what a program would print: one line without its end. Called by the thread that asked.
using Log = std::function<void(std::string_view line)>;

struct LoadOptions {
  Precision precision = Precision::automatic;
  std::string recipe = {};              // a recipe's file, instead of a precision
  std::string isa = {};                 // "avx2", "amx", ...; empty: BERTQ_ISA or the best there is
  bool map_weights = false;             // a .bertq file stays mapped; it must not change meanwhile
  std::optional<bool> lower_case = {};  // of texts; empty: as the checkpoint says
  std::size_t max_tokens = 0;           // of an input; 0: as the checkpoint says
  Log log = {};
};

// The models compiled into the library, small and trained on made-up data: for examples and tests.
enum class Sample : std::uint8_t { paraphrases, questions };

// Immutable, and cheap to copy: copies share the weights, which live as long as any of them or any
// session does. Any number of threads may use one at once. Every function but the destructor and
// assignment throws Error (usage) on a model that was moved from.
class BERTQ_API Model {
 public:
  // `name` is a folder as published (config.json, weights, vocabulary), a .bertq file, or
  // "org/name" or "org/name@revision" in the local Hugging Face cache. The network is never used.
  // Throws Error: input for files that cannot be used, usage for options that contradict each other
  // or the file, isa for an instruction set that this machine lacks, resources for want of memory.
  static Model load(const std::string& name, const LoadOptions& options = {});
  static Model load(Sample sample, const LoadOptions& options = {});
  // The same without exceptions: empty, and `why` (unless null) says why.
  static std::optional<Model> try_load(const std::string& name, const LoadOptions& options = {},
                                       std::optional<Error>* why = nullptr) noexcept;
  // The same checkpoint in the precisions of a recipe, as Tuner finds them.
  Model with(const Recipe& recipe) const;

  Model(const Model&) noexcept;
  Model(Model&&) noexcept;
  Model& operator=(const Model&) noexcept;
  Model& operator=(Model&&) noexcept;
  ~Model();

  const std::string& name() const;  // as it was loaded
  std::size_t layers() const;
  std::size_t hidden() const;      // floats of a token's hidden state, and of an embedding
  std::size_t vocabulary() const;  // token ids are below it
  std::size_t max_tokens() const;  // of an input, special ones included

  bool classifies() const;      // has a classification head
  bool regresses() const;       // has one whose single output is a value
  bool answers() const;         // has a head for answers in a context
  std::size_t outputs() const;  // logits of an input: 0 without a classification head
  std::span<const std::string> labels() const;  // one a logit; empty where the config has none

  std::string_view precision() const;  // "fp32", "bf16", "int8", or "tuned": a recipe's mixture
  std::string_view isa() const;        // what its kernels were written for: "avx512_vnni"
  std::size_t weights_bytes() const;   // resident or mapped
  // Whether an answer depends on who else is in its batch: only in a checkpoint that PyTorch
  // quantised dynamically, whose ranges are those of a whole batch.
  bool depends_on_batch() const;

  // Throws Error (input) where the checkpoint came without one. It shares the model.
  Tokenizer tokenizer() const;

  struct BERTQ_HIDDEN Impl;  // these two are for the library itself
  BERTQ_HIDDEN const Impl& impl() const;

 private:
  friend class Tuner;
  explicit Model(std::shared_ptr<const Impl> impl);
  std::shared_ptr<const Impl> impl_;
};

}  // namespace bertq
