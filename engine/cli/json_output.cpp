#include "engine/cli/json_output.h"

#include <array>
#include <charconv>

namespace bertq::engine::cli {
namespace {

constexpr auto replace = Json::error_handler_t::replace;

}  // namespace

Json json_float(float value) {
  std::array<char, 32> digits{};
  const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  double shortest = 0.0;
  std::from_chars(digits.data(), written.ptr, shortest);
  return shortest;
}

Json json_head(jit::Isa isa, std::size_t threads) {
  return {{"schema_version", 1},
          {"version", BERTQ_VERSION},
          {"cpu", jit::describe_cpu().name},
          {"isa", jit::isa_name(isa)},
          {"threads", threads}};
}

void write_json(Output& output, const Json& json) {
  output.write(json.dump(2, ' ', false, replace) + '\n');
}

void write_json_line(Output& output, const Json& json) {
  output.write(json.dump(-1, ' ', false, replace) + '\n');
}

}  // namespace bertq::engine::cli
