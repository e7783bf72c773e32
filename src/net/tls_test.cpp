#include "net/tls.h"

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "net/http_server.h"
#include "net/testing.h"

namespace postseal::net {
namespace {

using testing::Client;
using testing::name;
using testing::TestCa;
using namespace std::chrono_literals;

// What a TLS client saw.
struct Shown {
    bool ok = false;
    int alert = 0;  // that the server sent
    std::vector<std::string> names;
    std::string protocol;  // ALPN
    std::string version;
    std::string body;  // of GET /
};

Shown connect(const ListenAddress& address, const std::string& sni, const std::vector<std::string>& alpn = {},
              int version_max = 0, bool get = true, const char* ciphers = nullptr) {
    Shown shown;
    const Client client(address);
    const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
    SSL_CTX_set_security_level(context.get(), 0);
    SSL_CTX_set_min_proto_version(context.get(), version_max != 0 ? version_max : TLS1_2_VERSION);
    SSL_CTX_set_max_proto_version(context.get(), version_max);
    if (ciphers != nullptr && SSL_CTX_set_cipher_list(context.get(), ciphers) != 1) {
        return shown;  // OpenSSL itself does not know them any more
    }
    const std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(context.get()), SSL_free);
    SSL_set_fd(ssl.get(), client.fd());
    if (!sni.empty()) {
        SSL_set_tlsext_host_name(ssl.get(), sni.c_str());
    }
    std::string protocols;
    for (const std::string& protocol : alpn) {
        protocols += static_cast<char>(protocol.size()) + protocol;
    }
    if (!protocols.empty()) {
        SSL_set_alpn_protos(ssl.get(), reinterpret_cast<const unsigned char*>(protocols.data()),
                            static_cast<unsigned>(protocols.size()));
    }
    ERR_clear_error();
    shown.ok = SSL_connect(ssl.get()) == 1;
    if (!shown.ok) {
        const int reason = ERR_GET_REASON(ERR_peek_last_error());
        shown.alert = reason > SSL_AD_REASON_OFFSET ? reason - SSL_AD_REASON_OFFSET : 0;
        return shown;
    }
    const std::unique_ptr<X509, decltype(&X509_free)> leaf(SSL_get1_peer_certificate(ssl.get()), X509_free);
    unsigned char* der = nullptr;
    const int size = i2d_X509(leaf.get(), &der);
    shown.names = summarize_certificate(ByteView(der, static_cast<std::size_t>(size)))->names;
    OPENSSL_free(der);
    const unsigned char* protocol = nullptr;
    unsigned protocol_size = 0;
    SSL_get0_alpn_selected(ssl.get(), &protocol, &protocol_size);
    shown.protocol.assign(reinterpret_cast<const char*>(protocol), protocol_size);
    shown.version = SSL_get_version(ssl.get());
    if (get) {
        const std::string request = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        SSL_write(ssl.get(), request.data(), static_cast<int>(request.size()));
        std::string buffer(4096, '\0');
        for (int got = 1; got > 0;) {
            got = SSL_read(ssl.get(), buffer.data(), static_cast<int>(buffer.size()));
            shown.body.append(buffer, 0, static_cast<std::size_t>(std::max(0, got)));
        }
        EXPECT_EQ(SSL_session_reused(ssl.get()), 0);
    }
    return shown;
}

class TlsTest : public ::testing::Test {
protected:
    void start(TlsSettings settings = {}) {
        server_ = std::make_unique<HttpServer>(
            loops_.all(), HttpServerSettings(), [](const HttpRequest& request, auto reply) {
                reply(HttpResponse::text(200, "sni=" + request.sni + (request.secure ? " secure" : "")));
            });
        ASSERT_TRUE(server_->listen(ListenAddress::loopback(), *TlsContext::make(store_, std::move(settings))));
        address_ = server_->addresses().front();
    }
    void add(const char* host) { EXPECT_TRUE(store_->set(name(host), ca_.issue(host))); }

