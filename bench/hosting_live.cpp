// How long a domain that has just got its certificate takes until the world is served its policy, among many others and
// without a reload: the jobs' own calls (rows in the store, certificate, body and zone in memory), then one fetch of
// the policy.
//
//     hosting_live STATE_DIR DOMAINS ROUNDS
//
// Works on a state of hosting_world, in a process of its own. Domains 0 to ROUNDS - 1 leave and come back. Prints
// {"load_seconds": S, "milliseconds": [...]}.

#include <openssl/ssl.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "hosting/policy_host.h"
#include "hosting/publication.h"
#include "net/http_server.h"
#include "net/socket_address.h"
#include "store/store.h"

namespace {

using namespace postseal;
using Steady = std::chrono::steady_clock;

double ms_since(Steady::time_point begin) {
    return std::chrono::duration<double, std::milli>(Steady::now() - begin).count();
}

[[noreturn]] void fail(const std::string& what) {
    std::fprintf(stderr, "hosting_live: %s\n", what.c_str());
    std::exit(1);
}

class SystemClock final : public Clock {
public:
    [[nodiscard]] TimePoint now() const override {
        return std::chrono::time_point_cast<Seconds>(std::chrono::system_clock::now());
    }
};
class ErrorLog final : public Log {
public:
    void write(LogLevel /*level*/, std::string_view component, std::string_view message) override {
        std::fprintf(stderr, "%.*s: %.*s\n", static_cast<int>(component.size()), component.data(),
                     static_cast<int>(message.size()), message.data());
    }
};

// Whether the policy is served under this name.
bool fetch(SSL_CTX* context, const net::ListenAddress& address, const std::string& host) {
    const net::SocketAddress target(address);
    const net::Socket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(socket.fd(), target.generic(), target.size) != 0) {
        return false;
    }
    SSL* ssl = SSL_new(context);
    SSL_set_fd(ssl, socket.fd());
    SSL_set_tlsext_host_name(ssl, host.c_str());
    std::string answer;
    const std::string request =
        "GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n";
    if (SSL_connect(ssl) == 1 && SSL_write(ssl, request.data(), static_cast<int>(request.size())) > 0) {
        std::string buffer(4096, '\0');
        for (int got = 1; (got = SSL_read(ssl, buffer.data(), static_cast<int>(buffer.size()))) > 0;) {
            answer.append(buffer, 0, static_cast<std::size_t>(got));
        }
    }
    SSL_free(ssl);
    return answer.starts_with("HTTP/1.1 200") && answer.find("STSv1") != std::string::npos;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        std::fprintf(stderr, "usage: hosting_live STATE_DIR DOMAINS ROUNDS\n");
        return 2;
    }
    const std::string dir = argv[1];
    auto secrets = store::SecretBox::open(dir + "/master.key");
    auto store = secrets ? store::Store::open("sqlite:" + dir + "/postseal.db", std::move(*secrets)) : secrets.error();
    if (!store) {
        fail(store.error().message());
    }
    const SystemClock clock;
    ErrorLog log;
    hosting::ZoneSettings zone;
    zone.zone = dns::Name::parse("sts.bench.test").value();
    zone.addresses = {dns::IpAddress::parse("192.0.2.1").value()};
    const auto begin = Steady::now();
    auto loaded = hosting::Publication::load(zone, std::make_shared<net::CertificateStore>(), **store, clock, log);
    if (!loaded) {
        fail(loaded.error().message());
    }
    const double load_seconds = ms_since(begin) / 1000;
    hosting::Publication& publication = **loaded;
    net::LoopPool loops("serve");
    net::HttpServer server(loops.all(), hosting::policy_host_settings({}),
                           hosting::policy_handler(publication.bodies()));
    auto tls = net::TlsContext::make(publication.tls(), {});
    if (!tls || !server.listen(net::ListenAddress::loopback(), *tls)) {
        fail("cannot listen");
    }
    SSL_CTX* context = SSL_CTX_new(TLS_client_method());
    std::printf("{\"load_seconds\": %.3f, \"milliseconds\": [", load_seconds);
    for (long number = 0; number < std::atol(argv[3]); ++number) {
        const auto name = dns::Name::parse("d" + std::to_string(number) + ".example.test").value();
        const auto host = dns::Name::parse("mta-sts." + name.text()).value();
        const auto domain = (*store)->domains.find(1, name);
        const auto certificate = (*store)->certificates.find(host);
        if (!domain || !*domain || !certificate || !*certificate) {
            fail("no " + name.text());
        }
        const auto versions = (*store)->domains.versions((*domain)->id).value();
        publication.tls()->remove(host);
        publication.remove_body(host);
        if (!publication.remove_label((*domain)->label) || fetch(context, server.addresses().front(), host.text())) {
            fail(host.text() + " has not left");
        }
        const auto back = Steady::now();
        if (!(*store)->certificates.put(**certificate) || !publication.show_certificate(**certificate) ||
            !(*store)->domains.update_version(versions.back())) {
            fail("it does not come back");
        }
        publication.show_body(host, versions.back());
        if (!publication.show_label({(*domain)->label, versions.back().policy_id}) ||
            !fetch(context, server.addresses().front(), host.text())) {
            fail(host.text() + " has not come back");
        }
        std::printf("%s%.2f", number == 0 ? "" : ", ", ms_since(back));
    }
    std::printf("]}\n");
    SSL_CTX_free(context);
    server.stop();
    loops.stop();
    return 0;
}
