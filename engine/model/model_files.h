// What `-m` names: a folder with config.json, weights and a tokenizer, a .bertq file with all of
// them, or the embedded sample.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/model/config.h"
#include "engine/model/model.h"
#include "loaders/checkpoint.h"
#include "tokenizer/tokenizer.h"

namespace bertq::engine {

struct PackedFacts;  // engine/model/packed_facts.h
class ModelFolder;   // engine/model/model_folder.h

// Everything of a published checkpoint, opened and validated, with no weights read yet.
struct ModelFiles {
  std::string name;  // for people: the path, or "embedded sample"
  ModelConfig config;
  loaders::Checkpoint checkpoint;
  Heads heads;
  std::size_t labels = 0;                         // logits of the classifier, 0 without one
  std::optional<tokenizer::Tokenizer> tokenizer;  // absent where the folder has none
  // What the tokenizer was made with: what the user asked for, and what is known without a file.
  tokenizer::Tokenizer::Overrides tokenizer_overrides;
  std::optional<PoolingChoice> pooling;       // sentence-transformers' modules.json
  std::size_t max_tokens = 0;                 // the folder's own limit, else config.positions
  std::shared_ptr<const PackedFacts> packed;  // of a .bertq file, else null
  // Where the small files are and which of them were read; of a .bertq file, none.
  std::shared_ptr<const ModelFolder> folder;
  std::vector<std::string> small_files;
};

// How the weights of a .bertq file come into memory: read, or mapped and left where they are
// (loaders/mapped_file.h says what that takes). Other files are always read.
enum class WeightAccess : std::uint8_t { read, mapped };

// Throws Error (input), loaders::FormatError or tokenizer::TokenizerError. A vocabulary larger than
// the word embeddings is refused.
ModelFiles open_model(const std::filesystem::path& path,
                      const tokenizer::Tokenizer::Overrides& tokenizer_overrides,
                      WeightAccess access = WeightAccess::read);

// Throws Error (input) if the recipe's metadata says that it was made for other weights than these
// ("weights": tune and calibration write it). A recipe that does not say fits any model that has
// its layers; a .bertq file's was judged when it was packed.
void require_made_for(const Recipe& recipe, const ModelFiles& files);

// The sample compiled into the program: small BERTs fine-tuned on made-up sentence pairs, and on
// made-up questions.
enum class EmbeddedModel : std::uint8_t { mrpc, squad };
ModelFiles open_embedded_model(const tokenizer::Tokenizer::Overrides& tokenizer_overrides,
                               EmbeddedModel model = EmbeddedModel::mrpc);
// Their data, in the form of MRPC's and of SQuAD v1.1's files.
std::string_view embedded_mrpc();
std::string_view embedded_squad();

}  // namespace bertq::engine
