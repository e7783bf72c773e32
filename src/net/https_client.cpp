// libcurl's multi interface on a loop: curl's sockets sit in an epoll set of their own, and the loop watches that set.
#include "net/https_client.h"

#include <curl/curl.h>
#include <fmt/format.h>
#include <openssl/x509_vfy.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <deque>
#include <unordered_map>

#include "base/text.h"
#include "net/asio.h"
#include "net/openssl.h"
#include "net/socket_address.h"

namespace postseal::net {

std::string_view find_header(const HttpHeaders& headers, std::string_view name) {
    for (const auto& [key, value] : headers) {
        if (iequals(key, name)) {
            return value;
        }
    }
    return {};
}

std::string_view to_string(HttpsResponse::Failure failure) {
    using Failure = HttpsResponse::Failure;
    switch (failure) {
        case Failure::none:
            return "none";
        case Failure::bad_request:
            return "bad-request";
        case Failure::refused_address:
            return "refused-address";
        case Failure::resolve:
            return "resolve";
        case Failure::connect:
            return "connect";
        case Failure::timeout:
            return "timeout";
        case Failure::tls:
            return "tls";
        case Failure::too_large:
            return "too-large";
        case Failure::protocol:
            return "protocol";
        case Failure::local:
            return "local";
    }
    return "";
}

namespace {

using Failure = HttpsResponse::Failure;

constexpr std::size_t header_bytes_max = 65'536;

struct UrlParts {
    std::string scheme;
    std::string host;  // lower case, without brackets and final dot
    std::uint16_t port = 0;
};

// curl's own parser, so that what we check is what curl connects to.
std::optional<UrlParts> parse_url(const std::string& url) {
    const std::unique_ptr<CURLU, Freed<curl_url_cleanup>> parsed(curl_url());
    if (curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), CURLU_DISALLOW_USER) != CURLUE_OK) {
        return std::nullopt;
    }
    const auto part = [&](CURLUPart which) {
        char* text = nullptr;
        std::string result;
        if (curl_url_get(parsed.get(), which, &text, CURLU_DEFAULT_PORT) == CURLUE_OK) {
            result = text;
        }
        curl_free(text);
        return result;
    };
    UrlParts parts{part(CURLUPART_SCHEME), to_lower(part(CURLUPART_HOST)), 0};
    if (parts.host.starts_with('[') && parts.host.ends_with(']')) {
        parts.host = parts.host.substr(1, parts.host.size() - 2);
    }
    if (parts.host.ends_with('.')) {
        parts.host.pop_back();
    }
    const auto port = parse_decimal(part(CURLUPART_PORT));
    if (!port || *port == 0 || *port > 65535 || parts.host.empty()) {
        return std::nullopt;
    }
    parts.port = static_cast<std::uint16_t>(*port);
    return parts;
}

bool has_line_break(std::string_view text) {
    return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos;
}

struct FreeList {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using ListPtr = std::unique_ptr<curl_slist, FreeList>;
struct FreeShare {
    void operator()(CURLSH* share) const { curl_share_cleanup(share); }
};

void append(ListPtr& list, const std::string& line) {
    list.reset(curl_slist_append(list.release(), line.c_str()));
}

// One request while it is under way.
struct Transfer {
    HttpsRequest request;
    std::function<void(HttpsResponse)> done;
    UrlParts url;
    std::shared_ptr<const TrustStore> trust;
    AddressGuard guard;
    std::chrono::steady_clock::time_point begin;

    HttpsResponse response;
    std::size_t header_bytes = 0;
    bool too_large = false;
    bool refused = false;
    int socket_error = 0;  // errno, when this machine gave no socket
    std::string verify_detail;
    std::array<char, CURL_ERROR_SIZE> error{};

    // The share before the handle: curl wants them released in the opposite order.
    std::unique_ptr<CURLSH, FreeShare> dns_cache;
    ListPtr headers;
    ListPtr pins;
    std::unique_ptr<CURL, Freed<curl_easy_cleanup>> easy;

    template <class T>
    void set(CURLoption option, T value) const {
        curl_easy_setopt(easy.get(), option, value);
    }

