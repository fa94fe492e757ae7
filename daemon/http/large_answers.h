// Answers that take much memory and time (a bundle of the cache, a check of it), made one at a time.
#pragma once

#include "daemon/http/held.h"
#include "daemon/http/routes.h"
#include "daemon/http/turns.h"

namespace tuned {

/// Calls are safe from any thread.
class LargeAnswers {
public:
  /// `unread`: what answers hold until their clients have taken them.
  explicit LargeAnswers(Held& unread) : unread_(unread) {}

  /// Runs `make` in the user's turn, and hands what it gave to `give`, on whichever thread; the answer counts
  /// as unread from then on, until given(). Who has too many waiting, or has not read what was made before,
  /// is refused instead.
  void add(unsigned user, std::function<HttpResponse()> make, std::function<void(HttpResponse)> give) {
    const auto count = [this, user, give = std::move(give)](HttpResponse made) {
      unread_.change(user, 0, made.body.size());
      give(std::move(made));
    };
    if (!waiting_.room(user)) return count(refusal("too many of this user's requests wait that take long"));
    waiting_.change(user, 0, 1);
    turns_.add(user, [this, user, make = std::move(make), count] {
      HttpResponse made = unread_.room(user) ? make() : tooManyUnread();
      waiting_.change(user, 1, 0);
      count(std::move(made));
    });
  }
  /// The answer is somebody else's to count.
  void given(unsigned user, const HttpResponse& answer) { unread_.change(user, answer.body.size(), 0); }
  void join() { turns_.join(); }

  static HttpResponse tooManyUnread() { return refusal("too many answers wait to be read by their clients"); }

private:
  static HttpResponse refusal(const char* what) {
    return Router::problem(
        {ErrorKind::Unavailable, what, std::nullopt, "read those that were asked for, and ask again"}, 503);
  }

  Held& unread_;
  Held waiting_{999, 15}; ///< requests, not bytes: a thousand of all, 16 of one user
  Turns turns_{1, 1};
};

} // namespace tuned
