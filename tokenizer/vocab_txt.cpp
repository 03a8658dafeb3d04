#include "tokenizer/vocab_txt.h"

#include <unicode/uchar.h>

#include <algorithm>
#include <string>

#include "tokenizer/file.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/utf8.h"
#include "tokenizer/vocab.h"

namespace bertq::tokenizer {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::string_view trim_end(std::string_view line) {
  while (!line.empty()) {
    const Decoded last = decode_utf8_before(line, line.size());
    if (!u_isUWhiteSpace(static_cast<UChar32>(last.code_point))) break;
    line.remove_suffix(last.length);
  }
  return line;
}

void drop_gaps_at_end(std::vector<Vocabulary::Token>& tokens) {
  while (!tokens.empty() && tokens.back().length == 0) tokens.pop_back();
}

}  // namespace

Vocabulary parse_vocab_txt(std::string_view bytes, std::string_view file) {
  if (bytes.size() > kMaxFileSize) {
    throw TokenizerError(std::string(file) + ": expected at most " +
                         std::to_string(kMaxFileSize >> 20) + " MiB, got more");
  }
  Vocabulary vocabulary{std::string(bytes), {}, std::string(file)};
  const std::string_view text = vocabulary.text;
  const auto refuse = [&](const std::string& why) {
    const std::size_t line = vocabulary.tokens.size() + 1;
    return TokenizerError(std::string(file) + ": line " + std::to_string(line) + ": " + why);
  };
  std::size_t at = text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    if (const auto bad = find_invalid_utf8(line)) {
      throw refuse("expected UTF-8, got another byte at offset " + std::to_string(at + *bad));
    }
    const std::string_view token = trim_end(line);
    if (token.size() > TokenTable::longest_allowed) {
      throw refuse("expected a token of at most " + std::to_string(TokenTable::longest_allowed) +
                   " bytes, got " + std::to_string(token.size()));
    }
    if (vocabulary.tokens.size() == static_cast<std::size_t>(Vocab::max_size)) {
      throw refuse("expected at most " + std::to_string(Vocab::max_size) + " tokens, got more");
    }
    vocabulary.tokens.push_back({static_cast<std::uint32_t>(at),
                                 static_cast<std::uint32_t>(token.size()),
                                 static_cast<std::int32_t>(vocabulary.tokens.size())});
    at = end + 1;
  }
  drop_gaps_at_end(vocabulary.tokens);
  if (vocabulary.tokens.empty()) {
    throw TokenizerError(std::string(file) + ": expected one token a line, got an empty file");
  }
  return vocabulary;
}

std::vector<AddedToken> default_added_tokens(const Vocabulary& vocabulary,
                                             const std::vector<std::string>& names) {
  std::vector<AddedToken> added;
  for (const Vocabulary::Token& token : vocabulary.tokens) {
    const std::string_view name = vocabulary.name(token);
    if (std::find(names.begin(), names.end(), name) == names.end()) continue;
    // Of a token given twice the later id counts.
    std::erase_if(added, [&](const AddedToken& earlier) { return earlier.content == name; });
    added.push_back({.content = std::string(name), .id = token.id, .special = true});
  }
  return added;
}

}  // namespace bertq::tokenizer
