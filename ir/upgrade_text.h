// How upgradeText() reads a line of kernel IR: lists in brackets, strings, types. Names of operations are
// found by the caller.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tuned::upgrade {

std::string_view trimmed(std::string_view text);
/// The parts of a list between commas that are inside no bracket and no string, trimmed.
std::vector<std::string_view> splitList(std::string_view text);
/// The end of the string literal that starts at `at`.
size_t endOfString(std::string_view line, size_t at);

/// 3.9: `{cachePolicy = #tt.cache_policy<cache_modifier = cg, eviction_policy = evict_last>}` were two words.
void cachePolicy(std::string& line);
/// 3.9: tt.atomic_load, atomic_store and atomic_poll become tt.atomic_rmw, a poll in a loop. `number` is the
/// line's, for names.
void atomics(std::string& line, size_t number);

} // namespace tuned::upgrade
