// A program that the demo starts and ends: Pebble, and `postseal serve` itself. It dies with the demo, however that
// ends, and is out of reach of the terminal's Ctrl-C, so that the demo decides in which order things stop.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/listen_address.h"

namespace postseal::app {

class DemoProcess {
public:
    struct Settings {
        std::string name;  // for people
        std::string program;
        std::vector<std::string> arguments;    // without the program's own name
        std::vector<std::string> environment;  // "NAME=value", beside the inherited ones
        std::string log_file;                  // of both outputs
    };
    static Result<std::unique_ptr<DemoProcess>> start(const Settings& settings);
    DemoProcess(const DemoProcess&) = delete;
    DemoProcess& operator=(const DemoProcess&) = delete;
    ~DemoProcess();  // stop()

    // Any thread; nothing when it has ended.
    void signal(int number);
    // SIGTERM, and SIGKILL when it takes too long.
    void stop();
    [[nodiscard]] bool running();
    [[nodiscard]] bool ended_well() const;  // with status 0
    // "Pebble ended with status 1", with the end of its log below.
    [[nodiscard]] Error how_it_ended() const;

private:
    DemoProcess(std::string name, std::string log_file, pid_t pid)
        : name_(std::move(name)), log_file_(std::move(log_file)), pid_(pid) {}
    std::string name_;
    std::string log_file_;
    std::mutex mutex_;
    pid_t pid_;       // 0 when it has ended
    int status_ = 0;  // of waitpid
};

// The socket behind NOTIFY_SOCKET (sd_notify(3)): how `postseal serve` says that it is ready or has reloaded.
class ReadySocket {
public:
    static Result<ReadySocket> make(const std::string& path);
    [[nodiscard]] std::string environment() const { return "NOTIFY_SOCKET=" + path_; }
    // Waits for the next READY=1; false when none came in time.
    bool wait(std::chrono::milliseconds limit);

private:
    ReadySocket(std::string path, net::Socket socket) : path_(std::move(path)), socket_(std::move(socket)) {}
    std::string path_;
    net::Socket socket_;
};

}  // namespace postseal::app
