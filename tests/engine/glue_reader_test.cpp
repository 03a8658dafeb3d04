#include "engine/task/glue_reader.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "bertq/error.h"
#include "engine/task/line_reader.h"

namespace bertq::engine {
namespace {

namespace fs = std::filesystem;

const std::string header = "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n";
const std::string test_header = "index\t#1 ID\t#2 ID\t#1 String\t#2 String\n";

ExampleSet read(const std::string& file) {
  return read_glue(*find_task("mrpc"),
                   *loaders::open_memory(std::as_bytes(std::span(file)), "dev.tsv"));
}

std::string why_refused(const std::string& file) {
  try {
    read(file);
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::input);
    return error.what();
  }
  return "not refused";
}

TEST_CASE("a row is its texts and its label, exactly as they stand") {
  const ExampleSet set =
      read(header + "1\t7\t8\tHe said \"no.\tNo, \"he\" said.\n0\t9\t10\ta\tb\n");
  CHECK(set.name == "dev.tsv");
  CHECK(set.labelled);
  REQUIRE(set.examples.size() == 2);
  CHECK(set.examples[0].text == "He said \"no.");
  CHECK(set.examples[0].pair == "No, \"he\" said.");
  CHECK(set.examples[0].label == 1);
  CHECK(set.examples[1].label == 0);
}

TEST_CASE("forms that files come in") {
  const std::string row = "1\t7\t8\tone\ttwo";
  struct Case {
    std::string what;
    std::string file;
    std::string text, pair;
  };
  const Case cases[] = {
      {"no newline at the end", header + row, "one", "two"},
      {"byte order mark", "\xEF\xBB\xBF" + header + row + "\n", "one", "two"},
      {"CRLF", "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\r\n" + row + "\r\n", "one", "two"},
      {"blank lines at the end", header + row + "\n\n\r\n", "one", "two"},
      {"blanks around the row", header + "  " + row + "  \n", "one", "two"},
      {"an empty first text", header + "1\t7\t8\t\ttwo\n", "", "two"},
      {"an empty second text", header + "1\t7\t8\tone\t\n", "one", ""},
      {"both empty", header + "1\t7\t8\t\t\r\n", "", ""},
      {"a line separator is no line end", header + "1\t7\t8\ta\xE2\x80\xA8z\ttwo\n",
       "a\xE2\x80\xA8z", "two"},
      {"neither is a carriage return inside", header + "1\t7\t8\ta\rz\ttwo\n", "a\rz", "two"},
      {"NUL is a character", header + std::string("1\t7\t8\ta\0z\ttwo\n", 13),
       std::string("a\0z", 3), "two"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.what);
    const ExampleSet set = read(c.file);
    REQUIRE(set.examples.size() == 1);
    CHECK(set.examples[0].text == c.text);
    CHECK(set.examples[0].pair == c.pair);
  }
}

TEST_CASE("an index in place of the label makes an unlabelled set") {
  const ExampleSet set = read(test_header + "0\t7\t8\tone\ttwo\n1\t7\t8\tthree\tfour\n");
  CHECK_FALSE(set.labelled);
  REQUIRE(set.examples.size() == 2);
  CHECK(set.examples[1].pair == "four");
}

TEST_CASE("what is wrong is named with its line") {
  struct Case {
    std::string what;
    std::string file;
    std::string message;
  };
  const std::string good = "1\t7\t8\tone\ttwo\n";
  const Case cases[] = {
      {"empty file", "", "dev.tsv: expected a header line, got an empty file"},
      {"no rows", header, "dev.tsv: expected rows after the header, got none"},
      {"no header", good,
       "dev.tsv: line 1: expected a header with the column '#1 String', got 5 columns that begin "
       "with '1'"},
      {"header too short", "Quality\t#1 ID\n",
       "dev.tsv: line 1: expected a header with the column '#1 String', got 2 columns that begin "
       "with 'Quality'"},
      {"a column too few", header + good + "1\t7\t8\tone\n",
       "dev.tsv: line 3: expected 5 columns, got 4"},
      {"a column too many", header + "1\t7\t8\tone\ttwo\tthree\n",
       "dev.tsv: line 2: expected 5 columns, got 6"},
      {"unknown label", header + good + good + "2\t7\t8\tone\ttwo\n",
       "dev.tsv: line 4: column Quality: expected 0 or 1, got '2'"},
      {"a label that would break the line", header + "1\x1B[2J\t7\t8\tone\ttwo\n",
       "dev.tsv: line 2: column Quality: expected 0 or 1, got '1\\x1b[2J'"},
      {"bad UTF-8", header + "1\t7\t8\ton\xFF\ttwo\n",
       "dev.tsv: line 2: expected UTF-8, got an invalid byte at offset 8 of the line"},
      {"a blank line in the middle", header + good + "\n" + good,
       "dev.tsv: line 4: expected the end of the file after a blank line, got a row"},
      {"a line without end", header + std::string(longest_data_line + 1, 'x'),
       "dev.tsv: line 2: expected at most 1000000 bytes, got more"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.what);
    CHECK(why_refused(c.file) == c.message);
  }
}

TEST_CASE("lines of every length, across the borders of what is read at once") {
  for (const std::size_t length : {65'535UL, 65'536UL, 131'072UL, longest_data_line - 20}) {
    CAPTURE(length);
    const std::string text(length, 'x');
    const ExampleSet set = read(header + "1\t7\t8\t" + text + "\ttwo\n0\t7\t8\tone\t" + text);
    REQUIRE(set.examples.size() == 2);
    CHECK(set.examples[0].text == text);
    CHECK(set.examples[1].pair == text);
  }
}

class Folder {
 public:
  Folder() : path_(fs::temp_directory_path() / ("bertq_glue_" + std::to_string(::getpid()))) {
    fs::create_directories(path_);
  }
  ~Folder() { fs::remove_all(path_); }
  void write(const char* name, const std::string& content) const {
    std::ofstream(path_ / name, std::ios::binary) << content;
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

TEST_CASE("a folder is searched for the task's files") {
  const Folder folder;
  const Task& mrpc = *find_task("mrpc");
  CHECK_THROWS_AS(read_glue(mrpc, folder.path()), Error);
  folder.write("msr_paraphrase_test.txt", header + "1\t7\t8\toriginal\ttwo\n");
  CHECK(read_glue(mrpc, folder.path()).at(0).examples[0].text == "original");
  folder.write("dev.tsv", header + "1\t7\t8\tdev\ttwo\n");
  CHECK(read_glue(mrpc, folder.path()).at(0).examples[0].text == "dev");
  CHECK_THROWS_AS(read_glue(mrpc, folder.path() / "absent.tsv"), std::exception);
}

}  // namespace
}  // namespace bertq::engine
