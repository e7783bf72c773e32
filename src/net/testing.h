// What tests of net and of the modules above it share: blocking sockets, a tiny authoritative DNS server, certificates.
#pragma once

#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <ctime>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "dns/name.h"
#include "dns/record.h"
#include "net/certificate.h"
#include "net/dns_server.h"
#include "net/listen_address.h"
#include "net/loop.h"
#include "net/resolver.h"
#include "net/socket_address.h"
#include "net/tls.h"

namespace postseal::net::testing {

inline dns::Name name(std::string_view text) {
    return *dns::Name::parse(text);
}
inline dns::IpAddress ip(std::string_view text) {
    return *dns::IpAddress::parse(text);
}

// Runs `loop` until stop() or, so that a broken test ends, for 20 seconds.
inline void run_for(Loop& loop, std::chrono::seconds limit = std::chrono::seconds(20)) {
    const Timer timer = loop.after(limit, [&] {
        ADD_FAILURE() << "nothing happened for too long";
        loop.stop();
    });
    loop.run();
}

// A blocking client (or one accepted connection) whose every wait ends after ten seconds.
class Client {
public:
    explicit Client(const ListenAddress& address, int type = SOCK_STREAM) {
        const bool local = address.kind == ListenAddress::Kind::unix_socket;
        socket_ =
            Socket(::socket(local ? AF_UNIX : (address.address.is_v4() ? AF_INET : AF_INET6), type | SOCK_CLOEXEC, 0));
        const SocketAddress target(address);
        connected_ = ::connect(socket_.fd(), target.generic(), target.size) == 0;
        limit_waits();
    }
    explicit Client(Socket accepted) : socket_(std::move(accepted)), connected_(true) { limit_waits(); }

    [[nodiscard]] bool connected() const { return connected_; }
    [[nodiscard]] int fd() const { return socket_.fd(); }
    void send(std::string_view bytes) const { ::send(socket_.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL); }
    void finish() const { ::shutdown(socket_.fd(), SHUT_WR); }
    void close() { socket_.close(); }

