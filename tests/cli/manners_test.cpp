// What every verb does with odd flags, odd streams and odd surroundings: the same thing.

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include "bertq/error.h"
#include "cli/process.h"
#include "engine/cli/arguments.h"
#include "engine/cli/options.h"
#include "engine/cli/verbs.h"
#include "support/skipped.h"

namespace bertq::testing {
using namespace engine;
namespace {

using cli::Option;
using cli::Takes;

// The usage error that the flags end in; empty if there is none.
std::string refusal(const cli::Verb& verb, const std::vector<std::string>& flags) {
  const std::string name(verb.name);
  std::vector<const char*> argv = {name.c_str()};
  for (const std::string& flag : flags) argv.push_back(flag.c_str());
  try {
    cli::Arguments::parse(verb.bit, static_cast<int>(argv.size()), argv.data());
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::usage);
    return error.what();
  }
  return "";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Calls function(verb, option, "--name") for every flag of every verb.
template <typename Function>
void for_each_flag(Function function) {
  for (const cli::Verb& verb : cli::all_verbs()) {
    for (const Option* option : cli::options_of(verb.bit)) {
      const std::string flag = "--" + std::string(option->name);
      CAPTURE(std::string(verb.name));
      CAPTURE(flag);
      function(verb, *option, flag);
    }
  }
}

TEST_CASE("every flag of every verb is looked at before anything happens") {
  for_each_flag([](const cli::Verb& verb, const Option& option, const std::string& flag) {
    const auto refused = [&](const std::string& value) {
      const std::string why = refusal(verb, {flag + "=" + value});
      CAPTURE(value);
      CHECK(contains(why, flag + ": expected "));
      CHECK(contains(why, "got '" + value + "'"));
      return why;
    };
    switch (option.takes) {
      case Takes::number: {
        for (const char* value : {"", "-1", "4x", "x", " 4", "4 ", "1.5", "1e3", "0x10", "+1",
                                  "18446744073709551616", "99999999999999999999999999"}) {
          refused(value);
        }
        if (option.lowest > 0) refused(std::to_string(option.lowest - 1));
        if (option.highest < ~std::uint64_t{0}) refused(std::to_string(option.highest + 1));
        CHECK(refusal(verb, {flag, std::to_string(option.lowest)}).empty());
        CHECK(refusal(verb, {flag, std::to_string(option.highest)}).empty());
        break;
      }
      case Takes::choice:
      case Takes::choices:
      case Takes::isa: {
        const auto candidates = cli::candidates_of(option);
        REQUIRE_FALSE(candidates.empty());
        for (const std::string& candidate : candidates) {
          CHECK(refusal(verb, {flag, candidate}).empty());
          refused(candidate + "~");
          CHECK(
              contains(refused(candidate.substr(0, candidate.size() - 1) + "~"), "did you mean '"));
        }
        refused("");
        CHECK_FALSE(contains(refused("something else altogether"), "did you mean"));
        break;
      }
      case Takes::text:
      case Takes::task:
      case Takes::path:
      case Takes::paths:
        refused("");
        break;
      case Takes::nothing:
        refused("yes");
        CHECK(refusal(verb, {flag}).empty());
        break;
      case Takes::boolean:
        refused("yes");
        CHECK(refusal(verb, {flag + "=false"}).empty());
        break;
      case Takes::verb:
        CHECK(contains(refusal(verb, {"doktor"}), "did you mean 'doctor'?"));
        CHECK(refusal(verb, {"doctor"}).empty());
        break;
    }
  });
}

TEST_CASE("a mistyped flag is answered with the nearest, for every verb") {
  for_each_flag([](const cli::Verb& verb, const Option& option, const std::string& flag) {
    if (option.name.size() < 4) return;  // two letters of three are another word
    std::string typo = flag;
    std::swap(typo[typo.size() - 2], typo[typo.size() - 1]);
    if (typo == flag) return;
    CHECK(contains(refusal(verb, {typo}), "unknown flag '" + typo + "'; did you mean '--"));
    CHECK(contains(refusal(verb, {flag + "x=1"}), "unknown flag '" + flag + "x'; did you mean"));
  });
}

TEST_CASE("no result goes where something is read, or where another goes") {
  const Folder folder;
  const std::string file = folder.write("file", "text");
  const auto writes = [](const Option& option) {
    return option.takes == Takes::text && cli::names_what(option) == cli::Names::file;
  };
  std::size_t pairs = 0;
  for (const cli::Verb& verb : cli::all_verbs()) {
    const auto rows = cli::options_of(verb.bit);
    for (const Option* out : rows) {
      if (!writes(*out)) continue;
      for (const Option* other : rows) {
        const bool read = other->takes == Takes::path || other->takes == Takes::paths;
        if (other == out || (!read && !writes(*other))) continue;
        std::vector<std::string> flags = {"--" + std::string(out->name), file,
                                          "--" + std::string(other->name), file};
        if (other->takes == Takes::paths) flags.insert(flags.end(), "elsewhere");
        CAPTURE(std::string(verb.name));
        CAPTURE(flags[0] + " " + flags[2]);
        CHECK(contains(refusal(verb, flags), "' is also "));
        // By another name, and a file that is not there yet.
        flags[1] = folder / "./file";
        CHECK(contains(refusal(verb, flags), "' is also "));
        if (!read) {
          flags[1] = flags[3] = folder / "new";
          CHECK(contains(refusal(verb, flags), "' is also "));
        }
        flags[1] = folder / "one";
        flags[3] = folder / "two";
        CHECK(refusal(verb, flags).empty());
        ++pairs;
      }
    }
  }
  CHECK(pairs > 20);
}

// A run of each verb that works, and takes a moment.
struct Run {
  std::string verb, flags, input;
};

std::vector<Run> runs() {
  const std::string pair = R"({"text": "The cat sat down.", "text_pair": "The cat sat."})"
                           "\n";
  const std::string task = "--task mrpc -m model --data dev.tsv";
  return {{"run", task, ""},
          {"tune", task + " --max-trials 1 --recipe recipe.json", ""},
          {"why", task, ""},
          {"predict", "", pair},
          {"answer", "",
           R"({"question": "Who sat?", "context": "The cat sat."})"
           "\n"},
          {"quantize", "", ""},
          {"embed", "", pair},
          {"tokenize", "", "a cat\n"},
          {"inspect", "", ""},
          {"doctor", "", ""},
          {"bench", "--shapes 1x8 --seconds 0 --config tiny.json", ""},
          {"completion", "bash", ""},
          {"help", "", ""}};
}

const char* const tiny = R"({"model_type": "bert", "hidden_size": 48, "num_hidden_layers": 1,
  "num_attention_heads": 3, "intermediate_size": 96, "vocab_size": 3000,
  "max_position_embeddings": 64, "type_vocab_size": 2, "hidden_act": "gelu",
  "layer_norm_eps": 1e-12})";

