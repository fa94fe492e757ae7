// What a program should know although it did not ask: said where it wants it, else on stderr. And whether it
// still waits for the daemon: a program that catches signals learns of them only where it is asked.
#pragma once

#include <functional>
#include <string>

namespace tuned::client {

using Notice = std::function<void(const std::string&)>;

/// Who is told from now on, from whichever thread; empty: stderr, a line each. He must not throw.
void onNotice(Notice notice);
void notice(const std::string& text);

using GoOn = std::function<bool()>;

/// Who is asked every tenth of a second, on the thread that waits; empty: nobody, waits last as long as they
/// may. He must not throw.
void onWait(GoOn goOn);
/// False: the waiting is to end.
bool mayWait();

} // namespace tuned::client
