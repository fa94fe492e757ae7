#include "daemon/http/handlers.h"

#include "client/protocol/entry.h"
#include "client/protocol/json.h"
#include "client/protocol/routes.h"
#include "daemon/http/bundles.h"
#include "daemon/http/upkeep.h"

#include <charconv>
#include <nlohmann/json.hpp>

namespace tuned {

namespace {

using Call = Router::Call;

template <typename Message> HttpResponse reply(const Result<Message>& message, int status) {
  if (!message) return Router::problem(message.error());
  return {status, "application/json", protocol::toText(*message)};
}

/// Reads the body as a message, then lets `work` answer.
template <typename Message, typename Work> HttpResponse withBody(const Call& call, Work&& work) {
  auto message = protocol::fromText<Message>(call.body);
  if (!message) return Router::problem(message.error());
  return work(*message);
}

std::string at(const std::map<std::string, std::string>& values, const char* key) {
  auto found = values.find(key);
  return found == values.end() ? "" : found->second;
}

Result<int64_t> limitOf(const Call& call) {
  constexpr int64_t usual = 1000, most = 100'000;
  std::string text = at(call.query, "limit");
  if (text.empty()) return usual;
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 1 || value > most)
    return fail(ErrorKind::InvalidInput,
                "query: limit must be 1 to " + std::to_string(most) + ", not '" + text + "'");
  return value;
}

HttpResponse plain(int status, const std::string& text) {
  return {status, "text/plain; charset=utf-8", text};
}

HttpResponse best(Service& service, const Call& call) {
  return withBody<protocol::BestRequest>(call, [&](const protocol::BestRequest& request) {
    if (!request.document.empty() && !call.request.peer.maySubmit())
      return Router::mayNotSubmit(call.request.peer);
    auto result = service.best(request, call.request.user());
    if (!result) return Router::problem(result.error());
    // Waiting callers wait for the tuning whatever could be said meanwhile.
    HttpResponse out = result->error ? Router::problem(*result->error)
                                     : reply(Result<protocol::Answer>(result->answer), call.status);
    if (!result->error) service.remember(call.body, *result, call.request.user());
    if (request.wait > 0 && result->job && !result->job->finished()) {
      out.waitFor = result->job;
      out.waitSeconds = request.wait;
    }
    return out;
  });
}

HttpResponse listTrials(Service& service, const Call& call) {
  auto limit = limitOf(call);
  if (!limit) return Router::problem(limit.error());
  const std::string kernel = at(call.query, "kernel"), device = at(call.query, "device"),
                    id = at(call.query, "job"), after = at(call.query, "after");
  if (id.empty()) return reply(service.trials({kernel, "", device}, *limit, after), call.status);
  if (!kernel.empty() || !device.empty())
    return Router::problem({ErrorKind::InvalidInput, "query: 'job' goes with neither 'kernel' nor 'device'",
                            std::nullopt, "a job has one of each already"});
  auto job = service.job(id);
  if (!job) return Router::problem(job.error());
  const store::ProblemKey& problem = (*job)->spec().problem;
  return reply(service.trials({problem.kernel, problem.sizes, (*job)->device()}, *limit, after), call.status);
}

HttpResponse watchJob(Service& service, const Call& call) {
  auto job = service.job(at(call.path, "id"));
  if (!job) return Router::problem(job.error());
  HttpResponse out{call.status, "text/event-stream", ""};
  out.stream = *job;
  const std::string& last = call.request.lastEventId;
  if (last.empty()) return out;
  size_t seen = 0;
  const auto [end, error] = std::from_chars(last.data(), last.data() + last.size(), seen);
  if (error != std::errc() || end != last.data() + last.size())
    return Router::problem({ErrorKind::InvalidInput, "Last-Event-ID: '" + last + "' is no event's number",
                            std::nullopt, "leave it out to be told all events that are kept"});
  // A number that was never told is of an earlier daemon, in which this job had come further: it begins anew.
  if ((*job)->told(seen)) out.streamFrom = seen + 1;
  return out;
}

HttpResponse showJob(Service& service, const Call& call) {
  auto job = service.job(at(call.path, "id"));
  if (!job) return Router::problem(job.error());
  return reply(Result<protocol::JobStatus>((*job)->status()), call.status);
}

HttpResponse listJobs(Service& service, const Call& call) {
  auto limit = limitOf(call);
  if (!limit) return Router::problem(limit.error());
  return reply(service.jobs(static_cast<size_t>(*limit), at(call.query, "after")), call.status);
}

HttpResponse cancelJob(Service& service, const Call& call) {
  const Peer& peer = call.request.peer;
  auto job = service.job(at(call.path, "id"));
  if (!job) return Router::problem(job.error());
  if ((*job)->spec().user != peer.uid && !peer.maySubmit())
    return Router::problem({ErrorKind::Denied, "job " + (*job)->spec().id + " is another user's",
                            std::nullopt, "ask whoever started it"});
  return reply(service.cancel((*job)->spec().id), call.status);
}

HttpResponse artefact(Service& service, const Call& call) {
  auto found = service.artefact(at(call.path, "sha256"));
  if (!found) return Router::problem(found.error());
  return {call.status, "application/octet-stream", std::move(found->bytes)};
}

HttpResponse entry(Result<std::string> value, int status) {
  if (!value) return Router::problem(value.error());
  protocol::Entry out;
  out.value = std::move(*value);
  return reply(Result<protocol::Entry>(std::move(out)), status);
}

/// Spaces of users are asked for through their studies alone.
Result<std::string> spaceOf(const Call& call) {
  std::string space = at(call.path, "space");
  if (!space.starts_with(store::Entries::ofUsers)) return space;
  return fail(ErrorKind::Denied, "'" + space + "' holds a user's studies",
              "open the study (POST /v1/studies); other spaces begin otherwise");
}

HttpResponse getEntry(Service&, const Call& call) {
  auto space = spaceOf(call);
  if (!space) return Router::problem(space.error());
  return entry(call.entries.get(*space, at(call.path, "key")), call.status);
}

HttpResponse putEntry(Service&, const Call& call) {
  auto space = spaceOf(call);
  if (!space) return Router::problem(space.error());
  return withBody<protocol::EntryRequest>(call, [&](const protocol::EntryRequest& request) {
    if (request.value.empty())
      return Router::problem({ErrorKind::InvalidInput, "value: an object is missing"});
    return entry(call.entries.put(*space, at(call.path, "key"), request.value, request.replace), call.status);
  });
}

HttpResponse listEntries(Service&, const Call& call) {
  auto space = spaceOf(call);
  if (!space) return Router::problem(space.error());
  auto keys = call.entries.keys(*space);
  if (!keys) return Router::problem(keys.error());
  return reply(Result<protocol::EntryList>(protocol::EntryList{std::move(*keys)}), call.status);
}

HttpResponse ask(Service&, const Call& call) {
  return withBody<protocol::AskRequest>(call, [&](const protocol::AskRequest& request) {
    return reply(call.studies.ask(at(call.path, "id"), request, call.request.user()), call.status);
  });
}

HttpResponse tell(Service&, const Call& call) {
  return withBody<protocol::TellRequest>(call, [&](const protocol::TellRequest& request) {
    return reply(call.studies.tell(at(call.path, "id"), request, call.request.user()), call.status);
  });
}

HttpResponse ready(Service& service, const Call&) {
  auto why = service.unready();
  return why ? plain(503, "not ready: " + *why + "\n") : plain(200, "ready\n");
}

constexpr Router::Entry table[] = {
    {"submitKernel", false, false,
     [](Service& s, const Call& c) { return reply(s.submit(c.body, c.request.user()), c.status); },
     Rights::Submit},
    {"listKernels", false, false,
     [](Service& s, const Call& c) {
       const auto limit = limitOf(c);
       return limit ? reply(s.kernels(*limit, at(c.query, "after")), c.status)
                    : Router::problem(limit.error());
     }},
    {"showKernel", false, false,
     [](Service& s, const Call& c) { return reply(s.kernel(at(c.path, "id"), c.request.user()), c.status); }},
    {"best", false, true, best},
    {"tune", false, true,
     [](Service& s, const Call& c) {
       return withBody<protocol::TuneRequest>(c, [&](const auto& request) {
         if (!request.document.empty() && !c.request.peer.maySubmit())
           return Router::mayNotSubmit(c.request.peer);
         return reply(s.tune(request, c.request.user()), c.status);
       });
     }},
    // A build of others is code that runs here.
    {"addBuild", false, false,
     [](Service& s, const Call& c) {
       return withBody<protocol::BuildRequest>(
           c, [&](const auto& request) { return reply(s.addBuild(request, c.request.user()), c.status); });
     },
     Rights::Submit},
    {"explain", false, true,
     [](Service& s, const Call& c) {
       return withBody<protocol::ExplainRequest>(c, [&](const auto& request) {
         if (!request.document.empty() && !c.request.peer.maySubmit())
           return Router::mayNotSubmit(c.request.peer);
         return reply(s.explain(request, c.request.user()), c.status);
       });
     }},
    // A bundle holds everybody's kernels.
    {"exportBundle", false, false, exportBundle, Rights::Submit, true},
    {"importBundle", false, true, importBundle, Rights::Submit, true},
    // These take the disk's time, and what they drop, all have lost.
    {"verifyCache", false, false, verifyCache, Rights::Submit, true},
    {"collect", false, false, collectBinaries, Rights::Submit, true},
    // What one user forgets, all have lost.
    {"forget", false, true,
     [](Service& s, const Call& c) {
       return withBody<protocol::ForgetRequest>(
           c, [&](const auto& request) { return reply(s.forget(request), c.status); });
     },
     Rights::Submit},
    {"listJobs", false, true, listJobs},
    {"showJob", true, true, showJob},
    {"cancelJob", false, true, cancelJob},
    {"watchJob", true, true, watchJob},
    {"listTrials", false, true, listTrials},
    {"listWinners", false, true,
     [](Service& s, const Call& c) {
       const auto limit = limitOf(c);
       if (!limit) return Router::problem(limit.error());
       return reply(s.winners(at(c.query, "kernel"), at(c.query, "device"), *limit, at(c.query, "after")),
                    c.status);
     }},
    {"artefact", false, false, artefact},
    {"listDevices", true, true,
     [](Service& s, const Call& c) { return reply(Result<protocol::DeviceList>(s.devices()), c.status); }},
    {"wakeDevice", false, true,
     [](Service& s, const Call& c) { return reply(s.wake(at(c.path, "id")), c.status); }},
    {"openStudy", false, false,
     [](Service&, const Call& c) {
       return withBody<protocol::StudyRequest>(c, [&](const auto& request) {
         return reply(c.studies.open(request, c.request.user()), c.status);
       });
     }},
    {"showStudy", false, false,
     [](Service&, const Call& c) {
       return reply(c.studies.show(at(c.path, "id"), c.request.user()), c.status);
     }},
    {"ask", false, false, ask},
    {"tell", false, false, tell},
    {"closeStudy", false, false,
     [](Service&, const Call& c) {
       return reply(c.studies.close(at(c.path, "id"), c.request.user()), c.status);
     }},
    {"getEntry", false, false, getEntry},
    {"putEntry", false, false, putEntry, Rights::Submit}, // it fills the disk, and others believe it
    {"listEntries", false, false, listEntries},
    // What one user stops, stands still for all.
    {"pause", false, false, [](Service& s, const Call& c) { return reply(s.pause(true), c.status); },
     Rights::Submit},
    {"resume", false, false, [](Service& s, const Call& c) { return reply(s.pause(false), c.status); },
     Rights::Submit},
    {"status", false, false, [](Service& s, const Call& c) { return reply(s.status(), c.status); }},
    {"openApi", false, false,
     [](Service&, const Call& c) {
       return HttpResponse{c.status, "application/json", protocol::openApi(TUNED_VERSION).dump(2)};
     }},
    {"metrics", true, false, [](Service& s, const Call& c) { return plain(c.status, s.metricsText()); }},
    {"health", true, false, [](Service&, const Call& c) { return plain(c.status, "ok\n"); }},
    {"ready", true, false, ready},
};

} // namespace

std::span<const Router::Entry> handlers() {
  return table;
}

} // namespace tuned
