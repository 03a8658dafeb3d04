// Puts the checksums of a mutated file right again, so that a fuzzer gets behind them. What cannot
// be understood is left as it is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace bertq::fuzz {

// The CRC-32 of each stored member, in the directory and in its local header.
void repair_zip(std::span<std::uint8_t> file);
// The masked CRC-32C of the table's index block and of the data blocks it names.
void repair_tensorflow(std::span<std::uint8_t> file);
// The CRC-32C of the header and of each section; the hash at the end is not looked at on opening.
void repair_bertq(std::span<std::uint8_t> file);

// The sequence number and both CRC-32Cs of each record.
void repair_journal(std::span<std::uint8_t> file);

// LLVMFuzzerCustomMutator's contract: libFuzzer's own mutation, repaired three times in four.
std::size_t mutate_and_repair(std::uint8_t* data, std::size_t size, std::size_t max_size,
                              unsigned seed, void (*repair)(std::span<std::uint8_t>));

}  // namespace bertq::fuzz
