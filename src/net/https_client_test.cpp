#include "net/https_client.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cstdlib>

#include "net/testing.h"

namespace postseal::net {
namespace {

using testing::CertificateOptions;
using testing::ip;
using testing::Peer;
using testing::ScriptedServer;
using testing::TestCa;
using namespace std::chrono_literals;
using Failure = HttpsResponse::Failure;

const std::string host = "mta-sts.example.com";
const std::string policy = "version: STSv1\r\nmode: none\r\nmax_age: 1\r\n";

std::string ok_response(const std::string& body, const std::string& more_headers = "") {
    return "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
           more_headers + "\r\n" + body;
}

class HttpsClientTest : public ::testing::Test {
protected:
    HttpsClientTest() : client_(std::make_unique<HttpsClient>(loop_, settings())) {}

    [[nodiscard]] HttpsClient::Settings settings() const {
        HttpsClient::Settings result;
        result.trust = ca_.trust();
        result.guard = AddressGuard(NonGlobal::allow);
        return result;
    }
    static HttpsRequest request_to(std::uint16_t port) {
        HttpsRequest request;
        request.url = "https://" + host + ":" + std::to_string(port) + "/.well-known/mta-sts.txt";
        request.addresses = {ip("127.0.0.1")};
        return request;
    }
    HttpsResponse fetch(HttpsRequest request) {
        HttpsResponse result;
        client_->fetch(std::move(request), [&](HttpsResponse response) {
            result = std::move(response);
            loop_.stop();
        });
        testing::run_for(loop_);
        return result;
    }
    // What comes of a fetch from a server with this certificate that answers the request with `response`.
    HttpsResponse fetch_from(const CertificateOptions& options, const std::string& response) {
        const CertificateAndKey certificate = ca_.issue(options);
        const ScriptedServer server([&](Peer& peer) {
            if (peer.start_tls(certificate)) {
                sni_ = peer.sni;
                seen_ = peer.read_head();
                peer.send(response);
                peer.close_tls();
            }
        });
        return fetch(request_to(server.port()));
    }

