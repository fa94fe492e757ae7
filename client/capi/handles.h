// What the opaque handles of gputuned.h hold, and how C++ results become statuses.
#pragma once

#include "client/capi/gputuned.h"
#include "client/client.h"
#include "client/launcher.h"

#include <new>
#include <string>

struct gputuned_client {
  tuned::client::Client client;
};
struct gputuned_answer {
  tuned::client::AnswerPointer answer;
};
struct gputuned_kernel {
  std::shared_ptr<const tuned::client::Launcher> launcher;
};
struct gputuned_text {
  std::string text;
};

namespace tuned::capi {

/// Remembers the error for this thread and gives its status.
gputuned_status report(const Error& error);
gputuned_status invalid(const char* what);

/// Runs `body`, which returns a gputuned_status; what it throws becomes a status.
template <typename Body> gputuned_status guarded(Body&& body) noexcept {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return report({ErrorKind::OutOfResources, "no memory left"});
  } catch (const std::exception& error) {
    return report({ErrorKind::Internal, error.what()});
  } catch (...) {
    return report({ErrorKind::Internal, "an exception of no known type"});
  }
}

/// Writes a text handle unless nobody wants it.
inline gputuned_status give(gputuned_text** out, std::string text) {
  if (out) *out = new gputuned_text{std::move(text)};
  return GPUTUNED_OK;
}

} // namespace tuned::capi