const char* const few_pairs =
    "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n"
    "1\t1\t2\tThe cat sat.\tA cat sat.\n0\t3\t4\tA dog.\tThe cat sat down on it.\n"
    "1\t5\t6\tHe left early.\tEarly he left.\n0\t7\t8\tRain fell.\tNobody came.\n";

// A folder to run in, with what `runs` names.
struct Place {
  Place() {
    folder.write("tiny.json", tiny);
    folder.write("dev.tsv", few_pairs);
    copy_sample(folder, "model");
  }
  Finished run(const Run& r, const std::string& redirections, const std::string& before = "") {
    return shell("cd " + (folder / "") + " && rm -f recipe.json* && BERTQ_THREADS=1 " + before +
                     " bertq " + r.verb + " " + r.flags + " " + redirections,
                 r.input);
  }
  Folder folder;
};

// quantize writes its results to the file of -o and a summary to standard output.
std::string to_stdout(const Run& r, const std::string& redirection) {
  return r.verb == "quantize" ? "-o sample.bertq " + redirection : redirection;
}

TEST_CASE("the table of runs has every verb, and each works") {
  Place place;
  const auto all = runs();
  REQUIRE(all.size() == cli::all_verbs().size());
  for (const cli::Verb& verb : cli::all_verbs()) {
    CHECK(std::any_of(all.begin(), all.end(), [&](const Run& r) { return r.verb == verb.name; }));
  }
  for (const Run& r : all) {
    CAPTURE(r.verb);
    const Finished finished = place.run(r, to_stdout(r, ""));
    CHECK(finished.status == 0);
    CHECK(finished.err == "");
    CHECK(finished.out != "");
  }
}