    TestCa ca_;
    std::shared_ptr<CertificateStore> store_ = std::make_shared<CertificateStore>();
    LoopPool loops_{"tls", 2};
    std::unique_ptr<HttpServer> server_;
    ListenAddress address_;
};

TEST_F(TlsTest, ShowsTheCertificateOfTheNameOrNone) {
    // HTTPS-017: an alert, never another tenant's certificate.
    add("mta-sts.a.example");
    add("mta-sts.b.example");
    start();
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        const Shown a = connect(address_, "mta-sts.a.example", {}, version);
        EXPECT_TRUE(a.ok);
        EXPECT_EQ(a.names, (std::vector<std::string>{"mta-sts.a.example"}));
        EXPECT_TRUE(a.body.ends_with("sni=mta-sts.a.example secure")) << a.body;
        EXPECT_EQ(connect(address_, "MTA-STS.B.example", {}, version).names.at(0), "mta-sts.b.example");
        for (const char* unknown : {"mta-sts.c.example", "a.example", "", "x.mta-sts.a.example"}) {
            const Shown refused = connect(address_, unknown, {}, version);
            EXPECT_FALSE(refused.ok) << unknown;
            EXPECT_EQ(refused.alert, SSL_AD_UNRECOGNIZED_NAME) << unknown;  // 112
        }
    }
    EXPECT_FALSE(connect(address_, "mta-sts.a.example", {}, TLS1_1_VERSION).ok);
}

// STS-063; RFC 8461 §7.2, BCP 195: nothing without encryption, authentication or forward secrecy, and no broken cipher.
TEST_F(TlsTest, OffersOnlyWhatBcp195Allows) {
    add("mta-sts.a.example");
    start();
    for (const char* ciphers : {"eNULL", "aNULL", "RC4", "3DES", "EXP", "MD5", "kRSA", "PSK"}) {
        EXPECT_FALSE(connect(address_, "mta-sts.a.example", {}, TLS1_2_VERSION, false, ciphers).ok) << ciphers;
    }
    EXPECT_TRUE(connect(address_, "mta-sts.a.example", {}, TLS1_2_VERSION, false, "ECDHE+AESGCM").ok);
    EXPECT_EQ(connect(address_, "mta-sts.a.example", {}, 0, false).version, "TLSv1.3");
}

TEST_F(TlsTest, ChangesAreLiveAtOnce) {
    start();
    EXPECT_FALSE(connect(address_, "mta-sts.a.example").ok);
    add("mta-sts.a.example");
    EXPECT_TRUE(connect(address_, "mta-sts.a.example").ok);
    EXPECT_TRUE(store_->set(name("mta-sts.a.example"), ca_.issue({.names = {"mta-sts.a.example", "renewed.example"}})));
    EXPECT_EQ(connect(address_, "mta-sts.a.example").names.size(), 2U);
    store_->remove(name("mta-sts.a.example"));
    EXPECT_EQ(connect(address_, "mta-sts.a.example").alert, SSL_AD_UNRECOGNIZED_NAME);
}

TEST_F(TlsTest, Alpn) {
    add("mta-sts.a.example");
    start();
    EXPECT_EQ(connect(address_, "mta-sts.a.example", {"h2", "http/1.1"}).protocol, "http/1.1");
    EXPECT_EQ(connect(address_, "mta-sts.a.example").protocol, "");
    EXPECT_EQ(connect(address_, "mta-sts.a.example", {"h2"}).alert, SSL_AD_NO_APPLICATION_PROTOCOL);
    EXPECT_EQ(connect(address_, "mta-sts.a.example", {"acme-tls/1"}).alert, SSL_AD_NO_APPLICATION_PROTOCOL)
        << "validation is not switched on here";
}

TEST_F(TlsTest, AcmeChallenges) {
    TlsSettings settings;
    settings.acme_tls_alpn = true;
    start(settings);
    const dns::Name host = name("mta-sts.a.example");
    EXPECT_EQ(connect(address_, host.text(), {"acme-tls/1"}).alert, SSL_AD_UNRECOGNIZED_NAME);
    ASSERT_TRUE(store_->set_acme_challenge(
        host, ca_.issue({.names = {"mta-sts.a.example"}, .self_signed = true, .acme_challenge = true})));
    const Shown challenge = connect(address_, host.text(), {"acme-tls/1"});
    EXPECT_TRUE(challenge.ok);
    EXPECT_EQ(challenge.protocol, "acme-tls/1");
    EXPECT_EQ(challenge.body, "") << "after the handshake nothing is said";
    EXPECT_FALSE(connect(address_, host.text()).ok) << "never shown to anybody else";
    add("mta-sts.a.example");
    EXPECT_EQ(connect(address_, host.text(), {"acme-tls/1", "http/1.1"}).protocol, "http/1.1");
    store_->remove_acme_challenge(host);
    EXPECT_FALSE(connect(address_, host.text(), {"acme-tls/1"}).ok);
}

TEST_F(TlsTest, FallbackForSmtp) {
    // STS-061
    add("mx.example");
    TlsSettings settings;
    settings.unknown_name = TlsSettings::UnknownName::fallback;
    settings.fallback = name("mx.example");
    settings.alpn_http = false;
    start(settings);
    for (const char* sni : {"", "nosuch.example", "mx.example"}) {
        EXPECT_EQ(connect(address_, sni).names, (std::vector<std::string>{"mx.example"})) << sni;
    }
    EXPECT_EQ(connect(address_, "", {"smtp"}).protocol, "");
}

