// JSON results. Keys keep the order in which they were added.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>

#include "engine/cli/output.h"
#include "jit/isa.h"

namespace bertq::engine::cli {

using Json = nlohmann::ordered_json;

// A float in its own shortest digits, not in those of the double that it would become.
Json json_float(float value);
// null where there is no value.
template <typename Value>
Json json_or_null(const std::optional<Value>& value) {
  return value ? Json(*value) : Json();
}
// How a report of what was measured begins: versions, CPU, code path, threads.
Json json_head(jit::Isa isa, std::size_t threads);

// One object: indented and for a whole document, or on one line of its own. Bytes that are not
// UTF-8 (in file names) are replaced.
void write_json(Output& output, const Json& json);
void write_json_line(Output& output, const Json& json);

}  // namespace bertq::engine::cli
