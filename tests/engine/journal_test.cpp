#include "engine/tuning/journal.h"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <optional>
#include <string>
#include <vector>

#include "bertq/error.h"
#include "support/read_file.h"
#include "support/temporary_folder.h"
#include "support/thrown_message.h"

namespace bertq::testing {
using namespace engine;
namespace {

namespace fs = std::filesystem;

const Identity identity{{"weights", "aa11"}, {"strategy", "basic"}};
const std::vector<std::string> payloads{R"({"kind": "baseline"})", "", std::string(300, 'x'),
                                        R"({"kind": "trial", "score": 0.5})"};

// A journal with the payloads, and its bytes.
std::string full_journal(const fs::path& path) {
  Journal journal = Journal::begin(path, identity);
  for (const std::string& payload : payloads) journal.append(payload);
  return read_file(path);
}

// Where each record ends, the identity's first.
std::vector<std::size_t> ends_of_records(const fs::path& folder) {
  std::vector<std::size_t> ends;
  const fs::path path = folder / "measured";
  Journal journal = Journal::begin(path, identity);
  ends.push_back(fs::file_size(path));
  for (const std::string& payload : payloads) {
    journal.append(payload);
    ends.push_back(fs::file_size(path));
  }
  return ends;
}

TEST_CASE("what was appended is there when it is resumed, and can be added to") {
  const TemporaryFolder folder;
  const fs::path path = folder / "r.journal";
  full_journal(path);
  {
    Journal journal = Journal::resume(path, identity);
    CHECK(journal.records() == payloads);
    CHECK(journal.notes().empty());
    journal.append("more");
  }
  CHECK(Journal::resume(path, identity).records().back() == "more");
}

TEST_CASE("without a journal, resuming begins one") {
  const TemporaryFolder folder;
  CHECK(Journal::resume(folder / "r.journal", identity).records().empty());
  CHECK(Journal::resume(folder / "r.journal", identity).records().empty());
}

TEST_CASE("a new search keeps the journals of earlier ones") {
  const TemporaryFolder folder;
  const fs::path path = folder / "r.journal";
  const std::string first = full_journal(path);
  Journal::begin(path, identity).append("second");
  const Journal third = Journal::begin(path, identity);
  CHECK(third.records().empty());
  REQUIRE(third.notes().size() == 1);
  CHECK(third.notes()[0].ends_with("r.journal.2"));
  CHECK(read_file(folder / "r.journal.1") == first);
  CHECK(Journal::resume(folder / "r.journal.2", identity).records().back() == "second");
}

TEST_CASE("cut at any byte: every whole record is kept, and the rest is said to be dropped") {
  const TemporaryFolder folder;
  const fs::path path = folder / "r.journal";
  const std::string whole = full_journal(path);
  const auto ends = ends_of_records(folder.path());
  for (std::size_t length = 0; length < whole.size(); ++length) {
    CAPTURE(length);
    fs::remove(path);
    folder.write("r.journal", whole.substr(0, length));
    std::size_t kept = 0;
    while (kept < payloads.size() && ends[kept + 1] <= length) ++kept;
    const bool clean = length == 0 || std::find(ends.begin(), ends.end(), length) != ends.end();
    {
      Journal journal = Journal::resume(path, identity);
      REQUIRE(journal.records() ==
              std::vector<std::string>(payloads.begin(),
                                       payloads.begin() + static_cast<std::ptrdiff_t>(kept)));
      REQUIRE(journal.notes().empty() == clean);
      journal.append("after");
    }
    REQUIRE(Journal::resume(path, identity).records().back() == "after");
  }
}

TEST_CASE(
    "a byte changed: an error with record and place and the file untouched, or the last "
    "record dropped; never another record") {
  const TemporaryFolder folder;
  const fs::path path = folder / "r.journal";
  const std::string whole = full_journal(path);
  const auto ends = ends_of_records(folder.path());
  const std::size_t last = ends[ends.size() - 2];
  for (std::size_t place = 0; place < whole.size(); ++place) {
    CAPTURE(place);
    std::string spoilt = whole;
    spoilt[place] = static_cast<char>(spoilt[place] ^ 0x20);
    folder.write("r.journal", spoilt);
    std::optional<std::vector<std::string>> records;
    const std::string message =
        thrown_message<Error>([&] { records = Journal::resume(path, identity).records(); });
    if (records) {
      REQUIRE(place >= last);
      REQUIRE(*records == std::vector<std::string>(payloads.begin(), payloads.end() - 1));
    } else {
      const bool named = place < 16 ? message.find("byte 0: expected a journal") != message.npos
                                    : message.find(": record ") != message.npos &&
                                          message.find(", byte ") != message.npos;
      REQUIRE(named);
      REQUIRE(read_file(path) == spoilt);
    }
  }
}

TEST_CASE("blocks that a loss of power left as zeros are a torn end") {
  const TemporaryFolder folder;
  const fs::path path = folder / "r.journal";
  folder.write("r.journal", full_journal(path) + std::string(4096, '\0'));
  const Journal journal = Journal::resume(path, identity);
  CHECK(journal.records() == payloads);
  CHECK(journal.notes().size() == 1);
}

TEST_CASE("records out of order are refused") {
  const TemporaryFolder folder;
  const fs::path path = folder / "r.journal";
  const std::string whole = full_journal(path);
  const auto ends = ends_of_records(folder.path());
  folder.write("r.journal", whole.substr(0, ends[1]) + whole.substr(ends[2]));  // one is missing
  CHECK(thrown_message<Error>([&] { Journal::resume(path, identity); })
            .find("record 2, byte " + std::to_string(ends[1]) +
                  ": expected this sequence number, got 3") != std::string::npos);
}

TEST_CASE("the journal of another search is refused by the fact that differs") {
  const TemporaryFolder folder;
  const fs::path path = folder / "r.journal";
  const std::string whole = full_journal(path);
  const Identity other{{"weights", "aa11"}, {"strategy", "mse"}};
  const std::string message = thrown_message<Error>([&] { Journal::resume(path, other); });
  CHECK(message.find("strategy: expected mse, got basic") != std::string::npos);
  CHECK(read_file(path) == whole);
  const Identity more{{"weights", "aa11"}, {"vocabulary", "bb22"}, {"strategy", "basic"}};
  CHECK(thrown_message<Error>([&] {
          Journal::resume(path, more);
        }).find("vocabulary: expected bb22, got none") != std::string::npos);
}

TEST_CASE("what is no journal is refused and left alone") {
  const TemporaryFolder folder;
  const fs::path path = folder.write("r.journal", "something else entirely");
  CHECK(thrown_message<Error>([&] { Journal::resume(path, identity); }) ==
        path.string() + ": byte 0: expected a journal of bertq");
  CHECK(read_file(path) == "something else entirely");
}

TEST_CASE("two searches cannot hold one journal") {
  const TemporaryFolder folder;
  const fs::path path = folder / "r.journal";
  const Journal held = Journal::begin(path, identity);
  const std::string expected = path.string() + ": another search is writing to it";
  CHECK(thrown_message<Error>([&] { Journal::resume(path, identity); }) == expected);
  CHECK(thrown_message<Error>([&] { Journal::begin(path, identity); }) == expected);
}

TEST_CASE("places that cannot be written") {
  const TemporaryFolder folder;
  for (const fs::path& path :
       {folder / "none" / "r.journal", folder.path(), fs::path("/dev/full")}) {
    CAPTURE(path.string());
    CHECK(
        thrown_message<Error>([&] { Journal::begin(path, identity); }).starts_with(path.string()));
  }
}

// In a child: the limit on the size of files is a process's own.
TEST_CASE("a full disk: the append is refused, what was acknowledged stays, and it can go on") {
  const TemporaryFolder folder;
  const fs::path path = folder / "r.journal";
  const std::string whole = full_journal(path);
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    Journal journal = Journal::resume(path, identity);
    const rlimit limit{whole.size() + 20, whole.size() + 20};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    bool refused = false;
    try {
      journal.append(std::string(100, 'y'));
    } catch (const Error& error) {
      refused = error.kind() == ErrorKind::resources;
    }
    bool goes_on = refused;
    try {
      journal.append("abc");
    } catch (const Error&) {
      goes_on = false;
    }
    ::_exit(refused && goes_on ? 0 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WEXITSTATUS(status) == 0);
  auto expected = payloads;
  expected.emplace_back("abc");
  CHECK(Journal::resume(path, identity).records() == expected);
}

}  // namespace
}  // namespace bertq::testing
