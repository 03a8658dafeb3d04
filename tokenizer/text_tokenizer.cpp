#include "tokenizer/text_tokenizer.h"

#include <algorithm>
#include <limits>
#include <string>

namespace bertq::tokenizer {
namespace {

// google's WordpieceTokenizer has this limit, whatever the files say.
constexpr std::size_t kGoogleMaxCharacters = 200;

Vocab make_vocab(const Vocabulary& vocabulary) {
  std::vector<VocabEntry> entries;
  entries.reserve(vocabulary.tokens.size());
  for (const auto& token : vocabulary.tokens) entries.push_back({vocabulary.name(token), token.id});
  return Vocab(entries);
}

NormalizerRules make_rules(const Definition& definition, const Options& options) {
  const auto& clean_text = definition.statements.clean_text;
  return {.profile = options.profile,
          .clean_text = !clean_text || clean_text->value,
          .split_chinese_characters = options.split_chinese_characters,
          .strip_accents = options.strip_accents.value_or(options.lower_case),
          .lower_case = options.lower_case};
}

WordPieceRules make_piece_rules(const Definition& definition, const Options& options,
                                std::int32_t unknown) {
  return {.unknown = unknown,
          .continuing_prefix = definition.continuing_prefix,
          .max_characters = options.profile == Profile::google ? kGoogleMaxCharacters
                                                               : definition.max_characters};
}

// google knows no added tokens: "[SEP]" in a text is three words.
std::vector<AddedToken> tokens_in_text(const Definition& definition, const Options& options) {
  if (options.profile == Profile::google) return {};
  return definition.added_tokens;
}

void check_length(std::string_view text) {
  if (text.size() <= std::numeric_limits<std::uint32_t>::max()) return;
  throw TokenizerError("text: expected at most 4 GiB, got " + std::to_string(text.size()) +
                       " bytes");
}

}  // namespace

TextTokenizer::TextTokenizer(const Definition& definition, const Options& options)
    : vocab_(make_vocab(definition.vocabulary)),
      normalizer_(make_rules(definition, options)),
      splitter_(options.profile),
      added_(tokens_in_text(definition, options), normalizer_, !options.special_tokens_in_text),
      word_piece_(vocab_,
                  make_piece_rules(definition, options, require_special(definition, kUnknown))) {}

std::int32_t TextTokenizer::require_special(const Definition& definition, SpecialRole role) const {
  const auto& name = definition.statements.names[role];
  const std::string wanted = name ? name->value : std::string(kSpecialRoleNames[role].default_name);
  if (const auto found = id(wanted)) return *found;
  const std::string asked_by = name ? " (" + name->source + ")" : "";
  throw TokenizerError(definition.vocabulary.source + ": expected the token \"" + wanted + '"' +
                       asked_by + ", got none among " + std::to_string(vocab_.size()));
}

void TextTokenizer::tokenize(std::string_view text, Scratch& scratch,
                             std::vector<Token>& tokens) const {
  check_length(text);
  tokens.clear();
  tokens.reserve(text.size() / 4 + 8);
  std::size_t at = 0;
  while (const auto match = added_.in_source().find(text, at)) {
    add_part(text, at, match->begin, scratch, tokens);
    tokens.push_back(
        {match->id,
         {static_cast<std::uint32_t>(match->begin), static_cast<std::uint32_t>(match->end)}});
    at = match->end;
  }
  add_part(text, at, text.size(), scratch, tokens);
}

std::string TextTokenizer::basic_text(std::string_view text) const {
  check_length(text);
  NormalizedText normalized;
  normalizer_.normalize(text, 0, text.size(), normalized);
  std::string words;
  std::size_t at = 0;
  while (const auto word = splitter_.next(normalized.text, at, normalized.text.size())) {
    if (!words.empty()) words += ' ';
    words.append(normalized.text, word->begin, word->end - word->begin);
    at = word->end;
  }
  return words;
}

// text[begin, end) has no added token that shows in the source.
void TextTokenizer::add_part(std::string_view text, std::size_t begin, std::size_t end,
                             Scratch& scratch, std::vector<Token>& tokens) const {
  if (begin == end) return;
  NormalizedText& normalized = scratch.normalized;
  normalizer_.normalize(text, begin, end, normalized);
  std::size_t at = 0;
  while (added_.in_normalized()) {
    const auto match = added_.in_normalized()->find(normalized.text, at);
    if (!match) break;
    add_words(normalized, at, match->begin, scratch.pieces, tokens);
    tokens.push_back({match->id, normalized.origin(match->begin, match->end)});
    at = match->end;
  }
  add_words(normalized, at, normalized.text.size(), scratch.pieces, tokens);
}

void TextTokenizer::add_words(const NormalizedText& normalized, std::size_t begin, std::size_t end,
                              std::vector<Piece>& pieces, std::vector<Token>& tokens) const {
  pieces.clear();
  std::size_t at = begin;
  while (const auto word = splitter_.next(normalized.text, at, end)) {
    word_piece_.split(normalized.text, *word, pieces);
    at = word->end;
  }
  for (const auto& [id, bytes] : pieces) {
    tokens.push_back({id, normalized.origin(bytes.begin, bytes.end)});
  }
}

std::size_t TextTokenizer::size() const {
  return std::max(vocab_.size(), added_.size());
}

std::string_view TextTokenizer::token(std::int32_t id) const {
  const std::string_view added = added_.content(id);
  return added.empty() ? vocab_.token(id) : added;
}

std::optional<std::int32_t> TextTokenizer::id(std::string_view token) const {
  if (const auto added = added_.id(token)) return added;
  return vocab_.id(token);
}

}  // namespace bertq::tokenizer
