#include "loaders/zip_archive.h"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdlib>
#include <string>
#include <system_error>
#include <vector>

#include "loaders/checksum.h"
#include "support/allocation_peak.h"
#include "support/random.h"
#include "support/temporary_folder.h"
#include "support/thrown_message.h"
#include "support/zip_file.h"

namespace bertq::loaders {
namespace {

using testing::deflated;
using testing::deflated_member;
using testing::described_member;
using testing::little_endian;
using testing::u16_bytes;
using testing::u32_bytes;
using testing::ZipEnd;
using testing::ZipFile;
using testing::ZipMember;

std::string text_of(const ByteSource& source) {
  return read_text(source, 10'000'000);
}

// Everything in an archive: what reading each member gives.
std::vector<std::string> contents(const std::string& bytes) {
  const auto source = open_memory(std::as_bytes(std::span(bytes)), "a.zip");
  const ZipArchive archive(*source);
  std::vector<std::string> all;
  for (const ZipEntry& entry : archive.entries()) {
    all.push_back(entry.name + "=" + text_of(*open_member(archive, entry)));
  }
  return all;
}

std::string complaint(const std::string& bytes) {
  return testing::thrown_message<FormatError>([&] { contents(bytes); });
}

std::string descriptor(const std::string& bytes, bool signature, bool wide) {
  const std::uint64_t size = bytes.size();
  return (signature ? "PK\x07\x08" : "") + u32_bytes(testing::crc32_of(bytes)) +
         (wide ? little_endian(size) + little_endian(size) : u32_bytes(size) + u32_bytes(size));
}

// An extra field of kind 1 with these numbers.
std::string zip64_field(const std::vector<std::uint64_t>& numbers) {
  std::string field = u16_bytes(1) + u16_bytes(8 * numbers.size());
  for (const std::uint64_t number : numbers) field += little_endian(number);
  return field;
}

constexpr std::uint64_t saturated = 0xFFFF'FFFF;

ZipMember zip64_member() {
  ZipMember member{.name = "wide", .bytes = "wide bytes"};
  const std::string other = u16_bytes(0x4246) + u16_bytes(3) + "ZZZ";  // as PyTorch pads
  member.size = member.compressed = member.header = saturated;
  member.local_extra = other + zip64_field({10, 10});
  return member;
}

TEST_CASE("members are found and read in every form that is allowed") {
  const std::string text(100'000, 'x');
  ZipFile file;
  file.add("plain", "some bytes").add("folder/", "").add("empty", "");
  file.add(deflated_member("folder/deflated", text));
  file.add(described_member("d1", "one", descriptor("one", true, false)));
  file.add(described_member("d2", "two", descriptor("two", true, true)));
  file.add(described_member("d3", "three", descriptor("three", false, false)));
  file.add(described_member("d4", "four", descriptor("four", false, true)));
  file.add({.name = "padded",
            .bytes = "aligned",
            .local_extra = u16_bytes(0x4246) + u16_bytes(40) + std::string(40, 'Z')});
  ZipMember wide = zip64_member();
  wide.extra = zip64_field({10, 10, file.directory_begin()});
  file.add(wide);
  file.add({.name = "\xC3\xA4..", .bytes = "utf-8", .flags = 0x0800, .local_flags = 0});

  const std::vector<std::string> want{"d1=one",
                                      "d2=two",
                                      "d3=three",
                                      "d4=four",
                                      "empty=",
                                      "folder/=",
                                      "folder/deflated=" + text,
                                      "padded=aligned",
                                      "plain=some bytes",
                                      "wide=wide bytes",
                                      "\xC3\xA4..=utf-8"};
  CHECK(contents(file.bytes()) == want);
  CHECK(contents(file.bytes({.comment = "a comment, PK\x05\x06"})) == want);
  CHECK(contents(file.bytes({.before = file.end64()})) == want);
  CHECK(contents(file.bytes(
            {.entries = 0xFFFF, .bytes = saturated, .begin = saturated, .before = file.end64()})) ==
        want);
  CHECK(contents(ZipFile().bytes()).empty());
}

TEST_CASE("an entry says where its bytes are") {
  const std::string bytes = ZipFile().add("a", "first").add("b", "second").bytes();
  const auto source = open_memory(std::as_bytes(std::span(bytes)), "a.zip");
  const ZipArchive archive(*source);
  CHECK(archive.find("c") == nullptr);
  const ZipEntry* entry = archive.find("b");
  REQUIRE(entry != nullptr);
  CHECK(bytes.substr(entry->offset, entry->size) == "second");
  CHECK(entry->method == ZipMethod::stored);
  const Checksum checksum = checksum_of(*entry);
  CHECK(checksum.value == testing::crc32_of("second"));
  CHECK(checksum_of(checksum.kind, *source, checksum.offset, checksum.bytes) == checksum.value);
  const auto member = open_member(archive, *entry);
  CHECK(member->name() == "a.zip: b");
  std::vector<std::byte> two(2);
  CHECK(testing::thrown_message<FormatError>([&] { member->read(5, two); }) ==
        "a.zip: b: byte 6: expected 1 more bytes, the member ends");
}

TEST_CASE("an archive without checksums is read, one with a wrong checksum is not") {
  ZipFile none, one;
  none.add({.name = "a", .bytes = "A", .crc = 0}).add({.name = "b", .bytes = "B", .crc = 0});
  one.add("a", "A").add({.name = "b", .bytes = "B", .crc = 0});
  CHECK(contents(none.bytes()) == std::vector<std::string>{"a=A", "b=B"});
  CHECK(complaint(one.bytes()) ==
        "a.zip: b: expected the checksum 0, got 1255198513: the file is "
        "damaged");
}

TEST_CASE("bad archives") {
  const auto with = [](const ZipMember& member) { return ZipFile().add(member).bytes(); };
  const auto end = [](const ZipEnd& told) { return ZipFile().add("a", "A").bytes(told); };
  const ZipFile good = ZipFile().add("a", "A");
  const std::string text(5'000, 'x'), small = deflated(text);
  struct Row {
    std::string bytes, complaint;
  };
  const std::vector<Row> rows{
      {"PK\x03\x04", "byte 4: expected a zip directory before the end of the file, found none"},
      {good.bytes() + "x",
       "byte 102: expected a zip directory before the end of the file, found none"},
      {end({.comment = ZipFile().bytes()}),
       "byte 101: expected one end of the zip directory, got a second"},
      {end({.disk = 1}), "byte 79: expected a zip archive in one part, got one of several"},
      {end({.disk_entries = 0}), "byte 79: expected a zip archive in one part, got one of several"},
      {end({.bytes = 46}),
       "byte 79: expected the zip directory to end here, got 46 bytes from byte 32"},
      {end({.begin = 31}),
       "byte 79: expected the zip directory to end here, got 47 bytes from byte 31"},
      {end({.begin = 0xFFFF'FFF0}),
       "byte 79: expected the zip directory to end here, got 47 bytes from byte 4294967280"},
      {end({.before = "gap"}),
       "byte 82: expected the zip directory to end here, got 47 bytes from byte 32"},
      {end({.entries = 2}),
       "byte 79: expected at least 46 bytes for each of 2 members, got 47 in all"},
      {end({.entries = 0}),
       "byte 32: expected the end of the zip directory after 0 members, got 47 more bytes"},
      {end({.before = good.end64(2, 47, 32)}),
       "byte 155: expected the zip64 end to repeat the plain one, got other numbers"},
      {end({.begin = saturated, .before = good.end64(1, 47, 31)}),
       "byte 79: expected the zip directory to end here, got 47 bytes from byte 31"},
      {end({.entries = 0xFFFF, .before = good.end64(1'000'000, 47, 32)}),
       "byte 79: expected at most 101000 members, got 1000000"},
      {end({.before = good.end64().substr(0, 56) + "PK\x06\x07" + u32_bytes(0) +
                      little_endian(~std::uint64_t{0}) + u32_bytes(1)}),
       "byte 135: expected the zip64 end at byte 79 or before, got 18446744073709551615"},
      {end({.before = "X" + good.end64().substr(1)}),
       "byte 79: expected a zip64 end that reaches its locator, got something else"},

      {with({.name = "../a", .bytes = "A"}),
       "member ../a: expected a name inside the archive, got this"},
      {with({.name = "b/../../a", .bytes = "A"}),
       "member b/../../a: expected a name inside the archive, got this"},
      {with({.name = "..", .bytes = "A"}),
       "member ..: expected a name inside the archive, got this"},
      {with({.name = "/a", .bytes = "A"}),
       "member /a: expected a name inside the archive, got this"},
      {with({.name = "..\\a", .bytes = "A"}),
       "member ..\\\\a: expected a name inside the archive, got this"},
      {with({.name = std::string("a\0b", 3), .bytes = "A"}),
       "member a\\x00b: expected a name inside the archive, got this"},
      {with({.name = "", .bytes = "A"}), "member : expected a name inside the archive, got this"},
      {with({.name = "a", .bytes = "A", .flags = 1}),
       "member a: expected no encryption, got an encrypted member"},
      {with({.name = "a", .bytes = "A", .flags = 0x2000}),
       "member a: expected plain flags, got 8192"},
      {with({.name = "a", .bytes = "A", .disk = 1}),
       "member a: expected an archive in one part, got part 1"},
      {with({.name = "a", .bytes = "A", .method = 12}),
       "member a: expected method 0 (stored) or 8 (deflated), got 12"},
      {with({.name = "a", .bytes = "A", .size = 2}), "member a: expected 2 stored bytes, got 1"},
      {with({.name = "a",
             .bytes = "",
             .method = 8,
             .stored = std::string(2, '\0'),
             .size = 3 * 1032}),
       "member a: expected at most 1032 times its 2 deflated bytes, got 3096"},
      {with({.name = "a", .bytes = "A", .size = 50, .compressed = 50}),
       "member a: expected to end before the directory at byte 32, got 50 bytes from byte 31"},
      {with({.name = "a", .bytes = "A", .header = 1'000}),
       "member a: expected a local header before byte 32, got byte 1000"},
      {with({.name = "a", .bytes = "A", .header = 1}),
       "member a: expected a local header at byte 1, got something else"},

      {with({.name = "a", .bytes = "A", .local_name = "b"}),
       "member a: expected the same name in its local header, got another"},
      {with({.name = "a", .bytes = "A", .local_flags = 8}),
       "member a: local flags: expected 0 by the directory, got 8"},
      {with({.name = "a", .bytes = "A", .local_method = 8}),
       "member a: local method: expected 0 by the directory, got 8"},
      {with({.name = "a", .bytes = "A", .local_crc = 1}),
       "member a: local checksum: expected 3554254475 by the directory, got 1"},
      {with({.name = "a", .bytes = "A", .local_size = 2}),
       "member a: local size: expected 1 by the directory, got 2"},
      {with({.name = "a", .bytes = "A", .local_compressed = 2}),
       "member a: local compressed size: expected 1 by the directory, got 2"},
      {with(described_member("a", "A", "")),
       "member a: expected a descriptor behind its data that repeats the directory, found none"},
      {with(described_member("a", "A", descriptor("B", true, false))),
       "member a: expected a descriptor behind its data that repeats the directory, found none"},

      {with({.name = "a", .bytes = "A", .size = saturated, .compressed = saturated}),
       "member a: expected a zip64 field, found none"},
      {with({.name = "a",
             .bytes = "A",
             .size = saturated,
             .compressed = saturated,
             .extra = zip64_field({1})}),
       "member a: expected a longer zip64 field, got 8 bytes"},
      {with({.name = "a", .bytes = "A", .extra = zip64_field({1}) + zip64_field({1})}),
       "member a: expected one zip64 field, got two"},
      {with({.name = "a", .bytes = "A", .extra = u16_bytes(7) + u16_bytes(100)}),
       "member a: expected whole extra fields, got a torn one"},
      {with({.name = "a",
             .bytes = "A",
             .size = saturated,
             .compressed = saturated,
             .extra = zip64_field({~std::uint64_t{0}, ~std::uint64_t{0}}),
             .local_size = 1,
             .local_compressed = 1}),
       "member a: local compressed size: expected 18446744073709551615 by the directory, got 1"},

      {ZipFile().add("a", "A").add("a", "B").bytes(),
       "member a: expected one of this name, got two"},
      {ZipFile().add("a", "A").add({.name = "a", .bytes = "A", .header = 0}).bytes(),
       "member a: expected to begin behind a, which ends at byte 32, got byte 0"},

      {with({.name = "a", .bytes = "A", .crc = 1}),
       "a: expected the checksum 1, got 3554254475: the file is damaged"},
      {with({.name = "a", .bytes = text, .method = 8, .stored = "no deflated data"}),
       "a: expected deflated data, got something else"},
      {with({.name = "a", .bytes = text, .method = 8, .stored = small, .size = 4'999}),
       "a: expected 4999 bytes, got more"},
      {with({.name = "a", .bytes = text, .method = 8, .stored = small, .size = 5'001}),
       "a: expected 5001 bytes, got 5000"},
      {with({.name = "a", .bytes = text, .method = 8, .stored = small.substr(0, small.size() - 2)}),
       "a: expected 5000 bytes, got 4904"},
      {with({.name = "a", .bytes = text, .method = 8, .stored = small + "more"}),
       "a: expected " + std::to_string(small.size() + 4) + " deflated bytes, got fewer"},
      {with({.name = "a", .bytes = text, .method = 8, .stored = small, .crc = 7}),
       "a: expected the checksum 7, got " + std::to_string(testing::crc32_of(text)) +
           ": the file is damaged"},
  };
  for (const Row& row : rows) CHECK(complaint(row.bytes) == "a.zip: " + row.complaint);
}

TEST_CASE("an archive that ends anywhere before its end is refused") {
  ZipFile file;
  file.add("plain", "some bytes").add(deflated_member("deflated", std::string(100, 'y')));
  file.add(described_member("d", "one", descriptor("one", true, false)));
  const std::string good = file.bytes({.before = file.end64()});
  CHECK(complaint(good) == "(nothing thrown)");
  for (std::size_t length = 0; length < good.size(); ++length) {
    CAPTURE(length);
    CHECK(complaint(good.substr(0, length)).starts_with("a.zip: "));
  }
}

TEST_CASE("a spoilt archive is refused, or all its members are as they were") {
  ZipFile file;
  file.add("plain", "some bytes").add(deflated_member("deflated", std::string(300, 'y')));
  file.add(described_member("d", "one", descriptor("one", true, false)));
  const std::string good = file.bytes({.before = file.end64()});
  // Names are in no checksum, but both headers hold them.
  const std::vector<std::string> want = contents(good);
  int refused = 0;
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      std::string bytes = good;
      bytes[at] = static_cast<char>(static_cast<unsigned char>(bytes[at]) ^ (1U << bit));
      try {
        const std::vector<std::string> got = contents(bytes);
        CHECK(got == want);
      } catch (const FormatError& error) {
        REQUIRE(std::string_view(error.what()).starts_with("a.zip: "));
        ++refused;
      }
    }
  }
  CHECK(refused > static_cast<int>(good.size() * 4));
}

TEST_CASE("a directory may cost what it weighs") {
  // 50,000 members that claim to be one.
  ZipFile file;
  file.add("a", "A");
  const std::string one = file.directory();
  std::string many;
  for (int i = 0; i < 50'000; ++i) many += one;
  const std::string bytes = file.bytes().substr(0, 32) + many + "PK\x05\x06" + u32_bytes(0) +
                            u16_bytes(50'000) + u16_bytes(50'000) + u32_bytes(many.size()) +
                            u32_bytes(32) + u16_bytes(0);
  const auto source = open_memory(std::as_bytes(std::span(bytes)), "a.zip");
  const testing::AllocationPeak peak;
  CHECK(testing::thrown_message<FormatError>([&] { ZipArchive archive(*source); }) ==
        "a.zip: member a: expected to begin behind a, which ends at byte 32, got byte 0");
  CHECK(peak.bytes() < 2 * many.size() + (std::size_t{16} << 20U));
}

TEST_CASE("a bomb costs neither memory nor time") {
  const std::string zeros(50'000'000, '\0');
  ZipMember bomb = deflated_member("bomb", zeros);
  bomb.size = 40'000'000;  // fewer than come out
  const std::string bytes = ZipFile().add(bomb).bytes();
  const testing::AllocationPeak peak;
  CHECK(complaint(bytes) == "a.zip: bomb: expected 40000000 bytes, got more");
  CHECK(peak.bytes() < 4'000'000);
}

// Sets a variable of the environment while it lives.
class Environment {
 public:
  Environment(const char* name, const std::string& value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    ::setenv(name, value.c_str(), 1);
  }
  ~Environment() { before_ ? ::setenv(name_, before_->c_str(), 1) : ::unsetenv(name_); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  const char* name_;
  std::optional<std::string> before_;
};

TEST_CASE("trouble with the temporary file is the machine's, not the archive's") {
  const std::string bytes =
      ZipFile().add(deflated_member("a", std::string(1'000'000, 'x'))).bytes();
  const testing::TemporaryFolder folder;
  {
    const Environment none("TMPDIR", folder.path().string() + "/none");
    CHECK(testing::thrown_message<std::system_error>([&] { contents(bytes); }) ==
          "a.zip: a: cannot be unpacked into a temporary file in " + folder.path().string() +
              "/none: No such file or directory");
  }
  const Environment here("TMPDIR", folder.path().string());
  // A limit of the process in place of a full disk.
  ::rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const ::rlimit small{100'000, before.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  const std::string message = testing::thrown_message<std::system_error>([&] { contents(bytes); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  CHECK(message == "a.zip: a: cannot be unpacked into a temporary file in " +
                       folder.path().string() + ": File too large");
  CHECK(contents(bytes).size() == 1);
  CHECK(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace bertq::loaders
