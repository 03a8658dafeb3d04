// The small parts of the command line, one by one.

#include <doctest/doctest.h>
#include <unistd.h>

#include <new>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "bertq/error.h"
#include "cli/process.h"
#include "engine/cli/failure.h"
#include "engine/cli/json_output.h"
#include "engine/cli/line_source.h"
#include "engine/cli/memory.h"
#include "engine/cli/progress.h"
#include "engine/cli/statistics.h"
#include "engine/cli/suggestion.h"
#include "engine/cli/table.h"
#include "jit/isa.h"
#include "loaders/byte_source.h"
#include "tokenizer/tokenizer.h"

namespace bertq::engine::cli {
namespace {

using testing::Folder;

TEST_CASE("percentiles are values that were measured") {
  const std::vector<double> one = {4.0};
  CHECK(percentile(one, 50) == 4.0);
  CHECK(percentile(one, 99) == 4.0);
  std::vector<double> hundred;
  for (int i = 100; i >= 1; --i) hundred.push_back(i);
  CHECK(percentile(hundred, 50) == 50.0);
  CHECK(percentile(hundred, 99) == 99.0);
  CHECK(percentile(hundred, 100) == 100.0);
  CHECK(percentile(hundred, 0) == 1.0);
  CHECK(mean(hundred) == 50.5);
}

TEST_CASE("a table for people, for Markdown and for spreadsheets") {
  Table table({"name", "ms"});
  table.add({"a", "1.25"});
  table.add({"with, \"both\"", "10"});
  CHECK(table.text("table") ==
        "name            ms\n"
        "a             1.25\n"
        "with, \"both\"    10\n");
  CHECK(table.text("md") == "| name | ms |\n|:--|--:|\n| a | 1.25 |\n| with, \"both\" | 10 |\n");
  CHECK(table.text("csv") == "name,ms\na,1.25\n\"with, \"\"both\"\"\",10\n");
  CHECK_THROWS(table.add({"too few"}));
}

TEST_CASE("suggestions are near misses only") {
  const std::vector<std::string> known = {"--threads", "--isa", "--data"};
  CHECK(suggestion("--thread", known) == "; did you mean '--threads'?");
  CHECK(suggestion("--threasd", known) == "; did you mean '--threads'?");
  CHECK(suggestion("xml", std::vector<std::string>{"md", "csv"}) == "");
  CHECK(suggestion("--date", known) == "; did you mean '--data'?");
  CHECK(suggestion("--something-else", known) == "");
  CHECK(suggestion(std::string(100'000, 'x'), known) == "");
  CHECK(suggestion("--isa", {}) == "");
}

TEST_CASE("a float is printed in its own digits") {
  CHECK(json_float(0.1F).dump() == "0.1");
  CHECK(json_float(-0.45671627F).dump() == "-0.45671627");
  CHECK(json_float(1e-42F).dump() == "1e-42");
  CHECK(json_float(3.0F).dump() == "3.0");
}

std::string line_of(const std::exception& error) {
  return failure_line(describe(error));
}

TEST_CASE("each kind of failure has its word, and takes one line") {
  CHECK(line_of(Error(ErrorKind::goal_missed, "f1")) == "bertq: goal: f1\n");
  CHECK(line_of(loaders::FormatError("x: bad")) == "bertq: input: x: bad\n");
  CHECK(line_of(tokenizer::TokenizerError("vocab.txt: bad")) == "bertq: input: vocab.txt: bad\n");
  CHECK(line_of(jit::IsaUnavailable("no AMX")) == "bertq: isa: no AMX\n");
  CHECK(line_of(std::bad_alloc()) == "bertq: resources: not enough memory\n");
  CHECK(line_of(std::system_error(EMFILE, std::generic_category(), "a file")) ==
        "bertq: resources: a file: Too many open files\n");
  CHECK(line_of(std::runtime_error("why")) == "bertq: internal: why\n");
  CHECK(line_of(Error(ErrorKind::input, "a\nb\x1b[31m\x7f")) ==
        "bertq: input: a\\x0Ab\\x1B[31m\\x7F\n");
  const std::string long_line = line_of(Error(ErrorKind::input, std::string(100'000, 'x')));
  CHECK(long_line.size() < 2100);
  CHECK(long_line.ends_with("...\n"));
}

TEST_CASE("the progress bar fills up") {
  CHECK(progress_text("fp32", 0, 4) == "fp32    [------------------------------]  0/4");
  CHECK(progress_text("fp32", 2, 4) == "fp32    [###############---------------]  2/4");
  CHECK(progress_text("fp32", 4, 4) == "fp32    [##############################]  4/4");
  CHECK(progress_text("fp32", 9, 4).find("[##############################]") != std::string::npos);
  CHECK(progress_text("none", 0, 0).find("[##############################]") != std::string::npos);
}

TEST_CASE("lines of a file, of any length, with and without an end") {
  const Folder folder;
  const std::string block(65'536, 'x');
  LineSource lines(folder.write("lines", "one\n\n" + block + "\n" + block + "y\nlast\r"));
  std::string_view line;
  std::vector<std::string> read;
  while (lines.next(line) == LineSource::Next::line) read.emplace_back(line);
  CHECK(read == std::vector<std::string>{"one", "", block, block + "y", "last\r"});
  CHECK(lines.line_number() == 5);
  CHECK(lines.next(line) == LineSource::Next::end);
  LineSource empty(folder.write("empty", ""));
  CHECK(empty.next(line) == LineSource::Next::end);
  CHECK_THROWS_AS(LineSource(folder / "absent"), Error);
  LineSource directory(folder / "");
  CHECK_THROWS_AS(directory.next(line), Error);
}

TEST_CASE("a line that is too long is skipped, and the next one is read") {
  const Folder folder;
  const std::string endless(longest_line + 1, 'x');
  LineSource lines(folder.write("lines", "a\n" + endless + endless + "\nb\n" + endless));
  std::string_view line;
  CHECK(lines.next(line) == LineSource::Next::line);
  CHECK(lines.next(line) == LineSource::Next::too_long);
  CHECK(lines.next(line) == LineSource::Next::line);
  CHECK(line == "b");
  CHECK(lines.next(line) == LineSource::Next::too_long);
  CHECK(lines.next(line) == LineSource::Next::end);
}

TEST_CASE("the peak of memory is that of its own stretch") {
#ifdef __SANITIZE_ADDRESS__
  MESSAGE("SKIPPED: AddressSanitizer keeps freed memory");
  return;
#endif
  constexpr std::size_t bytes = 64 << 20;
  const PeakMemory before;
  if (!before.bytes()) {
    MESSAGE("SKIPPED: this kernel does not reset the high-water mark");
    return;
  }
  { const std::vector<char> large(bytes, 'x'); }
  const std::uint64_t with_large = *before.bytes();
  CHECK(with_large > bytes);
  const PeakMemory after;
  CHECK(*after.bytes() + bytes / 2 < with_large);
}

}  // namespace
}  // namespace bertq::engine::cli
