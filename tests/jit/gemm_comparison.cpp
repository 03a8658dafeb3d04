#include "gemm_comparison.h"

#include <doctest/doctest.h>

#include <cstdio>

namespace bertq::testing {

void GemmComparison::run(GemmArena& arena, const GemmProblem& problem, const Elements& expected,
                         const std::string& label, const std::vector<Path>& paths) {
  for (const Path& path : paths) {
    arena.clear_c();
    arena.run(jit::Kernels::of(path.isa));
    ++cases_[path.isa];
    std::string wrong = difference(problem, arena.elements(), expected);
    if (wrong.empty()) wrong = arena.damage();
    if (!wrong.empty() && wrong_cases_++ == 0) {
      first_wrong_ = name_of(path) + " " + std::to_string(problem.m) + "x" +
                     std::to_string(problem.n) + "x" + std::to_string(problem.k) + " " + label +
                     ": " + wrong;
    }
  }
}

void GemmComparison::report(const std::string& what, const std::vector<Path>& paths) const {
  for (const Path& path : paths) {
    const auto found = cases_.find(path.isa);
    std::printf("%s: %s %zu cases\n", what.c_str(), name_of(path).c_str(),
                found == cases_.end() ? std::size_t{0} : found->second);
  }
  CHECK_MESSAGE(wrong_cases_ == 0, wrong_cases_, " cases are wrong; the first: ", first_wrong_);
}

}  // namespace bertq::testing
