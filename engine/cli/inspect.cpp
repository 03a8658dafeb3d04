// bertq inspect: what is in a checkpoint and what the engine would do with it; whether its files
// are sound; how two differ.

#include <fmt/format.h>

#include <string>

#include "bertq/error.h"
#include "engine/cli/inspect_diff.h"
#include "engine/cli/inspect_report.h"
#include "engine/cli/inspect_verify.h"
#include "engine/cli/inspection.h"
#include "engine/cli/json_output.h"
#include "engine/cli/setup.h"
#include "engine/cli/verbs.h"
#include "engine/model/hub_cache.h"
#include "loaders/checkpoint.h"

namespace bertq::engine::cli {
namespace {

void diff(const Arguments& arguments, Output& output) {
  for (const char* other : {"model", "values", "verify"}) {
    if (arguments.given(other)) {
      throw Error(ErrorKind::usage, fmt::format("--diff and --{} contradict each other", other));
    }
  }
  const auto first = find_model(arguments.text("diff")),
             second = find_model(arguments.second("diff"));
  for (const auto& path : {first, second}) arguments.refuse_overwriting(files_in(path));
  const auto a = loaders::open_checkpoint(first), b = loaders::open_checkpoint(second);
  const CheckpointDiff found = diff_checkpoints(a, b);
  if (arguments.text("format") == "json") {
    write_json(output, diff_json(found));
  } else {
    output.write(diff_text(found));
  }
}

// Everything that is wrong has been printed; the first of it is the error.
void refuse_damage(const Verification& verification) {
  const auto& problems = verification.problems;
  if (problems.empty()) return;
  throw Error(ErrorKind::input,
              problems.size() == 1
                  ? problems.front()
                  : fmt::format("{} (and {} more)", problems.front(), problems.size() - 1));
}

}  // namespace

void inspect(const Arguments& arguments, Output& output, const Console&) {
  if (arguments.given("diff")) return diff(arguments, output);
  const bool with_values = arguments.flag("values");
  const Inspection found = inspect_model(arguments.text("model"), with_values);
  arguments.refuse_overwriting(files_read(found.files));
  if (found.problem) arguments.refuse_overwriting(files_in(found.files.name));
  std::optional<Verification> verification;
  if (arguments.flag("verify")) verification = verify(found);
  if (arguments.text("format") == "json") {
    Json json = inspection_json(found);
    if (verification) json["verification"] = verification_json(*verification);
    write_json(output, json);
  } else {
    output.write(inspection_text(found, with_values));
    if (verification) output.write('\n' + verification_text(*verification));
  }
  output.finish();
  if (found.problem) throw *found.problem;
  if (verification) refuse_damage(*verification);
}

}  // namespace bertq::engine::cli
