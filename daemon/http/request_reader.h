// The bytes of a connection, read as HTTP requests one after the other.
#pragma once

#include "daemon/http/routes.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>

namespace tuned {

/// Knows no socket: bytes go in through room() and commit(), and a request that came in one piece is parsed
/// without waiting for anything.
class RequestReader {
public:
  explicit RequestReader(size_t bodyBytes) : bodyBytes_(bodyBytes) { begin(); }

  /// Where the next bytes of the connection go.
  boost::asio::mutable_buffer room();
  void commit(size_t bytes);

  /// Reads on with what is there: no error once a request is whole, http::error::need_more while it is not,
  /// and what is wrong with it otherwise (header_limit beyond 16 KiB, body_limit, bad_transfer_encoding for
  /// one that is not "chunked", errors of the syntax). After an error nothing on the connection can be
  /// trusted.
  boost::system::error_code parse();
  /// Gives memory back while nothing of a request has come.
  void rest();
  /// Bytes of memory held for the present request.
  size_t held() const { return buffer_.capacity() + parser_->get().body().capacity(); }
  /// Bodies of the present request and the next ones at most.
  void limitBody(size_t bytes);
  size_t bodyLimit() const { return bodyBytes_; }
  /// Whether any byte of the present request has come.
  bool started() const { return buffer_.size() > 0 || parser_->got_some(); }
  /// Whether the client waits for "100 Continue" before it sends the body; true once a request.
  bool takeExpectation();

  struct Whole {
    HttpRequest request;
    bool keepAlive;
  };
  /// The request that parse() has found whole; the next one begins.
  Whole take();

private:
  void begin();

  size_t bodyBytes_;
  size_t piece_ = 0, offered_ = 0; ///< read at a time; how much room was given last
  boost::beast::flat_buffer buffer_;
  std::optional<boost::beast::http::request_parser<boost::beast::http::string_body>> parser_;
  bool expectationMet_ = false;
};

} // namespace tuned
