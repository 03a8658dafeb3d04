// bertq tokenize: a line of text in, a line out.

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/process.h"

namespace bertq::testing {
namespace {

using nlohmann::json;

const std::string vocabulary =
    "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\ncat\nsat\n##s\nThe\n\xC3\xA9t\xC3\xA9\nete\n";

TEST_CASE("ids, one line for each, with special tokens") {
  const Folder folder;
  const std::string vocab = "bertq tokenize --vocab " + folder.write("vocab.txt", vocabulary);
  struct Case {
    std::string what, input, expected;
    std::string flags = {};
  };
  const Case cases[] = {
      {"a text", "the cats sat\n", "2 5 6 8 7 3\n"},
      {"no newline at the end", "the cat", "2 5 6 3\n"},
      {"an empty line", "\nthe\n", "2 3\n2 5 3\n"},
      {"CRLF", "the cat\r\n", "2 5 6 3\n"},
      {"a pair", "the\tcat sat\n", "2 5 3 6 7 3\n"},
      {"a pair with an empty half", "\tcat\n", "2 3 6 3\n"},
      {"unknown words", "the zzz\n", "2 5 1 3\n"},
      {"lower-cased unless told", "The\n", "2 5 3\n"},
      {"told", "The\n", "2 9 3\n", " --do-lower-case=false"},
      {"never truncated", std::string(4 * 3000, 't').replace(0, 4, "the "), "2 5 1 3\n"},
      {"truncated when asked", "the cat sat\tthe\n", "2 5 3 5 3\n", " --max-seq-length 5"},
      {"a line separator ends no line",
       "the\xE2\x80\xA8"
       "cat\n",
       "2 5 6 3\n"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.what);
    const Finished finished = shell(vocab + c.flags, c.input);
    CHECK(finished.status == 0);
    CHECK(finished.out == c.expected);
    CHECK(finished.err == "");
  }
}

TEST_CASE("tokens, and spans back into the text") {
  const Folder folder;
  const std::string vocab = "bertq tokenize --vocab " + folder.write("vocab.txt", vocabulary);
  CHECK(shell(vocab + " --format tokens", "the cats\tsat\n").out ==
        "[CLS] the cat ##s [SEP] sat [SEP]\n");
  const json object =
      json::parse(shell(vocab + " --format json", "  \xC3\x89t\xC3\xA9 cats\tsat\n").out);
  CHECK(object["ids"] == json({2, 11, 6, 8, 3, 7, 3}));
  CHECK(object["tokens"] == json({"[CLS]", "ete", "cat", "##s", "[SEP]", "sat", "[SEP]"}));
  CHECK(object["segments"] == json({0, 0, 0, 0, 0, 1, 1}));
  CHECK(object["spans"] == json::parse("[[0,0],[2,7],[8,11],[11,12],[0,0],[0,3],[0,0]]"));
}

TEST_CASE("a folder, a file, and nothing at all") {
  const Folder folder;
  const std::string model = copy_sample(folder, "model");
  const std::string sample = shell("bertq tokenize", "the cat\n").out;
  CHECK(shell("bertq tokenize -m " + model, "the cat\n").out == sample);
  CHECK(shell("bertq tokenize --vocab " + model + "/vocab.txt", "the cat\n").out == sample);
  // The weights are not needed for this.
  CHECK(shell("rm " + model + "/model.safetensors; bertq tokenize -m " + model, "the cat\n").out ==
        sample);
  CHECK(shell("bertq tokenize --data " + folder.write("text", "the cat\n")).out == sample);
}

TEST_CASE("a name from the Hugging Face cache") {
  const Folder folder;
  const std::string commit = "0123abc";
  REQUIRE(shell("mkdir -p " + (folder / "hub/models--org--name/refs ") +
                (folder / "hub/models--org--name/snapshots/") + commit)
              .status == 0);
  folder.write("hub/models--org--name/snapshots/" + commit + "/vocab.txt", vocabulary);
  const std::string command = "bertq tokenize -m org/name";
  const std::string variables[] = {"HF_HUB_CACHE=" + (folder / "hub"), "HF_HOME=" + (folder / "")};
  const Finished early = shell(variables[0] + " " + command, "the cat\n");
  CHECK(early.status == 3);
  CHECK(early.err.find("no complete download") != std::string::npos);
  folder.write("hub/models--org--name/refs/main", commit);
  for (const std::string& variable : variables) {
    CAPTURE(variable);
    CHECK(shell("env -u HF_HUB_CACHE -u HUGGINGFACE_HUB_CACHE " + variable + " " + command,
                "the cat\n")
              .out == "2 5 6 3\n");
  }
  // A reference that leaves the cache is none.
  folder.write("hub/models--org--name/refs/main", "../../../..");
  CHECK(shell(variables[0] + " " + command, "the cat\n").status == 3);
}

TEST_CASE("bad lines are named, and what came before stands") {
  struct Case {
    std::string what, input, message;
  };
  const Case cases[] = {
      {"bad UTF-8",
       "good\nth\xFF"
       "e\n",
       "standard input: line 2: text: byte offset 2: "},
      {"two tabs", "good\na\tb\tc\n", "standard input: line 2: expected at most one tab, got more"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.what);
    const Finished finished = shell("bertq tokenize", c.input);
    CHECK(finished.status == 3);
    CHECK(lines_of(finished.out).size() == 1);
    CHECK(finished.err.find("bertq: input: " + c.message) == 0);
  }
}

}  // namespace
}  // namespace bertq::testing
