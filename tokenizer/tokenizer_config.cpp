#include "tokenizer/tokenizer_config.h"

#include <algorithm>
#include <array>
#include <charconv>

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

Fact<bool> state(const std::optional<JsonValue>& value) {
  if (!value) return std::nullopt;
  return Stated<bool>{value->as_bool(), value->place()};
}

std::string token_name(const JsonValue& value) {
  return value.is_string() ? value.as_string() : value.at("content").as_string();
}

AddedToken read_added_token(const std::string& id, const JsonValue& item) {
  std::int32_t number = -1;
  const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), number);
  if (error != std::errc{} || end != id.data() + id.size() || number < 0 ||
      number >= Vocab::max_size) {
    throw TokenizerError(item.place() + ": expected an id from 0 to " +
                         std::to_string(Vocab::max_size - 1) + " as key, got \"" + id + '"');
  }
  const auto flag = [&](std::string_view key) {
    const auto value = item.find(key);
    return value && value->as_bool();
  };
  return {.content = item.at("content").as_string(),
          .id = number,
          .special = flag("special"),
          .normalized = flag("normalized"),
          .single_word = flag("single_word"),
          .strip_left = flag("lstrip"),
          .strip_right = flag("rstrip")};
}

}  // namespace

TokenizerConfig parse_tokenizer_config(std::string_view bytes, std::string_view file) {
  const nlohmann::json document = parse_json(bytes, file);
  const JsonValue root(document, std::string(file));
  TokenizerConfig config;
  Statements& statements = config.statements;
  statements.lower_case = state(root.find("do_lower_case"));
  statements.strip_accents = state(root.find("strip_accents"));
  statements.split_chinese_characters = state(root.find("tokenize_chinese_chars"));
  for (const auto& [role, key, default_name] : kSpecialRoleNames) {
    if (const auto value = root.find(key)) {
      statements.names[role] = Stated<std::string>{token_name(*value), value->place()};
    }
  }
  if (const auto list = root.find("additional_special_tokens")) {
    for (const JsonValue& item : list->elements()) {
      config.more_special_tokens.push_back(token_name(item));
    }
  }
  if (const auto decoder = root.find("added_tokens_decoder")) {
    for (const std::string& id : decoder->keys()) {
      config.added_tokens.push_back(read_added_token(id, decoder->at(id)));
    }
  }
  if (const auto name = root.find("tokenizer_class")) {
    config.tokenizer_class = Stated<std::string>{name->as_string(), name->place()};
  }
  if (const auto basic = root.find("do_basic_tokenize"); basic && !basic->as_bool()) {
    basic->refuse("true");
  }
  return config;
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