    // One read; "" at the end, on an error or after ten seconds.
    [[nodiscard]] std::string read_some() const {
        std::string buffer(65536, '\0');
        const ssize_t got = ::recv(socket_.fd(), buffer.data(), buffer.size(), 0);
        buffer.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
        return buffer;
    }
    // Until `end` has come, or the end.
    [[nodiscard]] std::string read_until(std::string_view end) {
        while (true) {
            if (const std::size_t at = pending_.find(end); at != std::string::npos) {
                std::string result = pending_.substr(0, at + end.size());
                pending_.erase(0, at + end.size());
                return result;
            }
            const std::string more = read_some();
            if (more.empty()) {
                return std::exchange(pending_, {});
            }
            pending_ += more;
        }
    }
    [[nodiscard]] std::string read_all() {
        std::string result = std::exchange(pending_, {});
        for (std::string more = read_some(); !more.empty(); more = read_some()) {
            result += more;
        }
        return result;
    }
    // True when the other side has closed; waits for that.
    [[nodiscard]] bool closed() const {
        char byte = 0;
        const auto got = ::recv(socket_.fd(), &byte, 1, 0);
        return got == 0 || (got < 0 && errno != EAGAIN);  // an orderly end leaves errno as it was
    }

private:
    void limit_waits() const {
        const timeval limit{10, 0};
        ::setsockopt(socket_.fd(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        ::setsockopt(socket_.fd(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    }
    Socket socket_;
    std::string pending_;
    bool connected_ = false;
};

// ---- DNS

// An unsigned authoritative server for whatever records it is given; CNAMEs are followed inside its data. Names under
// no zone are refused.
class TinyDns {
public:
    explicit TinyDns(std::vector<dns::Name> zones, std::vector<dns::Record> records = {})
        : zones_(std::move(zones)),
          pollers_("tinydns", 1),
          server_(pollers_, {}, [this](const DnsQuery& query, Bytes& reply) { return answer(query, reply); }) {
        for (dns::Record& record : records) {
            add(std::move(record));
        }
        EXPECT_TRUE(server_.listen(ListenAddress::loopback()));
    }
    ~TinyDns() { pollers_.stop(); }
    TinyDns(const TinyDns&) = delete;
    TinyDns& operator=(const TinyDns&) = delete;

    void add(dns::Record record) {
        const std::lock_guard lock(mutex_);
        records_[record.name].push_back(std::move(record));
    }
    void add(std::string_view owner, dns::Type type, dns::Data data, std::uint32_t ttl_s = 60) {
        add(dns::Record{name(owner), type, ttl_s, std::move(data)});
    }
    // Raw RDATA, whatever the type, e.g. malformed.
    void add_raw(std::string_view owner, dns::Type type, Bytes rdata) {
        add(dns::Record{name(owner), type, 60, dns::OtherData{std::move(rdata)}});
    }
    void remove(const dns::Name& owner) {
        const std::lock_guard lock(mutex_);
        records_.erase(owner);
    }
    // Answers of this kind for a name: SERVFAIL, REFUSED; `silent` swallows the query.
    void break_name(std::string_view owner, dns::Rcode rcode, bool silent = false) {
        const std::lock_guard lock(mutex_);
        broken_[name(owner)] = {rcode, silent};
    }
    [[nodiscard]] std::uint16_t port() const { return server_.addresses().front().port; }
    [[nodiscard]] std::string server() const { return "127.0.0.1@" + std::to_string(port()); }
    // Of a resolver that asks this server, and nobody else, for the names below `test`, without DNSSEC.
    [[nodiscard]] ResolverSettings resolver_settings() const {
        ResolverSettings settings;
        settings.stub_zones = {{name("test"), {server()}, true}};
        settings.trust_anchor_file = "";
        settings.root_hints = "";
        settings.timeout = std::chrono::milliseconds(3000);
        return settings;
    }
    [[nodiscard]] std::size_t queries(const dns::Name& owner, dns::Type type) {
        const std::lock_guard lock(mutex_);
        return queries_[{owner, type}];
    }

private:
    static void put16(Bytes& out, std::size_t value) {
        out.push_back(static_cast<std::uint8_t>(value >> 8U));
        out.push_back(static_cast<std::uint8_t>(value & 0xffU));
    }
    static void put_record(Bytes& out, const dns::Record& record) {
        const Bytes owner = record.name.to_wire();
        const Bytes rdata = dns::data_to_wire(record.data);
        out.insert(out.end(), owner.begin(), owner.end());
        put16(out, static_cast<std::size_t>(record.type));
        put16(out, 1);
        put16(out, record.ttl_s >> 16U);
        put16(out, record.ttl_s & 0xffffU);
        put16(out, rdata.size());
        out.insert(out.end(), rdata.begin(), rdata.end());
    }

    bool answer(const DnsQuery& query, Bytes& reply) {
        ByteReader reader(query.message);
        const auto header = reader.take(12);
        auto asked = header ? dns::Name::from_wire(reader) : Result<dns::Name>(Error{});
        const auto type_code = reader.u16();
        if (!asked || !type_code) {
            return false;
        }
        const auto type = static_cast<dns::Type>(*type_code);
        const std::size_t question_size = query.message.size() - 12 - reader.rest().size() + 2;
        const std::lock_guard lock(mutex_);
        ++queries_[{*asked, type}];

        auto rcode = dns::Rcode::noerror;
        std::vector<dns::Record> answers;
        const dns::Name* zone = nullptr;
        dns::Name owner = *asked;
        for (int hops = 0; hops < 8; ++hops) {
            if (const auto broken = broken_.find(owner); broken != broken_.end()) {
                if (broken->second.second) {
                    return false;
                }
                rcode = broken->second.first;
                answers.clear();
                break;
            }
            zone = nullptr;
            for (const dns::Name& candidate : zones_) {
                if (owner.is_under(candidate) && (zone == nullptr || candidate.label_count() > zone->label_count())) {
                    zone = &candidate;
                }
            }
            if (zone == nullptr) {
                rcode = answers.empty() ? dns::Rcode::refused : dns::Rcode::noerror;
                break;
            }
            const dns::Record* alias = nullptr;
            const std::size_t before = answers.size();
            for (const dns::Record& record : records_[owner]) {
                if (record.type == type) {
                    answers.push_back(record);
                } else if (record.type == dns::Type::cname) {
                    alias = &record;
                }
            }
            if (answers.size() > before) {
                break;
            }
            if (alias == nullptr) {
                rcode = exists(owner) ? dns::Rcode::noerror : dns::Rcode::nxdomain;
                break;
            }
            answers.push_back(*alias);
            owner = std::get<dns::CnameData>(alias->data).target;
        }
        const bool negative = (answers.empty() || answers.back().type != type) && zone != nullptr &&
                              (rcode == dns::Rcode::noerror || rcode == dns::Rcode::nxdomain);
        reply.assign(query.message.begin(), query.message.begin() + 2);
        reply.push_back(0x84);  // a response, authoritative
        reply.push_back(static_cast<std::uint8_t>(rcode));
        put16(reply, 1);
        put16(reply, answers.size());
        put16(reply, negative ? 1 : 0);
        put16(reply, 0);
        reply.insert(reply.end(), query.message.begin() + 12,
                     query.message.begin() + 12 + static_cast<std::ptrdiff_t>(question_size));
        for (const dns::Record& record : answers) {
            put_record(reply, record);
        }
        if (negative) {
            put_record(reply, {*zone, dns::Type::soa, 30, dns::SoaData{*zone, *zone, 1, 60, 60, 60, 30}});
        }
        return true;
    }
    [[nodiscard]] bool exists(const dns::Name& owner) const {
        for (const auto& [other, records] : records_) {
            if (!records.empty() && other.is_under(owner)) {
                return true;
            }
        }
        return false;
    }

    std::mutex mutex_;
    std::vector<dns::Name> zones_;
    std::map<dns::Name, std::vector<dns::Record>> records_;
    std::map<dns::Name, std::pair<dns::Rcode, bool>> broken_;
    std::map<std::pair<dns::Name, dns::Type>, std::size_t> queries_;
    PollerPool pollers_;
    DnsServer server_;
};

inline dns::Data txt(std::string text) {
    return dns::TxtData{{std::move(text)}};
}
inline dns::Data address(std::string_view text) {
    return dns::AddressData{ip(text)};
}
inline dns::Data cname(std::string_view target) {
    return dns::CnameData{name(target)};
}
inline dns::Data mx(std::uint16_t preference, std::string_view host) {
    return dns::MxData{preference, name(host)};
}

// ---- certificates

struct CertificateOptions {
    std::vector<std::string> names = {};  // SAN dNSNames; none: no SAN at all
    std::string common_name = "test";
    std::chrono::hours not_before{-24};  // from now
    std::chrono::hours not_after{24 * 90};
    bool self_signed = false;
    bool acme_challenge = false;  // RFC 8737 extension
};

class TestCa {
public:
    // Each has a name of its own: where two roots of one name are trusted, OpenSSL tries only one of them.
    TestCa() : name_("Test CA " + std::to_string(made()++)), key_(EVP_EC_gen("P-256"), EVP_PKEY_free) {
        CertificateOptions options;
        options.common_name = name_;
        certificate_ = build(options, key_.get(), key_.get(), name_, true);
    }

    [[nodiscard]] CertificateAndKey issue(const CertificateOptions& options) const {
        const Key key(EVP_EC_gen("P-256"), EVP_PKEY_free);
        const Bytes leaf = options.self_signed ? build(options, key.get(), key.get(), options.common_name, false)
                                               : build(options, key.get(), key_.get(), name_, false);
        CertificateAndKey result;
        result.chain_der.push_back(leaf);
        unsigned char* der = nullptr;
        const int size = i2d_PrivateKey(key.get(), &der);
        result.key_der.assign(der, der + size);
        OPENSSL_free(der);
        return result;
    }
    [[nodiscard]] CertificateAndKey issue(std::string_view host) const { return issue({.names = {std::string(host)}}); }

    [[nodiscard]] std::string pem() const {
        const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), BIO_free);
        const unsigned char* at = certificate_.data();
        const std::unique_ptr<X509, decltype(&X509_free)> parsed(
            d2i_X509(nullptr, &at, static_cast<long>(certificate_.size())), X509_free);
        PEM_write_bio_X509(bio.get(), parsed.get());
        char* text = nullptr;
        const long size = BIO_get_mem_data(bio.get(), &text);
        return {text, static_cast<std::size_t>(size)};
    }
    [[nodiscard]] std::shared_ptr<const TrustStore> trust() const { return *TrustStore::from_pem(pem()); }

private:
    using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

    static void add_extension(X509* certificate, int id, const std::string& value) {
        X509V3_CTX context;
        X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
        X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, id, value.c_str());
        X509_add_ext(certificate, extension, -1);
        X509_EXTENSION_free(extension);
    }
    static void set_name(X509_NAME* target, const std::string& common_name) {
        X509_NAME_add_entry_by_txt(target, "CN", MBSTRING_UTF8,
                                   reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0);
    }
    static Bytes build(const CertificateOptions& options, EVP_PKEY* key, EVP_PKEY* signer, const std::string& issuer,
                       bool ca) {
        const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), X509_free);
        X509* x = certificate.get();
        X509_set_version(x, 2);
        std::uint32_t serial = 0;
        RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial);
        ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial);
        using Seconds = std::chrono::seconds;
        X509_gmtime_adj(X509_getm_notBefore(x), static_cast<long>(Seconds(options.not_before).count()));
        X509_gmtime_adj(X509_getm_notAfter(x), static_cast<long>(Seconds(options.not_after).count()));
        set_name(X509_get_subject_name(x), options.common_name);
        set_name(X509_get_issuer_name(x), issuer);
        X509_set_pubkey(x, key);
        add_extension(x, NID_basic_constraints, ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
        if (!options.names.empty()) {
            std::string list;
            for (const std::string& host : options.names) {
                list += (list.empty() ? "DNS:" : ",DNS:") + host;
            }
            add_extension(x, NID_subject_alt_name, list);
        }
        if (options.acme_challenge) {
            const int id = OBJ_txt2nid("1.3.6.1.5.5.7.1.31");
            const std::string digest(32, 'A');
            const std::unique_ptr<ASN1_OCTET_STRING, decltype(&ASN1_OCTET_STRING_free)> value(ASN1_OCTET_STRING_new(),
                                                                                              ASN1_OCTET_STRING_free);
            ASN1_OCTET_STRING_set(value.get(), reinterpret_cast<const unsigned char*>(("\x04\x20" + digest).data()),
                                  34);
            X509_EXTENSION* extension = X509_EXTENSION_create_by_NID(
                nullptr, id != NID_undef ? id : OBJ_create("1.3.6.1.5.5.7.1.31", "acmeId", "acmeIdentifier"), 1,
                value.get());
            X509_add_ext(x, extension, -1);
            X509_EXTENSION_free(extension);
        }
        X509_sign(x, signer, EVP_sha256());
        unsigned char* der = nullptr;
        const int size = i2d_X509(x, &der);
        Bytes result(der, der + size);
        OPENSSL_free(der);
        return result;
    }

    static std::atomic<int>& made() {
        static std::atomic<int> count{1};
        return count;
    }

    std::string name_;
    Key key_;
    Bytes certificate_;
};

