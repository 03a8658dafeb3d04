#include "engine/tuning/journal.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <span>
#include <system_error>

#include "bertq/error.h"
#include "engine/runtime/replace_file.h"
#include "loaders/byte_source.h"
#include "loaders/checksum.h"
#include "loaders/little_endian.h"
#include "loaders/printable.h"

namespace bertq::engine {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view magic = "bertq journal 1\n";
constexpr std::size_t header_bytes = 16;

std::uint32_t crc_of(std::string_view bytes) {
  return loaders::crc32c(std::as_bytes(std::span(bytes)));
}

std::uint32_t u32_at(std::string_view bytes, std::size_t offset) {
  return loaders::load_little_endian<std::uint32_t>(std::as_bytes(std::span(bytes)), offset);
}

void append_u32(std::string& bytes, std::uint32_t value) {
  for (unsigned shift = 0; shift < 32; shift += 8) {
    bytes += static_cast<char>(static_cast<unsigned char>(value >> shift));
  }
}

std::string record_bytes(std::uint32_t sequence, std::string_view payload) {
  std::string bytes;
  append_u32(bytes, static_cast<std::uint32_t>(payload.size()));
  append_u32(bytes, sequence);
  append_u32(bytes, crc_of(bytes));
  append_u32(bytes, crc_of(payload));
  return bytes.append(payload);
}

[[noreturn]] void fail(const std::filesystem::path& path, int error) {
  throw Error(ErrorKind::resources, path.string() + ": " + std::generic_category().message(error));
}

std::string identity_text(const Identity& identity) {
  Json json = Json::object();
  for (const auto& [name, value] : identity) json[name] = value;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void check_identity(const std::string& text, const Identity& expected, const std::string& name) {
  const Json found = Json::parse(text, nullptr, false);
  if (!found.is_object()) {
    throw Error(ErrorKind::input, name + ": record 0: expected the identity of a search");
  }
  for (const auto& [fact, value] : expected) {
    const auto entry = found.find(fact);
    const std::string got =
        entry == found.end() || !entry->is_string() ? "none" : entry->get<std::string>();
    if (got == value) continue;
    throw Error(ErrorKind::usage,
                name + ": --resume: " + fact + ": expected " + loaders::printable(value) +
                    ", got " + loaders::printable(got) +
                    "; without --resume a new search begins, and this journal is kept aside");
  }
}

}  // namespace

JournalContent parse_journal(std::string_view bytes, const std::string& name) {
  JournalContent content;
  const std::string_view start = bytes.substr(0, magic.size());
  if (!magic.starts_with(start)) {
    throw Error(ErrorKind::input, name + ": byte 0: expected a journal of bertq");
  }
  if (start.size() < magic.size()) return content;
  content.valid_bytes = magic.size();
  while (content.valid_bytes < bytes.size()) {
    const std::string_view rest = bytes.substr(content.valid_bytes);
    const auto refuse = [&](const std::string& what) {
      throw Error(ErrorKind::input, name + ": record " + std::to_string(content.records.size()) +
                                        ", byte " + std::to_string(content.valid_bytes) + ": " +
                                        what + "; the file is left as it is");
    };
    // A write that was cut short, or whose blocks a loss of power left unwritten.
    if (rest.size() < header_bytes || rest.find_first_not_of('\0') == std::string_view::npos) break;
    const std::uint32_t length = u32_at(rest, 0);
    if (crc_of(rest.substr(0, 8)) != u32_at(rest, 8)) refuse("its header has another checksum");
    if (length > Journal::longest_record) refuse("longer than any record");
    if (u32_at(rest, 4) != content.records.size()) {
      refuse("expected this sequence number, got " + std::to_string(u32_at(rest, 4)));
    }
    if (rest.size() - header_bytes < length) break;
    const std::string_view payload = rest.substr(header_bytes, length);
    if (crc_of(payload) != u32_at(rest, 12)) {
      if (rest.size() == header_bytes + length) break;  // the last one
      refuse("another checksum");
    }
    content.records.emplace_back(payload);
    content.valid_bytes += header_bytes + length;
  }
  if (content.records.empty()) content.valid_bytes = 0;  // without an identity, nothing
  return content;
}

Journal Journal::open(const std::filesystem::path& path) {
  // Again if another process has set the file aside between our two looks at it.
  for (int attempt = 0; attempt < 100; ++attempt) {
    loaders::FileDescriptor descriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
    if (descriptor.get() < 0) fail(path, errno);
    if (::flock(descriptor.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) fail(path, errno);
      throw Error(ErrorKind::resources, path.string() + ": another search is writing to it");
    }
    struct stat held {
    }, named{};
    if (::fstat(descriptor.get(), &held) != 0) fail(path, errno);
    if (!S_ISREG(held.st_mode)) {
      throw Error(ErrorKind::resources, path.string() + ": expected a regular file");
    }
    if (::stat(path.c_str(), &named) == 0 && held.st_ino == named.st_ino &&
        held.st_dev == named.st_dev) {
      return Journal(path, std::move(descriptor));
    }
  }
  throw Error(ErrorKind::resources, path.string() + ": another search keeps replacing it");
}

Journal Journal::begin(const std::filesystem::path& path, const Identity& identity) {
  Journal journal = open(path);
  struct stat status {};
  if (::fstat(journal.descriptor_.get(), &status) != 0) fail(path, errno);
  if (status.st_size > 0) {
    const auto aside = journal.set_aside();
    journal = open(path);
    journal.notes_.push_back("an earlier search's journal is kept as " + aside.string());
  }
  journal.start(identity);
  return journal;
}

Journal Journal::resume(const std::filesystem::path& path, const Identity& identity) {
  Journal journal = open(path);
  journal.read(identity);
  if (journal.next_sequence_ == 0) journal.start(identity);
  return journal;
}

std::filesystem::path Journal::set_aside() {
  for (int number = 1;; ++number) {
    const std::filesystem::path aside = path_.string() + "." + std::to_string(number);
    // Unlike rename, this fails where there is a file already.
    if (::link(path_.c_str(), aside.c_str()) == 0) {
      if (::unlink(path_.c_str()) != 0) fail(path_, errno);
      return aside;
    }
    if (errno != EEXIST) fail(aside, errno);
  }
}

void Journal::start(const Identity& identity) {
  write(std::string(magic) + record_bytes(0, identity_text(identity)));
  next_sequence_ = 1;
  sync_folder_of(path_);
}

void Journal::read(const Identity& identity) {
  const std::string name = path_.string();
  const std::string bytes = loaders::read_text(*loaders::open_file(path_), longest_file);
  JournalContent content = parse_journal(bytes, name);
  if (!content.records.empty()) check_identity(content.records.front(), identity, name);
  if (content.valid_bytes < bytes.size()) {
    notes_.push_back(name + ": byte " + std::to_string(content.valid_bytes) +
                     ": an unfinished record of " +
                     std::to_string(bytes.size() - content.valid_bytes) + " bytes is dropped");
    if (::ftruncate(descriptor_.get(), static_cast<::off_t>(content.valid_bytes)) != 0 ||
        ::fdatasync(descriptor_.get()) != 0) {
      fail(path_, errno);
    }
  }
  size_ = content.valid_bytes;
  next_sequence_ = static_cast<std::uint32_t>(content.records.size());
  if (!content.records.empty()) content.records.erase(content.records.begin());
  records_ = std::move(content.records);
}

void Journal::append(std::string_view payload) {
  if (payload.size() > longest_record) {
    throw Error(ErrorKind::internal, path_.string() + ": a record is too long");
  }
  write(record_bytes(next_sequence_, payload));
  ++next_sequence_;
}

void Journal::write(std::string_view bytes) {
  const auto end = static_cast<::off_t>(size_);
  int error = ::lseek(descriptor_.get(), end, SEEK_SET) < 0 ? errno : 0;
  if (error == 0) error = write_all(descriptor_.get(), bytes);
  if (error == 0 && ::fdatasync(descriptor_.get()) != 0) error = errno;
  if (error != 0) {
    // Where even that fails, the next reader drops what was begun.
    [[maybe_unused]] const int restored = ::ftruncate(descriptor_.get(), end);
    fail(path_, error);
  }
  size_ += bytes.size();
}

}  // namespace bertq::engine