TEST_CASE("results that cannot be written: 7, and one line that says where") {
  Place place;
  REQUIRE(shell("ln -s loop " + (place.folder / "loop")).status == 0);
  for (const Run& r : runs()) {
    struct Case {
      std::string redirection, message;
    };
    std::vector<Case> cases = {
        {to_stdout(r, "> /dev/full"), "standard output: No space left on device"},
        {to_stdout(r, ">&-"), "standard output: Bad file descriptor"},
        {"-o /dev/full", "/dev/full: No space left on device"},
        {"-o none/out", "none/out: No such file or directory"},
        {"-o .", ": Is a directory"},
        {"-o loop", "loop: Too many levels of symbolic links"},
    };
    if (r.verb == "why" || r.verb == "tune" || r.verb == "bench") {
      cases.push_back({"--report /dev/full", "/dev/full: No space left on device"});
      cases.push_back({"--report none/page.html", "none/page.html"});
    }
    for (const Case& c : cases) {
      CAPTURE(r.verb);
      CAPTURE(c.redirection);
      const Finished finished = place.run(r, c.redirection);
      CHECK(finished.status == 7);
      const auto lines = lines_of(finished.err);
      REQUIRE(lines.size() == 1);
      CHECK(lines[0].starts_with("bertq: resources: "));
      CHECK(contains(lines[0], c.message));
    }
  }
  CHECK(shell("test -c /dev/full").status == 0);
}

TEST_CASE("no result goes onto a file of the folder that is read") {
  Place place;
  for (const char* file : {"config.json", "model.safetensors", "vocab.txt"}) {
    const std::string path = place.folder / (std::string("model/") + file);
    const std::string before = read_file(path);
    for (const Run& r : runs()) {
      if (r.verb == "doctor" || r.verb == "completion" || r.verb == "help") continue;  // read none
      if (r.verb == "answer") continue;  // the sample's pairs have no head for it
      if (r.verb == "tokenize" && file == std::string("model.safetensors")) continue;  // unread
      CAPTURE(r.verb);
      CAPTURE(std::string(file));
      Run onto = r;
      if (r.verb == "bench") onto.flags = "--shapes 1x8 --seconds 0";
      if (!contains(onto.flags, "-m model")) onto.flags += " -m model";
      const Finished finished = place.run(onto, std::string("-o model/") + file);
      CAPTURE(finished.err);
      CHECK(finished.status == 2);
      CHECK(
          contains(finished.err, std::string("--output: 'model/") + file + "' is also the input"));
    }
    const Finished tuned = place.run({"tune", "--task mrpc -m model --data dev.tsv", ""},
                                     std::string("--recipe model/") + file);
    CHECK(tuned.status == 2);
    CHECK(contains(tuned.err, std::string("--recipe: 'model/") + file + "' is also the input"));
    CHECK(read_file(path) == before);
  }
  const std::string other = "cd " + (place.folder / "") + " && bertq inspect -m model -o model/new";
  CHECK(shell(other).status == 0);
  CHECK(shell(other).status == 0);  // its own result may be replaced
  CHECK(place.run({"inspect", "--diff model model", ""}, "-o model/vocab.txt").status == 2);
  place.folder.write("model/config.json", "{");
  CHECK(place.run({"inspect", "-m model", ""}, "-o model/config.json").status == 2);
  CHECK(read_file(place.folder / "model/config.json") == "{");
}

TEST_CASE("data in a folder is not overwritten either") {
  Place place;
  REQUIRE(shell("mkdir " + (place.folder / "data")).status == 0);
  place.folder.write("data/dev.tsv", few_pairs);
  const Finished finished =
      place.run({"run", "--task mrpc -m model --data data -o data/dev.tsv", ""}, "");
  CHECK(finished.status == 2);
  CHECK(read_file(place.folder / "data/dev.tsv") == few_pairs);
}

