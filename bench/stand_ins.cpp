// The internet of ./dev bench policyd: an authoritative DNS server and a policy host for any number of domains, both
// made up as they are asked for.
//
//     stand_ins CA_FILE
//
// Prints {"dns": PORT, "slow_dns": PORT, "https": PORT} when it is ready and writes the CA's certificate to CA_FILE.
// Below "test.": sNNN has an enforced policy, every other domain none; all have one MX host. Below "slow." nothing
// exists, which takes a second to say.

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cctype>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using Time = std::chrono::steady_clock::time_point;

[[noreturn]] void fail(const char* what) {
    std::fprintf(stderr, "stand_ins: %s\n", what);
    std::exit(1);
}

struct Bound {
    int fd;
    int port;
};
Bound bind_socket(int type) {
    const int fd = ::socket(AF_INET, type | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
        fail("cannot bind");
    }
    return {fd, ntohs(address.sin_port)};
}

// DNS.

constexpr int type_a = 1;
constexpr int type_soa = 6;
constexpr int type_mx = 15;
constexpr int type_txt = 16;

void put16(std::string& out, int value) {
    out += static_cast<char>(value >> 8);
    out += static_cast<char>(value & 0xff);
}
void put_record(std::string& out, const std::string& owner, int type, const std::string& rdata) {
    out += owner;
    put16(out, type);
    put16(out, 1);
    put16(out, 0);  // TTL: an hour
    put16(out, 3600);
    put16(out, static_cast<int>(rdata.size()));
    out += rdata;
}

std::string reply_to(std::string_view query, const std::string& zone) {
    constexpr std::size_t header_bytes = 12;
    std::string name;
    std::size_t at = header_bytes;
    while (at < query.size() && query[at] != 0) {
        const auto length = static_cast<std::size_t>(static_cast<unsigned char>(query[at]));
        name += query.substr(std::min(at + 1, query.size()), length);
        name += '.';
        at += length + 1;
    }
    if (at + 5 > query.size()) {
        return {};
    }
    for (char& c : name) {
        c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    const int type = static_cast<unsigned char>(query[at + 1]) << 8 | static_cast<unsigned char>(query[at + 2]);
    const std::string question(query.substr(header_bytes, at + 5 - header_bytes));
    const std::string pointer("\xc0\x0c", 2);
    const std::string wire_zone = static_cast<char>(zone.size()) + zone + std::string(1, '\0');
    const std::string mx_host = "\2mx" + wire_zone;

    std::string answer;
    bool exists = zone != "slow" || name == "slow.";
    const bool record_of_policy = name.starts_with("_mta-sts.");
    if (!exists) {
        // nothing
    } else if (record_of_policy && type == type_txt && name.starts_with("_mta-sts.s")) {
        const std::string text = "v=STSv1; id=20260101;";
        put_record(answer, pointer, type, static_cast<char>(text.size()) + text);
    } else if (record_of_policy && !name.starts_with("_mta-sts.s")) {
        exists = false;
    } else if (type == type_a && (name.starts_with("mta-sts.") || name.starts_with("mx."))) {
        put_record(answer, pointer, type, std::string("\x7f\0\0\1", 4));
    } else if (type == type_mx && !name.starts_with("mx.") && name.find('.') < name.size() - 1) {
        put_record(answer, pointer, type, std::string("\0\n", 2) + mx_host);
    }
    std::string out(query.substr(0, 2));
    put16(out, 0x8400 | (query[2] & 1) << 8 | (exists ? 0 : 3));
    put16(out, 1);
    put16(out, answer.empty() ? 0 : 1);
    put16(out, answer.empty() ? 1 : 0);
    put16(out, 0);
    out += question + answer;
    if (answer.empty()) {
        std::string soa = "\2ns" + wire_zone + "\2ns" + wire_zone;
        for (const int number : {1, 3600, 600, 86400, 3600}) {
            put16(soa, number >> 16);
            put16(soa, number & 0xffff);
        }
        put_record(out, wire_zone, type_soa, soa);
    }
    return out;
}

[[noreturn]] void serve_dns(int fd, const std::string& zone, std::chrono::milliseconds delay) {
    struct Waiting {
        Time due;
        sockaddr_in client;
        std::string reply;
    };
    std::deque<Waiting> waiting;
    std::array<char, 1500> buffer{};
    while (true) {
        const auto now = std::chrono::steady_clock::now();
        while (!waiting.empty() && waiting.front().due <= now) {
            const Waiting& first = waiting.front();
            ::sendto(fd, first.reply.data(), first.reply.size(), 0, reinterpret_cast<const sockaddr*>(&first.client),
                     sizeof first.client);
            waiting.pop_front();
        }
        int timeout = -1;
        if (!waiting.empty()) {
            timeout = static_cast<int>(
                          std::chrono::duration_cast<std::chrono::milliseconds>(waiting.front().due - now).count()) +
                      1;
        }
        pollfd readable{fd, POLLIN, 0};
        if (::poll(&readable, 1, timeout) <= 0) {
            continue;
        }
        sockaddr_in client{};
        socklen_t size = sizeof client;
        const ssize_t got =
            ::recvfrom(fd, buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&client), &size);
        if (got > 12) {
            waiting.push_back({now + delay, client, reply_to({buffer.data(), static_cast<std::size_t>(got)}, zone)});
        }
    }
}