// ---- a server that does what a test says

// One accepted connection, blocking; clear text until start_tls().
class Peer {
public:
    explicit Peer(Socket socket) : socket_(std::move(socket)) {
        const timeval limit{10, 0};
        ::setsockopt(socket_.fd(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        const int one = 1;
        ::setsockopt(socket_.fd(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    }
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;
    ~Peer() {
        SSL_free(ssl_);
        SSL_CTX_free(context_);
    }

    // As a server; false when the handshake fails. `versions` 0 = what OpenSSL likes.
    bool start_tls(const CertificateAndKey& certificate, int version_min = 0, int version_max = 0) {
        context_ = SSL_CTX_new(TLS_server_method());
        SSL_CTX_set_security_level(context_, 0);
        SSL_CTX_set_min_proto_version(context_, version_min);
        SSL_CTX_set_max_proto_version(context_, version_max);
        for (std::size_t i = 0; i < certificate.chain_der.size(); ++i) {
            const Bytes& der = certificate.chain_der[i];
            const unsigned char* at = der.data();
            X509* parsed = d2i_X509(nullptr, &at, static_cast<long>(der.size()));
            if (i == 0) {
                SSL_CTX_use_certificate(context_, parsed);
                X509_free(parsed);
            } else {
                SSL_CTX_add_extra_chain_cert(context_, parsed);
            }
        }
        const unsigned char* at = certificate.key_der.data();
        EVP_PKEY* key = d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(certificate.key_der.size()));
        SSL_CTX_use_PrivateKey(context_, key);
        EVP_PKEY_free(key);
        ssl_ = SSL_new(context_);
        SSL_set_fd(ssl_, socket_.fd());
        const bool ok = SSL_accept(ssl_) == 1;
        const char* asked = SSL_get_servername(ssl_, TLSEXT_NAMETYPE_host_name);
        sni = asked != nullptr ? asked : "";
        return ok;
    }

    // False when the client has gone.
    bool send(std::string_view bytes) {
        return ssl_ != nullptr ? SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size())) > 0
                               : ::send(socket_.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL) > 0;
    }
    // "" at the end, on an error or after ten seconds.
    [[nodiscard]] std::string read_until(std::string_view end) {
        std::size_t at = pending_.find(end);
        while (at == std::string::npos) {
            if (!read_more()) {
                return "";
            }
            at = pending_.find(end);
        }
        return take(at + end.size());
    }
    // So many bytes, or "".
    [[nodiscard]] std::string read_bytes(std::size_t count) {
        while (pending_.size() < count) {
            if (!read_more()) {
                return "";
            }
        }
        return take(count);
    }
    std::string read_line() { return read_until("\n"); }
    std::string read_head() { return read_until("\r\n\r\n"); }
    // Waits until the client hangs up or says QUIT; whatever else it sends is dropped.
    void wait_for_end() {
        for (std::string line = read_line(); !line.empty() && line != "QUIT\r\n"; line = read_line()) {
        }
    }
    // TLS close_notify, so that the end of the data is the end.
    void close_tls() const {
        if (ssl_ != nullptr) {
            SSL_shutdown(ssl_);
        }
    }

    std::string sni;

private:
    bool read_more() {
        std::string buffer(16384, '\0');
        const auto got = ssl_ != nullptr ? SSL_read(ssl_, buffer.data(), static_cast<int>(buffer.size()))
                                         : ::recv(socket_.fd(), buffer.data(), buffer.size(), 0);
        if (got > 0) {
            pending_.append(buffer, 0, static_cast<std::size_t>(got));
        }
        return got > 0;
    }
    std::string take(std::size_t count) {
        std::string taken = pending_.substr(0, count);
        pending_.erase(0, count);
        return taken;
    }

    Socket socket_;
    SSL_CTX* context_ = nullptr;
    SSL* ssl_ = nullptr;
    std::string pending_;
};

// Runs `script` for every connection, one after the other, on a thread of its own.
class ScriptedServer {
public:
    explicit ScriptedServer(std::function<void(Peer&)> script, std::string_view host = "127.0.0.1")
        : listener_(*listen_stream(ListenAddress::ip(ip(host), 0))), thread_([this, script = std::move(script)] {
              std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to clients that have gone
              while (!stopping_) {
                  pollfd wait{listener_.fd(), POLLIN, 0};
                  if (::poll(&wait, 1, 20) > 0) {
                      Socket socket(::accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC));
                      if (socket.valid()) {
                          ++connections_;
                          Peer peer(std::move(socket));
                          script(peer);
                      }
                  }
              }
          }) {}
    ScriptedServer(const ScriptedServer&) = delete;
    ScriptedServer& operator=(const ScriptedServer&) = delete;
    ~ScriptedServer() {
        stopping_ = true;
        thread_.join();
    }
    [[nodiscard]] std::uint16_t port() const { return listener_.local_address()->port; }
    [[nodiscard]] int connections() const { return connections_; }

private:
    std::atomic<bool> stopping_ = false;
    std::atomic<int> connections_ = 0;
    Socket listener_;
    std::thread thread_;
};

}  // namespace postseal::net::testing
