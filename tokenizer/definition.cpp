#include "tokenizer/definition.h"

#include "tokenizer/tokenizer.h"

namespace bertq::tokenizer {
namespace {

std::string show(bool value) {
  return value ? "true" : "false";
}
std::string show(const std::string& value) {
  return '"' + value + '"';
}

template <typename T>
void merge(Fact<T>& fact, const Fact<T>& other) {
  if (fact && other && fact->value != other->value) {
    throw TokenizerError(fact->source + ": " + show(fact->value) + " contradicts " + other->source +
                         ": " + show(other->value));
  }
  if (!fact) fact = other;
}

}  // namespace

void merge(Statements& statements, const Statements& other) {
  merge(statements.lower_case, other.lower_case);
  merge(statements.strip_accents, other.strip_accents);
  merge(statements.split_chinese_characters, other.split_chinese_characters);
  merge(statements.clean_text, other.clean_text);
  for (std::size_t role = 0; role < kSpecialRoles; ++role) {
    merge(statements.names[role], other.names[role]);
  }
}

}  // namespace bertq::tokenizer
