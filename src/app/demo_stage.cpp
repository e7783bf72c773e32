#include "app/demo_stage.h"

#include <fmt/format.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>
#include <vector>

#include "base/text.h"

namespace postseal::app {

namespace {

sigset_t stop_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
        sigaddset(&signals, number);
    }
    return signals;
}

enum class Socket { tcp, tcp_and_udp };

bool is_free(const std::vector<std::string>& addresses, std::uint16_t port, Socket kind) {
    return std::ranges::all_of(addresses, [&](const std::string& address) {
        const auto where = net::parse_listen_address(fmt::format("{}:{}", address, port));
        return where && net::listen_stream(*where) && (kind == Socket::tcp || net::bind_datagram(*where));
    });
}

// The wanted port or one soon after it.
Result<std::uint16_t> free_port(const std::vector<std::string>& addresses, std::uint16_t wanted, Socket kind) {
    constexpr int tries = 200;
    for (int i = 0; i < tries; ++i) {
        const auto port = static_cast<std::uint16_t>(wanted + i);
        if (is_free(addresses, port, kind)) {
            return port;
        }
    }
    return Error{Errc::unavailable, join(addresses, ", "),
                 fmt::format("no free port from {} to {}", wanted, wanted + tries - 1)};
}

std::string find_program(const std::string& name) {
    const char* const path = ::secure_getenv("PATH");
    for (const std::string_view folder : split(path != nullptr ? path : "/usr/bin", ':')) {
        std::string file = std::string(folder) + "/" + name;
        if (!folder.empty() && ::access(file.c_str(), X_OK) == 0) {
            return file;
        }
    }
    return "";
}

// It becomes part of a configuration file and of the paths of unix sockets.
bool fits(const std::string& path) {
    return std::ranges::none_of(path,
                                [](char c) { return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20; });
}

}  // namespace

StopWish::StopWish() {
    const sigset_t signals = stop_signals();
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    thread_ = std::thread([this] {
        const sigset_t waited = stop_signals();
        int number = 0;
        sigwait(&waited, &number);
        const std::lock_guard lock(mutex_);
        wished_.store(true);
        changed_.notify_all();
        if (task_) {
            task_();
        }
    });
}

StopWish::~StopWish() {
    ::pthread_kill(thread_.native_handle(), SIGINT);  // if nobody has wished, its wait ends now
    thread_.join();
}

bool StopWish::wait(std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, limit, [this] { return wished_.load(); });
}

void StopWish::on_wish(std::function<void()> task) {
    const std::lock_guard lock(mutex_);
    task_ = std::move(task);
    if (wished_.load() && task_) {
        task_();
    }
}

Result<std::unique_ptr<DemoFolder>> DemoFolder::make(const std::string& keep) {
    std::error_code error;
    if (!keep.empty()) {
        std::filesystem::create_directories(keep, error);
        if (error) {
            return Error{Errc::unavailable, keep, error.message()};
        }
        const std::string path = std::filesystem::canonical(keep, error).string();
        if (error || !fits(path)) {
            return invalid_input(printable(keep), error ? error.message() : "quotes and backslashes do not fit here");
        }
        return std::unique_ptr<DemoFolder>(new DemoFolder(path, false));
    }
    std::string pattern = (std::filesystem::temp_directory_path(error) / "postseal-demo-XXXXXX").string();
    if (error || !fits(pattern) || ::mkdtemp(pattern.data()) == nullptr) {
        return Error{Errc::unavailable, "a temporary folder",
                     error ? error.message() : std::generic_category().message(errno)};
    }
    return std::unique_ptr<DemoFolder>(new DemoFolder(pattern, true));
}

