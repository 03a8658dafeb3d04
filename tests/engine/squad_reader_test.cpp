#include "engine/squad/squad_reader.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "bertq/error.h"
#include "support/temporary_folder.h"
#include "support/thrown_message.h"

namespace bertq::engine {
namespace {

SquadExamples read(SquadVersion version, const std::string& json) {
  return read_squad(version, *loaders::open_memory(std::as_bytes(std::span(json)), "dev.json"));
}

// A file of one paragraph with these questions.
std::string with_questions(const std::string& questions,
                           const std::string& context = "A red bus.") {
  return R"({"version":"1.1","data":[{"title":"T","paragraphs":[{"context":")" + context +
         R"(","qas":[)" + questions + "]}]}]}";
}

std::string question(const std::string& id, const std::string& rest) {
  return R"({"id":")" + id + R"(","question":"What?")" + rest + "}";
}

std::string answers(const std::string& text, const std::string& start) {
  return R"(,"answers":[{"text":")" + text + R"(","answer_start":)" + start + "}]";
}

TEST_CASE("questions, their context and their answers") {
  const SquadExamples set = read(SquadVersion::v1_1,
                                 R"({"data":[{"paragraphs":[
             {"qas":[{"question":"Which?","answers":[{"answer_start":2,"text":"red"},
                {"text":"red bus","answer_start":2}],"id":"7","plausible_answers":[{"text":5}]}],
              "context":"A red bus."}]},
             {"title":"x","paragraphs":[{"context":"\u00e9\ud83d\ude8c \u00fcb","qas":[
                {"id":"8","question":"","answers":[{"text":"\u00fcb","answer_start":3}]}]}]}]})");
  CHECK(set.name == "dev.json");
  CHECK(set.labelled);
  REQUIRE(set.contexts.size() == 2);
  CHECK(set.contexts[0] == "A red bus.");
  REQUIRE(set.questions.size() == 2);
  CHECK(set.questions[0].id == "7");
  CHECK(set.questions[0].text == "Which?");
  CHECK(set.questions[0].context == 0);
  CHECK(set.questions[0].answers == std::vector<std::string>{"red", "red bus"});
  CHECK(set.questions[1].context == 1);
  CHECK(set.questions[1].answers == std::vector<std::string>{"\xC3\xBC"
                                                             "b"});
}

TEST_CASE("forms that files come in") {
  const std::string unanswerable = question("1", R"(,"answers":[],"is_impossible":true)");
  const SquadExamples v2 = read(SquadVersion::v2_0, with_questions(unanswerable));
  CHECK(v2.labelled);
  CHECK(v2.questions[0].answers.empty());
  CHECK_FALSE(read(SquadVersion::v1_1, with_questions(question("1", ""))).labelled);
  CHECK(read(SquadVersion::v2_0, with_questions(unanswerable, "")).contexts[0].empty());
  CHECK(read(SquadVersion::v1_1, "\xEF\xBB\xBF" + with_questions(question("1", answers("A", "0"))))
            .questions.size() == 1);
}