TEST_CASE("a page that cannot be written is known before the work that it is about") {
  const Place place;
  const std::string tune = "bertq tune --task mrpc -m model --data dev.tsv --max-trials 1 ";
  for (const char* page : {".", "none/page.html", "loop"}) {
    CAPTURE(std::string(page));
    const Finished finished = shell("cd " + (place.folder / "") + " && ln -sf loop loop && " +
                                    tune + "--recipe recipe.json --report " + page);
    CHECK(finished.status == 7);
    CHECK(lines_of(finished.err).size() == 1);
    CHECK_FALSE(std::filesystem::exists(place.folder / "recipe.json.journal"));
  }
}

TEST_CASE("folders and recipes that cannot be written are 7 as well") {
  Place place;
  place.folder.write("file", "");
  const Run cases[] = {
      {"run", "--task mrpc -m model --data dev.tsv --output-dir file", ""},
      {"run", "--task mrpc -m model --data dev.tsv --output-dir /proc/none", ""},
      {"tune", "--task mrpc -m model --data dev.tsv --max-trials 1 --recipe file/recipe.json", ""},
      {"tune", "--task mrpc -m model --data dev.tsv --max-trials 1 --recipe /dev/full", ""},
      {"tune", "--task mrpc -m model --data dev.tsv --max-trials 1 --recipe .", ""},
      {"help", "--write-share file", ""},
      {"help", "--write-share /proc/none", ""},
  };
  for (const Run& r : cases) {
    CAPTURE(r.verb + " " + r.flags);
    const Finished finished = place.run(r, "");
    CAPTURE(finished.err);
    CHECK(finished.status == 7);
    CHECK(lines_of(finished.err).size() == 1);
  }
}

TEST_CASE("closed or full streams for notes change no result and land in no file") {
  Place place;
  for (const Run& r : runs()) {
    if (r.verb == "bench" || r.verb == "run" || r.verb == "tune" || r.verb == "why") continue;
    CAPTURE(r.verb);
    const std::string file = r.verb == "quantize" ? "sample.bertq" : "result";
    REQUIRE(place.run(r, "-o " + file).status == 0);
    const std::string expected = read_file(place.folder / file);
    for (const char* streams : {"2>&-", "2>/dev/full", ">&- 2>&-"}) {
      CAPTURE(streams);
      shell("rm " + (place.folder / file));
      const Finished finished = place.run(r, "-o " + file + " " + streams, "BERTQ_LOG=info");
      // quantize also says on standard output what it did.
      const bool needs_stdout = r.verb == "quantize" && std::string(streams).starts_with(">");
      CHECK(finished.status == (needs_stdout ? 7 : 0));
      if (r.verb != "doctor") CHECK(read_file(place.folder / file) == expected);
      CHECK(read_file(place.folder / file).size() > 0);
    }
  }
  const Finished no_input = shell("bertq predict <&-");
  CHECK(no_input.status == 3);
  CHECK(contains(no_input.err, "standard input"));
}

TEST_CASE("a reader that has seen enough ends every filter with 0") {
  const std::string line = R"({"text": "a cat", "question": "Who?", "context": "A cat."})";
  std::string input;
  for (int i = 0; i < 3000; ++i) input += line + "\n";
  for (const std::string verb : {"predict", "embed", "answer", "tokenize --format json"}) {
    CAPTURE(verb);
    const Finished finished =
        shell("{ bertq " + verb + "; echo $? >&2; } | head -n 1 | wc -l", input);
    CHECK(finished.out == "1\n");
    CHECK(finished.err == "0\n");
  }
}

