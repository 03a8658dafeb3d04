// How long each kernel of a forward pass takes, module by module.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "engine/model/model.h"

namespace bertq::engine {

// All runs of one kernel for one module, summed over runs and threads.
struct KernelTime {
  std::string module, kernel;                   // as KernelRun names them
  jit::Operands operands = jit::Operands::f32;  // of a product
  std::size_t runs = 0;
  double operations = 0.0;
  double seconds = 0.0;  // of the threads
};

// Observes the times of a session as long as it lives, which must not be longer than the session
// does. Asking and noting takes some 100 ns for each run of a kernel, which are not in its time.
class KernelWatch {
 public:
  explicit KernelWatch(Session& session);
  ~KernelWatch();
  KernelWatch(const KernelWatch&) = delete;
  KernelWatch& operator=(const KernelWatch&) = delete;

  // Of what ran until now, in the order in which they first did. Not during a pass.
  std::vector<KernelTime> times() const;
  void reset();

 private:
  // Names are the same objects for every run, so comparing where they lie is enough on the way.
  using Key = std::tuple<const char*, const char*>;
  struct Sum {
    KernelRun names;
    std::size_t runs = 0;
    double operations = 0.0, seconds = 0.0;
  };
  static void add(void* self, const KernelRun& run);

  Session& session_;
  std::mutex mutex_;
  std::map<Key, std::size_t> index_;
  std::vector<Sum> sums_;
};

}  // namespace bertq::engine
