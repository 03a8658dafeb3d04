#include "tokenizer/json_facts.h"

namespace bertq::tokenizer {

Fact<bool> state_flag(const std::optional<JsonValue>& value) {
  if (!value) return std::nullopt;
  return Stated<bool>{value->as_bool(), value->place()};
}

Stated<std::string> state_text(const JsonValue& value) {
  return {value.as_string(), value.place()};
}

AddedToken read_added_token(const JsonValue& item) {
  const auto flag = [&](std::string_view key) {
    const auto value = item.find(key);
    return value && value->as_bool();
  };
  return {.content = item.at("content").as_string(),
          .special = flag("special"),
          .normalized = flag("normalized"),
          .single_word = flag("single_word"),
          .strip_left = flag("lstrip"),
          .strip_right = flag("rstrip")};
}

}  // namespace bertq::tokenizer
