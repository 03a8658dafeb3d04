#include "engine/model/assemble_model.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <utility>

#include "bertq/error.h"
#include "engine/model/json_fields.h"
#include "engine/model/label_names.h"
#include "engine/model/published_name.h"
#include "engine/model/sentence_transformers.h"
#include "engine/model/tensor_names.h"
#include "engine/quantized/best_configure.h"
#include "loaders/byte_source.h"
#include "loaders/tensorflow_checkpoint.h"

namespace bertq::engine {
namespace {

// What to do about a missing config: these tools save weights alone.
std::string advice_on_config(const ModelFolder& folder, const std::string& prefix) {
  const auto has = [&](std::string_view file) { return folder.has(prefix + std::string(file)); };
  if (!has(best_configure_file) && !has(neural_compressor_file)) return "";
  return " (LPOT and Neural Compressor save none: copy it, and vocab.txt, from the model that they "
         "were given)";
}

// config.json, or bert_config.json as google-research called it. A folder may hold both after a
// conversion: each belongs to the weights of its own kind.
ModelConfig read_config(const ModelFolder& folder, const std::string& prefix,
                        const loaders::Checkpoint& weights) {
  const bool google = weights.format == loaders::tensorflow_format;
  std::array<const char*, 2> names{"config.json", "bert_config.json"};
  if (google) std::swap(names[0], names[1]);
  for (const char* name : names) {
    if (!folder.has(prefix + name)) continue;
    const auto source = folder.open(prefix + name);
    return parse_config(loaders::read_text(*source, json_file_limit), source->name(),
                        google ? Lineage::google : Lineage::pytorch);
  }
  throw Error(ErrorKind::input, folder.place(prefix) +
                                    ": expected config.json or bert_config.json, found neither" +
                                    advice_on_config(folder, prefix));
}

constexpr std::uint64_t tokenizer_file_limit = std::uint64_t{64} << 20U;

std::optional<tokenizer::Tokenizer> read_tokenizer(
    const ModelFolder& folder, const std::string& prefix,
    const tokenizer::Tokenizer::Overrides& overrides) {
  if (!folder.has(prefix + "tokenizer.json") && !folder.has(prefix + "vocab.txt")) {
    return std::nullopt;
  }
  const auto read = [&](const std::string& file) -> std::optional<std::string> {
    if (!folder.has(prefix + file)) return std::nullopt;
    return loaders::read_text(*folder.open(prefix + file), tokenizer_file_limit);
  };
  return tokenizer::Tokenizer::from_files({folder.place(prefix), read}, overrides);
}

// google-research's folders have no tokenizer_config.json: whether text is lower-cased the user of
// its code has to know, or the name of a published model tells.
tokenizer::Tokenizer::Overrides with_published_casing(tokenizer::Tokenizer::Overrides asked,
                                                      const ModelFolder& folder,
                                                      const loaders::Checkpoint& weights) {
  const bool told = asked.lower_case || folder.has("tokenizer_config.json");
  if (!told && weights.format == loaders::tensorflow_format &&
      is_published_cased(folder.place(""))) {
    asked.lower_case = false;
  }
  return asked;
}

// tokenizer_config.json's limit. Files of models without one hold 1e30 there, as digits.
std::optional<std::size_t> tokenizer_limit(const ModelFolder& folder, const std::string& prefix) {
  const auto file = read_json_file_if_there(folder, prefix + "tokenizer_config.json");
  if (!file) return std::nullopt;
  const JsonFields fields(file->content, file->name);
  const double limit = fields.number("model_max_length", HUGE_VAL);
  constexpr double enough_for_any_model = 1e9;
  if (limit > enough_for_any_model) return std::nullopt;
  return fields.natural("model_max_length", 3, static_cast<std::size_t>(enough_for_any_model));
}

// Ids beyond the embeddings would have no row. Fewer tokens than rows are fine: checkpoints pad
// their embeddings to round numbers.
void check_vocabulary(const ModelFiles& files) {
  const std::size_t tokens = files.tokenizer ? files.tokenizer->vocabulary_size() : 0;
  if (tokens <= files.config.vocabulary) return;
  const std::vector<std::string>& sources = files.tokenizer->sources();
  throw Error(ErrorKind::input,
              (sources.empty() ? files.name : sources.front()) + ": expected at most " +
                  std::to_string(files.config.vocabulary) +
                  " tokens, the rows of the word embeddings, got " + std::to_string(tokens));
}

// Logits of the classifier, as many as the weights have.
std::size_t take_heads(ModelFiles& files) {
  const BertTensors tensors = find_tensors(files.checkpoint, files.config);
  files.heads = heads_in(tensors);
  if (!files.heads.classifier) return 0;
  return static_cast<std::size_t>(tensors.find("classifier.weight")->second.shape.front());
}

// The same of a .bertq file, which knows; its activation was settled when it was written.
std::size_t take_facts(ModelFiles& files) {
  const PackedFacts& facts = *files.packed;
  files.heads = facts.heads;
  files.config.activation = facts.activation;
  files.config.activation_reason = facts.activation_reason;
  if (facts.heads.classifier && !files.config.labels.empty() &&
      files.config.labels.size() != facts.labels) {
    throw Error(ErrorKind::input, files.name + ": model: labels: expected " +
                                      std::to_string(files.config.labels.size()) +
                                      " as in its config.json, got " +
                                      std::to_string(facts.labels));
  }
  return facts.labels;
}

// Checks the parts against each other.
void complete(ModelFiles& files) {
  files.labels = files.packed ? take_facts(files) : take_heads(files);
  if (files.config.labels.empty()) files.config.regression |= files.labels == 1;
  check_vocabulary(files);
}

// A folder of sentence-transformers may ask for text to be lower-cased before the tokenizer gets
// it. A tokenizer that lower-cases makes no difference of that; another one would need a step of
// its own.
void check_lower_casing(const SentenceTransformer& sentence, const ModelFolder& folder,
                        const ModelFiles& files) {
  if (!sentence.lower_cases || !files.tokenizer || files.tokenizer->options().lower_case) return;
  throw Error(ErrorKind::input, folder.place(sentence.transformer) +
                                    "sentence_bert_config.json: do_lower_case: expected false "
                                    "with a cased tokenizer, got true");
}

void check_width(const SentenceTransformer& sentence, const ModelConfig& config) {
  if (sentence.width.value_or(config.hidden) == config.hidden) return;
  throw Error(ErrorKind::input, sentence.pooling_config + ": word_embedding_dimension: expected " +
                                    std::to_string(config.hidden) + ", the hidden size, got " +
                                    std::to_string(*sentence.width));
}

// Notes which files are opened: those that a .bertq file has to hold.
class WatchedFolder final : public ModelFolder {
 public:
  explicit WatchedFolder(const ModelFolder& folder) : folder_(folder) {}

