#include "engine/model/packed_facts.h"

#include <algorithm>
#include <array>
#include <limits>
#include <stdexcept>
#include <utility>

#include "bertq/error.h"
#include "engine/model/json_fields.h"

namespace bertq::engine {
namespace {

constexpr std::size_t most_labels = 65'536;  // as config.json's

struct ActivationWord {
  std::string_view word;
  jit::Activation activation;
};
constexpr std::array<ActivationWord, 3> activation_words{{
    {"gelu_erf", jit::Activation::gelu_erf},
    {"gelu_tanh", jit::Activation::gelu_tanh},
    {"relu", jit::Activation::relu},
}};

jit::Activation activation_of(const JsonFields& fields) {
  const std::string word = fields.text("activation", "");
  for (const ActivationWord& row : activation_words) {
    if (row.word == word) return row.activation;
  }
  fields.refuse("activation", "gelu_erf, gelu_tanh or relu");
}

std::string_view word_of(jit::Activation activation) {
  const auto row =
      std::find_if(activation_words.begin(), activation_words.end(),
                   [&](const ActivationWord& known) { return known.activation == activation; });
  if (row == activation_words.end()) throw std::logic_error("an activation that no config names");
  return row->word;
}

tokenizer::Tokenizer::Overrides overrides_of(const JsonFields& fields) {
  tokenizer::Tokenizer::Overrides overrides;
  if (fields.has("lower_case")) overrides.lower_case = fields.flag("lower_case", false);
  if (fields.has("profile")) {
    const std::string profile = fields.text("profile", "");
    if (profile != "hf" && profile != "google") fields.refuse("profile", "hf or google");
    overrides.profile = profile == "hf" ? tokenizer::Profile::hf : tokenizer::Profile::google;
  }
  return overrides;
}

nlohmann::ordered_json overrides_json(const tokenizer::Tokenizer::Overrides& overrides) {
  auto json = nlohmann::ordered_json::object();
  if (overrides.lower_case) json["lower_case"] = *overrides.lower_case;
  if (overrides.profile) {
    json["profile"] = *overrides.profile == tokenizer::Profile::hf ? "hf" : "google";
  }
  return json;
}

const std::string& note(const loaders::Checkpoint& checkpoint, std::string_view name) {
  const auto found = checkpoint.attributes.find(name);
  const auto* const text =
      found == checkpoint.attributes.end() ? nullptr : std::get_if<std::string>(&found->second);
  if (text != nullptr) return *text;
  throw Error(ErrorKind::input,
              checkpoint.name + ": expected a note \"" + std::string(name) + "\", found none");
}

JsonFields object_in(const JsonFields& fields, std::string_view key) {
  const nlohmann::json* const found = fields.find(key);
  if (found == nullptr || !found->is_object()) fields.refuse(key, "an object");
  return {*found, fields.name() + ": " + std::string(key)};
}

}  // namespace

PackedFacts read_packed_facts(const loaders::Checkpoint& checkpoint) {
  PackedFacts facts;
  facts.recipe = Recipe::parse(note(checkpoint, recipe_note), checkpoint.name + ": recipe");
  facts.program = note(checkpoint, program_note);
  const std::string name = checkpoint.name + ": model";
  const nlohmann::json document = parse_json_file(note(checkpoint, model_note), name);
  const JsonFields fields(document, name);
  facts.source = fields.text("source", "");
  facts.source_format = fields.text("source_format", "");
  facts.activation = activation_of(fields);
  facts.activation_reason = fields.text("activation_reason", "");
  facts.tokenizer = overrides_of(object_in(fields, "tokenizer"));
  const JsonFields heads = object_in(fields, "heads");
  facts.heads = {heads.flag("pooler", false), heads.flag("classifier", false),
                 heads.flag("span", false)};
  if (facts.heads.classifier && !facts.heads.pooler) heads.refuse("pooler", "true");
  facts.labels = fields.natural("labels", facts.heads.classifier ? 1 : 0, most_labels);
  facts.has_segments = fields.flag("segment_table", false);
  if (const nlohmann::json* const form = fields.find("arithmetic")) {
    facts.form = ModelForm::from_json(*form, name + ": arithmetic");
  }
  return facts;
}

std::string model_note_json(const PackedFacts& facts) {
  nlohmann::ordered_json json = {{"source", facts.source},
                                 {"source_format", facts.source_format},
                                 {"activation", word_of(facts.activation)},
                                 {"activation_reason", facts.activation_reason},
                                 {"tokenizer", overrides_json(facts.tokenizer)},
                                 {"heads",
                                  {{"pooler", facts.heads.pooler},
                                   {"classifier", facts.heads.classifier},
                                   {"span", facts.heads.span}}},
                                 {"labels", facts.labels},
                                 {"segment_table", facts.has_segments}};
  if (!facts.form.is_own()) json["arithmetic"] = facts.form.to_json();
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

bool PackedSource::has(std::string_view name) const {
  return name != "bert.embeddings.token_type_embeddings.weight" || facts_.has_segments;
}

std::size_t PackedSource::rows(std::string_view name) const {
  if (name == "classifier.weight") return facts_.labels;
  throw std::logic_error("a packed model does not say how many rows there are");
}

void PackedSource::read(std::string_view, std::uint64_t, std::span<float>) const {
  throw std::logic_error("a packed model has no tensors to be read");
}

}  // namespace bertq::engine