TEST_CASE("the language of the user changes nothing") {
  const Folder folder;
  Place place;
  for (const std::string language : {"tr_TR", "de_DE"}) {
    const std::string made = folder / (language + ".UTF-8");
    if (shell("localedef -f UTF-8 -i " + language + " " + made).status != 0) {
      print_skipped("running in " + language, "localedef cannot make it here");
      continue;
    }
    const std::string there =
        "LOCPATH=" + (folder / "") + " LC_ALL=" + language + ".UTF-8 LANGUAGE=" + language;
    // So that the test would see it: a number in that language has a comma.
    REQUIRE(contains(shell(there + " /usr/bin/printf %.1f 1,5").out, ","));
    for (const Run& r : runs()) {
      if (r.verb == "bench" || r.verb == "run" || r.verb == "tune" || r.verb == "why" ||
          r.verb == "quantize" || r.verb == "doctor") {
        continue;  // times differ from run to run
      }
      CAPTURE(r.verb);
      const Finished here = place.run(r, "", "LC_ALL=C"), abroad = place.run(r, "", there);
      CHECK(abroad.status == 0);
      CHECK(abroad.out == here.out);
    }
    CHECK(contains(shell(there + " bertq doctor --format json").out, "\"schema_version\": 1"));
    CHECK(contains(shell(there + " bertq predict -m /nowhere").err, "/nowhere: no such file"));
    CHECK(shell(there + " bertq bench --shapes 1x8 --seconds 0 --isa reference --config " +
                place.folder.write("tiny.json", tiny))
              .status == 0);
  }
}

TEST_CASE("terminals: colours and bars only where they are wanted") {
  if (shell("script -qec true /dev/null").status != 0) {
    return print_skipped("terminals", "script (package bsdutils) is not installed");
  }
  const Place place;
  const std::string command = "bertq run --task mrpc -m " + (place.folder / "model") + " --data " +
                              (place.folder / "dev.tsv") + " ";
  // All that a terminal is shown.
  const auto shown = [&](const std::string& environment, const std::string& flags = "") {
    return shell(environment + " script -qec '" + command + flags + "' /dev/null").out;
  };
  const std::string colour = "\x1b[36m", note = "model ";
  const std::string terminal = shown("TERM=xterm NO_COLOR=");
  CHECK(contains(terminal, note));
  CHECK(contains(terminal, colour));
  const std::string plain = shown("TERM=xterm NO_COLOR=1");
  CHECK(contains(plain, "\r\x1b[K"));
  CHECK_FALSE(contains(plain, colour));
  for (const char* environment : {"TERM=dumb", "env -u TERM"}) {
    const std::string dumb = shown(environment);
    CHECK(contains(dumb, note));
    CHECK_FALSE(contains(dumb, "\x1b"));
  }
  CHECK_FALSE(contains(shown("TERM=xterm", "-q"), note));
  CHECK_FALSE(contains(shown("TERM=xterm BERTQ_LOG=error"), "\x1b"));
  // And none of it in a pipe.
  const Finished piped = shell("TERM=xterm " + command);
  CHECK(piped.err == "");
  CHECK_FALSE(contains(piped.out, "\x1b"));
}

TEST_CASE("the environment is checked as flags are, and flags go first") {
  struct Case {
    std::string command;
    int status;
    std::string message;
  };
  const Case cases[] = {
      {"BERTQ_THREADS=0 bertq doctor", 2, "BERTQ_THREADS: expected a whole number from 1"},
      {"BERTQ_THREADS=-1 bertq predict", 2, "got '-1'"},
      {"BERTQ_THREADS=18446744073709551616 bertq predict", 2, "got '18446744073709551616'"},
      {"BERTQ_ISA=avx51 bertq predict", 2, "did you mean 'avx512'?"},
      {"BERTQ_ISA=AVX2 bertq predict", 2, "BERTQ_ISA: expected one of auto|reference|avx2|"},
      {"BERTQ_LOG=verbose bertq tokenize", 2, "BERTQ_LOG: expected one of error|info|debug"},
      {"BERTQ_THREADS=x bertq predict --threads 1", 0, ""},
      {"BERTQ_ISA=x bertq predict --isa auto", 0, ""},
      {"BERTQ_ISA= BERTQ_THREADS= BERTQ_LOG= bertq predict", 0, ""},
      {"BERTQ_ISA=x BERTQ_THREADS=x bertq tokenize", 0, ""},  // has neither flag
  };
  for (const Case& c : cases) {
    CAPTURE(c.command);
    const Finished finished = shell(c.command);
    CHECK(finished.status == c.status);
    CHECK(contains(finished.err, c.message));
    CHECK(lines_of(finished.err).size() == (c.status == 0 ? 0 : 1));
  }
  CHECK(contains(shell("BERTQ_LOG=info bertq predict").err, "model   "));
  CHECK(shell("BERTQ_LOG=info bertq predict -q").err == "");
}

}  // namespace
}  // namespace bertq::testing
