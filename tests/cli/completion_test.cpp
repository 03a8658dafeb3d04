// Completions and manual pages, as the shells and groff themselves take them.

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "cli/process.h"
#include "engine/cli/options.h"
#include "engine/cli/verbs.h"
#include "jit/isa.h"
#include "support/skipped.h"

namespace bertq::testing {
using namespace engine;
namespace {

using Words = std::vector<std::string>;

bool installed(const std::string& program) {
  return shell("command -v " + program).status == 0;
}

std::string share(const Folder& folder) {
  const std::string path = folder / "share";
  const Finished finished = shell("bertq help --write-share " + path);
  REQUIRE(finished.status == 0);
  REQUIRE(finished.out + finished.err == "");
  return path;
}

// What bash offers where `typed` ends, in a folder with the files a.json and b c.json and the
// folder models.
Words bash_offers(const Folder& folder, const Words& typed) {
  std::string line = "cd '" + (folder / "files") + "' && source <(bertq completion bash) && ";
  line += "COMP_WORDS=(";
  for (const std::string& word : typed) line += "'" + word + "' ";
  line += ") COMP_CWORD=" + std::to_string(typed.size() - 1) +
          " && { _bertq; printf '%s\\n' \"${COMPREPLY[@]}\"; }";
  folder.write("script", line);
  const Finished finished = shell("bash --norc " + (folder / "script"));
  CAPTURE(line);
  CHECK(finished.err == "");
  CHECK(finished.status == 0);
  Words offered = lines_of(finished.out);
  std::sort(offered.begin(), offered.end());
  return offered == Words{""} ? Words{} : offered;
}

TEST_CASE("bash completes verbs, flags, choices and files") {
  if (!installed("bash")) return print_skipped("bash completion", "bash is not installed");
  const Folder folder;
  REQUIRE(shell("cd " + (folder / "") + " && mkdir -p files/models && cd files && touch a.json " +
                "'b c.json'")
              .status == 0);
  struct Case {
    Words typed, offered;
  };
  const Case cases[] = {
      {{"bertq", "pre"}, {"predict"}},
      {{"bertq", "--v"}, {"--version"}},
      {{"bertq", "predict", "--trun"}, {"--truncate"}},
      {{"bertq", "doctor", "--trun"}, {}},  // another verb's
      {{"bertq", "doctor", "-"}, Words{}},  // filled in below
      {{"bertq", "predict", "--isa", "avx512"}, {"avx512", "avx512_vnni"}},
      {{"bertq", "predict", "--isa", "=", "avx512"}, {"avx512", "avx512_vnni"}},
      {{"bertq", "predict", "--isa", "="}, Words{}},
      {{"bertq", "run", "--task", "squad"}, {"squad", "squad_v2"}},
      {{"bertq", "embed", "--pooling", ""}, {"cls", "mean"}},
      {{"bertq", "predict", "-m", ""}, {"a.json", "b c.json", "models"}},
      {{"bertq", "predict", "--recipe", "b"}, {"b c.json"}},
      {{"bertq", "doctor", "-o", "a"}, {"a.json"}},
      {{"bertq", "run", "--output-dir", ""}, {"models"}},
      {{"bertq", "bench", "--config", "bert-b"}, {"bert-base"}},
      {{"bertq", "bench", "--config", "a"}, {"a.json"}},
      {{"bertq", "predict", "--threads", ""}, {}},
      {{"bertq", "completion", "z"}, {"zsh"}},
      {{"bertq", "help", "tok"}, {"tokenize"}},
      {{"bertq", "nonsense", ""}, {}},
  };
  for (Case c : cases) {
    if (c.typed == Words{"bertq", "doctor", "-"}) {
      for (const cli::Option* option : cli::options_of(cli::verb_doctor)) {
        c.offered.push_back("--" + std::string(option->name));
        if (option->letter != '\0') c.offered.push_back(std::string("-") + option->letter);
      }
    } else if (c.typed.back() == "=") {
      c.offered = {"auto"};
      for (const jit::Isa isa : jit::all_isas()) c.offered.emplace_back(jit::isa_name(isa));
    }
    std::sort(c.offered.begin(), c.offered.end());
    CHECK(bash_offers(folder, c.typed) == c.offered);
  }
  // And bash knows that it is meant for bertq.
  CHECK(shell("bash --norc -c 'source <(bertq completion bash); complete -p bertq'").out ==
        "complete -F _bertq bertq\n");
}

TEST_CASE("each shell can read its script") {
  const Folder folder;
  const std::string path = share(folder);
  struct Case {
    const char *shell, *file;
  };
  for (const Case& c :
       {Case{"bash", "bash-completion/completions/bertq"}, Case{"zsh", "zsh/site-functions/_bertq"},
        Case{"fish", "fish/vendor_completions.d/bertq.fish"}}) {
    CAPTURE(c.shell);
    const std::string script = read_file(path + "/" + c.file);
    CHECK(script == shell(std::string("bertq completion ") + c.shell).out);
    CHECK(script.find("tokenize") != std::string::npos);
    if (!installed(c.shell)) {
      print_skipped(std::string("the completion of ") + c.shell, "it is not installed");
      continue;
    }
    const Finished finished = shell(std::string(c.shell) + " -n " + path + "/" + c.file);
    CHECK(finished.status == 0);
    CHECK(finished.err == "");
  }
}

TEST_CASE("fish completes as bash does") {
  if (!installed("fish")) return print_skipped("completing in fish", "it is not installed");
  const Folder folder;
  const auto offers = [&](const std::string& typed) {
    Words names;
    for (const std::string& line :
         lines_of(shell("HOME=" + (folder / "") + " fish --no-config -c 'bertq completion fish | " +
                        "source; complete -C \"" + typed + "\"'")
                      .out)) {
      names.push_back(line.substr(0, line.find('\t')));
    }
    return names;
  };
  CHECK(offers("bertq pre") == Words{"predict"});
  CHECK(offers("bertq predict --trun") == Words{"--truncate"});
  CHECK(offers("bertq doctor --trun") == Words{});
  CHECK(offers("bertq predict --isa avx512") == Words{"avx512", "avx512_vnni"});
  CHECK(offers("bertq help tok") == Words{"tokenize"});
}

TEST_CASE("manual pages: one a verb, all flags in it, nothing that groff warns of") {
  const Folder folder;
  const std::string man = share(folder) + "/man/man1/";
  const bool groff = installed("groff"), reader = installed("man");
  if (!groff) print_skipped("warnings of groff", "it is not installed");
  if (!reader) print_skipped("reading pages with man", "it is not installed");
  Words pages = {"bertq"};
  for (const cli::Verb& verb : cli::all_verbs()) pages.push_back("bertq-" + std::string(verb.name));
  for (const std::string& page : pages) {
    CAPTURE(page);
    const std::string file = man + page + ".1";
    CHECK(read_file(file).starts_with(".TH "));
    if (groff) {
      const Finished finished = shell("groff -man -ww -z " + file);
      CHECK(finished.status == 0);
      CHECK(finished.err == "");
    }
    if (reader) {
      const Finished finished =
          shell("LC_ALL=C.UTF-8 MANWIDTH=120 MANROFFSEQ= man --warnings -l " + file + " | col -bx");
      CHECK(finished.err == "");
      for (const cli::Verb& verb : cli::all_verbs()) {
        if (page != "bertq-" + std::string(verb.name)) continue;
        for (const cli::Option* option : cli::options_of(verb.bit)) {
          if (option->positional) continue;
          CHECK(finished.out.find("--" + std::string(option->name)) != std::string::npos);
        }
        for (const std::string_view example : verb.examples) {
          CHECK(finished.out.find(example.substr(0, 60)) != std::string::npos);
        }
      }
    }
  }
  CHECK(shell("bertq help --man predict").out == read_file(man + "bertq-predict.1"));
  CHECK(shell("bertq help --man").out == read_file(man + "bertq.1"));
}

}  // namespace
}  // namespace bertq::testing
