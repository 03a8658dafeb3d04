#include "fuzz/open_and_read.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bertq;
  fuzz::open_and_read([&] {
    return loaders::open_checkpoint_file(loaders::open_memory(fuzz::bytes_of(data, size), "m"));
  });
  return 0;
}
