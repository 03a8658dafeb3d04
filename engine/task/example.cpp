#include "engine/task/example.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace bertq::engine {
namespace {

constexpr std::size_t most_listed = 8;

std::string digits_of(double value) {
  std::string digits(32, '\0');
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  digits.resize(static_cast<std::size_t>(end - digits.data()));
  return digits;
}

}  // namespace

std::string expected_label(const LabelForm& form) {
  if (form.values) {
    if (std::isinf(form.values->highest)) return "a number";
    return "a number from " + digits_of(form.values->lowest) + " to " +
           digits_of(form.values->highest);
  }
  std::string list;
  const std::size_t listed = std::min(form.classes.size(), most_listed);
  for (std::size_t i = 0; i < listed; ++i) list += (i == 0 ? "" : " or ") + form.classes[i].first;
  return listed == form.classes.size() ? list : list + " or another of the classes";
}

bool take_label(const LabelForm& form, std::string_view text, Example& example) {
  if (!form.values) {
    const auto found = std::find_if(form.classes.begin(), form.classes.end(),
                                    [&](const auto& known) { return known.first == text; });
    if (found == form.classes.end()) return false;
    example.label = found->second;
    return true;
  }
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, example.value);
  return parsed.ec == std::errc() && parsed.ptr == end && std::isfinite(example.value) &&
         example.value >= form.values->lowest && example.value <= form.values->highest;
}

}  // namespace bertq::engine
