#include "engine/model/published_name.h"

#include <algorithm>
#include <array>

namespace bertq::engine {

bool is_published_cased(std::string_view place) {
  constexpr std::array<std::string_view, 3> beginnings{"cased_L-", "multi_cased_L-",
                                                       "wwm_cased_L-"};
  constexpr std::string_view ends = "/: ";
  place = place.substr(0, place.find_last_not_of(ends) + 1);  // npos + 1 is 0
  const std::string_view name = place.substr(place.find_last_of(ends) + 1);
  return std::any_of(beginnings.begin(), beginnings.end(),
                     [&](std::string_view beginning) { return name.starts_with(beginning); });
}

}  // namespace bertq::engine
