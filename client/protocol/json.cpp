#include "client/protocol/json.h"

#include "base/json_limits.h"
#include "base/model/json.h"
#include "client/protocol/fields.h"
#include "client/protocol/problem.h"
#include "client/protocol/quick_read.h"

namespace tuned::model {

template <> struct CustomJson<Error> {
  static json write(const Error& error) { return protocol::problem(error); }
  static Error read(const json& in) {
    if (!in.is_object()) throw Failure{"", "expected a problem, found " + std::string(in.type_name())};
    return protocol::errorFromProblem(in.dump(), 0);
  }
  static json schema() { return {{"$ref", "#/components/schemas/Problem"}}; }
};

template <> constexpr bool strictKeys<protocol::BestRequest> = true;
template <> constexpr bool strictKeys<protocol::TuneRequest> = true;
template <> constexpr bool strictKeys<protocol::Budget> = true;
template <> constexpr bool strictKeys<protocol::Objective> = true;
template <> constexpr bool strictKeys<protocol::ForgetRequest> = true;
template <> constexpr bool strictKeys<CollectRequest> = true;
template <> constexpr bool strictKeys<protocol::BuildRequest> = true;
template <> constexpr bool strictKeys<protocol::ExplainRequest> = true;
template <> constexpr bool strictKeys<protocol::StudyRequest> = true;
template <> constexpr bool strictKeys<protocol::AskRequest> = true;
template <> constexpr bool strictKeys<protocol::TellRequest> = true;
template <> constexpr bool strictKeys<protocol::Told> = true;
template <> constexpr bool strictKeys<protocol::EntryRequest> = true;

} // namespace tuned::model

namespace tuned::protocol {

using nlohmann::json;

/// An answer comes from a daemon that was chosen, and lists grow with what is stored: only its depth is
/// limited.
template <typename T>
constexpr JsonLimits limitsOf =
    model::strictKeys<T> ? JsonLimits{} : JsonLimits{JsonLimits{}.depth, SIZE_MAX};

template <typename Message> json toJson(const Message& message) {
  return model::toJson(message);
}

template <typename Message> Result<Message> fromJson(const json& in) {
  return model::fromJson<Message>(in);
}

template <typename Message> std::string toText(const Message& message) {
  return model::dump(toJson(message));
}

template <typename Message> Result<Message> fromText(std::string_view text) {
  if constexpr (!model::strictKeys<Message>)
    if (auto message = quickRead<Message>(text)) return std::move(*message);
  if (auto bounded = checkJsonLimits(text, limitsOf<Message>); !bounded) return fail(bounded.error());
  return model::fromText<Message>(text);
}

Result<void> expectNoBody(std::string_view text) {
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return {};
  if (auto bounded = checkJsonLimits(text, {}); !bounded) return bounded;
  const json body = json::parse(text, nullptr, false);
  if (body.is_object() && body.empty()) return {};
  const std::string found = body.is_object()      ? "the key '" + body.begin().key() + "'"
                            : body.is_discarded() ? "text that is no JSON"
                                                  : std::string(body.type_name());
  return fail(ErrorKind::InvalidInput, "the body: expected none, found " + found,
              "this request takes no body");
}

json schemas() {
  json out;
#define X(Message)                                                                                           \
  {                                                                                                          \
    Message message{};                                                                                       \
    out[#Message] = model::describe(message);                                                                \
  }
  TUNED_PROTOCOL_MESSAGES(X)
#undef X
  const json string = {{"type", "string"}}, integer = {{"type", "integer"}};
  out["Problem"] = {
      {"type", "object"},
      {"required", {"title", "status", "kind", "detail"}},
      {"properties",
       {{"type", string},
        {"title", string},
        {"status", integer},
        {"kind", string},
        {"detail", string},
        {"remedy", string},
        {"location",
         {{"type", "object"}, {"properties", {{"file", string}, {"line", integer}, {"column", integer}}}}}}}};
  out["KernelDocument"] = {{"type", "object"},
                           {"required", {"name", "source_text", "arguments", "grid"}},
                           {"description", "A kernel document, its source inlined as source_text"}};
  return out;
}

#define X(Message)                                                                                           \
  template json toJson<Message>(const Message&);                                                             \
  template Result<Message> fromJson<Message>(const json&);                                                   \
  template std::string toText<Message>(const Message&);                                                      \
  template Result<Message> fromText<Message>(std::string_view);
TUNED_PROTOCOL_MESSAGES(X)
#undef X

} // namespace tuned::protocol
