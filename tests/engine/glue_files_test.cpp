// The files of each GLUE task in the form in which they were published: small ones of our own, and
// real ones where they are at hand.

#include <doctest/doctest.h>

#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "engine/task/glue_reader.h"

namespace bertq::engine {
namespace {

namespace fs = std::filesystem;

const fs::path tasks = fs::path(BERTQ_TEST_DATA) / "tasks";

struct Row {
  std::string text, pair;  // no pair: ""
  std::size_t label = 0;
  double value = 0.0;
};

struct FileCase {
  std::string task, file;
  std::vector<Row> rows;
  bool labelled = true;
  std::size_t skipped = 0;
};

const FileCase files[] = {
    {"cola",
     "CoLA/dev.tsv",
     {{"The sailors rode the breeze clear of the rocks.", "", 1},
      {"The more does Bill smoke, the more Susan hates him.", "", 0},
      {"She said \"quiet.", "", 1}}},
    {"cola",
     "CoLA/test.tsv",
     {{"Bill whistled past the house.", ""}, {"The car honked its way down the road.", ""}},
     false},
    {"sst-2",
     "SST-2/dev.tsv",
     {{"it 's a charming and often affecting journey . ", "", 1},
      {"unflinchingly bleak and desperate ", "", 0}}},
    {"sst-2", "SST-2/test.tsv", {{"uneasy mishmash of styles and genres .", ""}}, false},
    {"mrpc",
     "MRPC/dev.tsv",
     {{"He said the food \"was good.", "The food was good, he said.", 1},
      {"Rain fell in Spain.", "Trade fell in Spain.", 0}}},
    {"mrpc", "MRPC/test.tsv", {{"One thing happened.", "Another thing happened."}}, false},
    {"sts-b",
     "STS-B/dev.tsv",
     {{"A man is dancing.", "A man dances.", 0, 5.0},
      {"A dog barks.", "Shares fall.", 0, 0.25},
      {"A cat sleeps.", "A cat naps.", 0, 3.8}}},
    {"sts-b",
     "STS-B/test.tsv",
     {{"A girl is styling her hair.", "A girl is brushing her hair."}},
     false},
    {"qqp",
     "QQP/dev.tsv",
     {{"Why is the sky blue?", "What makes the sky blue?", 1},
      {"How old is the Earth?", "Who is \"John?", 0}},
     true,
     1},
    {"qqp", "QQP/test.tsv", {{"Would you?", "Would she?"}}, false},
    {"mnli",
     "MNLI/dev_matched.tsv",
     {{"The new rights are nice enough", "Everyone likes the newest benefits", 2},
      {"This site lists them all", "It has a list", 1},
      {"He slept", "He ran", 0}}},
    {"mnli",
     "MNLI/dev_mismatched.tsv",
     {{"Your gift is welcome", "Gifts are refused", 0}, {"Six is even", "Six is a number", 1}}},
    {"mnli", "MNLI/train.tsv", {{"A premise", "A hypothesis", 2}}},
    {"mnli", "MNLI/test_matched.tsv", {{"Hello there", "Goodbye"}}, false},
    {"qnli",
     "QNLI/dev.tsv",
     {{"What came into force?", "A treaty came into force \"in 1990.", 0},
      {"Who won?", "It rained.", 1}}},
    {"qnli", "QNLI/test.tsv", {{"What does it do?", "It heats water."}}, false},
    {"rte",
     "RTE/dev.tsv",
     {{"Dana Reeve has died.", "Dana Reeve lives.", 1}, {"Yet we see it.", "It is seen.", 0}}},
    {"rte", "RTE/test.tsv", {{"Mangla was summoned.", "Mangla came."}}, false},
    {"wnli",
     "WNLI/dev.tsv",
     {{"The drain is clogged with hair. It has to be cleaned.", "The hair has to be cleaned.", 0},
      {"Jane knocked and Susan answered.", "Susan answered.", 1}}},
    {"wnli", "WNLI/test.tsv", {{"Maude and Dora saw it.", "They saw it."}}, false},
};

TEST_CASE("each file of each task: texts, labels, and whether there are any") {
  for (const FileCase& c : files) {
    CAPTURE(c.file);
    const auto sets = read_glue(*find_task(c.task), tasks / c.file);
    REQUIRE(sets.size() == 1);
    const ExampleSet& set = sets.front();
    CHECK(set.labelled == c.labelled);
    CHECK(set.skipped == c.skipped);
    REQUIRE(set.examples.size() == c.rows.size());
    for (std::size_t i = 0; i < c.rows.size(); ++i) {
      CAPTURE(i);
      CHECK(set.examples[i].text == c.rows[i].text);
      CHECK(set.examples[i].pair.value_or("") == c.rows[i].pair);
      CHECK(set.examples[i].pair.has_value() == !c.rows[i].pair.empty());
      CHECK(set.examples[i].label == c.rows[i].label);
      CHECK(set.examples[i].value == c.rows[i].value);
    }
  }
}

TEST_CASE("a folder has a dev and a test split, and MNLI's has two sets of each") {
  const Task& mnli = *find_task("mnli");
  const auto dev = read_glue(mnli, tasks / "MNLI"),
             test = read_glue(mnli, tasks / "MNLI", Split::test);
  REQUIRE(dev.size() == 2);
  CHECK(dev[0].examples.size() == 3);
  CHECK(dev[1].examples.size() == 2);
  REQUIRE(test.size() == 2);
  CHECK(test[1].examples.size() == 2);
  CHECK(read_glue(*find_task("cola"), tasks / "CoLA", Split::test)[0].examples.size() == 2);
}

struct SharedFile {
  std::string task, file;
  std::size_t examples;
};

TEST_CASE("the real files, as often as they are at hand") {
  const SharedFile shared[] = {{"mrpc", "mrpc/dev.tsv", 409},
                               {"mrpc", "mrpc/train.tsv", 3671},
                               {"sts-b", "sts-b/dev.tsv", 1500},
                               {"sts-b", "sts-b/train.tsv", 5749}};
  for (const SharedFile& c : shared) {
    const fs::path path = fs::path(BERTQ_TEST_SHARED) / "data" / c.file;
    if (!fs::exists(path)) {
      std::printf("SKIPPED: no %s\n", path.c_str());
      continue;
    }
    CAPTURE(c.file);
    const auto sets = read_glue(*find_task(c.task), path);
    CHECK(sets.front().examples.size() == c.examples);
    CHECK(sets.front().labelled);
    CHECK(sets.front().skipped == 0);
  }
}

}  // namespace
}  // namespace bertq::engine
