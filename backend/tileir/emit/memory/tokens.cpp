#include "backend/tileir/emit/memory/tokens.h"

namespace tuned::tileir {

void Tokens::after(Effects access, Value token) {
  if (access.writes) {
    stores_ = all_ = token;
    return;
  }
  Value pair[] = {all_, token};
  all_ = all_ ? code_.joinTokens(pair) : token;
}

Values Tokens::carried(Effects effects) {
  if (!effects.any()) return {};
  all_ = orNew(all_);
  if (!effects.writes) return {all_};
  stores_ = orNew(stores_);
  return {stores_, all_};
}

void Tokens::restore(Effects effects, std::span<const Value> values) {
  if (!effects.any()) return;
  all_ = values.back();
  if (effects.writes) stores_ = values.front();
}

} // namespace tuned::tileir
