#include "engine/cli/squad_flags.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "bertq/error.h"
#include "engine/squad/question_answering.h"

namespace bertq::engine::cli {
namespace {

double finite_number(const Arguments& arguments, const char* flag) {
  const std::string& text = arguments.text(flag);
  double value = 0.0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed == std::errc() && end == text.data() + text.size() && std::isfinite(value)) {
    return value;
  }
  throw Error(ErrorKind::usage, fmt::format("--{}: expected a number, got '{}'", flag, text));
}

}  // namespace

SquadOptions squad_options(const Arguments& arguments, std::size_t max_tokens) {
  SquadOptions options;
  options.doc_stride = arguments.number("doc-stride");
  options.max_query = arguments.number("max-query-length");
  options.n_best = arguments.number("n-best");
  options.max_answer = arguments.number("max-answer-length");
  options.null_threshold = finite_number(arguments, "null-score-diff-threshold");
  if (!arguments.given("doc-stride")) fit_doc_stride(max_tokens, options);
  return options;
}

}  // namespace bertq::engine::cli
