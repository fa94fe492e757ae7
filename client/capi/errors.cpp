#include "client/capi/handles.h"

namespace tuned::capi {
namespace {

thread_local std::string lastMessage;

struct StatusName {
  gputuned_status status;
  const char* name;
};
constexpr StatusName statusNames[] = {{GPUTUNED_OK, "ok"},
                                      {GPUTUNED_INVALID_INPUT, "invalid_input"},
                                      {GPUTUNED_UNSUPPORTED, "unsupported"},
                                      {GPUTUNED_OUT_OF_RESOURCES, "out_of_resources"},
                                      {GPUTUNED_NOT_FOUND, "not_found"},
                                      {GPUTUNED_FAULTED, "faulted"},
                                      {GPUTUNED_TIMED_OUT, "timed_out"},
                                      {GPUTUNED_DENIED, "denied"},
                                      {GPUTUNED_UNAVAILABLE, "unavailable"},
                                      {GPUTUNED_INTERNAL, "internal"},
                                      {GPUTUNED_CANCELLED, "cancelled"}};

/// By name, so that kinds may be added and moved without changing the interface.
gputuned_status statusOf(ErrorKind kind) {
  for (const StatusName& entry : statusNames)
    if (entry.name == std::string_view(name(kind))) return entry.status;
  return GPUTUNED_INTERNAL;
}

} // namespace

gputuned_status report(const Error& error) {
  try {
    lastMessage = error.text();
  } catch (...) {
    lastMessage.clear();
  }
  return statusOf(error.kind);
}

gputuned_status invalid(const char* what) {
  return report({ErrorKind::InvalidInput, what});
}

} // namespace tuned::capi

using namespace tuned::capi;

uint32_t gputuned_version(void) {
  return GPUTUNED_VERSION_MAJOR * 1000000 + GPUTUNED_VERSION_MINOR * 1000 + GPUTUNED_VERSION_PATCH;
}

const char* gputuned_error_message(void) {
  return lastMessage.c_str();
}

const char* gputuned_status_name(gputuned_status status) {
  for (const StatusName& entry : statusNames)
    if (entry.status == status) return entry.name;
  return "unknown";
}

const char* gputuned_text_data(const gputuned_text* text) {
  return text ? text->text.c_str() : "";
}

size_t gputuned_text_size(const gputuned_text* text) {
  return text ? text->text.size() : 0;
}

void gputuned_text_free(gputuned_text* text) {
  delete text;
}