    TestCa ca_;
    Loop loop_;
    std::unique_ptr<HttpsClient> client_;
    std::string seen_;  // the request's head
    std::string sni_;
};

TEST_F(HttpsClientTest, FetchesAPolicy) {
    // HTTPS-001, HTTPS-008, HTTPS-016
    const HttpsResponse response = fetch_from({.names = {host}}, ok_response(policy, "ETag: \"1\"\r\nX-Blank:\r\n"));
    EXPECT_TRUE(response.ok()) << response.error;
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, policy);
    EXPECT_EQ(response.content_type, "text/plain");
    EXPECT_EQ(find_header(response.headers, "etag"), "\"1\"");
    EXPECT_EQ(response.address, ip("127.0.0.1"));
    ASSERT_TRUE(response.certificate);
    EXPECT_EQ(response.certificate->names, (std::vector<std::string>{host}));
    EXPECT_EQ(response.certificate_error, CertificateError::none);
    EXPECT_EQ(sni_, host);
    EXPECT_TRUE(seen_.starts_with("GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: " + host + ":")) << seen_;
    EXPECT_EQ(seen_.find("Accept-Encoding"), std::string::npos);
    EXPECT_EQ(seen_.find("If-"), std::string::npos);
}

// HTTPS-003, HTTPS-004, HTTPS-005, HTTPS-018
TEST_F(HttpsClientTest, CertificatesThatDoNotCount) {
    const struct {
        const char* why = nullptr;
        CertificateOptions options;
        CertificateError expected = CertificateError::none;
    } cases[] = {
        {"wildcard of the whole label", {.names = {"*.example.com"}}, CertificateError::none},
        {"partial wildcard", {.names = {"mta-*.example.com"}}, CertificateError::host_mismatch},
        {"wildcard of a TLD", {.names = {"*.com"}}, CertificateError::host_mismatch},
        {"only the domain", {.names = {"example.com"}}, CertificateError::host_mismatch},
        {"the provider's own name", {.names = {"mta-sts.provider.example"}}, CertificateError::host_mismatch},
        {"CN and no SAN", {.common_name = host}, CertificateError::host_mismatch},
        {"expired", {.names = {host}, .not_before = -48h, .not_after = -1h}, CertificateError::expired},
        {"from tomorrow", {.names = {host}, .not_before = 24h}, CertificateError::not_yet_valid},
        {"self-signed", {.names = {host}, .self_signed = true}, CertificateError::untrusted},
    };
    for (const auto& c : cases) {
        seen_.clear();
        const HttpsResponse response = fetch_from(c.options, ok_response(policy));
        EXPECT_EQ(response.certificate_error, c.expected) << c.why << ": " << response.error;
        EXPECT_EQ(response.failure, c.expected == CertificateError::none ? Failure::none : Failure::tls) << c.why;
        EXPECT_TRUE(response.certificate) << c.why;
        if (c.expected != CertificateError::none) {
            EXPECT_EQ(seen_, "") << "nothing is asked of who cannot prove his name: " << c.why;
            EXPECT_EQ(response.body, "");
            EXPECT_NE(response.error, "");
        }
    }
}

TEST_F(HttpsClientTest, AnotherCaIsNotTrustedUnlessTheRequestSaysSo) {
    const TestCa other;
    const CertificateAndKey certificate = other.issue(host);
    const ScriptedServer server([&](Peer& peer) {
        if (peer.start_tls(certificate)) {
            (void)peer.read_head();
            peer.send(ok_response(policy));
        }
    });
    EXPECT_EQ(fetch(request_to(server.port())).certificate_error, CertificateError::untrusted);
    HttpsRequest request = request_to(server.port());
    request.trust = other.trust();
    HttpsResponse response = fetch(request);
    EXPECT_TRUE(response.ok()) << response.error;
    // RFC 8460 §3: a rua's certificate may be ignored; what was wrong with it is still told.
    request = request_to(server.port());
    request.certificate = HttpsRequest::Certificate::ignore;
    response = fetch(request);
    EXPECT_TRUE(response.ok()) << response.error;
    EXPECT_EQ(response.certificate_error, CertificateError::untrusted);
}

TEST_F(HttpsClientTest, StatusesAndRedirectsAreHandedOnAsTheyAre) {
    // HTTPS-006, HTTPS-007
    for (const int status : {201, 204, 206, 301, 302, 303, 304, 307, 308, 404, 410, 500}) {
        const HttpsResponse response =
            fetch_from({.names = {host}}, "HTTP/1.1 " + std::to_string(status) +
                                              " Text\r\nLocation: https://other.example/\r\nContent-Length: 0\r\n\r\n");
        EXPECT_TRUE(response.ok()) << status << response.error;
        EXPECT_EQ(response.status, status);
        EXPECT_EQ(find_header(response.headers, "location"), "https://other.example/");
    }
    const HttpsResponse early =
        fetch_from({.names = {host}}, "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + ok_response("body"));
    EXPECT_EQ(early.status, 200);
    EXPECT_EQ(find_header(early.headers, "link"), "") << "of the interim response";
}

TEST_F(HttpsClientTest, LargeBodiesEnd) {
    // HTTPS-012
    const std::string full(65536, 'x');
    EXPECT_EQ(fetch_from({.names = {host}}, ok_response(full)).body, full);
    EXPECT_EQ(fetch_from({.names = {host}}, ok_response(full + "x")).failure, Failure::too_large);
    EXPECT_EQ(fetch_from({.names = {host}}, "HTTP/1.1 200 OK\r\n\r\n" + full).body, full) << "ends with the connection";
    EXPECT_EQ(fetch_from({.names = {host}}, "HTTP/1.1 200 OK\r\n\r\n" + full + "x").failure, Failure::too_large);
    std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (int i = 0; i < 20; ++i) {
        chunked += "1000\r\n" + std::string(4096, 'y') + "\r\n";
    }
    EXPECT_EQ(fetch_from({.names = {host}}, chunked + "0\r\n\r\n").failure, Failure::too_large);
    const HttpsResponse headers =
        fetch_from({.names = {host}},
                   ok_response("", "X: " + std::string(40000, 'h') + "\r\nY: " + std::string(40000, 'h') + "\r\n"));
    EXPECT_EQ(headers.failure, Failure::too_large);
    EXPECT_EQ(headers.error, "the response's header is larger than 65536 bytes");
}

// RFC 8461 §3.3: what nobody asked for is not unpacked (a bomb stays as small as it is); §3.2: max_age alone says how
// long a policy lives, so nothing is kept or asked for conditionally, whatever the response's head says.
TEST_F(HttpsClientTest, BodiesAreNotInflatedAndNothingIsCached) {
    const std::string gzip("\x1f\x8b\x08\0\0\0\0\0\0\x03\x03\0\0\0\0\0\0\0\0\0", 20);
    EXPECT_EQ(fetch_from({.names = {host}}, ok_response(gzip, "Content-Encoding: gzip\r\n")).body, gzip);
    const std::string head = "Cache-Control: max-age=86400, immutable\r\nETag: \"1\"\r\nAge: 1\r\n";
    EXPECT_EQ(fetch_from({.names = {host}}, ok_response(policy, head)).body, policy);
    EXPECT_EQ(fetch_from({.names = {host}}, ok_response("new", head)).body, "new");
    EXPECT_EQ(seen_.find("If-None-Match"), std::string::npos) << seen_;
}

TEST_F(HttpsClientTest, BrokenResponses) {
    for (const char* broken : {"", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", "nonsense\r\n\r\n",
                               "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
        const HttpsResponse response = fetch_from({.names = {host}}, broken);
        EXPECT_EQ(response.failure, Failure::protocol) << broken;
        EXPECT_EQ(response.status, 0);
        EXPECT_EQ(response.body, "");
    }
}

TEST_F(HttpsClientTest, TheTimeoutCoversTheWholeExchange) {
    // HTTPS-011
    const CertificateAndKey certificate = ca_.issue(host);
    const ScriptedServer server([&](Peer& peer) {
        if (peer.start_tls(certificate)) {
            (void)peer.read_head();
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n");
            while (peer.send("x")) {  // one byte at a time, for as long as somebody listens
                std::this_thread::sleep_for(5ms);
            }
        }
    });
    HttpsRequest request = request_to(server.port());
    request.timeout = 150ms;
    const HttpsResponse response = fetch(request);
    EXPECT_EQ(response.failure, Failure::timeout) << response.error;
    EXPECT_GE(response.duration, 145ms);  // libcurl and this count milliseconds from instants of their own
}

TEST_F(HttpsClientTest, HandshakesThatFail) {  // STS-062, STS-063
    const CertificateAndKey certificate = ca_.issue(host);
    const ScriptedServer old([&](Peer& peer) { peer.start_tls(certificate, TLS1_1_VERSION, TLS1_1_VERSION); });
    HttpsResponse response = fetch(request_to(old.port()));
    EXPECT_EQ(response.failure, Failure::tls) << response.error;
    EXPECT_EQ(response.certificate_error, CertificateError::other);
    const ScriptedServer clear([](Peer& peer) { peer.send("HTTP/1.1 200 OK\r\n\r\n"); });
    response = fetch(request_to(clear.port()));
    EXPECT_EQ(response.failure, Failure::tls) << response.error;
    EXPECT_EQ(response.certificate_error, CertificateError::other);
}

TEST_F(HttpsClientTest, RefusedConnectionsTryTheNextAddress) {
    std::uint16_t closed_port = 0;
    {
        const auto socket = listen_stream(ListenAddress::loopback());
        closed_port = socket->local_address()->port;
    }
    EXPECT_EQ(fetch(request_to(closed_port)).failure, Failure::connect);

    const CertificateAndKey certificate = ca_.issue(host);
    const ScriptedServer server([&](Peer& peer) {
        if (peer.start_tls(certificate)) {
            (void)peer.read_head();
            peer.send(ok_response(policy));
        }
    });
    HttpsRequest request = request_to(server.port());
    request.addresses = {ip("127.0.0.77"), ip("127.0.0.1")};
    const HttpsResponse response = fetch(request);
    EXPECT_EQ(response.address, ip("127.0.0.1")) << response.error;
}

TEST_F(HttpsClientTest, AMachineWithoutDescriptorsSaysSoOfItself) {
    const auto listening = listen_stream(ListenAddress::loopback());
    const std::uint16_t port = listening->local_address()->port;
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    const Socket lowest_free(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    rlimit none_left = before;
    none_left.rlim_cur = static_cast<rlim_t>(lowest_free.fd()) + 1;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none_left), 0);
    const HttpsResponse response = fetch(request_to(port));
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    EXPECT_EQ(to_string(response.failure), "local") << response.error;
    EXPECT_EQ(response.error, "no socket: Too many open files");
}

TEST_F(HttpsClientTest, NeverLeavesTheGlobalAddressesUnlessInALab) {
    HttpsClient::Settings strict = settings();
    strict.guard = AddressGuard();
    client_ = std::make_unique<HttpsClient>(loop_, strict);
    const CertificateAndKey certificate = ca_.issue(host);
    const ScriptedServer server([&](Peer& peer) { peer.start_tls(certificate); });
    HttpsResponse response = fetch(request_to(server.port()));
    EXPECT_EQ(response.failure, Failure::refused_address);
    EXPECT_EQ(response.error, "127.0.0.1: not a global address");
    HttpsRequest literal;
    for (const char* url :
         {"https://127.0.0.1:", "https://[::ffff:127.0.0.1]:", "https://2130706433:", "https://0x7f.1:"}) {
        literal.url = url + std::to_string(server.port()) + "/";
        EXPECT_EQ(fetch(literal).failure, Failure::refused_address) << url;
    }
    literal.url = "https://localhost:" + std::to_string(server.port()) + "/";
    EXPECT_EQ(fetch(literal).failure, Failure::resolve) << "a stranger's name is never given to the system's resolver";
    EXPECT_EQ(server.connections(), 0);
}

TEST_F(HttpsClientTest, PostsAndKeepsPinsApart) {
    const CertificateAndKey certificate = ca_.issue(host);
    std::string body;
    const ScriptedServer first([&](Peer& peer) {
        if (peer.start_tls(certificate)) {
            seen_ = peer.read_head();
            body = peer.read_until("end");
            peer.send(ok_response("first"));
        }
    });
    HttpsRequest request = request_to(first.port());
    request.method = "POST";
    request.headers = {{"Content-Type", "application/tlsrpt+gzip"}};
    request.body = std::string("with\0a NUL and the end", 22);
    EXPECT_EQ(fetch(request).body, "first");
    EXPECT_EQ(body, request.body);
    EXPECT_TRUE(seen_.starts_with("POST ")) << seen_;
    EXPECT_NE(seen_.find("Content-Type: application/tlsrpt+gzip\r\n"), std::string::npos) << seen_;
    EXPECT_EQ(seen_.find("Expect"), std::string::npos);

    request.addresses = {ip("127.0.0.9")};  // nobody listens there: the earlier pin must not be remembered
    EXPECT_EQ(fetch(request).failure, Failure::connect);
    request.headers = {{"X", "a\r\nInjected: yes"}};
    EXPECT_EQ(fetch(request).failure, Failure::bad_request);
}

TEST_F(HttpsClientTest, OnlyHttpsUnlessAllowed) {
    const ScriptedServer server([&](Peer& peer) {
        seen_ = peer.read_head();
        peer.send(ok_response("plain"));
    });
    HttpsRequest request = request_to(server.port());
    request.url = "http://" + host + ":" + std::to_string(server.port()) + "/x";
    EXPECT_EQ(fetch(request).failure, Failure::bad_request);
    request.scheme = HttpsRequest::Scheme::allow_http;
    EXPECT_EQ(fetch(request).body, "plain");
    for (const char* bad : {"", "ftp://a.example/", "https://", "https://user:pw@a.example/", "file:///etc/passwd",
                            "https://a.example:0/", "https://a b/", "gopher://a.example/"}) {
        request.url = bad;
        EXPECT_EQ(fetch(request).failure, Failure::bad_request) << bad;
    }
}

TEST_F(HttpsClientTest, ConfiguredTargetsUseTheSystemsResolverAndIpCertificatesWork) {
    const CertificateAndKey certificate = ca_.issue("localhost");
    int heads = 0;
    const ScriptedServer server([&](Peer& peer) {
        if (peer.start_tls(certificate)) {
            while (!peer.read_head().empty()) {
                ++heads;
                peer.send(ok_response("configured"));
            }
        }
    });
    HttpsRequest request;
    request.target = HttpsRequest::Target::configured;
    request.url = "https://localhost:" + std::to_string(server.port()) + "/dir";
    EXPECT_EQ(fetch(request).body, "configured");
    EXPECT_EQ(fetch(request).body, "configured");
    EXPECT_EQ(server.connections(), 1) << "kept alive";
    request.url = "https://127.0.0.1:" + std::to_string(server.port()) + "/dir";
    client_ = std::make_unique<HttpsClient>(loop_, settings());  // lets go of the connection
    EXPECT_EQ(fetch(request).certificate_error, CertificateError::host_mismatch);
}

TEST_F(HttpsClientTest, ManyAtOnceAndDestruction) {
    const CertificateAndKey certificate = ca_.issue(host);
    const ScriptedServer server([&](Peer& peer) {
        if (peer.start_tls(certificate)) {
            (void)peer.read_head();
            peer.send(ok_response(policy));
            peer.close_tls();
        }
    });
    HttpsClient::Settings narrow = settings();
    narrow.in_flight_max = 4;
    client_ = std::make_unique<HttpsClient>(loop_, narrow);
    int left = 30;
    for (int i = 0; i < 30; ++i) {
        client_->fetch(request_to(server.port()), [&](const HttpsResponse& response) {
            EXPECT_TRUE(response.ok()) << response.error;
            if (--left == 0) {
                loop_.stop();
            }
        });
    }
    testing::run_for(loop_);

    int called = 0;
    for (int i = 0; i < 10; ++i) {
        client_->fetch(request_to(server.port()), [&](const HttpsResponse&) {
            ++called;
            client_.reset();  // the rest is dropped
            loop_.stop();
        });
    }
    testing::run_for(loop_);
    EXPECT_EQ(called, 1);
}

}  // namespace
}  // namespace postseal::net
