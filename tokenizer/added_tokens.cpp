#include "tokenizer/added_tokens.h"

#include <unicode/uchar.h>

#include <algorithm>

#include "tokenizer/utf8.h"

namespace bertq::tokenizer {
namespace {

// \w of Rust's regex: Alphabetic, M, Nd, Pc and Join_Control.
bool is_word_character(char32_t code_point) {
  const auto c = static_cast<UChar32>(code_point);
  constexpr std::uint32_t categories = U_GC_M_MASK | U_GC_ND_MASK | U_GC_PC_MASK;
  return u_hasBinaryProperty(c, UCHAR_ALPHABETIC) || (U_GET_GC_MASK(c) & categories) ||
         u_hasBinaryProperty(c, UCHAR_JOIN_CONTROL);
}

bool is_space(const Decoded& decoded) {
  return decoded.length != 0 && u_isUWhiteSpace(static_cast<UChar32>(decoded.code_point));
}

// The text around a token may not be UTF-8: it is checked later. What cannot be decoded is no
// letter.
bool word_character_at(std::string_view text, std::size_t at) {
  if (at >= text.size()) return false;
  const Decoded decoded = decode_utf8(text, at);
  return decoded.length != 0 && is_word_character(decoded.code_point);
}

bool word_character_before(std::string_view text, std::size_t end) {
  if (end == 0) return false;
  const Decoded decoded = decode_utf8_before(text, end);
  return decoded.length != 0 && is_word_character(decoded.code_point);
}

std::size_t skip_spaces_left(std::string_view text, std::size_t from, std::size_t begin) {
  while (begin > from) {
    const Decoded decoded = decode_utf8_before(text, begin);
    if (!is_space(decoded)) break;
    begin -= decoded.length;
  }
  return begin;
}

std::size_t skip_spaces_right(std::string_view text, std::size_t end) {
  while (end < text.size()) {
    const Decoded decoded = decode_utf8(text, end);
    if (!is_space(decoded)) break;
    end += decoded.length;
  }
  return end;
}

}  // namespace

AddedTokenFinder::AddedTokenFinder(const std::vector<std::string>& keys,
                                   std::vector<AddedToken> tokens, bool ignore_special)
    : tokens_(std::move(tokens)), table_(keys.size()), ignore_special_(ignore_special) {
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (keys[i].empty()) continue;
    table_.insert(keys[i], static_cast<std::int32_t>(i));
    starts_[static_cast<unsigned char>(keys[i][0])] = true;
  }
  if (std::count(starts_.begin(), starts_.end(), true) == 1) {
    only_start_ =
        static_cast<char>(std::find(starts_.begin(), starts_.end(), true) - starts_.begin());
  }
}

std::size_t AddedTokenFinder::find_start(std::string_view text, std::size_t from) const {
  if (only_start_) return std::min(text.find(*only_start_, from), text.size());
  while (from < text.size() && !starts_[static_cast<unsigned char>(text[from])]) ++from;
  return from;
}

std::optional<AddedTokenFinder::Match> AddedTokenFinder::accept(std::string_view text,
                                                                std::size_t from, std::size_t begin,
                                                                std::size_t end,
                                                                const AddedToken& token) const {
  if (token.special && ignore_special_) return std::nullopt;
  if (token.single_word && (word_character_before(text, begin) || word_character_at(text, end))) {
    return std::nullopt;
  }
  return Match{token.strip_left ? skip_spaces_left(text, from, begin) : begin,
               token.strip_right ? skip_spaces_right(text, end) : end, token.id};
}

std::optional<AddedTokenFinder::Match> AddedTokenFinder::find(std::string_view text,
                                                              std::size_t from) const {
  if (table_.empty()) return std::nullopt;
  for (std::size_t at = find_start(text, from); at < text.size(); at = find_start(text, at)) {
    const auto [index, length] = table_.longest_prefix(text.substr(at));
    if (length == 0) {
      ++at;
      continue;
    }
    const AddedToken& token = tokens_[static_cast<std::size_t>(index)];
    if (const auto match = accept(text, from, at, at + length, token)) return match;
    at += length;
  }
  return std::nullopt;
}

AddedTokens::AddedTokens(std::vector<AddedToken> tokens, const Normalizer& normalizer,
                         bool ignore_special)
    : tokens_(std::move(tokens)), in_source_({}, {}, ignore_special) {
  std::sort(tokens_.begin(), tokens_.end(),
            [](const AddedToken& a, const AddedToken& b) { return a.id < b.id; });
  std::vector<std::string> source_keys, normalized_keys;
  std::vector<AddedToken> source_tokens, normalized_tokens;
  for (const AddedToken& token : tokens_) {
    if (!token.normalized) {
      source_keys.push_back(token.content);
      source_tokens.push_back(token);
      continue;
    }
    NormalizedText key;
    normalizer.normalize(token.content, 0, token.content.size(), key);
    normalized_keys.push_back(std::move(key.text));
    normalized_tokens.push_back(token);
  }
  in_source_ = AddedTokenFinder(source_keys, std::move(source_tokens), ignore_special);
  if (!normalized_keys.empty()) {
    in_normalized_.emplace(normalized_keys, std::move(normalized_tokens), ignore_special);
  }
}

std::optional<std::int32_t> AddedTokens::id(std::string_view content) const {
  const auto found = std::find_if(tokens_.begin(), tokens_.end(), [&](const AddedToken& token) {
    return token.content == content;
  });
  if (found == tokens_.end()) return std::nullopt;
  return found->id;
}

std::string_view AddedTokens::content(std::int32_t id) const {
  const auto found = std::lower_bound(
      tokens_.begin(), tokens_.end(), id,
      [](const AddedToken& token, std::int32_t wanted) { return token.id < wanted; });
  if (found == tokens_.end() || found->id != id) return {};
  return found->content;
}

std::size_t AddedTokens::size() const {
  return tokens_.empty() ? 0 : static_cast<std::size_t>(tokens_.back().id) + 1;
}

}  // namespace bertq::tokenizer
