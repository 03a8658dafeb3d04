// bertq predict and bertq embed: one line in, one line out.

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/process.h"

namespace bertq::testing {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

const std::string pair = R"({"id": 7, "text": "The cat sat down.", "text_pair": "The cat sat."})";
const std::string single = R"({"text": "The cat sat down."})";

std::vector<json> answers(const Finished& finished) {
  std::vector<json> list;
  for (const std::string& line : lines_of(finished.out)) list.push_back(json::parse(line));
  return list;
}

double softmax(const json& logits, std::size_t chosen) {
  const double a = logits[chosen], b = logits[1 - chosen];
  return 1.0 / (1.0 + std::exp(b - a));
}

TEST_CASE("the same object with logits, label and score") {
  const Finished finished = shell("bertq predict", pair + "\n" + single);
  CHECK(finished.status == 0);
  CHECK(finished.err == "");
  const auto lines = lines_of(finished.out);
  REQUIRE(lines.size() == 2);
  const auto object = ordered_json::parse(lines[0]);
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.push_back(key);
  CHECK(keys == std::vector<std::string>{"id", "text", "text_pair", "logits", "label", "score"});
  CHECK(object["id"] == 7);
  for (const json& answer : answers(finished)) {
    REQUIRE(answer["logits"].size() == 2);
    const std::size_t best = answer["logits"][1] > answer["logits"][0] ? 1 : 0;
    CHECK(answer["label"] == (best == 1 ? "equivalent" : "not_equivalent"));
    CHECK(answer["score"].get<double>() == doctest::Approx(softmax(answer["logits"], best)));
  }
}

TEST_CASE("extra keys pass through as they are") {
  const std::string line =
      R"({"z":[1,{"y":null}],"text":"A cat.","a":"\u00e9","n":18446744073709551615})";
  const auto object = ordered_json::parse(shell("bertq predict", line + "\n").out);
  CHECK(object["z"].dump() == R"([1,{"y":null}])");
  CHECK(object["a"] == "\xC3\xA9");
  CHECK(object["n"] == 18446744073709551615ULL);
}

TEST_CASE("order is kept, whatever the batches; alone or among others, the same answer") {
  std::string input;
  for (int i = 0; i < 700; ++i) {
    std::string text;
    for (int j = 0; j <= i * 7 % 31; ++j) text += "the cat ";
    input += json({{"id", i}, {"text", text}}).dump() + "\n";
  }
  const Finished together = shell("bertq predict", input);
  CHECK(together.status == 0);
  const auto lines = lines_of(together.out);
  REQUIRE(lines.size() == 700);
  for (std::size_t i = 0; i < lines.size(); ++i) CHECK(json::parse(lines[i])["id"] == i);
  const auto inputs = lines_of(input);
  for (const std::size_t i : {0U, 1U, 699U}) {
    CHECK(shell("bertq predict --threads 1", inputs[i] + "\n").out == lines[i] + "\n");
  }
}

TEST_CASE("a stream is answered line by line") {
  // The second line is written only after the first answer has been read.
  const Folder folder;
  const std::string in = folder / "in", out = folder / "out";
  const Finished finished =
      shell("mkfifo " + in + " " + out + "; bertq predict < " + in + " > " + out + " & exec 3> " +
            in + " 4< " + out + "; echo '" + single + "' >&3; read first <&4; echo '" + pair +
            "' >&3; read second <&4; exec 3>&-; wait; echo \"$second\"");
  CHECK(finished.status == 0);
  CHECK(json::parse(finished.out)["id"] == 7);
}

struct BadLine {
  std::string what, line, message;
};

TEST_CASE("a bad line gives an error in its place, and exit 3 at the end") {
  std::string deep, too_long = R"({"text": ")";
  for (int i = 0; i < 100'000; ++i) deep += "[";
  for (int i = 0; i < 300; ++i) too_long += "cat ";
  too_long += "\"}";
  const BadLine cases[] = {
      {"not JSON", "{\"text\": \"a\"", "not"},
      {"empty line", "", "expected a JSON object, got an empty line"},
      {"a line of spaces", " \t\r", "expected a JSON object, got an empty line"},
      {"an array", "[1]", "expected a JSON object, got array"},
      {"no text", R"({"id": 1})", "expected a string in \"text\", got none"},
      {"a null for a text", R"({"text": null})", "expected a string in \"text\", got null"},
      {"text of another type", R"({"text": 5})", "expected a string in \"text\", got number"},
      {"pair of another type", R"({"text": "a", "text_pair": []})", "\"text_pair\", got array"},
      {"a lone surrogate", R"({"text": "\ud800"})", "expected JSON"},
      {"bad UTF-8", "{\"text\": \"a\xFF\"}", "expected JSON"},
      {"a number beyond double", R"({"text": "a", "n": 1e999})", "expected JSON"},
      {"endless nesting", R"({"text": "a", "x": )" + deep, "nested more than 64 deep"},
      {"longer than the position table", too_long, "expected at most 128 tokens, got "},
  };
  for (const char* verb : {"predict", "embed"}) {
    for (const BadLine& c : cases) {
      CAPTURE(c.what);
      const Finished finished =
          shell("bertq " + std::string(verb), single + "\n" + c.line + "\n" + pair + "\n");
      CHECK(finished.status == 3);
      const auto got = answers(finished);
      REQUIRE(got.size() == 3);
      CHECK_FALSE(got[0].contains("error"));
      CHECK(got[2]["id"] == 7);
      REQUIRE(got[1].contains("error"));
      const std::string error = got[1]["error"];
      CHECK(error.starts_with("standard input: line 2: "));
      if (c.message != "not") CHECK(error.find(c.message) != std::string::npos);
      REQUIRE(lines_of(finished.err).size() == 1);
      CHECK(finished.err.starts_with("bertq: input: standard input: line 2: "));
    }
  }
}

TEST_CASE("--truncate cuts, and says so") {
  std::string text;
  for (int i = 0; i < 300; ++i) text += "cat ";
  const std::string line = json({{"text", text}}).dump() + "\n";
  const auto got = answers(shell("bertq predict --truncate", line + single + "\n"));
  REQUIRE(got.size() == 2);
  CHECK(got[0]["truncated"] == true);
  CHECK_FALSE(got[1].contains("truncated"));
  const auto shorter = answers(shell("bertq predict --truncate --max-seq-length 5", single));
  CHECK(shorter[0]["truncated"] == true);
}

TEST_CASE("precisions differ, and INT8 is the default") {
  const auto logits = [](const std::string& flags) {
    return answers(shell("bertq predict " + flags, pair))[0]["logits"];
  };
  CHECK(logits("") == logits("--precision int8"));
  CHECK(logits("") == logits("--precision auto"));
  CHECK(logits("") != logits("--precision fp32"));
  CHECK(logits("--activation tanh") != logits(""));
  CHECK(logits("--do-lower-case=false") != logits(""));
}

TEST_CASE("no input, no output") {
  const Finished finished = shell("bertq predict");
  CHECK(finished.status == 0);
  CHECK(finished.out == "");
}

std::vector<double> embedding(const std::string& flags, const std::string& line) {
  const auto got = answers(shell("bertq embed " + flags, line + "\n"));
  REQUIRE(got.size() == 1);
  return got[0]["embedding"].get<std::vector<double>>();
}

double length(const std::vector<double>& vector) {
  double squares = 0.0;
  for (const double value : vector) squares += value * value;
  return std::sqrt(squares);
}

TEST_CASE("embed: one vector of unit length for each text") {
  const auto mean = embedding("", single), cls = embedding("--pooling cls", single);
  CHECK(mean.size() == 128);
  CHECK(length(mean) == doctest::Approx(1.0).epsilon(1e-6));
  CHECK(length(cls) == doctest::Approx(1.0).epsilon(1e-6));
  CHECK(mean != cls);
  const auto own = embedding("--no-normalize", single);
  CHECK(length(own) != doctest::Approx(1.0).epsilon(1e-2));
  for (std::size_t i = 0; i < own.size(); ++i) {
    CHECK(own[i] / length(own) == doctest::Approx(mean[i]).epsilon(1e-4));
  }
}

TEST_CASE("embed --format f32: the same numbers, four bytes each") {
  const Finished finished = shell("bertq embed --format f32", single + "\n" + pair + "\n");
  REQUIRE(finished.status == 0);
  REQUIRE(finished.out.size() == 2 * 128 * sizeof(float));
  const auto expected = embedding("", single);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    float value = 0.0F;
    std::memcpy(&value, finished.out.data() + i * sizeof value, sizeof value);
    CHECK(value == static_cast<float>(expected[i]));
  }
}

TEST_CASE("embed --format f32 stops at a bad line") {
  const Finished finished = shell("bertq embed --format f32", single + "\nbad\n" + pair + "\n");
  CHECK(finished.status == 3);
  CHECK(finished.out.size() == 128 * sizeof(float));
  CHECK(finished.err.find("line 2") != std::string::npos);
}

TEST_CASE("modules.json decides the pooling unless a flag does") {
  const Folder folder;
  const std::string model = copy_sample(folder, "model");
  folder.write(
      "model/modules.json",
      R"([{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
                   {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}])");
  REQUIRE(shell("mkdir " + model + "/1_Pooling").status == 0);
  folder.write("model/1_Pooling/config.json",
               R"({"word_embedding_dimension": 128, "pooling_mode_cls_token": true,
                   "pooling_mode_mean_tokens": false})");
  const auto from_files = embedding("-m " + model, single);
  CHECK(from_files == embedding("--pooling cls --no-normalize", single));
  CHECK(embedding("-m " + model + " --pooling mean", single) ==
        embedding("--pooling mean --no-normalize", single));
}

}  // namespace
}  // namespace bertq::testing
