#include "tokenizer/read_definition.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

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

// Whether each token of either stands in the other with its id, seen without looking any of them up
// by name. A line of vocab.txt has the id that its place says.
bool are_alike(const Vocabulary& json, const Vocabulary& text) {
  std::vector<bool> met(text.tokens.size());
  std::size_t left = 0;
  for (const auto& token : text.tokens) left += token.length != 0 ? 1U : 0U;
  for (const auto& token : json.tokens) {
    if (token.length == 0) continue;
    const auto line = static_cast<std::size_t>(token.id);
    if (line >= met.size() || met[line] || text.tokens[line].id != token.id ||
        text.name(text.tokens[line]) != json.name(token)) {
      return false;
    }
    met[line] = true;
    --left;
  }
  return left == 0;
}

// Both files give ids to tokens: every token of either must have the same id in both.
void require_same_ids(const Vocabulary& json, const Vocabulary& text) {
  if (are_alike(json, text)) return;
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

struct NamedText {
  std::string name, bytes;
};

std::optional<NamedText> read(const Files& files, const std::string& name) {
  std::optional<std::string> bytes = files.read(name);
  if (!bytes) return std::nullopt;
  return NamedText{files.place + name, std::move(*bytes)};
}

// The configuration files, as one; notes them in `sources`.
TokenizerConfig read_configs(const Files& files, std::vector<std::string>& sources) {
  TokenizerConfig config;
  for (const char* name : {"tokenizer_config.json", "special_tokens_map.json"}) {
    const auto file = read(files, name);
    if (!file) continue;
    TokenizerConfig part = parse_tokenizer_config(file->bytes, file->name);
    merge(config.statements, part.statements);
    if (!config.tokenizer_class) config.tokenizer_class = part.tokenizer_class;
    std::move(part.added_tokens.begin(), part.added_tokens.end(),
              std::back_inserter(config.added_tokens));
    std::move(part.more_special_tokens.begin(), part.more_special_tokens.end(),
              std::back_inserter(config.more_special_tokens));
    sources.push_back(file->name);
  }
  if (const auto added = read(files, "added_tokens.json")) {
    auto tokens = parse_added_tokens(added->bytes, added->name, config);
    // In front: of a token, "added_tokens_decoder" knows more.
    config.added_tokens.insert(config.added_tokens.begin(), tokens.begin(), tokens.end());
    sources.push_back(added->name);
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

Files files_in(const fs::path& folder) {
  return {(folder / "").string(), [folder](const std::string& name) -> std::optional<std::string> {
            const fs::path file = folder / name;
            if (!is_present(file)) return std::nullopt;
            return read_file(file);
          }};
}

Definition read_files(const Files& files, const Tokenizer::Overrides& overrides) {
  const auto json = read(files, "tokenizer.json"), text = read(files, "vocab.txt");
  if (!json && !text) {
    throw TokenizerError(files.place + ": expected tokenizer.json or vocab.txt, got neither");
  }
  std::vector<std::string> sources;
  TokenizerConfig config = read_configs(files, sources);

  Definition definition;
  if (json) {
    definition = parse_tokenizer_json(json->bytes, json->name);
    if (overrides.lower_case) definition.statements.lower_case.reset();
    require_same_ids(definition, config);
    if (text) {
      require_same_ids(definition.vocabulary, parse_vocab_txt(text->bytes, text->name));
      sources.insert(sources.begin(), text->name);
    }
    sources.insert(sources.begin(), json->name);
  } else {
    require_bert_tokenizer(config);
    definition = define(parse_vocab_txt(text->bytes, text->name), config);
    sources.insert(sources.begin(), text->name);
  }
  merge(definition.statements, config.statements);
  definition.sources = std::move(sources);
  return definition;
}

}  // namespace bertq::tokenizer
