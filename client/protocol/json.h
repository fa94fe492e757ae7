// Messages to JSON and back, and their JSON Schemas. One list of fields a message (fields.h) gives all three.
#pragma once

#include "client/protocol/messages.h"

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace tuned::protocol {

/// Members that are std::optional and unset are left out; all others are written.
template <typename Message> nlohmann::json toJson(const Message& message);

/// InvalidInput names the key at fault ("sizes.M: expected an integer, found a string"). Requests with a key
/// that is not known are refused; in answers it is passed over, so that an older client reads a newer daemon.
template <typename Message> Result<Message> fromJson(const nlohmann::json& json);

/// The same from and to text. Text that is not JSON is InvalidInput and says where; so is a text that nests
/// deeper than 64 levels, and a request of more than 200,000 values (base/json_limits.h).
template <typename Message> std::string toText(const Message& message);
template <typename Message> Result<Message> fromText(std::string_view text);

/// Of requests without a message: InvalidInput unless the text is empty or an object without members.
Result<void> expectNoBody(std::string_view text);

/// JSON Schemas of all messages, by name: components/schemas of the OpenAPI page.
nlohmann::json schemas();

} // namespace tuned::protocol
