// The verbs: one function each, in the file of its name, and the table of them.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "engine/cli/arguments.h"
#include "engine/cli/console.h"
#include "engine/cli/output.h"

namespace bertq::engine::cli {

// A verb writes its results to `output` and returns, or throws (failure.h). Results written before
// it throws reach the reader only if it has called output.finish().
using VerbFunction = void (*)(const Arguments& arguments, Output& output, const Console& console);

struct Verb {
  std::string_view name;
  unsigned bit;  // options.h
  std::string_view summary;
  std::string_view usage;                      // the arguments, as --help shows them
  std::span<const std::string_view> examples;  // work as typed, in a shell
  VerbFunction function;
};

std::span<const Verb> all_verbs();

// Throws Error (usage) with the nearest name.
const Verb& find_verb(std::string_view name);

void run(const Arguments& arguments, Output& output, const Console& console);
void predict(const Arguments& arguments, Output& output, const Console& console);
void answer(const Arguments& arguments, Output& output, const Console& console);
void embed(const Arguments& arguments, Output& output, const Console& console);
void tokenize(const Arguments& arguments, Output& output, const Console& console);
void inspect(const Arguments& arguments, Output& output, const Console& console);
void doctor(const Arguments& arguments, Output& output, const Console& console);
void bench(const Arguments& arguments, Output& output, const Console& console);
void quantize(const Arguments& arguments, Output& output, const Console& console);
void tune(const Arguments& arguments, Output& output, const Console& console);
void why(const Arguments& arguments, Output& output, const Console& console);
void completion(const Arguments& arguments, Output& output, const Console& console);
void help(const Arguments& arguments, Output& output, const Console& console);

}  // namespace bertq::engine::cli
