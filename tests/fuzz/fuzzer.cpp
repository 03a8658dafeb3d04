// The fuzz target of one format. BERTQ_OPEN is the function of open_and_read.h or read_settings.h
// that takes the bytes; formats with checksums have BERTQ_REPAIR, the function of repair.h that puts them right.

#include "fuzz/open_and_read.h"
#include "fuzz/read_settings.h"
#include "fuzz/repair.h"

#ifdef BERTQ_REPAIR
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned seed) {
  return bertq::fuzz::mutate_and_repair(data, size, max_size, seed, bertq::fuzz::BERTQ_REPAIR);
}
#endif

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  bertq::fuzz::BERTQ_OPEN(std::as_bytes(std::span(data, size)));
  return 0;
}
