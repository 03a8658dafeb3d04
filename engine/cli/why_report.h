// What `why` found, in the forms in which it leaves the program.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "engine/cli/json_output.h"
#include "engine/diagnosis/diagnosis.h"

namespace bertq::engine::cli {

struct WhyReport {
  std::string model, task, data, precision;  // "int8" or "tuned"
  jit::Isa isa = jit::Isa::reference;
  std::size_t threads = 0;
  std::size_t shown_changes = 0;  // in text and pages; all are in JSON
  Diagnosis diagnosis;
};

Json report_json(const WhyReport& report);
// `format` is "table", "md" or "csv".
std::string report_text(const WhyReport& report, std::string_view format);
std::string report_page(const WhyReport& report);  // HTML

}  // namespace bertq::engine::cli
