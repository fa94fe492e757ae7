#include "daemon/http/request_reader.h"

#include <algorithm>
#include <boost/beast/core/string.hpp>

namespace tuned {

namespace http = boost::beast::http;

namespace {
constexpr size_t headerBytes = 16 * 1024;
/// Read at a time: requests are short, but for a kernel's document. Who fills what there is gets more, so
/// that a client that sends little holds little.
constexpr size_t shortPiece = 4 * 1024, longPiece = 64 * 1024;
} // namespace

void RequestReader::begin() {
  parser_.emplace();
  parser_->header_limit(headerBytes);
  parser_->body_limit(bodyBytes_);
  parser_->eager(true);
  expectationMet_ = false;
  piece_ = shortPiece;
  // A connection that once brought a large body does not keep its room.
  if (buffer_.size() == 0 && buffer_.capacity() > headerBytes) buffer_.shrink_to_fit();
}

void RequestReader::rest() {
  if (!started()) buffer_.shrink_to_fit();
}

void RequestReader::limitBody(size_t bytes) {
  bodyBytes_ = bytes;
  parser_->body_limit(bytes);
}

boost::asio::mutable_buffer RequestReader::room() {
  const auto buffer = buffer_.prepare(piece_);
  offered_ = buffer.size();
  return buffer;
}

void RequestReader::commit(size_t bytes) {
  buffer_.commit(bytes);
  if (bytes == offered_) piece_ = std::min(2 * piece_, longPiece);
}

boost::system::error_code RequestReader::parse() {
  boost::system::error_code error = http::error::need_more;
  while (buffer_.size() > 0 && !parser_->is_done()) {
    const size_t used = parser_->put(buffer_.data(), error);
    buffer_.consume(used);
    if (error || used == 0) break;
  }
  if (parser_->is_header_done()) {
    // Beast takes an encoding that it does not know for none, and the body for the next request.
    const auto& fields = parser_->get();
    const auto [first, last] = fields.equal_range(http::field::transfer_encoding);
    if (first != last && (std::next(first) != last || !boost::beast::iequals(first->value(), "chunked")))
      return http::error::bad_transfer_encoding;
  }
  if (parser_->is_done()) return {};
  return error ? error : http::error::need_more;
}

bool RequestReader::takeExpectation() {
  if (expectationMet_ || !parser_->is_header_done()) return false;
  expectationMet_ = true;
  return boost::beast::iequals(parser_->get()[http::field::expect], "100-continue");
}

RequestReader::Whole RequestReader::take() {
  auto message = parser_->release();
  Whole out{{std::string(message.method_string()), std::string(message.target()), std::move(message.body()),
             std::string(message["Last-Event-ID"]), std::string(message[http::field::content_encoding])},
            message.keep_alive()};
  begin();
  return out;
}

} // namespace tuned
