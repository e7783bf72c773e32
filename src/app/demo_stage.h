// What the demo needs of the machine before anything is played: the wish to stop, a folder, free ports, Pebble.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "app/demo_ca.h"
#include "app/demo_internet.h"
#include "app/demo_process.h"
#include "base/result.h"

namespace postseal::app {

// Ctrl-C and SIGTERM. Made before any other thread, which then inherit that these signals are blocked.
class StopWish {
public:
    StopWish();
    StopWish(const StopWish&) = delete;
    StopWish& operator=(const StopWish&) = delete;
    ~StopWish();

    [[nodiscard]] bool wished() const { return wished_.load(); }
    // Sleeps; true as soon as the wish is there.
    bool wait(std::chrono::milliseconds limit);
    // Called when the wish comes, on a thread of its own: ends what a call may be waiting for. Empty = nothing.
    void on_wish(std::function<void()> task);

private:
    std::atomic<bool> wished_{false};
    std::mutex mutex_;
    std::condition_variable changed_;
    std::function<void()> task_;
    std::thread thread_;
};

// Where everything is written; a temporary one goes when it is destroyed.
class DemoFolder {
public:
    // `keep` "" = a new temporary folder. Errors: it cannot be made, or its name does not fit into the configuration.
    static Result<std::unique_ptr<DemoFolder>> make(const std::string& keep);
    DemoFolder(const DemoFolder&) = delete;
    DemoFolder& operator=(const DemoFolder&) = delete;
    ~DemoFolder();
    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] bool temporary() const { return temporary_; }
    [[nodiscard]] Result<void> write(const std::string& name, const std::string& text) const;
    [[nodiscard]] Result<void> add_to(const std::string& name, const std::string& text) const;

private:
    DemoFolder(std::string path, bool temporary) : path_(std::move(path)), temporary_(temporary) {}
    std::string path_;
    bool temporary_;
};

// Fills in the ports, each one free on every address that uses it. `panel_port` 0 = 8460 or the next that is free;
// another one that is taken is an error.
Result<void> choose_ports(DemoPlan& plan, std::uint16_t panel_port);

// Pebble (Debian package of that name) with our DNS and our ports. Error: it is not installed.
Result<std::unique_ptr<DemoProcess>> start_pebble(const DemoPlan& plan, const DemoFolder& folder, const DemoCa& ca);

}  // namespace postseal::app
