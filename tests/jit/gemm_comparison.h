// Runs placed problems on several paths and collects what is wrong.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "gemm_arena.h"
#include "paths.h"

namespace bertq::testing {

class GemmComparison {
 public:
  // Runs the problem that is placed in `arena` on each path. Its elements must be `expected`, to
  // the bit, and nothing beside them written. `label` says in a report what was special about it.
  void run(GemmArena& arena, const GemmProblem& problem, const Elements& expected,
           const std::string& label, const std::vector<Path>& paths);

  // Prints how many cases each path ran, and fails the current test if any was wrong.
  void report(const std::string& what, const std::vector<Path>& paths) const;

 private:
  std::map<jit::Isa, std::size_t> cases_;
  std::size_t wrong_cases_ = 0;
  std::string first_wrong_;
};

}  // namespace bertq::testing
