// The library and the program say the same, bit for bit.

#include <doctest/doctest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "texts.h"
#ifdef BERTQ_TEST_BINARY
#include "cli/process.h"

namespace bertq::testing {
namespace {

// The numbers of a flat list in a line of JSON: "key":[1,2.5].
template <typename Value>
std::vector<Value> numbers_of(const std::string& line, const std::string& key) {
  std::vector<Value> numbers;
  const std::size_t found = line.find('"' + key + "\":");
  if (found == std::string::npos) return numbers;
  const char* at = line.c_str() + found + key.size() + 3;
  const bool list = *at == '[';
  do {
    char* end = nullptr;
    if constexpr (sizeof(Value) == sizeof(float)) {
      numbers.push_back(std::strtof(at + (list || !numbers.empty() ? 1 : 0), &end));
    } else {
      numbers.push_back(std::strtod(at + (list || !numbers.empty() ? 1 : 0), &end));
    }
    at = end;
  } while (list && *at == ',');
  return numbers;
}

std::string json_lines(const std::vector<TextPair>& texts) {
  std::string lines;
  for (const TextPair& text : texts) {
    lines += R"({"text":")" + text.text + '"';
    if (!text.pair.empty()) lines += R"(,"text_pair":")" + text.pair + '"';
    lines += "}\n";
  }
  return lines;
}

TEST_CASE("predict and classify, embed and embed") {
  const auto texts = some_texts(30);
  for (const auto& [precision, name] :
       {std::pair(Precision::fp32, "fp32"), std::pair(Precision::int8, "int8")}) {
    Session session(Model::load(Sample::paraphrases, {.precision = precision}), {.threads = 1});
    const auto flags = std::string(" --threads 1 --quiet --precision ") + name;
    const Finished predict = shell("bertq predict" + flags, json_lines(texts));
    const Finished embed = shell("bertq embed" + flags, json_lines(texts));
    REQUIRE(predict.status == 0);
    REQUIRE(embed.status == 0);
    const auto predicted = lines_of(predict.out), embedded = lines_of(embed.out);
    REQUIRE(predicted.size() == texts.size());
    REQUIRE(embedded.size() == texts.size());
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const Classification& one = session.classify(texts[i].input());
      CHECK(same_bits<float>(numbers_of<float>(predicted[i], "logits"), one.logits));
      CHECK(numbers_of<double>(predicted[i], "score") == std::vector<double>{one.score});
      CHECK(predicted[i].find("\"label\":\"" + std::string(one.label) + '"') != std::string::npos);
      CHECK(same_bits<float>(numbers_of<float>(embedded[i], "embedding"),
                             session.embed(texts[i].input())));
    }
  }
}

TEST_CASE("answer and answer") {
  const std::string question = "How many households lost phone service?";
  const std::string context =
      "A storm struck Zanhalett on Saturday, leaving 62,500 households without telephone service.";
  Session session(Model::load(Sample::questions), {.threads = 1});
  const Finished finished =
      shell("bertq answer --threads 1 --quiet",
            R"({"question":")" + question + R"(","context":")" + context + "\"}\n");
  REQUIRE(finished.status == 0);
  const Answer answer = session.answer(question, context);
  CHECK(finished.out.find("\"answer\":\"" + std::string(answer.best.text) + '"') !=
        std::string::npos);
  const std::string tail = finished.out.substr(finished.out.find("\"score\":"));
  CHECK(numbers_of<double>(tail, "score").front() == answer.best.score);
}

}  // namespace
}  // namespace bertq::testing
#endif
