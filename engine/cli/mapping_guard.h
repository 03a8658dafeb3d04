// What becomes of the program when a file that it has mapped is cut shorter under it.
#pragma once

namespace bertq::engine::cli {

// From now on, touching a page that a mapped file (loaders/mapped_file.h) has lost ends the program
// with one line that names the file, and exit code 3, instead of a bare SIGBUS. Other bus errors
// stay what they are.
void guard_mapped_files();

}  // namespace bertq::engine::cli
