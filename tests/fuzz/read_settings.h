// The fuzz targets of what the engine reads beside checkpoints: recipes, the files of LPOT,
// journals. Bad input is refused with Error (input), which is caught here; any other exception is a
// find, and so is a recipe that is not the same once it is written and read again.
#pragma once

#include <cstddef>
#include <span>

namespace bertq::fuzz {

void read_recipe(std::span<const std::byte> bytes);
// LPOT's YAML, and what each of its op_wise patterns says of names of operations.
void read_lpot_settings(std::span<const std::byte> bytes);
void read_best_configure(std::span<const std::byte> bytes);
// The journal of a search and the records in it.
void read_journal(std::span<const std::byte> bytes);

}  // namespace bertq::fuzz
