// --help says what is, and its examples work as typed.

#include <doctest/doctest.h>

#include <string>

#include "cli/process.h"
#include "engine/cli/options.h"
#include "engine/cli/verbs.h"

namespace bertq::testing {
using namespace engine;
namespace {

TEST_CASE("the program's help lists every verb") {
  for (const char* command : {"bertq --help", "bertq -h", "bertq help"}) {
    const Finished finished = shell(command);
    CHECK(finished.status == 0);
    CHECK(finished.err == "");
    for (const cli::Verb& verb : cli::all_verbs()) {
      CHECK(finished.out.find("  " + std::string(verb.name) + " ") != std::string::npos);
    }
  }
}

TEST_CASE("the version") {
  const std::string text = shell("bertq --version").out;
  CHECK(text.starts_with("bertq " BERTQ_VERSION "\n"));
  for (const char* number : {"ABI ", "recipes version ", ".bertq files version "}) {
    CHECK(text.find(number + std::string("1")) != std::string::npos);
  }
  CHECK(shell("bertq run --version").out == text);
}

TEST_CASE("a verb's help lists its flags and no others") {
  for (const cli::Verb& verb : cli::all_verbs()) {
    CAPTURE(std::string(verb.name));
    const Finished finished = shell("bertq " + std::string(verb.name) + " --help");
    CHECK(finished.status == 0);
    CHECK(finished.err == "");
    std::size_t listed = 0;
    for (const cli::Option* option : cli::options_of(verb.bit)) {
      if (option->positional) continue;
      CHECK(finished.out.find("--" + std::string(option->name)) != std::string::npos);
      ++listed;
    }
    std::size_t found = 0;
    for (const std::string& line : lines_of(finished.out)) {
      found +=
          line.starts_with("      --") || (line.starts_with("  -") && line[5] == ' ') ? 1U : 0U;
      CHECK(line.size() <= 110);
    }
    CHECK(found == listed);
  }
}

TEST_CASE("examples work as typed") {
  const Folder folder;  // some write files
  for (const cli::Verb& verb : cli::all_verbs()) {
    CHECK_FALSE(verb.examples.empty());
    for (const std::string_view example : verb.examples) {
      CAPTURE(std::string(example));
      CHECK(shell("bertq " + std::string(verb.name) + " --help").out.find(example) !=
            std::string::npos);
      const Finished finished = shell("cd " + (folder / "") + " && " + std::string(example));
      CAPTURE(finished.err);
      CHECK(finished.status == 0);
    }
  }
}

TEST_CASE("no flag has two rows for one verb") {
  for (const cli::Verb& verb : cli::all_verbs()) {
    const auto rows = cli::options_of(verb.bit);
    for (const cli::Option* a : rows) {
      for (const cli::Option* b : rows) {
        CHECK((a == b || (a->name != b->name && (a->letter == '\0' || a->letter != b->letter))));
      }
    }
  }
}

}  // namespace
}  // namespace bertq::testing