TEST_F(TlsTest, MoreNamesThanStayParsed) {
    const CertificateAndKey shared = ca_.issue({.names = {"*.many.example"}});
    for (int i = 0; i < 11'000; ++i) {
        store_->load(name("n" + std::to_string(i) + ".many.example"), shared, TimePoint());
    }
    EXPECT_EQ(store_->size(), 11'000U);
    start();
    for (int i = 0; i < 11'000; i += 997) {
        EXPECT_TRUE(connect(address_, "n" + std::to_string(i) + ".many.example", {}, 0, false).ok);
    }
    store_->load(name("damaged.example"), {{{1, 2, 3}}, {4, 5, 6}}, TimePoint());
    EXPECT_FALSE(connect(address_, "damaged.example").ok);
}

TEST_F(TlsTest, SealedKeysAreOpenedWhenTheyAreNeeded) {
    std::atomic<int> opened = 0;
    store_->set_open_key([&](const std::string& host, ByteView sealed) -> Result<Bytes> {
        ++opened;
        if (host == "locked.example") {
            return Error{Errc::refused, "secret", "another master key"};
        }
        return Bytes(sealed.rbegin(), sealed.rend());
    });
    const auto none = store_->intern({});
    for (const char* host : {"open.example", "locked.example"}) {
        const CertificateAndKey pair = ca_.issue(host);
        store_->load(name(host), pair.chain_der.front(), none, Bytes(pair.key_der.rbegin(), pair.key_der.rend()),
                     TimePoint());
    }
    EXPECT_EQ(opened, 0) << "not at the start";
    start();
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(connect(address_, "open.example").names, (std::vector<std::string>{"open.example"}));
    }
    EXPECT_EQ(opened, 1) << "and then kept for a while";
    EXPECT_FALSE(connect(address_, "locked.example").ok);
}

TEST_F(TlsTest, RefusesCertificatesThatCouldNotServe) {
    const dns::Name host = name("mta-sts.a.example");
    const CertificateAndKey good = ca_.issue("mta-sts.a.example");
    const auto message = [&](CertificateAndKey certificate) {
        const auto set = store_->set(host, std::move(certificate));
        return set ? std::string("accepted") : set.error().message();
    };
    CertificateAndKey bad = good;
    bad.key_der = ca_.issue("x.example").key_der;
    EXPECT_EQ(message(bad), "certificate of mta-sts.a.example: the private key is another certificate's");
    bad.key_der = {1, 2, 3};
    EXPECT_EQ(message(bad), "certificate of mta-sts.a.example: the private key is unreadable");
    EXPECT_EQ(message({}), "certificate of mta-sts.a.example: empty");
    bad = good;
    bad.chain_der[0] = {1, 2, 3};
    EXPECT_EQ(message(bad), "certificate of mta-sts.a.example: not an X.509 certificate");
    bad = good;
    bad.chain_der.push_back({1, 2, 3});
    EXPECT_EQ(message(bad), "certificate of mta-sts.a.example: number 2 of the chain is not an X.509 certificate");
    EXPECT_EQ(message(ca_.issue("other.example")), "certificate of mta-sts.a.example: does not cover that name");
    EXPECT_EQ(store_->size(), 0U);
    EXPECT_EQ(message(good), "accepted");
    EXPECT_TRUE(store_->contains(host));
    EXPECT_GT(*store_->not_after(host), TimePoint(Seconds(std::time(nullptr)) + 24h * 89));
}

TEST_F(TlsTest, Pem) {
    const CertificateAndKey issued = ca_.issue("a.example");
    const unsigned char* at = issued.key_der.data();
    EVP_PKEY* key = d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(issued.key_der.size()));
    BIO* bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
    char* text = nullptr;
    const long size = BIO_get_mem_data(bio, &text);
    const std::string key_pem(text, static_cast<std::size_t>(size));
    BIO_free(bio);
    EVP_PKEY_free(key);
    const auto read = certificate_from_pem(ca_.pem() + ca_.pem(), key_pem);
    ASSERT_TRUE(read) << read.error().message();
    EXPECT_EQ(read->chain_der.size(), 2U);
    EXPECT_EQ(read->key_der, issued.key_der);
    EXPECT_EQ(certificate_from_pem("", key_pem).error().message(), "certificate 1: not a PEM certificate");
    EXPECT_EQ(certificate_from_pem(ca_.pem(), "").error().message(),
              "private key: not a PEM private key, or one with a passphrase");
}

}  // namespace
}  // namespace postseal::net