  std::string place(const std::string& file) const override { return folder_.place(file); }
  bool has(const std::string& file) const override { return folder_.has(file); }
  std::unique_ptr<const loaders::ByteSource> open(const std::string& file) const override {
    auto source = folder_.open(file);
    opened_.insert(file);
    return source;
  }
  const std::set<std::string>& opened() const { return opened_; }

 private:
  const ModelFolder& folder_;
  mutable std::set<std::string> opened_;  // by this one thread
};

// labels.txt, where it says more than the config.
void take_label_names(const ModelFolder& folder, const std::string& prefix, ModelFiles& files) {
  const std::string file = prefix + label_names_file;
  if (files.labels < 2 || !are_generic(files.config.labels) || !folder.has(file)) return;
  files.config.labels = read_label_names(*folder.open(file), files.labels);
}

// LPOT's choices, where they lie beside weights that it quantised.
void check_lpot_choices(const ModelFolder& folder, const std::string& prefix,
                        const ModelFiles& files) {
  const std::string file = prefix + std::string(best_configure_file);
  if (files.packed || !folder.has(file)) return;
  const StoredQuantization stored = stored_quantization(files.checkpoint, files.config);
  if (stored.quantizer == Quantizer::none) return;
  const auto source = folder.open(file);
  const BestConfigure configure =
      parse_best_configure(loaders::read_text(*source, best_configure_limit), source->name());
  check_best_configure(configure, stored, source->name());
}

}  // namespace

ModelFiles assemble_model(std::string name, const ModelFolder& unwatched,
                          const tokenizer::Tokenizer::Overrides& tokenizer_overrides,
                          const OpenWeights& open_weights,
                          std::shared_ptr<const PackedFacts> packed) {
  const WatchedFolder folder(unwatched);
  const auto sentence = read_sentence_transformer(folder);
  const std::string prefix = sentence ? sentence->transformer : "";
  ModelFiles files;
  files.name = std::move(name);
  files.packed = std::move(packed);
  files.checkpoint = open_weights(prefix);
  files.config = read_config(folder, prefix, files.checkpoint);
  files.tokenizer_overrides = with_published_casing(tokenizer_overrides, folder, files.checkpoint);
  files.tokenizer = read_tokenizer(folder, prefix, files.tokenizer_overrides);
  complete(files);
  take_label_names(folder, prefix, files);
  check_lpot_choices(unwatched, prefix, files);
  files.max_tokens = files.config.positions;
  if (const auto limit = tokenizer_limit(folder, prefix)) {
    files.max_tokens = std::min(files.max_tokens, *limit);
  }
  if (sentence) {
    check_width(*sentence, files.config);
    check_lower_casing(*sentence, folder, files);
    files.pooling = sentence->pooling;
    files.max_tokens = std::min(files.max_tokens, sentence->max_tokens.value_or(files.max_tokens));
  }
  files.small_files.assign(folder.opened().begin(), folder.opened().end());
  return files;
}

}  // namespace bertq::engine
