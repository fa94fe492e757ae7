// How daemon and worker talk: frames of a 4-byte little-endian length and that many bytes of CBOR, over a
// socket pair.
#pragma once

#include "base/error.h"

#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <stop_token>
#include <utility>

namespace tuned {

using Deadline = std::chrono::steady_clock::time_point;

/// One end; closes the descriptor. Used by one thread at a time.
class Channel {
public:
  /// Frames beyond this many bytes are refused on both ends.
  static constexpr size_t largestFrame = size_t{256} << 20;

  explicit Channel(int descriptor) : descriptor_(descriptor) {}
  Channel(Channel&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)), peer_(std::exchange(other.peer_, -1)) {}
  Channel& operator=(Channel&&) = delete;
  ~Channel();
  int descriptor() const { return descriptor_; }
  /// A descriptor of the process at the other end (pidfd_open), which is closed with this; below 0: none.
  /// Once it has ended the other end is gone, whoever else may hold it open; what it had sent is read.
  void watch(int process);

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
  int peer_ = -1;
};

} // namespace tuned
