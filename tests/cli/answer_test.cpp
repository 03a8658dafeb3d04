// bertq answer, and bertq run of SQuAD, as a shell sees them.

#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/process.h"

namespace bertq::testing {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

const std::string context =
    "Garvik Energy will build a power plant in Dorer for $2.1 billion. Quinock Holdings named "
    "Elena "
    "Barsen as finance chief, replacing Lucía Ulford.";

std::string line(const std::string& question, const std::string& text = context) {
  return json({{"question", question}, {"context", text}}).dump() + "\n";
}

// The context's own bytes are what each answer says, and scores are probabilities in order.
void check_answer(const json& object) {
  const std::string text = object["context"];
  const auto check_span = [&](const json& found) {
    const std::size_t start = found["start"], end = found["end"];
    REQUIRE(start <= end);
    REQUIRE(end <= text.size());
    CHECK(found["answer"] == text.substr(start, end - start));
  };
  check_span(object);
  double sum = 0.0, last = 1.0;
  for (const json& found : object["n_best"]) {
    check_span(found);
    const double score = found["score"];
    CHECK(score <= last);
    last = score;
    sum += score;
  }
  CHECK(sum <= 1.0 + 1e-9);
  CHECK(object["score"] == object["n_best"][0]["score"]);
  CHECK(object["answer"] == object["n_best"][0]["answer"]);
}

TEST_CASE("the same object with an answer, where it is and how likely") {
  const Finished finished =
      shell("bertq answer",
            R"({"id":7,"question":"Where?","context":"A bus crashed near Elvik.","x":[1]})"
            "\n" +
                line("Who will build a plant?"));
  CHECK(finished.status == 0);
  CHECK(finished.err == "");
  const auto lines = lines_of(finished.out);
  REQUIRE(lines.size() == 2);
  const auto first = ordered_json::parse(lines[0]);
  std::vector<std::string> keys;
  for (const auto& [key, value] : first.items()) keys.push_back(key);
  CHECK(keys == std::vector<std::string>{"id", "question", "context", "x", "answer", "start", "end",
                                         "score", "n_best"});
  CHECK(first["id"] == 7);
  for (const std::string& text : lines) check_answer(json::parse(text));
  const json second = json::parse(lines[1]);
  double sum = 0.0;
  for (const json& candidate : second["n_best"]) sum += candidate["score"].get<double>();
  CHECK(sum == doctest::Approx(1.0));
}

TEST_CASE("how many candidates are listed changes neither the answer nor its score") {
  const auto all = ordered_json::parse(shell("bertq answer", line("Who will build it?")).out);
  const auto two =
      ordered_json::parse(shell("bertq answer --n-best 2", line("Who will build it?")).out);
  REQUIRE(all["n_best"].size() > 2);
  REQUIRE(two["n_best"].size() == 2);
  for (const char* key : {"answer", "start", "end", "score"}) CHECK(all[key] == two[key]);
  for (const std::size_t i : {0U, 1U}) CHECK(all["n_best"][i] == two["n_best"][i]);
}

TEST_CASE("a stream is answered line by line") {
  // The second line is written only after the first answer has been read.
  const Folder folder;
  const std::string in = folder / "in", out = folder / "out";
  const std::string asked = R"({"id":1,"question":"Who?","context":"A bus."})";
  const Finished finished =
      shell("mkfifo " + in + " " + out + "; bertq answer < " + in + " > " + out + " & exec 3> " +
            in + " 4< " + out + "; echo '" + asked + "' >&3; read first <&4; echo '" + asked +
            "' >&3; read second <&4; exec 3>&-; wait; echo \"$second\"");
  CHECK(finished.status == 0);
  CHECK(json::parse(finished.out)["id"] == 1);
}

TEST_CASE("the embedded model finds answers") {
  struct Row {
    std::string question, answer;
  };
  int found = 0;
  const std::vector<Row> rows{{"Which company will build a power plant?", "Garvik Energy"},
                              {"What will Garvik Energy build in Dorer?", "power plant"},
                              {"How much will the power plant in Dorer cost?", "$2.1 billion"},
                              {"Who is the new finance chief of Quinock Holdings?", "Elena Barsen"},
                              {"Whom does Barsen replace?", "Lucía Ulford"}};
  for (const Row& row : rows) {
    const json object = json::parse(shell("bertq answer", line(row.question)).out);
    found += object["answer"] == row.answer ? 1 : 0;
  }
  CHECK(found >= 2);
}

TEST_CASE("white space, accents and quotes stay as they are in the context") {
  const std::string odd = "\tGarvik\n\nEnergy  will\u2028build\u00a0a \"power plant\" in (Dörer).";
  const json object = json::parse(shell("bertq answer --n-best 5", line("Who builds?", odd)).out);
  check_answer(object);
  CHECK(object["n_best"].size() <= 5);
}

TEST_CASE("order is kept; alone or among others, on any number of threads, the same answer") {
  std::string input;
  for (int i = 0; i < 60; ++i) {
    std::string text = context;
    for (int j = 0; j < i % 5; ++j) text += " The talks in Elvik went on.";
    input += json({{"id", i}, {"question", "Who?"}, {"context", text}}).dump() + "\n";
  }
  const auto inputs = lines_of(input), together = lines_of(shell("bertq answer", input).out);
  REQUIRE(together.size() == 60);
  for (std::size_t i = 0; i < 60; ++i) CHECK(json::parse(together[i])["id"] == i);
  for (const std::size_t i : {0U, 4U, 59U}) {
    CHECK(shell("bertq answer --threads 1", inputs[i] + "\n").out == together[i] + "\n");
  }
}

TEST_CASE("a context longer than a window is seen through several") {
  std::string text;
  for (int i = 0; i < 60; ++i) text += "The talks in Elvik went on for a while. ";
  text += context;
  const json object = json::parse(shell("bertq answer", line("Who will build a plant?", text)).out);
  check_answer(object);
  // Windows further apart, or longer, still cover all of it.
  check_answer(json::parse(
      shell("bertq answer --max-seq-length 64 --doc-stride 20", line("Who?", text)).out));
}

TEST_CASE("bad lines get their error in their place, and exit 3 at the end") {
  struct Row {
    std::string input, error;
  };
  const std::vector<Row> rows{
      {"[1]", "expected a JSON object, got array"},
      {"{", "expected JSON, got something else at byte 2"},
      {R"({"question":"Who?"})", R"(expected a string in "context", got none)"},
      {R"({"context":"A bus."})", R"(expected a string in "question", got none)"},
      {R"({"question":1,"context":"A bus."})", R"(expected a string in "question", got number)"},
      {R"({"question":"a b c d e f g h","context":"A bus."})",
       "expected a question that leaves room for its context in a window of 11 tokens, got 8"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.input);
    const Finished finished = shell("bertq answer --max-seq-length 11 --doc-stride 3",
                                    R"({"question":"a","context":"b"})"
                                    "\n" +
                                        row.input +
                                        "\n"
                                        R"({"question":"a","context":"c"})");
    CHECK(finished.status == 3);
    const auto lines = lines_of(finished.out);
    REQUIRE(lines.size() == 3);
    CHECK(json::parse(lines[1])["error"] == "standard input: line 2: " + row.error);
    CHECK(json::parse(lines[2])["answer"] == "c");
    CHECK(finished.err.find("standard input: line 2: " + row.error) != std::string::npos);
  }
}

TEST_CASE("where nothing can be found, nothing is answered") {
  const json object = json::parse(shell("bertq answer", line("Who?", " ")).out);
  CHECK(object["answer"] == "");
  CHECK(object["start"] == 0);
  CHECK(object["end"] == 0);
  CHECK(object["score"] == 0.0);
  CHECK(object["n_best"].empty());
  const std::string sure = "--version-2-with-negative --null-score-diff-threshold -1000";
  const json none = json::parse(shell("bertq answer " + sure, line("Who?")).out);
  CHECK(none["answer"] == "");
  CHECK(none["n_best"].size() > 1);
}

TEST_CASE("flags that make no sense, and a model without a span head") {
  struct Row {
    std::string flags;
    int status;
    std::string error;
  };
  const std::vector<Row> rows{
      {"--doc-stride 0", 2, "--doc-stride"},
      {"--doc-stride 253", 2, "--doc-stride: expected less than the 253 tokens"},
      {"--max-seq-length 257", 3, "expected at most the 256 positions of the model, got 257"},
      {"--null-score-diff-threshold x", 2,
       "--null-score-diff-threshold: expected a number, got 'x'"},
      {"-m " BERTQ_TEST_SAMPLE, 3, "expected a span head (qa_outputs), got none"},
  };
  for (const Row& row : rows) {
    const Finished finished = shell("bertq answer " + row.flags, line("Who?"));
    CAPTURE(row.flags);
    CHECK(finished.status == row.status);
    CHECK(finished.out == "");
    CHECK(finished.err.find(row.error) != std::string::npos);
    CHECK(std::count(finished.err.begin(), finished.err.end(), '\n') == 1);
  }
}

TEST_CASE("run scores the embedded questions, and INT8 keeps the goal") {
  const Folder folder;
  const std::string results = folder / "results";
  const Finished finished = shell("bertq run --task squad --format json --output-dir " + results);
  REQUIRE(finished.status == 0);
  const json report = json::parse(finished.out);
  REQUIRE(report["results"].size() == 2);
  const double fp32 = report["results"][0]["metrics"]["f1"];
  CHECK(fp32 > 25.0);
  CHECK(fp32 < 95.0);
  CHECK(report["results"][0]["metrics"].size() == 2);
  CHECK(report["results"][0]["metrics"]["exact_match"] < fp32);
  CHECK(report["results"][0]["examples"] == 480);
  CHECK(report["results"][1]["metrics"]["f1"].get<double>() >= 0.99 * fp32);
  CHECK(report["goal"]["met"] == true);
  const json predictions = json::parse(read_file(results + "/predictions.json"));
  const json n_best = json::parse(read_file(results + "/nbest_predictions.json"));
  CHECK(predictions.size() == 480);
  CHECK(n_best.size() == 480);
  for (const auto& [id, text] : predictions.items()) CHECK(n_best[id][0]["text"] == text);
  CHECK(read_file(results + "/eval_results.txt").find("exact_match = ") == 0);
}

TEST_CASE("run refuses bad questions by file and place") {
  const Folder folder;
  const std::string data = folder.write(
      "dev.json", R"({"data":[{"paragraphs":[{"context":"A bus.","qas":[{"id":"1","question":"?",)"
                  R"("answers":[{"text":"bus","answer_start":3}]}]}]}]})");
  const Finished finished = shell("bertq run --task squad -m " BERTQ_TEST_SAMPLE " --data " + data);
  CHECK(finished.status == 3);
  CHECK(
      finished.err.find("dev.json: data[0].paragraphs[0].qas[0].answers[0].answer_start: expected "
                        "'bus' at code point 3 of the context, got 'us.'") != std::string::npos);
}

}  // namespace
}  // namespace bertq::testing
