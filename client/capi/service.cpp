// The daemon's side of gputuned.h: connecting, submitting, asking, tuning.
#include "client/answer_cache.h"
#include "client/capi/handles.h"
#include "client/endpoint.h"
#include "client/protocol/json.h"
#include "client/protocol/speaker.h"

#include <cstddef>
#include <limits>

using namespace tuned;
using namespace tuned::capi;

namespace {
/// A request of the caller's. Keys that this library does not know may be a later one's.
template <typename Request> Result<Request> read(const char* text) {
  auto request = protocol::fromText<Request>(text);
  if (!request && request.error().remedy.empty()) {
    Error error = request.error();
    error.remedy = "keys and values are those of GET /v1/openapi.json; this library is " +
                   protocol::speaker() + ", and a later one may know more";
    return fail(error);
  }
  return request;
}
} // namespace

gputuned_status gputuned_connect(const gputuned_connect_options* options, gputuned_client** client) {
  return guarded([&]() -> gputuned_status {
    if (!client) return invalid("gputuned_connect: client is null");
    client::ConnectOptions wanted;
    if (options) {
      if (options->size < sizeof(gputuned_connect_options))
        return invalid("gputuned_connect: options.size is not sizeof(gputuned_connect_options)");
      if (options->socket) wanted.socket = options->socket;
      if (options->timeout > 0) wanted.timeout = options->timeout;
    }
    auto connected = client::Client::connect(wanted);
    if (!connected) return report(connected.error());
    *client = new gputuned_client{std::move(*connected)};
    return GPUTUNED_OK;
  });
}

void gputuned_disconnect(gputuned_client* client) {
  delete client;
}

const char* gputuned_socket(const gputuned_client* client) {
  return client ? client->client.socket().c_str() : "";
}

gputuned_status gputuned_document(const char* kernel, gputuned_text** document) {
  return guarded([&]() -> gputuned_status {
    if (!kernel || !document) return invalid("gputuned_document: an argument is null");
    auto text = client::loadDocument(kernel);
    return text ? give(document, std::move(*text)) : report(text.error());
  });
}

gputuned_status gputuned_submit(gputuned_client* client, const char* kernel, gputuned_text** info) {
  return guarded([&]() -> gputuned_status {
    if (!client || !kernel) return invalid("gputuned_submit: an argument is null");
    std::string document = kernel;
    if (!document.starts_with('{')) {
      auto loaded = client::loadDocument(document);
      if (!loaded) return report(loaded.error());
      document = std::move(*loaded);
    }
    auto submitted = client->client.submit(document);
    return submitted ? give(info, protocol::toText(*submitted)) : report(submitted.error());
  });
}

gputuned_status gputuned_best(gputuned_client* client, const char* kernel, const gputuned_size* sizes,
                              size_t count, const char* device, gputuned_answer** answer) {
  return guarded([&]() -> gputuned_status {
    if (!client || !kernel || !answer || (count && !sizes))
      return invalid("gputuned_best: an argument is null");
    protocol::Values values;
    for (size_t i = 0; i < count; ++i) {
      if (!sizes[i].name) return invalid("gputuned_best: a size has no name");
      values[sizes[i].name] = sizes[i].value;
    }
    auto best = client->client.best(kernel, values, device ? device : "");
    if (!best) return report(best.error());
    *answer = new gputuned_answer{std::move(*best)};
    return GPUTUNED_OK;
  });
}

gputuned_status gputuned_ask(gputuned_client* client, const char* request, gputuned_answer** answer) {
  return guarded([&]() -> gputuned_status {
    if (!client || !request || !answer) return invalid("gputuned_ask: an argument is null");
    auto parsed = read<protocol::BestRequest>(request);
    if (!parsed) return report(parsed.error());
    auto asked = client->client.ask(*parsed);
    if (!asked) return report(asked.error());
    *answer = new gputuned_answer{std::make_shared<const protocol::Answer>(std::move(*asked))};
    return GPUTUNED_OK;
  });
}

gputuned_status gputuned_answer_get(const gputuned_answer* answer, gputuned_answer_view* view) {
  constexpr size_t first = offsetof(gputuned_answer_view, joules); // as large as it was at first
  if (!answer || !view || view->size < first)
    return invalid(
        "gputuned_answer_get: an argument is null, or view.size is not sizeof(gputuned_answer_view)");
  const protocol::Answer& from = *answer->answer;
  const double unknown = std::numeric_limits<double>::quiet_NaN();
  view->kernel = from.kernel.c_str();
  view->device = from.device.c_str();
  view->source = from.source.c_str();
  view->artefact = from.artefact.c_str();
  for (size_t axis = 0; axis < from.grid.size(); ++axis)
    view->grid[axis] = from.grid[axis];
  view->seconds = from.seconds.value_or(unknown);
  view->gain = from.gain.value_or(unknown);
  view->settled = client::isSettled(from);
  view->proven = from.verdict.state == "passed";
  if (view->size >= sizeof(gputuned_answer_view)) view->joules = from.joules.value_or(unknown);
  return GPUTUNED_OK;
}

gputuned_status gputuned_answer_json(const gputuned_answer* answer, gputuned_text** json) {
  return guarded([&]() -> gputuned_status {
    if (!answer || !json) return invalid("gputuned_answer_json: an argument is null");
    return give(json, protocol::toText(*answer->answer));
  });
}

void gputuned_answer_free(gputuned_answer* answer) {
  delete answer;
}

namespace {
client::Progress progressOf(gputuned_progress progress, void* user) {
  if (!progress) return {};
  return [progress, user](const protocol::Event& event) {
    return progress(protocol::toText(event).c_str(), user) != 0;
  };
}
} // namespace

gputuned_status gputuned_tune(gputuned_client* client, const char* request, gputuned_progress progress,
                              void* user, gputuned_text** status) {
  return guarded([&]() -> gputuned_status {
    if (!client || !request) return invalid("gputuned_tune: an argument is null");
    auto parsed = read<protocol::TuneRequest>(request);
    if (!parsed) return report(parsed.error());
    auto done = client->client.tune(*parsed, progressOf(progress, user));
    return done ? give(status, protocol::toText(*done)) : report(done.error());
  });
}

gputuned_status gputuned_watch(gputuned_client* client, const char* job, gputuned_progress progress,
                               void* user, gputuned_text** status) {
  return guarded([&]() -> gputuned_status {
    if (!client || !job) return invalid("gputuned_watch: an argument is null");
    auto done = client->client.watch(job, progressOf(progress, user));
    return done ? give(status, protocol::toText(*done)) : report(done.error());
  });
}

gputuned_status gputuned_request(gputuned_client* client, const char* method, const char* path,
                                 const char* body, gputuned_text** answer) {
  return guarded([&]() -> gputuned_status {
    if (!client || !method || !path) return invalid("gputuned_request: an argument is null");
    auto got = client->client.request(method, path, body ? body : "");
    return got ? give(answer, std::move(*got)) : report(got.error());
  });
}
