// The reader of LPOT's files knows strategies by name and starts none. Without the engine behind
// them, which the fuzz targets are not linked to, they are empty.
#include "engine/tuning/strategy.h"

namespace bertq::engine {

void search_by_sensitivity(const TuningSpace&, Trials&, std::uint64_t) {}
void search_basic(const TuningSpace&, Trials&, std::uint64_t) {}
void search_mse(const TuningSpace&, Trials&, std::uint64_t) {}
void search_exhaustively(const TuningSpace&, Trials&, std::uint64_t) {}
void search_at_random(const TuningSpace&, Trials&, std::uint64_t) {}
void search_bayesian(const TuningSpace&, Trials&, std::uint64_t) {}

}  // namespace bertq::engine
