// What several of a tokenizer's JSON files say in the same way.
#pragma once

#include <optional>
#include <string>

#include "tokenizer/definition.h"
#include "tokenizer/json_reader.h"

namespace bertq::tokenizer {

// Nothing is stated by a member that is absent or null.
Fact<bool> state_flag(const std::optional<JsonValue>& value);
Stated<std::string> state_text(const JsonValue& value);

// An added token but for its id, which each file has elsewhere. Absent flags are false.
AddedToken read_added_token(const JsonValue& item);

}  // namespace bertq::tokenizer
