// Runs the built bertq, as a shell would, and tells what came of it.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "support/read_file.h"

namespace bertq::testing {

struct Finished {
  int status = 0;  // the exit code; 128 + the signal's number if a signal ended it
  std::string out, err;
};

// `command` is a line for /bin/sh, in which `bertq` is the one that was built. Standard input holds
// `input`. BERTQ_* of the test's own environment are not passed on.
Finished shell(const std::string& command, std::string_view input = "");

// A folder of its own for a test, gone with it.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string operator/(std::string_view name) const { return (path_ / name).string(); }
  // Writes a file and returns its path.
  std::string write(std::string_view name, std::string_view content) const;

 private:
  std::filesystem::path path_;
};

std::vector<std::string> lines_of(const std::string& text);

// A copy of the embedded sample's folder: config.json, model.safetensors, vocab.txt.
std::string copy_sample(const Folder& folder, std::string_view name);

}  // namespace bertq::testing
