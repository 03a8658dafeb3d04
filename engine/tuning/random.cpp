// LPOT's strategy `random`: for each trial, each module's option by lot, without end.

#include "engine/tuning/model_wise.h"
#include "engine/tuning/numpy_random.h"
#include "engine/tuning/strategy.h"

namespace bertq::engine {

void search_at_random(const TuningSpace& space, Trials& trials, std::uint64_t seed) {
  NumpyRandom random(seed);
  while (true) {
    Configuration configuration = first_options(space, random.choice(space.sampling_sizes.size()));
    for (std::size_t i = 0; i < space.modules.size(); ++i) {
      const auto searched = searched_options(space.modules[i]);
      configuration.options[i] = searched[random.choice(searched.size())];
    }
    trials.score(configuration);
  }
}

}  // namespace bertq::engine
