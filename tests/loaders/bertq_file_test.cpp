// .bertq files, good and bad: what is refused, by which words, and that no byte of the header or of
// a section can change unseen.
#include "loaders/bertq_file.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <vector>

#include "loaders/bertq_header.h"
#include "loaders/bertq_writer.h"
#include "loaders/mapped_file.h"
#include "support/allocation_peak.h"
#include "support/bertq_file.h"
#include "support/temporary_folder.h"
#include "support/thrown_message.h"

namespace bertq::loaders {
namespace {

using testing::RawBertq;
using testing::thrown_message;

BertqFile open(std::string_view bytes) {
  return open_bertq(open_memory(std::as_bytes(std::span(bytes)), "m.bertq"));
}

std::string complaint(std::string_view bytes) {
  return thrown_message<FormatError>([&] { open(bytes); });
}

RawBertq good() {
  RawBertq file;
  file.sections = {{2, "recipe", "", "{}"},
                   {1, "vocab.txt", "", "[PAD]\n[UNK]\n"},
                   {0, "a", "F32", std::string("\0\0\x80\x3f\0\0\0\x40", 8)},
                   {0, "b", "I8", std::string(70, '\x05')}};
  return file;
}

TEST_CASE("a good file") {
  const std::string bytes = good().bytes();
  const BertqFile file = open(bytes);
  CHECK(file.checkpoint.format == bertq_format);
  CHECK(file.checkpoint.file_bytes == bytes.size());
  CHECK(file.files.at("vocab.txt") == "[PAD]\n[UNK]\n");
  CHECK(std::get<std::string>(file.checkpoint.attributes.at("recipe")) == "{}");
  REQUIRE(file.checkpoint.tensors.size() == 2);
  const Tensor& a = file.checkpoint.tensors[0];
  CHECK(a.name == "a");
  CHECK(a.shape == std::vector<std::uint64_t>{2});
  CHECK(a.offset % 64 == 0);
  std::vector<float> values(2);
  read_f32(a, 0, values);
  CHECK(values == std::vector<float>{1.0F, 2.0F});
  CHECK(file.checkpoint.tensors[1].elements == 70);
  for (const Tensor& tensor : file.checkpoint.tensors) verify_checksum(tensor);
  // It is told apart from other formats by its first bytes.
  CHECK(open_checkpoint_file(open_memory(std::as_bytes(std::span(bytes)), "x")).format == ".bertq");
}

struct BadFile {
  std::function<void(RawBertq&)> spoil;
  std::string complaint;
};

TEST_CASE("bad files, each refused by name") {
  using File = RawBertq;
  static constexpr std::uint64_t huge = ~std::uint64_t{0};
  const BadFile rows[] = {
      {[](File& f) { f.magic[1] = 'b'; }, "byte 0: expected a .bertq file, got something else"},
      {[](File& f) { f.version = 2; },
       "byte 8: expected version 1 of the .bertq format, got version 2, which a later bertq has "
       "written"},
      {[](File& f) { f.version = 0; },
       "byte 8: expected version 1 of the .bertq format, got version 0"},
      {[](File& f) { f.header_bytes = 63; },
       "byte 16: expected the length of a header, 64..576, got 63"},
      {[](File& f) { f.header_bytes = huge; },
       "byte 16: expected the length of a header, 64..576, got 18446744073709551615"},
      {[](File& f) { f.file_bytes = 593; }, "byte 24: expected 593 bytes in the file, got 592"},
      {[](File& f) {
         f.hash += 'h';
         f.file_bytes = 592;
       },
       "byte 24: expected 592 bytes in the file, got 593"},
      {[](File& f) { f.crc32c = 7; }, "header: expected the checksum 7, got "},
      {[](File& f) { f.zeros[27] = 1; },
       "byte 36: expected zeros up to byte 64, got something else"},
      {[](File& f) { f.sections_count = 100'001; },
       "byte 32: expected at most 100000 sections, got 100001"},
      {[](File& f) { f.sections_count = 5; },
       "byte 241: expected a record of the table of 40 bytes, got 0, the header ends"},
      {[](File& f) { f.sections_count = 3; }, "byte 200: expected the end of the header, got more"},
      {[](File& f) { f.behind_table = std::string(1, 'x'); },
       "byte 241: expected the end of the header, got more"},
      {[](File& f) { f.sections[2].kind = 3; },
       "byte 187: expected a kind of section, 0..2, got 3"},
      {[](File& f) { f.sections[2].reserved = 1; }, "byte 188: expected 0, got 1"},
      {[](File& f) { f.sections[2].name.clear(); },
       "byte 189: expected a name of 1..1000 bytes, got 0"},
      {[](File& f) { f.sections[2].name = std::string(1001, 'n'); },
       "byte 189: expected a name of 1..1000 bytes, got 1001"},
      {[](File& f) { f.sections[2].dtype = std::string("F33"); },
       "section a: expected a known element type such as F32 or I8, got F33"},
      {[](File& f) { f.sections[2].dtype.clear(); },
       "section a: expected a known element type such as F32 or I8, got "},
      {[](File& f) { f.sections[2].dtype = std::string("F32\0x", 5); },
       "section a: expected a known element type such as F32 or I8, got F32"},
      {[](File& f) { f.sections[0].dtype = std::string(1, 'B'); },
       "section recipe: expected no element type, got B"},
      {[](File& f) {
         f.sections[2].bytes = 7;
         f.sections[2].unpacked = 7;
       },
       "section a: expected a multiple of 4 bytes, got 7"},
      {[](File& f) { f.sections[2].unpacked = 16; },
       "section a: expected 8 bytes unpacked, as an array is stored as it is, got 16"},
      {[](File& f) { f.sections[1].unpacked = 11; },
       "section vocab.txt: expected at least its 12 bytes unpacked, got 11"},
      {[](File& f) { f.sections[1].unpacked = 1 << 27; },
       "section vocab.txt: expected at most 12384 bytes unpacked, got 134217728"},
      {[](File& f) { f.sections[1].bytes = f.sections[1].unpacked = huge; },
       "section vocab.txt: expected at most 67108864 bytes unpacked, got 18446744073709551615"},
      {[](File& f) {
         f.sections[1].bytes = 70'000;
         f.sections[1].unpacked = 67'108'864;
       },
       "section vocab.txt: expected at most 67108864 bytes in all files and notes, got 67108866"},
      {[](File& f) { f.sections[1].unpacked = 100; },
       "section vocab.txt: expected a zlib stream of 100 bytes, got something else"},
      {[](File& f) { f.sections[1].crc32c = 9; },
       "section vocab.txt: expected the checksum 9, got "},
      {[](File& f) { f.sections[2].offset = 385; },
       "section a: expected to begin at byte 384 (misaligned), got 385"},
      {[](File& f) { f.sections[2].offset = 320; },
       "section a: expected to begin at byte 384 (an overlap), got 320"},
      {[](File& f) { f.sections[2].offset = 448; },
       "section a: expected to begin at byte 384 (a hole), got 448"},
      {[](File& f) { f.sections[0].offset = 0; },
       "section recipe: expected to begin at byte 256 (an overlap), got 0"},
      {[](File& f) { f.sections[3].offset = huge - 63; },
       "section b: expected to begin at byte 448 (a hole), got 18446744073709551552"},
      {[](File& f) { f.sections[3].bytes = f.sections[3].unpacked = huge; },
       "section b: expected at most 128 bytes, all that there are, got 18446744073709551615"},
      {[](File& f) { f.sections[3].bytes = f.sections[3].unpacked = 129; },
       "section b: expected at most 128 bytes, all that there are, got 129"},
      {[](File& f) { f.sections[3].bytes = f.sections[3].unpacked = 64; },
       "byte 512: expected the hash at the file's end, got it at byte 576"},
      {[](File& f) { f.sections[3].name = std::string("a"); }, "section a: duplicate name"},
  };
  for (const BadFile& row : rows) {
    RawBertq file = good();
    row.spoil(file);
    CAPTURE(row.complaint);
    CHECK(complaint(file.bytes()).starts_with("m.bertq: " + row.complaint));
  }
  // A file and an array may have one name; they are different things.
  RawBertq file = good();
  file.sections[3].name = "vocab.txt";
  CHECK(complaint(file.bytes()) == "(nothing thrown)");
}

TEST_CASE("a file cut at any byte is refused") {
  const std::string bytes = good().bytes();
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    CAPTURE(length);
    CHECK(complaint(bytes.substr(0, length)).starts_with("m.bertq: "));
  }
}

// Of every byte, each bit: in the header and the texts at opening, in an array when it is verified,
// and anywhere by the hash.
TEST_CASE("no bit can change unseen") {
  std::string bytes;
  const std::string numbers(256, '\x07'), text = "{\"a\": 1}";
  const std::vector<BertqContent> contents{
      {SectionKind::note, "recipe", DType::u8, std::as_bytes(std::span(text))},
      {SectionKind::array, "a", DType::f32, std::as_bytes(std::span(numbers))}};
  const BertqWritten written = write_bertq(contents, [&](std::span<const std::byte> part) {
    bytes.append(reinterpret_cast<const char*>(part.data()), part.size());
  });
  CHECK(written.file_bytes == bytes.size());
  REQUIRE(complaint(bytes) == "(nothing thrown)");
  const auto header = static_cast<std::size_t>(bertq_header_size(
      read_bertq_header(*open_memory(std::as_bytes(std::span(bytes)), "m.bertq"))));
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (const unsigned bit : {0U, 3U, 7U}) {
      CAPTURE(at);
      CAPTURE(bit);
      std::string flipped = bytes;
      flipped[at] = static_cast<char>(flipped[at] ^ static_cast<char>(1U << bit));
      const auto source = open_memory(std::as_bytes(std::span(flipped)), "m.bertq");
      const BertqHashes hashes = hash_bertq(*source);
      CHECK(hashes.stored != hashes.computed);
      const std::string said = thrown_message<FormatError>([&] {
        for (const Tensor& tensor : open(flipped).checkpoint.tensors) verify_checksum(tensor);
      });
      if (at < header) CHECK(said.starts_with("m.bertq: "));
      const std::size_t note = 192, array = 256;
      const bool in_section =
          (at >= note && at < note + text.size()) || (at >= array && at < array + numbers.size());
      CHECK((said == "(nothing thrown)") == (at >= header && !in_section));
    }
  }
  CHECK(header <= 192);
}

TEST_CASE("what is written is what is read, packed where that is shorter") {
  const std::string vocabulary = [] {
    std::string lines;
    for (int i = 0; i < 5000; ++i) lines += "token" + std::to_string(i) + "\n";
    return lines;
  }();
  const std::string empty, numbers(1000, '\x01');
  std::string bytes;
  const std::vector<BertqContent> contents{
      {SectionKind::file, "vocab.txt", DType::u8, std::as_bytes(std::span(vocabulary))},
      {SectionKind::file, "1_Pooling/config.json", DType::u8, std::as_bytes(std::span(empty))},
      {SectionKind::array, "none", DType::f32, {}},
      {SectionKind::array, "numbers", DType::i32, std::as_bytes(std::span(numbers))}};
  const auto written = write_bertq(contents, [&](std::span<const std::byte> part) {
    bytes.append(reinterpret_cast<const char*>(part.data()), part.size());
  });
  CHECK(bytes.size() < vocabulary.size() / 2);
  const BertqFile file = open(bytes);
  CHECK(file.files.at("vocab.txt") == vocabulary);
  CHECK(file.files.at("1_Pooling/config.json").empty());
  CHECK(file.checkpoint.find("none")->elements == 0);
  CHECK(file.checkpoint.find("numbers")->elements == 250);
  const BertqHashes hashes = hash_bertq(*open_memory(std::as_bytes(std::span(bytes)), "x"));
  CHECK(hashes.stored == written.hash);
  CHECK(hashes.computed == written.hash);
}

TEST_CASE("the writer refuses what no reader would take") {
  const std::string three = "123";
  const auto bytes = std::as_bytes(std::span(three));
  const std::vector<BertqContent> bad[] = {
      {{SectionKind::array, "", DType::u8, bytes}},
      {{SectionKind::array, std::string(1001, 'n'), DType::u8, bytes}},
      {{SectionKind::array, "a", DType::f32, bytes}},
      {{SectionKind::array, "a", DType::u8, bytes}, {SectionKind::array, "a", DType::u8, bytes}}};
  for (const auto& contents : bad) {
    CHECK_THROWS_AS(write_bertq(contents, [](std::span<const std::byte>) { FAIL("written"); }),
                    std::invalid_argument);
  }
}

TEST_CASE("a lying header allocates nothing for its sections") {
  RawBertq file = good();
  file.sections[3].bytes = file.sections[3].unpacked = std::uint64_t{1} << 40U;
  const std::string array = file.bytes();
  file = good();
  file.sections_count = 99'999;
  const std::string count = file.bytes();
  const testing::AllocationPeak peak;
  CHECK(complaint(array).starts_with("m.bertq: section b: expected at most "));
  CHECK(complaint(count).starts_with("m.bertq: byte 241: "));
  CHECK(peak.bytes() < 100'000);
}

TEST_CASE("a mapped file: the same bytes, where they lie, beyond the source's life") {
  const testing::TemporaryFolder folder;
  const std::string bytes = good().bytes();
  const auto path = folder.write("m.bertq", bytes);
  ResidentBytes resident;
  {
    const auto source = open_mapped_file(path);
    CHECK(source->size() == bytes.size());
    std::vector<std::byte> read(bytes.size());
    source->read(0, read);
    resident = source->resident();
    CHECK(std::equal(read.begin(), read.end(), resident.bytes.begin(), resident.bytes.end()));
    CHECK(mapped_file_at(resident.bytes.data() + 5) == path.string());
  }
  CHECK(std::to_integer<char>(resident.bytes[1]) == 'B');
  const std::byte* const begin = resident.bytes.data();
  CHECK(mapped_file_at(begin) != nullptr);
  CHECK(mapped_file_at(begin + bytes.size()) == nullptr);
  resident = {};
  CHECK(mapped_file_at(begin) == nullptr);
  // What is read has no place of its own.
  CHECK(open_file(path)->resident().owner == nullptr);
  CHECK(thrown_message<FormatError>([&] { open_mapped_file(folder.path()); }) ==
        folder.path().string() + ": expected a file, got a folder");
  CHECK(open_mapped_file(folder.write("empty", ""))->size() == 0);
}

}  // namespace
}  // namespace bertq::loaders
