#include "tokenizer/tokenizer_config.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "tokenizer/json_facts.h"
#include "tokenizer/json_reader.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/vocab.h"

namespace bertq::tokenizer {
namespace {

// The classes of `transformers` whose tokenizer is BERT's.
constexpr std::array<std::string_view, 8> kBertClasses{
    "BertTokenizer",     "BertTokenizerFast",   "PreTrainedTokenizerFast",
    "TokenizersBackend", "DistilBertTokenizer", "DistilBertTokenizerFast",
    "ElectraTokenizer",  "ElectraTokenizerFast"};

std::string token_name(const JsonValue& value) {
  return value.is_string() ? value.as_string() : value.at("content").as_string();
}

// The key of an added token is its id.
std::int32_t read_id(const std::string& key, const JsonValue& item) {
  std::int32_t id = -1;
  const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
  if (error != std::errc{} || end != key.data() + key.size() || id < 0 || id >= Vocab::max_size) {
    throw TokenizerError(item.place() + ": expected an id from 0 to " +
                         std::to_string(Vocab::max_size - 1) + " as key, got \"" + key + '"');
  }
  return id;
}

}  // namespace

TokenizerConfig parse_tokenizer_config(std::string_view bytes, std::string_view file) {
  const nlohmann::json document = parse_json(bytes, file);
  const JsonValue root(document, std::string(file));
  TokenizerConfig config;
  Statements& statements = config.statements;
  statements.lower_case = state_flag(root.find("do_lower_case"));
  statements.strip_accents = state_flag(root.find("strip_accents"));
  statements.split_chinese_characters = state_flag(root.find("tokenize_chinese_chars"));
  for (const auto& [role, key, default_name] : kSpecialRoleNames) {
    if (const auto value = root.find(key)) {
      statements.names[role] = Stated<std::string>{token_name(*value), value->place()};
    }
  }
  if (const auto list = root.find("additional_special_tokens")) {
    for (const JsonValue& item : list->elements()) {
      config.more_special_tokens.push_back({token_name(item), list->place()});
    }
  }
  if (const auto decoder = root.find("added_tokens_decoder")) {
    for (const std::string& key : decoder->keys()) {
      const JsonValue item = decoder->at(key);
      AddedToken token = read_added_token(item);
      token.id = read_id(key, item);
      config.added_tokens.push_back({std::move(token), decoder->place()});
    }
  }
  if (const auto name = root.find("tokenizer_class")) {
    config.tokenizer_class = state_text(*name);
  }
  if (const auto basic = root.find("do_basic_tokenize"); basic && !basic->as_bool()) {
    basic->refuse("true");
  }
  return config;
}

std::vector<Stated<AddedToken>> parse_added_tokens(std::string_view bytes, std::string_view file,
                                                   const TokenizerConfig& config) {
  const auto is_special = [&](const std::string& token) {
    const auto& names = config.statements.names;
    const auto& more = config.more_special_tokens;
    return std::any_of(names.begin(), names.end(),
                       [&](const auto& name) { return name && name->value == token; }) ||
           std::any_of(more.begin(), more.end(),
                       [&](const auto& name) { return name.value == token; });
  };
  const nlohmann::json document = parse_json(bytes, file);
  const JsonValue root(document, std::string(file));
  std::vector<Stated<AddedToken>> tokens;
  for (const std::string& token : root.keys()) {
    AddedToken added;
    added.content = token;
    added.id = static_cast<std::int32_t>(root.at(token).as_integer(0, Vocab::max_size - 1));
    added.special = is_special(token);
    added.normalized = !added.special;
    tokens.push_back({std::move(added), std::string(file)});
  }
  return tokens;
}

void require_bert_tokenizer(const TokenizerConfig& config) {
  const auto& name = config.tokenizer_class;
  if (!name ||
      std::find(kBertClasses.begin(), kBertClasses.end(), name->value) != kBertClasses.end()) {
    return;
  }
  throw TokenizerError(name->source + ": expected BertTokenizer or one like it, got \"" +
                       name->value + '"');
}

}  // namespace bertq::tokenizer