    void prepare(const HttpsClient::Settings& settings) {
        easy.reset(curl_easy_init());
        set(CURLOPT_URL, request.url.c_str());
        set(CURLOPT_PROTOCOLS_STR, request.scheme == HttpsRequest::Scheme::allow_http ? "https,http" : "https");
        set(CURLOPT_NOSIGNAL, 1L);
        set(CURLOPT_PROXY, "");  // rule 20: none of the environment either; it would look the name up again by itself
        set(CURLOPT_FOLLOWLOCATION, 0L);  // HTTPS-007
        set(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
        set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
        set(CURLOPT_HTTP09_ALLOWED, 0L);
        set(CURLOPT_USERAGENT, settings.user_agent.c_str());
        set(CURLOPT_ERRORBUFFER, error.data());
        set(CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout.count()));
        set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.connect_timeout.count()));
        set(CURLOPT_MAXFILESIZE_LARGE, static_cast<curl_off_t>(request.body_bytes_max));
        set(CURLOPT_WRITEFUNCTION, &Transfer::on_body);
        set(CURLOPT_WRITEDATA, this);
        set(CURLOPT_HEADERFUNCTION, &Transfer::on_header);
        set(CURLOPT_HEADERDATA, this);
        set(CURLOPT_OPENSOCKETFUNCTION, &Transfer::on_open_socket);
        set(CURLOPT_OPENSOCKETDATA, this);
        set(CURLOPT_PRIVATE, this);
        prepare_method();
        prepare_tls();
        prepare_addresses(settings);
    }

    void prepare_method() {
        if (request.method == "HEAD") {
            set(CURLOPT_NOBODY, 1L);
        } else if (!request.body.empty() || request.method == "POST" || request.method == "PUT") {
            set(CURLOPT_POST, 1L);
            set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
            set(CURLOPT_POSTFIELDS, request.body.data());
            set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
        } else if (request.method != "GET") {
            set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
        }
        append(headers, "Expect:");  // no waiting for a 100
        for (const auto& [name, value] : request.headers) {
            append(headers, value.empty() ? fmt::format("{};", name) : fmt::format("{}: {}", name, value));
        }
        set(CURLOPT_HTTPHEADER, headers.get());
    }

    void prepare_tls() {
        const bool verify = request.certificate == HttpsRequest::Certificate::verify;
        set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
        set(CURLOPT_SSL_SESSIONID_CACHE, 0L);
        set(CURLOPT_SSL_VERIFYPEER, verify ? 1L : 0L);
        set(CURLOPT_SSL_VERIFYHOST, verify ? 2L : 0L);
        // on_verify() has roots of its own: curl would parse the bundle again for every connection.
        set(CURLOPT_CAINFO, static_cast<const char*>(nullptr));
        set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
        set(CURLOPT_SSL_CTX_FUNCTION, &Transfer::on_ssl_context);
        set(CURLOPT_SSL_CTX_DATA, this);
    }

    void prepare_addresses(const HttpsClient::Settings& settings) {
        const bool foreign = request.target == HttpsRequest::Target::foreign;
        if (foreign || (request.trust && request.trust != settings.trust)) {
            // A kept connection would carry another request's pins or trust.
            set(CURLOPT_FRESH_CONNECT, 1L);
            set(CURLOPT_FORBID_REUSE, 1L);
        }
        // An address needs no lookup, and curl does not understand one of IPv6 in front of a pin.
        if (request.addresses.empty() || dns::IpAddress::parse(url.host)) {
            return;
        }
        // A cache for this transfer alone: curl keeps pinned entries for ever in the cache that all transfers share.
        dns_cache.reset(curl_share_init());
        curl_share_setopt(dns_cache.get(), CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
        set(CURLOPT_SHARE, dns_cache.get());
        std::string pin = url.host + ":" + std::to_string(url.port) + ":";
        for (std::size_t i = 0; i < request.addresses.size(); ++i) {
            const dns::IpAddress& address = request.addresses[i];
            pin += (i > 0 ? "," : "") + (address.is_v4() ? address.text() : "[" + address.text() + "]");
        }
        append(pins, pin);
        set(CURLOPT_RESOLVE, pins.get());
    }

    // ---- what curl calls

    static std::size_t on_body(const char* data, std::size_t size, std::size_t count, void* user) {
        auto& transfer = *static_cast<Transfer*>(user);
        const std::size_t bytes = size * count;
        // HTTPS-012: also where no Content-Length announced it.
        if (transfer.response.body.size() + bytes > transfer.request.body_bytes_max) {
            transfer.too_large = true;
            return 0;
        }
        transfer.response.body.append(data, bytes);
        return bytes;
    }

    static std::size_t on_header(const char* data, std::size_t size, std::size_t count, void* user) {
        auto& transfer = *static_cast<Transfer*>(user);
        const std::size_t bytes = size * count;
        transfer.header_bytes += bytes;
        if (transfer.header_bytes > header_bytes_max) {
            transfer.too_large = true;
            return 0;
        }
        std::string_view line(data, bytes);
        while (line.ends_with('\n') || line.ends_with('\r')) {
            line.remove_suffix(1);
        }
        const std::size_t colon = line.find(':');
        if (line.starts_with("HTTP/")) {
            transfer.response.headers.clear();  // what came with a 1xx
        } else if (colon != std::string_view::npos) {
            transfer.response.headers.emplace_back(line.substr(0, colon), trim_wsp(line.substr(colon + 1)));
        }
        return bytes;
    }

    static curl_socket_t on_open_socket(void* user, curlsocktype /*purpose*/, curl_sockaddr* target) {
        auto& transfer = *static_cast<Transfer*>(user);
        SocketAddress address;
        if (target->addrlen <= sizeof address.any.storage) {
            std::memcpy(&address.any.storage, &target->addr, target->addrlen);
        }
        // Rule 20: whatever curl believes, nothing but the checked addresses is connected to.
        if (transfer.request.target == HttpsRequest::Target::foreign &&
            (!address.is_ip() || !transfer.guard.allows(address.ip()))) {
            transfer.refused = true;
            return CURL_SOCKET_BAD;
        }
        const int made = ::socket(target->family, target->socktype | SOCK_CLOEXEC, target->protocol);
        // A machine without IPv6 is no reason: curl goes on to the next address.
        if (made < 0 && errno != EAFNOSUPPORT) {
            transfer.socket_error = errno;
        }
        return made;
    }

    static CURLcode on_ssl_context(CURL* /*easy*/, void* context, void* user) {
        SSL_CTX_set_cert_verify_callback(static_cast<SSL_CTX*>(context), &Transfer::on_verify, user);
        return CURLE_OK;
    }

    // The whole verification, so that nothing of it depends on curl: it would accept the subject's CN where there is no
    // SAN (HTTPS-004), and keeps one store of roots for all transfers, whoever set it.
    static int on_verify(X509_STORE_CTX* context, void* user) {
        auto& transfer = *static_cast<Transfer*>(user);
        X509* leaf = X509_STORE_CTX_get0_cert(context);
        if (leaf == nullptr) {
            return 0;
        }
        if (auto summary = summarize_certificate(leaf)) {
            transfer.response.certificate = std::move(*summary);
        }
        const int result = transfer.trust ? verify_certificate(leaf, X509_STORE_CTX_get0_untrusted(context),
                                                               *transfer.trust, transfer.url.host)
                                          : X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY;
        transfer.response.certificate_error = certificate_error(result);
        if (result != X509_V_OK) {
            transfer.verify_detail = X509_verify_cert_error_string(result);
        }
        X509_STORE_CTX_set_error(context, result);
        return result == X509_V_OK || transfer.request.certificate == HttpsRequest::Certificate::ignore ? 1 : 0;
    }

    // ---- the end

    void finish(CURLcode code) {
        char* address = nullptr;
        curl_easy_getinfo(easy.get(), CURLINFO_PRIMARY_IP, &address);
        if (address != nullptr && *address != '\0') {
            if (const auto parsed = dns::IpAddress::parse(address)) {
                response.address = *parsed;
            }
        }
        long status = 0;
        curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
        response.duration =
            std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
        response.failure = failure_of(code);
        if (response.failure == Failure::none) {
            response.status = static_cast<int>(status);
            response.content_type = find_header(response.headers, "Content-Type");
            return;
        }
        response.error = error_text(code);
        response.body.clear();
        response.headers.clear();
        if (response.failure == Failure::tls && response.certificate_error == CertificateError::none) {
            response.certificate_error = CertificateError::other;  // the handshake failed, not the certificate
        }
    }

    [[nodiscard]] Failure failure_of(CURLcode code) const {
        switch (code) {
            case CURLE_OK:
                return Failure::none;
            case CURLE_URL_MALFORMAT:
                return Failure::bad_request;
            case CURLE_UNSUPPORTED_PROTOCOL:  // the scheme has been looked at: this is a response in HTTP/0.9
                return Failure::protocol;
            case CURLE_COULDNT_RESOLVE_HOST:
                return Failure::resolve;
            case CURLE_COULDNT_CONNECT:
                return socket_error != 0 ? Failure::local : refused ? Failure::refused_address : Failure::connect;
            case CURLE_OUT_OF_MEMORY:
            case CURLE_FAILED_INIT:
                return Failure::local;
            case CURLE_OPERATION_TIMEDOUT:
                return Failure::timeout;
            case CURLE_SSL_CONNECT_ERROR:
            case CURLE_PEER_FAILED_VERIFICATION:
            case CURLE_SSL_CERTPROBLEM:
            case CURLE_SSL_CIPHER:
            case CURLE_SSL_ENGINE_INITFAILED:
            case CURLE_SSL_ISSUER_ERROR:
                return Failure::tls;
            case CURLE_FILESIZE_EXCEEDED:
                return Failure::too_large;
            default:
                return too_large ? Failure::too_large : Failure::protocol;
        }
    }

    [[nodiscard]] std::string error_text(CURLcode code) const {
        if (response.failure == Failure::too_large) {
            return header_bytes > header_bytes_max
                       ? "the response's header is larger than 65536 bytes"
                       : "the body is larger than " + std::to_string(request.body_bytes_max) + " bytes";
        }
        if (response.failure == Failure::refused_address) {
            return "not a global address";
        }
        if (response.failure == Failure::local && socket_error != 0) {
            return "no socket: " + std::generic_category().message(socket_error);
        }
        if (response.failure == Failure::tls && !verify_detail.empty()) {
            return verify_detail;
        }
        return printable(error[0] != '\0' ? error.data() : curl_easy_strerror(code), 300);
    }
};

}  // namespace

