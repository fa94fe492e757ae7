// How daemon and worker talk: frames of a 4-byte little-endian length and that many bytes of CBOR, over a
// socket pair.
#pragma once

#include "base/error.h"

#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <stop_token>

namespace tuned {

using Deadline = std::chrono::steady_clock::time_point;

/// One end; closes the descriptor. Used by one thread at a time.
class Channel {
public:
  /// Frames beyond this many bytes are refused on both ends.
  static constexpr size_t largestFrame = size_t{256} << 20;

  explicit Channel(int descriptor) : descriptor_(descriptor) {}
  Channel(Channel&& other) noexcept : descriptor_(other.descriptor_) { other.descriptor_ = -1; }
  Channel& operator=(Channel&&) = delete;
  ~Channel();
  int descriptor() const { return descriptor_; }

  /// Unavailable: the other end is gone. TimedOut: it did not take the frame in time. Denied: stopped.
  Result<void> send(const nlohmann::json& message, std::optional<Deadline> deadline = {},
                    std::stop_token stop = {});
  /// As send; InvalidInput when the frame is no CBOR.
  Result<nlohmann::json> receive(std::optional<Deadline> deadline = {}, std::stop_token stop = {});

private:
  Result<void> wait(short events, const std::optional<Deadline>& deadline, const std::stop_token& stop) const;
  Result<void> writeAll(const char* data, size_t size, const std::optional<Deadline>& deadline,
                        const std::stop_token& stop) const;
  Result<void> readAll(char* data, size_t size, const std::optional<Deadline>& deadline,
                       const std::stop_token& stop) const;
  int descriptor_;
};

} // namespace tuned