TEST_CASE("bad files are refused by name and place") {
  struct Row {
    std::string json, complaint;
  };
  const std::string p = "data[0].paragraphs[0]", q = p + ".qas[0]";
  const std::string good = question("1", answers("red", "2"));
  const std::vector<Row> rows{
      {"[]", R"(expected an object with "data", got an array)"},
      {"{}", R"(expected "data", got an object without it)"},
      {R"({"data":7})", "data: expected an array, got 7"},
      {R"({"data":[],"data":[]})", "data: expected this key once, got it twice"},
      {R"({"data":[]})", "expected questions, got none"},
      {R"({"data":[{"paragraphs":[]}]})", "expected questions, got none"},
      {R"({"data":[[]]})", "data[0]: expected an object, got an array"},
      {R"({"data":[{"paragraphs":[]},{}]})",
       R"(data[1]: expected "paragraphs", got an object without it)"},
      {R"({"data":[{"paragraphs":[{"context":"a"}]}]})",
       p + R"(: expected "qas", got an object without it)"},
      {R"({"data":[{"paragraphs":[{"qas":[]}]}]})",
       p + R"(: expected "context", got an object without it)"},
      {R"({"data":[{"paragraphs":[{"context":["a"],"qas":[]}]}]})",
       p + ".context: expected a string, got an array"},
      {R"({"data":[{"paragraphs":[{"context":"a","qas":{}}]}]})",
       p + ".qas: expected an array, got an object"},
      {with_questions("null"), q + ": expected an object, got null"},
      {with_questions(R"({"question":"What?"})"),
       q + R"(: expected "id", got an object without it)"},
      {with_questions(R"({"id":"1"})"), q + R"(: expected "question", got an object without it)"},
      {with_questions(R"({"id":1,"question":"What?"})"), q + ".id: expected a string, got 1"},
      {with_questions(good + "," + good),
       p + ".qas[1].id: expected an id of its own, got '1' once more"},
      {with_questions(good + "," + question("2", "")),
       p + ".qas[1].answers: expected answers as in the questions before, got none"},
      {with_questions(question("2", "") + "," + good),
       p + ".qas[1].answers: expected no answers as in the questions before, got some"},
      {with_questions(question("1", R"(,"answers":[])")),
       q + ".answers: expected an answer, got none (task squad_v2 has questions without)"},
      {with_questions(question("1", R"(,"is_impossible":true)" + answers("red", "2"))),
       q + R"(.answers: expected none as "is_impossible" is true, got 1)"},
      {with_questions(question("1", R"(,"is_impossible":1)")),
       q + ".is_impossible: expected true or false, got 1"},
      {with_questions(question("1", R"(,"answers":{"text":["red"]})")),
       q + ".answers: expected an array, got an object"},
      {with_questions(question("1", R"(,"answers":["red"])")),
       q + ".answers[0]: expected an object, got the string 'red'"},
      {with_questions(question("1", R"(,"answers":[{"text":"red"}])")),
       q + R"(.answers[0]: expected "answer_start", got an object without it)"},
      {with_questions(question("1", R"(,"answers":[{"answer_start":2}])")),
       q + R"(.answers[0]: expected "text", got an object without it)"},
      {with_questions(question("1", answers("", "2"))),
       q + ".answers[0].text: expected words of the context, got an empty string"},
      {with_questions(question("1", answers("red", "-1"))),
       q + ".answers[0].answer_start: expected a whole number of code points, got -1"},
      {with_questions(question("1", answers("red", "2.0"))),
       q + ".answers[0].answer_start: expected a whole number of code points, got 2.0"},
      {with_questions(question("1", answers("red", "\\\"2\\\""))),
       "byte 152: expected JSON in UTF-8, got '\\\\'"},
      {with_questions(question("1", answers("red", "3"))),
       q + ".answers[0].answer_start: expected 'red' at code point 3 of the context, got 'ed '"},
      {with_questions(question("1", answers(".x", "9"))),
       q + ".answers[0].answer_start: expected '.x' at code point 9 of the context, got '.'"},
      {with_questions(question("1", answers("red", "10"))),
       q + ".answers[0].answer_start: expected less than the 10 code points of the context, got "
           "10"},
      {with_questions(question("1", answers("red", "18446744073709551615"))),
       q + ".answers[0].answer_start: expected less than the 10 code points of the context, got "
           "18446744073709551615"},
      // Bytes or UTF-16 units where code points are meant.
      {with_questions(question("1", answers("bus", "3")), "\xC3\xA9 bus"),
       q + ".answers[0].answer_start: expected 'bus' at code point 3 of the context, got 'us'"},
      {with_questions(question("1", answers("red", "0")), ""),
       q + ".answers[0].answer_start: expected less than the 0 code points of the context, got 0"},
      {with_questions(good).substr(0, 60), "byte 60: expected JSON in UTF-8, got the end"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.json);
    std::string complaint;
    try {
      read(SquadVersion::v1_1, row.json);
    } catch (const std::exception& error) {
      complaint = error.what();
    }
    CHECK(complaint == "dev.json: " + row.complaint);
  }
}

TEST_CASE("the second article's questions have places of their own") {
  const std::string one = R"({"paragraphs":[{"context":"a","qas":[{"id":"1","question":"x"}]},)"
                          R"({"context":"a","qas":[{"id":"2","question":"x"}]}]})";
  const std::string two = R"({"paragraphs":[{"context":"a","qas":[{"id":"3","question":"x"},)"
                          R"({"id":"2","question":"x"}]}]})";
  CHECK(testing::thrown_message<Error>(
            [&] { read(SquadVersion::v1_1, R"({"data":[)" + one + "," + two + "]}"); }) ==
        "dev.json: data[1].paragraphs[0].qas[1].id: expected an id of its own, got '2' once more");
}

TEST_CASE("hostile files are bounded") {
  const std::string deep = R"({"data":[{"title":)" + std::string(100'000, '[');
  CHECK(testing::thrown_message<loaders::FormatError>([&] { read(SquadVersion::v1_1, deep); }) ==
        "dev.json: expected JSON of at most 32 levels, got more");
  const std::string long_context = with_questions(question("1", ""), std::string(20 << 20, 'x'));
  CHECK(testing::thrown_message<loaders::FormatError>(
            [&] { read(SquadVersion::v1_1, long_context); }) ==
        "dev.json: byte 64: expected strings and numbers of at most 16777216 bytes, got 20971520");
  // Many answers far into a long context: each is looked up, none is searched for.
  std::string many;
  for (int i = 0; i < 20'000; ++i) {
    many += std::string(i == 0 ? "" : ",") + R"({"text":"y","answer_start":1000000})";
  }
  const SquadExamples set =
      read(SquadVersion::v1_1, with_questions(question("1", ",\"answers\":[" + many + "]"),
                                              std::string(1'000'000, 'x') + "y"));
  CHECK(set.questions[0].answers.size() == 20'000);
}

TEST_CASE("a folder is searched for the file of the version") {
  const testing::TemporaryFolder folder;
  const std::string name = folder.path().string();
  CHECK(testing::thrown_message<Error>([&] { read_squad(SquadVersion::v2_0, folder.path()); }) ==
        name + ": expected dev-v2.0.json in this folder, got none");
  folder.write("dev-v1.1.json", with_questions(question("1", "")));
  CHECK(read_squad(SquadVersion::v1_1, folder.path()).questions.size() == 1);
}

}  // namespace
}  // namespace bertq::engine
