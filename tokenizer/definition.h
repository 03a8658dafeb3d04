// What makes a tokenizer, as read from its files and before anything is built from it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/added_tokens.h"

namespace bertq::tokenizer {

// A fact and the file and key that state it: "vocab/tokenizer_config.json: do_lower_case".
template <typename T>
struct Stated {
  T value;
  std::string source;
};

// A fact that no file may have stated.
template <typename T>
using Fact = std::optional<Stated<T>>;

// What a special token is for. The tokenizer itself needs the first three.
enum SpecialRole : std::uint8_t { kUnknown, kClassify, kSeparate, kPad, kMask };
constexpr std::size_t kSpecialRoles = 5;

struct SpecialRoleName {
  SpecialRole role;
  std::string_view key;  // in tokenizer_config.json and special_tokens_map.json
  std::string_view default_name;
};
constexpr std::array<SpecialRoleName, kSpecialRoles> kSpecialRoleNames{{
    {kUnknown, "unk_token", "[UNK]"},
    {kClassify, "cls_token", "[CLS]"},
    {kSeparate, "sep_token", "[SEP]"},
    {kPad, "pad_token", "[PAD]"},
    {kMask, "mask_token", "[MASK]"},
}};

using SpecialNames = std::array<Fact<std::string>, kSpecialRoles>;  // by role

// One token of a vocabulary; the strings of a file's tokens are kept in `Vocabulary::text`.
struct Vocabulary {
  struct Token {
    std::uint32_t offset = 0, length = 0;  // in `text`
    std::int32_t id = 0;
  };
  std::string text;
  std::vector<Token> tokens;
  std::string source;  // the file

  std::string_view name(const Token& token) const {
    return std::string_view(text).substr(token.offset, token.length);
  }
};

// What the files of a folder may each say, and must not say differently.
struct Statements {
  Fact<bool> lower_case, strip_accents, split_chinese_characters, clean_text;
  SpecialNames names;
};

struct Definition {
  Vocabulary vocabulary;
  Statements statements;
  std::vector<AddedToken> added_tokens;
  std::string continuing_prefix = "##";
  std::size_t max_characters = 100;
  std::vector<std::string> sources;  // every file that was read
};

// Takes over what `other` states. Throws TokenizerError naming both sources of a contradiction.
void merge(Statements& statements, const Statements& other);

}  // namespace bertq::tokenizer