DemoFolder::~DemoFolder() {
    if (temporary_) {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
}

Result<void> DemoFolder::write(const std::string& name, const std::string& text) const {
    std::error_code ignored;
    std::filesystem::remove(path_ + "/" + name, ignored);
    return add_to(name, text);
}

Result<void> DemoFolder::add_to(const std::string& name, const std::string& text) const {
    const std::string file = path_ + "/" + name;
    std::ofstream out(file, std::ios::app);
    out << text;
    out.close();
    if (!out) {
        return Error{Errc::unavailable, file, "cannot be written"};
    }
    return {};
}

Result<void> choose_ports(DemoPlan& plan, std::uint16_t panel_port) {
    constexpr std::uint16_t panel_wanted = 8460;
    const std::vector<std::string> loopback{"127.0.0.1"};
    if (panel_port != 0 && !is_free(loopback, panel_port, Socket::tcp)) {
        return Error{Errc::unavailable, fmt::format("127.0.0.1:{}", panel_port),
                     "the port is taken; --port names another"};
    }
    POSTSEAL_TRY(plan.panel_port,
                 panel_port != 0 ? Result<std::uint16_t>(panel_port) : free_port(loopback, panel_wanted, Socket::tcp));
    const auto after = [](std::uint16_t port) { return static_cast<std::uint16_t>(port + 1); };
    POSTSEAL_TRY(plan.policyd_port,
                 free_port(loopback, std::max<std::uint16_t>(8461, after(plan.panel_port)), Socket::tcp));
    POSTSEAL_TRY(plan.metrics_port, free_port(loopback, after(plan.policyd_port), Socket::tcp));
    POSTSEAL_TRY(plan.dns_port,
                 free_port({plan.name_server, plan.zone_server, plan.resolver}, 24'053, Socket::tcp_and_udp));
    POSTSEAL_TRY(plan.smtp_port, free_port({plan.good_mx, plan.old_mx}, 24'025, Socket::tcp));
    POSTSEAL_TRY(plan.https_port, free_port({plan.policy_host, plan.intake_host}, 24'443, Socket::tcp));
    POSTSEAL_TRY(plan.http_port, free_port({plan.policy_host, plan.intake_host}, 24'080, Socket::tcp));
    POSTSEAL_TRY(plan.acme_port, free_port(loopback, 24'000, Socket::tcp));
    POSTSEAL_TRY(plan.acme_admin_port, free_port(loopback, after(plan.acme_port), Socket::tcp));
    return {};
}

Result<std::unique_ptr<DemoProcess>> start_pebble(const DemoPlan& plan, const DemoFolder& folder, const DemoCa& ca) {
    const std::string program = find_program("pebble");
    if (program.empty()) {
        return Error{Errc::unavailable, "pebble",
                     "the demo's certificate authority is not installed: apt-get install pebble (./dev run does it)"};
    }
    POSTSEAL_TRY(const DemoCertificate own, ca.issue("localhost"));
    const std::string config = fmt::format(
        R"({{"pebble":{{"listenAddress":"127.0.0.1:{}","managementListenAddress":"127.0.0.1:{}",)"
        R"("certificate":"{}/pebble.crt","privateKey":"{}/pebble.key","httpPort":{},"tlsPort":{},)"
        R"("ocspResponderURL":"","externalAccountBindingRequired":false}}}})",
        plan.acme_port, plan.acme_admin_port, folder.path(), folder.path(), plan.http_port, plan.https_port);
    for (const auto& [file, text] : {std::pair<std::string, std::string>{"pebble.crt", own.chain_pem},
                                     {"pebble.key", own.key_pem},
                                     {"pebble.json", config}}) {
        if (auto written = folder.write(file, text); !written) {
            return written.error();
        }
    }
    // Pebble sleeps before it looks and refuses good nonces, to try clients out: that belongs to the tests.
    return DemoProcess::start({"Pebble",
                               program,
                               {"-config", folder.path() + "/pebble.json", "-strict", "-dnsserver",
                                fmt::format("{}:{}", plan.resolver, plan.dns_port)},
                               {"PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0"},
                               folder.path() + "/pebble.log"});
}

}  // namespace postseal::app
