// Runs a chain of row-wise steps over a grid.
#pragma once

#include <cstddef>
#include <utility>

#include "engine/runtime/partition.h"
#include "engine/runtime/thread_pool.h"
#include "jit/layout.h"

namespace bertq::engine {

// One step: function(rows, columns, scratch_row) computes a block of its result. Row `rows.begin`
// uses row `scratch_row` of the chain's working memory. A step that needs whole rows has 0 columns.
template <typename Function>
struct Step {
  std::size_t columns;
  bool needed;  // a step may turn out to have nothing to do
  Function function;
};
template <typename Function>
Step(std::size_t, bool, Function) -> Step<Function>;

// Split by columns, the whole step is one phase: matrix products by columns, the others by panels
// of 16 rows.
template <typename Function>
void run_step(ThreadPool& pool, const Grid& grid, const Step<Function>& step) {
  if (!step.needed) return;
  if (step.columns == 0) {
    const Grid panels{true, grid.rows, jit::tile_rows, 1};
    pool.parallel_for(panels.blocks(), Schedule::fixed, [&](std::size_t task, std::size_t) {
      const jit::Range rows = panels.block_rows(task);
      step.function(rows, jit::Range{}, rows.begin);
    });
    return;
  }
  pool.parallel_for(grid.parts, Schedule::fixed, [&](std::size_t task, std::size_t) {
    const jit::Range columns = part_of(step.columns, task, grid.parts);
    if (columns.begin < columns.end) step.function(jit::Range{0, grid.rows}, columns, 0);
  });
}

// Split by rows, all steps are one phase.
template <typename... Functions>
void run_chain(ThreadPool& pool, const Grid& grid, const Step<Functions>&... steps) {
  if (!grid.by_rows) {
    (run_step(pool, grid, steps), ...);
    return;
  }
  pool.parallel_for(grid.blocks(), Schedule::dynamic, [&](std::size_t task, std::size_t worker) {
    const jit::Range rows = grid.block_rows(task);
    ((steps.needed ? steps.function(rows, jit::Range{0, steps.columns}, worker * grid.block)
                   : void()),
     ...);
  });
}

}  // namespace bertq::engine