// HTTPS.

struct FreeKey {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeCertificate {
    void operator()(X509* certificate) const { X509_free(certificate); }
};
using Key = std::unique_ptr<EVP_PKEY, FreeKey>;
using Certificate = std::unique_ptr<X509, FreeCertificate>;

// P-256, as most policy hosts have it.
struct Authority {
    Key ca_key{EVP_EC_gen("P-256")};
    Key leaf_key{EVP_EC_gen("P-256")};
    Certificate ca = issue("bench CA", nullptr);

    // `issuer` null: signed by itself.
    [[nodiscard]] Certificate issue(const std::string& name, X509* issuer) const {
        Certificate certificate(X509_new());
        X509_set_version(certificate.get(), 2);
        static std::atomic<long> serial{1};
        ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial++);
        X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
        X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 30L * 86'400);
        X509_NAME* subject = X509_get_subject_name(certificate.get());
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                                   reinterpret_cast<const unsigned char*>(name.substr(0, 60).c_str()), -1, -1, 0);
        X509_set_issuer_name(certificate.get(), issuer == nullptr ? subject : X509_get_subject_name(issuer));
        X509_set_pubkey(certificate.get(), issuer == nullptr ? ca_key.get() : leaf_key.get());
        const auto extend = [&](int nid, const std::string& value) {
            X509V3_CTX context;
            X509V3_set_ctx(&context, issuer == nullptr ? certificate.get() : issuer, certificate.get(), nullptr,
                           nullptr, 0);
            X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
            X509_add_ext(certificate.get(), extension, -1);
            X509_EXTENSION_free(extension);
        };
        if (issuer == nullptr) {
            extend(NID_basic_constraints, "critical,CA:TRUE");
            extend(NID_key_usage, "critical,keyCertSign");
        } else {
            extend(NID_subject_alt_name, "DNS:" + name);
        }
        X509_sign(certificate.get(), ca_key.get(), EVP_sha256());
        return certificate;
    }
};

int choose_certificate(SSL* tls, void* argument) {
    const auto* authority = static_cast<const Authority*>(argument);
    const char* name = SSL_get_servername(tls, TLSEXT_NAMETYPE_host_name);
    if (name == nullptr) {
        return 0;
    }
    const Certificate certificate = authority->issue(name, authority->ca.get());
    return SSL_use_certificate(tls, certificate.get()) == 1 && SSL_use_PrivateKey(tls, authority->leaf_key.get()) == 1
               ? 1
               : 0;
}

void serve_https(int listener, SSL_CTX* context) {
    const std::string body = "version: STSv1\nmode: enforce\nmx: mx.test\nmax_age: 604800\n";
    const std::string response =
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: " +
        std::to_string(body.size()) + "\r\n\r\n" + body;
    std::array<char, 8192> buffer{};
    while (true) {
        const int client = ::accept(listener, nullptr, nullptr);
        SSL* tls = SSL_new(context);
        SSL_set_fd(tls, client);
        if (SSL_accept(tls) == 1 && SSL_read(tls, buffer.data(), static_cast<int>(buffer.size())) > 0) {
            SSL_write(tls, response.data(), static_cast<int>(response.size()));
            SSL_shutdown(tls);
        }
        SSL_free(tls);
        ERR_clear_error();
        ::close(client);
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: stand_ins CA_FILE\n");
        return 2;
    }
    std::signal(SIGPIPE, SIG_IGN);
    Authority authority;
    std::FILE* file = std::fopen(argv[1], "w");
    if (file == nullptr || PEM_write_X509(file, authority.ca.get()) != 1 || std::fclose(file) != 0) {
        fail("cannot write the CA file");
    }
    SSL_CTX* context = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    SSL_CTX_set_cert_cb(context, choose_certificate, &authority);

    const Bound dns = bind_socket(SOCK_DGRAM);
    const Bound slow = bind_socket(SOCK_DGRAM);
    const Bound https = bind_socket(SOCK_STREAM);
    ::listen(https.fd, 512);
    std::vector<std::thread> threads;
    threads.emplace_back([&] { serve_dns(dns.fd, "test", std::chrono::milliseconds(0)); });
    threads.emplace_back([&] { serve_dns(slow.fd, "slow", std::chrono::milliseconds(1000)); });
    for (int i = 0; i < 8; ++i) {
        threads.emplace_back([&] { serve_https(https.fd, context); });
    }
    std::printf("{\"dns\": %d, \"slow_dns\": %d, \"https\": %d}\n", dns.port, slow.port, https.port);
    std::fflush(stdout);
    for (std::thread& thread : threads) {
        thread.join();
    }
    return 0;
}
