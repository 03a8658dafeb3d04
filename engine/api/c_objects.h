// What is behind the handles of the C API.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "bertq/bertq.h"
#include "bertq/bertq.hpp"
#include "engine/api/c_handles.h"

namespace bertq::engine::c_api {

inline std::shared_ptr<const Model> find_model(const bertq_model* handle) {
  return Handles::instance().find<const Model>(HandleKind::model, handle);
}

struct OpenSession {
  Session session;
  std::vector<Input> inputs = {};  // kept, so that a call allocates nothing
  std::atomic<bool> used = false;
};

}  // namespace bertq::engine::c_api
