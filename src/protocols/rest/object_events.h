// Whoever is to know what administrators change is told here, for every route at once: which routes change what is one
// table in object_events.cpp. Internal to src/protocols/rest.
#pragma once

#include <string>

#include "protocols/rest/api.h"

namespace ferry::rest {

class ObjectChange {
 public:
  // Before the operation: looks at what is about to go.
  ObjectChange(const Row& row, const Call& call);
  // After it: tells, if it went well. Blocking.
  void tell(const http::Response& response);

 private:
  const Call& call_;
  model::ProviderEvent event_;  // without a type: the route changes nothing that anybody wants to hear of
};

}  // namespace ferry::rest
