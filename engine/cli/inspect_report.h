// An Inspection in the forms in which it leaves the program.
#pragma once

#include <string>

#include "engine/cli/inspection.h"
#include "engine/cli/json_output.h"

namespace bertq::engine::cli {

Json inspection_json(const Inspection& found);
// `with_values`: with columns for ranges, NaN and infinities.
std::string inspection_text(const Inspection& found, bool with_values);

}  // namespace bertq::engine::cli
