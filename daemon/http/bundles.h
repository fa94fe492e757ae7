// Bundles through a running daemon, which alone may open its cache.
#pragma once

#include "daemon/http/routes.h"

namespace tuned {

/// What the cache has, unsigned: whoever asked signs it with his own key.
HttpResponse exportBundle(Service& service, const Router::Call& call);
/// Takes the body in as `tunectl import` would: signed by a key that the daemon's machine trusts, unless told
/// otherwise by who may bring it kernels anyway. What is new is then measured behind.
HttpResponse importBundle(Service& service, const Router::Call& call);

} // namespace tuned
