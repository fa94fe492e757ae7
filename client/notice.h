// What a program should know although it did not ask: said where it wants it, else on stderr.
#pragma once

#include <functional>
#include <string>

namespace tuned::client {

using Notice = std::function<void(const std::string&)>;

/// Who is told from now on, from whichever thread; empty: stderr, a line each. He must not throw.
void onNotice(Notice notice);
void notice(const std::string& text);

} // namespace tuned::client
