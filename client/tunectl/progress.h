// A tuning's progress on stderr: a bar that redraws itself on a terminal, a line a trial elsewhere.
#pragma once

#include "client/protocol/messages.h"

#include <string>

namespace tuned::tunectl {

class ProgressDisplay {
public:
  ProgressDisplay();
  ~ProgressDisplay();
  void show(const protocol::Event& event);

private:
  void bar(const protocol::JobStatus& job);
  void line(const protocol::Event& event);
  bool terminal_;
  bool drawn_ = false;
};

} // namespace tuned::tunectl
