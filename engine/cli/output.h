// Results on their way to standard output or to the file of -o: the one place that writes them, so
// that a full disk or a closed pipe cannot go unnoticed.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace bertq::engine::cli {

// Buffers; throws Error (resources) when a write fails and ReaderGone when the reader has closed
// the pipe. Not thread-safe. Whoever has written everything calls finish().
class Output {
 public:
  Output();  // standard output
  // A file. A regular one appears under its name only in finish(), whole; until then there is a
  // temporary file beside it, which goes away with this object or when a signal ends the program.
  explicit Output(const std::filesystem::path& path);
  ~Output();
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  void write(std::string_view text);
  void flush();
  void finish();  // flush, and give the file its name, on the disk too; safe to call twice

 private:
  void write_out(std::string_view text);  // past the buffer

  int descriptor_;
  std::string name_;               // for messages
  std::string temporary_, final_;  // empty unless a regular file is being written
  std::string buffer_;
};

// Throws Error (resources) for a name that no file can be written to: a folder, one in a folder that
// is not there or is not ours. For what is written at the end of long work.
void require_writable(const std::filesystem::path& file);

// Removes the temporary file of the Output that is being written, if any. Async-signal-safe.
void remove_unfinished_output();

}  // namespace bertq::engine::cli
