#include "tokenizer/read_definition.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "tokenizer/file.h"
#include "tokenizer/id_check.h"
#include "tokenizer/tokenizer_config.h"
#include "tokenizer/tokenizer_json.h"
#include "tokenizer/vocab_txt.h"

namespace bertq::tokenizer {
namespace {

namespace fs = std::filesystem;

bool looks_like_json(std::string_view bytes) {
  constexpr std::string_view white_space = " \t\r\n\xEF\xBB\xBF";  // the byte order mark too
  const std::size_t first = bytes.find_first_not_of(white_space);
  const std::size_t last = bytes.find_last_not_of(white_space);
  // A vocabulary may begin with the token "{", but does not end with "}" too.
  return first != std::string_view::npos && bytes[first] == '{' && bytes[last] == '}';
}

// Both files give ids to tokens: every token of either must have the same id in both.
void require_same_ids(const Vocabulary& json, const Vocabulary& text) {
  const auto refuse = [&](std::string_view token, const std::string& in_json,
                          const std::string& in_text) {
    return TokenizerError(json.source + ": \"" + std::string(token) + "\" " + in_json +
                          " contradicts " + text.source + ": " + in_text);
  };
  const auto line = [](std::int32_t id) { return "line " + std::to_string(id + 1); };
  TokenTable text_ids(text.tokens.size()), json_ids(json.tokens.size());
  for (const auto& token : text.tokens) text_ids.insert(text.name(token), token.id);
  for (const auto& token : json.tokens) {
    if (token.length == 0) continue;
    const std::string_view name = json.name(token);
    json_ids.insert(name, token.id);
    const auto in_text = text_ids.find(name);
    if (in_text == token.id) continue;
    throw refuse(name, "with id " + std::to_string(token.id),
                 in_text ? line(*in_text) + ", id " + std::to_string(*in_text) : "no such token");
  }
  for (const auto& token : text.tokens) {
    if (token.length != 0 && !json_ids.find(text.name(token))) {
      throw refuse(text.name(token), "missing", line(token.id));
    }
  }
}

// The configuration files of the folder, as one; notes them in `sources`.
TokenizerConfig read_configs(const fs::path& folder, std::vector<std::string>& sources) {
  TokenizerConfig config;
  for (const char* name : {"tokenizer_config.json", "special_tokens_map.json"}) {
    const fs::path file = folder / name;
    if (!is_present(file)) continue;
    TokenizerConfig read = parse_tokenizer_config(read_file(file), file.string());
    merge(config.statements, read.statements);
    if (!config.tokenizer_class) config.tokenizer_class = read.tokenizer_class;
    std::move(read.added_tokens.begin(), read.added_tokens.end(),
              std::back_inserter(config.added_tokens));
    std::move(read.more_special_tokens.begin(), read.more_special_tokens.end(),
              std::back_inserter(config.more_special_tokens));
    sources.push_back(file.string());
  }
  const fs::path added = folder / "added_tokens.json";
  if (is_present(added)) {
    auto tokens = parse_added_tokens(read_file(added), added.string(), config);
    // In front: of a token, "added_tokens_decoder" knows more.
    config.added_tokens.insert(config.added_tokens.begin(), tokens.begin(), tokens.end());
    sources.push_back(added.string());
  }
  return config;
}

// tokenizer.json says which tokens were added; what else says it must give them the same ids.
void require_same_ids(const Definition& definition, const TokenizerConfig& config) {
  if (config.added_tokens.empty()) return;
  IdCheck ids(definition.vocabulary, definition.added_tokens.size() + config.added_tokens.size());
  for (const AddedToken& token : definition.added_tokens) ids.add(token.content, token.id, "");
  for (const auto& [token, place] : config.added_tokens) ids.add(token.content, token.id, place);
}

// Without tokenizer.json the configuration says which tokens to take out of the text first.
Definition define(Vocabulary vocabulary, const TokenizerConfig& config) {
  Definition definition;
  definition.vocabulary = std::move(vocabulary);
  IdCheck ids(definition.vocabulary, config.added_tokens.size());
  std::vector<std::string> names;
  for (const auto& [role, key, default_name] : kSpecialRoleNames) {
    const auto& name = config.statements.names[role];
    names.push_back(name ? name->value : std::string(default_name));
  }
  for (const auto& [token, place] : config.added_tokens) ids.add(token.content, token.id, place);
  for (const auto& token : config.more_special_tokens) {
    ids.require(token);
    names.push_back(token.value);
  }
  auto added = default_added_tokens(definition.vocabulary, names);
  for (const auto& [token, place] : config.added_tokens) {
    // The later word on a token counts; it has the same id, as was checked.
    std::erase_if(added, [&](const AddedToken& other) { return other.content == token.content; });
    added.push_back(token);
  }
  definition.added_tokens = std::move(added);
  return definition;
}

}  // namespace

Definition define_by_vocab_txt(std::string_view bytes, std::string_view file) {
  return define(parse_vocab_txt(bytes, file), {});
}

Definition read_definition_file(const fs::path& file) {
  const std::string bytes = read_file(file);
  Definition definition = looks_like_json(bytes) ? parse_tokenizer_json(bytes, file.string())
                                                 : define_by_vocab_txt(bytes, file.string());
  definition.sources = {file.string()};
  return definition;
}

Definition read_folder(const fs::path& folder, const Tokenizer::Overrides& overrides) {
  const fs::path json = folder / "tokenizer.json", text = folder / "vocab.txt";
  const bool has_json = is_present(json), has_text = is_present(text);
  if (!has_json && !has_text) {
    throw TokenizerError(folder.string() + ": expected tokenizer.json or vocab.txt, got neither");
  }
  std::vector<std::string> sources;
  TokenizerConfig config = read_configs(folder, sources);

  Definition definition;
  if (has_json) {
    definition = parse_tokenizer_json(read_file(json), json.string());
    if (overrides.lower_case) definition.statements.lower_case.reset();
    require_same_ids(definition, config);
    if (has_text) {
      require_same_ids(definition.vocabulary, parse_vocab_txt(read_file(text), text.string()));
      sources.insert(sources.begin(), text.string());
    }
    sources.insert(sources.begin(), json.string());
  } else {
    require_bert_tokenizer(config);
    definition = define(parse_vocab_txt(read_file(text), text.string()), config);
    sources.insert(sources.begin(), text.string());
  }
  merge(definition.statements, config.statements);
  definition.sources = std::move(sources);
  return definition;
}

}  // namespace bertq::tokenizer
