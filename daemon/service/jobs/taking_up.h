// Which job of an earlier daemon is being taken up: a job that ends the daemon before it runs would otherwise
// end every daemon after it, too, and nobody would know why.
#pragma once

#include "base/private_files.h"

#include <array>
#include <fcntl.h>
#include <string>
#include <unistd.h>

namespace tuned {

/// A file with the job's id. It need not outlive the machine, only the process: nothing waits for the disk.
/// Where it cannot be written (a read-only cache) nothing is remembered.
class TakingUp {
public:
  explicit TakingUp(std::string path) : path_(std::move(path)) {
    auto opened = openPrivateFile(path_, PrivateFileUse::ReadWrite);
    if (!opened) return;
    descriptor_ = *opened;
    std::array<char, 128> text = {};
    const ssize_t got = ::pread(descriptor_, text.data(), text.size(), 0);
    if (got > 0) left_.assign(text.data(), static_cast<size_t>(got));
  }
  ~TakingUp() {
    if (descriptor_ < 0) return;
    ::unlink(path_.c_str());
    ::close(descriptor_);
  }
  TakingUp(const TakingUp&) = delete;

  /// The job that the daemon before was taking up when it died; empty: none.
  const std::string& left() const { return left_; }
  void begin(const std::string& job) {
    if (descriptor_ < 0) return;
    if (::ftruncate(descriptor_, 0) != 0 || ::pwrite(descriptor_, job.data(), job.size(), 0) < 0) {
      // A full disk: what is not remembered is not counted.
    }
  }

private:
  const std::string path_;
  int descriptor_ = -1;
  std::string left_;
};

} // namespace tuned
