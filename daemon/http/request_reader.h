// The bytes of a connection, read as HTTP requests one after the other.
#pragma once

#include "daemon/http/routes.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <cstdint>
#include <optional>
#include <string>

namespace tuned {

/// A body that grows with what has come of it. Beast's string_body takes all that a Content-Length says at
/// once, which costs a client who says much and sends nothing less than it costs us.
struct GrowingBody {
  using value_type = std::string;
  class reader {
  public:
    template <bool request, typename Fields>
    reader(boost::beast::http::header<request, Fields>&, value_type& body) : body_(body) {}
    void init(const boost::optional<std::uint64_t>&, boost::system::error_code& error) { error = {}; }
    template <typename Buffers> size_t put(const Buffers& buffers, boost::system::error_code& error) {
      error = {};
      const size_t before = body_.size();
      for (auto each = boost::asio::buffer_sequence_begin(buffers);
           each != boost::asio::buffer_sequence_end(buffers); ++each) {
        const boost::asio::const_buffer piece(*each);
        body_.append(static_cast<const char*>(piece.data()), piece.size());
      }
      return body_.size() - before;
    }
    void finish(boost::system::error_code& error) { error = {}; }

  private:
    value_type& body_;
  };
};

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
  std::optional<boost::beast::http::request_parser<GrowingBody>> parser_;
  bool expectationMet_ = false;
};

} // namespace tuned
