/* Versions, as numbers that a preprocessor can compare (C and C++). What each promises is in the
   README, "Versions". CMakeLists.txt reads them here. */
#ifndef BERTQ_VERSION_H
#define BERTQ_VERSION_H

#include "bertq/export.h"

#define BERTQ_VERSION_MAJOR 0
#define BERTQ_VERSION_MINOR 1
#define BERTQ_VERSION_PATCH 0

/* Raised whenever a program that was linked with the shared library has to be compiled again. The
   number in libbertq.so.N. */
#define BERTQ_ABI_VERSION 1

#ifdef __cplusplus
#include <string>

namespace bertq {

// Of the library that runs, which need not be the one whose headers a program was compiled with.
struct Versions {
  unsigned major, minor, patch;
  unsigned abi;
  unsigned recipe;  // of the recipes that it writes and reads
  unsigned file;    // of the .bertq files that it writes and reads
};
BERTQ_API Versions versions() noexcept;

// The same for people, in two lines: what `bertq --version` prints.
BERTQ_API std::string version_text();

}  // namespace bertq
#endif

#endif
