// The order of memory accesses. Tile IR orders nothing by itself: a token goes from each access to those that
// must come after it. Of all accesses that may meet, two tokens are kept: of the last store, which loads wait
// for, and of everything so far, which stores wait for.
#pragma once

#include "backend/tileir/bytecode/code.h"

namespace tuned::tileir {

/// What a piece of code does to memory.
struct Effects {
  bool reads = false, writes = false;
  bool any() const { return reads || writes; }
  Effects operator|(Effects other) const { return {reads || other.reads, writes || other.writes}; }
};

class Tokens {
public:
  explicit Tokens(Code& code) : code_(code) {}

  /// The token an access takes; none when nothing is before it.
  Value before(Effects access) const { return access.writes ? all_ : stores_; }
  /// Accounts for an access that gave this token and took what before() says.
  void after(Effects access, Value token);

  /// The tokens that code with these effects goes on with, as values: what is carried into a loop, out of a
  /// branch. Empty without effects.
  Values carried(Effects effects);
  size_t carriedCount(Effects effects) const { return effects.writes ? 2 : effects.reads ? 1 : 0; }
  /// Goes on with values in the order of carried().
  void restore(Effects effects, std::span<const Value> values);

private:
  Value orNew(Value token) { return token ? token : code_.makeToken(); }

  Code& code_;
  Value stores_, all_;
};

} // namespace tuned::tileir