struct HttpsClient::Impl : std::enable_shared_from_this<Impl> {
    Impl(Loop& its_loop, Settings its_settings)
        : loop(its_loop),
          settings(std::move(its_settings)),
          timer(loop.context()),
          descriptor(loop.context()),
          multi(make_multi()),
          epoll(::epoll_create1(EPOLL_CLOEXEC)) {
        curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, &Impl::on_socket);
        curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, this);
        curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, &Impl::on_timer);
        curl_multi_setopt(multi, CURLMOPT_TIMERDATA, this);
        descriptor.assign(epoll);
    }
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;
    ~Impl() {
        close();
        curl_multi_cleanup(multi);
    }

    static CURLM* make_multi() {
        static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
        (void)initialised;
        return curl_multi_init();
    }

    // On the loop: drops everything without calling back.
    void close() {
        closed = true;
        waiting.clear();
        for (auto& [easy, transfer] : transfers) {
            curl_multi_remove_handle(multi, easy);
        }
        transfers.clear();
        timer.cancel();
        descriptor.cancel();
    }

    void start(HttpsRequest request, std::function<void(HttpsResponse)> done) {
        if (closed) {
            return;
        }
        auto transfer = std::make_unique<Transfer>();
        transfer->request = std::move(request);
        transfer->done = std::move(done);
        transfer->trust = transfer->request.trust ? transfer->request.trust : settings.trust;
        transfer->guard = settings.guard;
        if (const auto refusal = check(*transfer)) {
            transfer->response.failure = refusal->first;
            transfer->response.error = refusal->second;
            transfer->done(std::move(transfer->response));
            return;
        }
        waiting.push_back(std::move(transfer));
        start_waiting();
    }

    // Why the request cannot even be tried.
    [[nodiscard]] std::optional<std::pair<Failure, std::string>> check(Transfer& transfer) const {
        HttpsRequest& request = transfer.request;
        const auto url = parse_url(request.url);
        if (!url) {
            return std::pair(Failure::bad_request, "not a URL: " + printable(request.url, 200));
        }
        transfer.url = *url;
        if (url->scheme != "https" && (url->scheme != "http" || request.scheme != HttpsRequest::Scheme::allow_http)) {
            return std::pair(Failure::bad_request, "not an https URL: " + printable(request.url, 200));
        }
        for (const auto& [name, value] : request.headers) {
            if (has_line_break(name) || has_line_break(value) || name.empty()) {
                return std::pair(Failure::bad_request, std::string("a header with a line break"));
            }
        }
        if (request.target == HttpsRequest::Target::configured) {
            return std::nullopt;
        }
        if (const auto literal = dns::IpAddress::parse(url->host)) {
            request.addresses = {*literal};
        }
        if (request.addresses.empty()) {
            return std::pair(Failure::resolve, "no address of " + printable(url->host, 253) + " given");
        }
        const auto allowed = transfer.guard.allowed(request.addresses);
        if (allowed.empty()) {
            return std::pair(Failure::refused_address, request.addresses.front().text() + ": not a global address");
        }
        request.addresses = allowed;
        return std::nullopt;
    }

    void start_waiting() {
        while (!waiting.empty() && transfers.size() < settings.in_flight_max) {
            auto transfer = std::move(waiting.front());
            waiting.pop_front();
            transfer->begin = std::chrono::steady_clock::now();
            transfer->prepare(settings);
            CURL* easy = transfer->easy.get();
            transfers.emplace(easy, std::move(transfer));
            curl_multi_add_handle(multi, easy);
        }
    }

    // ---- curl ⇄ loop

    static int on_socket(CURL* /*easy*/, curl_socket_t socket, int what, void* user, void* known) {
        auto& impl = *static_cast<Impl*>(user);
        if (what == CURL_POLL_REMOVE) {
            ::epoll_ctl(impl.epoll, EPOLL_CTL_DEL, socket, nullptr);
            return 0;
        }
        epoll_event event{};
        event.events = ((what & CURL_POLL_IN) != 0 ? EPOLLIN : 0U) | ((what & CURL_POLL_OUT) != 0 ? EPOLLOUT : 0U);
        event.data.fd = socket;
        ::epoll_ctl(impl.epoll, known == nullptr ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, socket, &event);
        if (known == nullptr) {
            curl_multi_assign(impl.multi, socket, &impl);  // any pointer: "is in the set"
        }
        return 0;
    }

    static int on_timer(CURLM* /*multi*/, long timeout_ms, void* user) {
        auto& impl = *static_cast<Impl*>(user);
        impl.timer.cancel();
        if (timeout_ms >= 0 && !impl.closed) {
            impl.timer.expires_after(std::chrono::milliseconds(timeout_ms));
            impl.timer.async_wait([weak = std::weak_ptr(impl.shared_from_this())](boost::system::error_code error) {
                const auto self = weak.lock();
                if (!error && self && !self->closed) {
                    int running = 0;
                    curl_multi_socket_action(self->multi, CURL_SOCKET_TIMEOUT, 0, &running);
                    self->finish_done();
                }
            });
        }
        return 0;
    }

    void watch() {
        descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                              [weak = std::weak_ptr(shared_from_this())](boost::system::error_code error) {
                                  const auto self = weak.lock();
                                  if (!error && self && !self->closed) {
                                      self->handle_sockets();
                                      if (!self->closed) {
                                          self->watch();
                                      }
                                  }
                              });
    }

    void handle_sockets() {
        std::array<epoll_event, 64> events{};
        const int count = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), 0);
        for (int i = 0; i < count; ++i) {
            const epoll_event& event = events[static_cast<std::size_t>(i)];
            const int mask = ((event.events & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) |
                             ((event.events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
                             ((event.events & (EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_ERR : 0);
            int running = 0;
            curl_multi_socket_action(multi, event.data.fd, mask, &running);
        }
        finish_done();
    }

    void finish_done() {
        std::vector<std::unique_ptr<Transfer>> finished;
        int left = 0;
        while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
            if (message->msg == CURLMSG_DONE) {
                CURL* easy = message->easy_handle;
                const CURLcode code = message->data.result;
                auto node = transfers.extract(easy);
                node.mapped()->finish(code);
                curl_multi_remove_handle(multi, easy);
                finished.push_back(std::move(node.mapped()));
            }
        }
        start_waiting();
        for (const auto& transfer : finished) {
            transfer->easy.reset();
            if (!closed) {  // a callback may destroy the client
                transfer->done(std::move(transfer->response));
            }
        }
    }

    Loop& loop;
    Settings settings;
    asio::steady_timer timer;
    asio::posix::stream_descriptor descriptor;  // owns the epoll set
    CURLM* multi;
    int epoll;
    std::unordered_map<CURL*, std::unique_ptr<Transfer>> transfers;
    std::deque<std::unique_ptr<Transfer>> waiting;
    bool closed = false;
};

HttpsClient::HttpsClient(Loop& loop, Settings settings) : impl_(std::make_shared<Impl>(loop, std::move(settings))) {
    loop.dispatch([weak = std::weak_ptr(impl_)] {
        if (const auto impl = weak.lock()) {
            impl->watch();
        }
    });
}

HttpsClient::~HttpsClient() {
    Loop& loop = impl_->loop;
    loop.sync([this] {
        impl_->close();
        impl_.reset();
    });
}

void HttpsClient::fetch(HttpsRequest request, std::function<void(HttpsResponse)> done) {
    impl_->loop.post([weak = std::weak_ptr(impl_), request = std::move(request), done = std::move(done)]() mutable {
        if (const auto impl = weak.lock()) {
            impl->start(std::move(request), std::move(done));
        }
    });
}

}  // namespace postseal::net
