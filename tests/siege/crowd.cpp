// How fast hits are while a crowd of idle and of slow clients is connected.
//   siege_crowd SOCKET BODY IDLE ACTIVE SLOW SECONDS [ROUNDS]
// prints a line of JSON: hits and percentiles without the crowd and with it, which comes and goes ROUNDS
// times (5): what else a machine does changes both alike. Beside the ratios of p99 with the crowd to that
// before it, the control: the same ratio of what came after a crowd to what came before it, both without.
// tests/siege/crowd.py runs it.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <stop_token>
#include <string>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

int connectTo(const char* path) {
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  if (descriptor >= 0 && ::connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0)
    return descriptor;
  std::perror("siege_crowd: connect");
  std::exit(1);
}

bool sendAll(int descriptor, const std::string& text) {
  return ::send(descriptor, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
}

/// Clients that ask, each again as soon as it is answered, all on one thread.
class Askers {
public:
  Askers(const char* path, std::string request, size_t count)
      : request_(std::move(request)), epoll_(::epoll_create1(0)) {
    for (size_t i = 0; i < count; ++i) {
      clients_.push_back({connectTo(path), {}, {}, false});
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.u64 = i;
      ::epoll_ctl(epoll_, EPOLL_CTL_ADD, clients_.back().descriptor, &event);
    }
  }

  /// Seconds of each answer within the span.
  std::vector<double> ask(double seconds) {
    std::vector<double> out;
    for (Client& client : clients_) {
      if (!client.busy) start(client);
      client.asked = Clock::now(); // of an answer left over, too: its wait was nobody's
    }
    const auto begin = Clock::now();
    while (since(begin) < seconds) {
      epoll_event events[64];
      const int count = ::epoll_wait(epoll_, events, 64, 10);
      for (int i = 0; i < count; ++i)
        receive(clients_[events[i].data.u64], out);
    }
    return out;
  }

private:
  struct Client {
    int descriptor;
    Clock::time_point asked;
    std::string got;
    bool busy = false;
  };

  void start(Client& client) {
    client.got.clear();
    client.busy = true;
    client.asked = Clock::now();
    if (!sendAll(client.descriptor, request_)) std::exit((std::fprintf(stderr, "siege_crowd: hung up\n"), 1));
  }

  void receive(Client& client, std::vector<double>& out) {
    char piece[16384];
    const ssize_t got = ::recv(client.descriptor, piece, sizeof piece, 0);
    if (got <= 0) std::exit((std::fprintf(stderr, "siege_crowd: an asking client was closed\n"), 1));
    client.got.append(piece, static_cast<size_t>(got));
    const size_t head = client.got.find("\r\n\r\n"), length = client.got.find("Content-Length: ");
    if (head == std::string::npos || length > head) return;
    if (client.got.size() < head + 4 + std::strtoul(client.got.c_str() + length + 16, nullptr, 10)) return;
    if (client.got.compare(9, 3, "200") != 0)
      std::exit((std::fprintf(stderr, "%s\n", client.got.c_str()), 1));
    out.push_back(since(client.asked));
    start(client);
  }

  std::string request_;
  int epoll_;
  std::vector<Client> clients_;
};

/// Clients that each send a byte twice a second, and come again when they were hung up on. On a thread of
/// their own: what sending costs must not be taken for what waiting costs.
class Slow {
public:
  Slow(const char* path, size_t count) : path_(path) {
    for (size_t i = 0; i < count; ++i)
      clients_.push_back(begin());
  }
  /// Until `stop`; the sends are spread over time, as those of clients that know nothing of each other.
  void send(const std::stop_token& stop) {
    const auto start = Clock::now();
    double due = 0;
    for (auto at = start; !stop.stop_requested() && !clients_.empty(); at += std::chrono::milliseconds(1)) {
      std::this_thread::sleep_until(at);
      for (due += static_cast<double>(clients_.size()) / 500; due >= 1;
           --due, next_ = (next_ + 1) % clients_.size())
        sendByte();
    }
  }
  size_t renewed = 0;
  ~Slow() {
    for (const int client : clients_)
      ::close(client);
  }
  Slow(const Slow&) = delete;

private:
  void sendByte() {
    if (::send(clients_[next_], "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1) return;
    ::close(clients_[next_]);
    clients_[next_] = begin();
    ++renewed;
  }
  int begin() const {
    const int descriptor = connectTo(path_);
    sendAll(descriptor, "POST /v1/best HTTP/1.1\r\nContent-Length: 1000\r\n\r\n");
    return descriptor;
  }
  const char* path_;
  std::vector<int> clients_;
  size_t next_ = 0;
};

double at(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[static_cast<size_t>(share * static_cast<double>(values.size() - 1))];
}

/// Percentiles of each round; medians of them are printed.
struct Figures {
  size_t hits = 0;
  std::vector<double> p50, p99;

  void add(std::vector<double> seconds) {
    hits += seconds.size();
    p50.push_back(1e3 * at(seconds, 0.5));
    p99.push_back(1e3 * at(seconds, 0.99));
  }
  void print(const char* name) const {
    std::printf("\"%s\": {\"hits\": %zu, \"p50_ms\": %.4f, \"p99_ms\": %.4f}", name, hits, at(p50, 0.5),
                at(p99, 0.5));
  }
};

void printRatios(const char* name, const std::vector<double>& ratios) {
  std::printf(", \"%s\": %.4f, \"%s_quartiles\": [%.4f, %.4f]", name, at(ratios, 0.5), name, at(ratios, 0.25),
              at(ratios, 0.75));
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 7 && argc != 8)
    return std::fprintf(stderr, "usage: siege_crowd SOCKET BODY IDLE ACTIVE SLOW SECONDS [ROUNDS]\n"), 2;
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  const std::string body = argv[2];
  const int rounds = argc == 8 ? std::max(1, std::atoi(argv[7])) : 5;
  const double seconds = std::atof(argv[6]) / rounds;
  Askers askers(
      argv[1], "POST /v1/best HTTP/1.1\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body,
      std::strtoul(argv[4], nullptr, 10));
  Figures alone, crowded;
  std::vector<double> ratios, control;
  size_t renewed = 0;
  for (int round = 0; round < rounds; ++round) {
    alone.add(askers.ask(seconds));
    if (round > 0) control.push_back(alone.p99[alone.p99.size() - 1] / alone.p99[alone.p99.size() - 2]);
    std::vector<int> idle;
    for (size_t i = 0, count = std::strtoul(argv[3], nullptr, 10); i < count; ++i)
      idle.push_back(connectTo(argv[1]));
    Slow slow(argv[1], std::strtoul(argv[5], nullptr, 10));
    std::this_thread::sleep_for(std::chrono::milliseconds(300)); // the daemon has taken them all
    std::jthread sending([&](const std::stop_token& stop) { slow.send(stop); });
    crowded.add(askers.ask(seconds));
    sending.request_stop();
    sending.join();
    renewed += slow.renewed;
    ratios.push_back(crowded.p99.back() / alone.p99.back());
    for (const int one : idle)
      ::close(one);
    std::this_thread::sleep_for(std::chrono::milliseconds(300)); // the daemon hears of it
  }
  std::printf("{");
  alone.print("alone");
  std::printf(", ");
  crowded.print("crowded");
  printRatios("p99_ratio", ratios);
  printRatios("control", control);
  std::printf(", \"rounds\": %d, \"slow_renewed\": %zu}\n", rounds, renewed);
}
