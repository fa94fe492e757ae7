// HTTP/1.1 on a Unix socket: connections, limits, time-outs, event streams.
//
// Concurrency: one thread runs the event loop and all connections. What may block (disk, workers) runs on a
// few threads beside it and comes back to the loop.
#pragma once

#include "base/error.h"
#include "daemon/http/routes.h"
#include "daemon/http/server_socket.h"

#include <functional>
#include <memory>

namespace tuned {

class Server {
public:
  /// Takes the socket: replaces one that nobody listens on. Unavailable: another daemon serves it. Denied:
  /// the folder cannot be written, or the group is not known. The folder is created (mode 0755) when missing.
  static Result<std::unique_ptr<Server>> open(Service& service, const Options& options);
  ~Server();
  /// Serves until SIGTERM, SIGINT or stop(); then accepts nothing more, ends streams and lets answers under
  /// way finish for a few seconds. SIGHUP calls `reload` and takes over who may connect, what a request may
  /// cost, how many connections there may be, and the log's level; the old options stay where the new ones
  /// are wrong.
  void run(const std::function<Result<Options>()>& reload);
  /// Calls `work` on the loop's thread again and again; before run().
  void every(double seconds, std::function<void()> work);
  /// Open now; on the loop's thread.
  size_t connections() const;
  /// Called on the loop's thread when the end begins; before run().
  void onEnd(std::function<void()> work);
  /// From any thread.
  void stop();
  /// For a caller who has more to end before the daemon counts as gone: the file goes with what is given.
  SocketFile takeSocketFile();

private:
  struct Implementation;
  explicit Server(std::unique_ptr<Implementation> implementation);
  std::unique_ptr<Implementation> implementation_;
};

} // namespace tuned
