// Pebble, the test CA (Debian package), as a child process for tests that need a real ACME server.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/testing.h"
#include "net/listen_address.h"
#include "net/testing.h"

namespace postseal::hosting::testing {

inline std::string pem_block(const std::string& kind, ByteView der) {
    std::string text = "-----BEGIN " + kind + "-----\n";
    const std::string base64 = to_base64(der);
    for (std::size_t at = 0; at < base64.size(); at += 64) {
        text += base64.substr(at, 64) + "\n";
    }
    return text + "-----END " + kind + "-----\n";
}

// A port that was free a moment ago.
inline std::uint16_t free_port() {
    const auto socket = net::listen_stream(net::ListenAddress::loopback());
    return socket->local_address()->port;
}

struct PebbleOptions {
    std::string eab_kid;      // "" = no external account is asked for (RFC 8555 §7.3.4)
    std::string eab_mac_key;  // base64url
};

class Pebble {
public:
    static bool installed() { return ::access("/usr/bin/pebble", X_OK) == 0; }

    Pebble(std::uint16_t http_port, std::uint16_t tls_port, std::uint16_t dns_port, const PebbleOptions& options = {})
        : port_(free_port()), management_port_(free_port()) {
        const auto own = ca_.issue("localhost");
        std::ofstream(folder_ / "cert.pem") << pem_block("CERTIFICATE", own.chain_der.front());
        std::ofstream(folder_ / "key.pem") << pem_block("EC PRIVATE KEY", own.key_der);
        std::ofstream(folder_ / "pebble.json")
            << R"({"pebble":{"listenAddress":"127.0.0.1:)" << port_ << R"(","managementListenAddress":"127.0.0.1:)"
            << management_port_ << R"(","certificate":")" << folder_.path() << R"(/cert.pem","privateKey":")"
            << folder_.path() << R"(/key.pem","httpPort":)" << http_port << R"(,"tlsPort":)" << tls_port
            << R"(,"ocspResponderURL":"","externalAccountBindingRequired":)"
            << (options.eab_kid.empty() ? std::string("false")
                                        : R"(true,"externalAccountMACKeys":{")" + options.eab_kid + R"(":")" +
                                              options.eab_mac_key + R"("})")
            << "}}";
        const std::string config = folder_ / "pebble.json";
        const std::string dns = "127.0.0.1:" + std::to_string(dns_port);
        std::vector<const char*> arguments{"pebble",     "-config",   config.c_str(), "-strict",
                                           "-dnsserver", dns.c_str(), nullptr};
        // Every second nonce is refused, as RFC 8555 §6.5 allows at any time.
        std::vector<const char*> environment{"PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=50", nullptr};
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        const std::string log = folder_ / "log";
        posix_spawn_file_actions_addopen(&actions, 1, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
        posix_spawn_file_actions_adddup2(&actions, 1, 2);
        EXPECT_EQ(::posix_spawn(&pid_, "/usr/bin/pebble", &actions, nullptr, const_cast<char**>(arguments.data()),
                                const_cast<char**>(environment.data())),
                  0);
        posix_spawn_file_actions_destroy(&actions);
        for (int i = 0; i < 1200 && !net::testing::Client(net::ListenAddress::loopback(port_)).connected(); ++i) {
            ::usleep(50'000);
        }
    }
    Pebble(const Pebble&) = delete;
    Pebble& operator=(const Pebble&) = delete;
    ~Pebble() {
        if (::testing::Test::HasFailure()) {
            std::ifstream log(folder_ / "log");
            std::string line;
            while (std::getline(log, line)) {
                std::fprintf(stderr, "pebble: %s\n", line.c_str());
            }
        }
        ::kill(pid_, SIGTERM);
        ::waitpid(pid_, nullptr, 0);
    }

    [[nodiscard]] std::string directory() const { return "https://localhost:" + std::to_string(port_) + "/dir"; }
    // Where its root for the certificates that it issues can be fetched; a new one in every process.
    [[nodiscard]] std::string root_url() const {
        return "https://localhost:" + std::to_string(management_port_) + "/roots/0";
    }
    // Of its own HTTPS.
    [[nodiscard]] const net::testing::TestCa& ca() const { return ca_; }

private:
    net::testing::TestCa ca_;
    std::uint16_t port_;
    std::uint16_t management_port_;
    postseal::testing::TemporaryFolder folder_;
    pid_t pid_ = 0;
};

}  // namespace postseal::hosting::testing
