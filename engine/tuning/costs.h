// What each option of each module costs on this CPU.
#pragma once

#include "engine/tuning/trials.h"
#include "engine/tuning/tuning_space.h"

namespace bertq::engine {

// From one probe of `int8`, whose modules are all INT8, and one for each kind of layer with all of
// that kind in FP32. Timings are never twice the same, so a measured cost counts only where it is
// far (2.5 times) from what the number of multiplications predicts; and dynamic ranges cost 2 %
// more than static ones, which is less than a measurement could tell. BF16 and FP32 cost at least a
// little more than INT8 in any module, whatever was measured: a difference in the noise is INT8's.
Costs measure_costs(const TuningSpace& space, Trials& trials, const Configuration& int8);

}  // namespace bertq::engine
