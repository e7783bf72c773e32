#include "console/static_files.h"

#include <array>
#include <optional>
#include <string>

#include "base/text.h"

namespace postseal::console {

namespace {

// Only styles are inline: the component library sets positions. No script is.
constexpr std::string_view content_security_policy =
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

std::string_view media_type_of(std::string_view path) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 10> types = {
        {{".html", "text/html; charset=utf-8"},
         {".js", "text/javascript; charset=utf-8"},
         {".css", "text/css; charset=utf-8"},
         {".json", "application/json"},
         {".svg", "image/svg+xml"},
         {".png", "image/png"},
         {".ico", "image/vnd.microsoft.icon"},
         {".woff2", "font/woff2"},
         {".txt", "text/plain; charset=utf-8"},
         {".webmanifest", "application/manifest+json"}}};
    for (const auto& [ending, type] : types) {
        if (path.ends_with(ending)) {
            return type;
        }
    }
    return "application/octet-stream";
}

std::string_view caching_of(std::string_view path) {
    if (path.starts_with("assets/")) {
        return "public, max-age=31536000, immutable";  // names carry a hash
    }
    return path == "index.html" ? "no-cache" : "public, max-age=3600";
}

// Is the weight of this element, "gzip;q=0.5", more than nothing?
bool is_wanted(std::string_view parameters) {
    for (const std::string_view parameter : split(parameters, ';')) {
        const std::string_view text = trim_wsp(parameter);
        if (istarts_with(text, "q=")) {
            return text.substr(2).find_first_not_of("0.") != std::string_view::npos;
        }
    }
    return true;
}

}  // namespace

bool accepts_gzip(std::string_view accept_encoding) {
    std::optional<bool> named;
    bool any = false;
    for (const std::string_view element : split(accept_encoding, ',')) {
        const std::size_t end = std::min(element.find(';'), element.size());
        const std::string_view coding = trim_wsp(element.substr(0, end));
        if (iequals(coding, "gzip") || iequals(coding, "x-gzip")) {
            named = is_wanted(element.substr(end));
        } else if (coding == "*") {
            any = is_wanted(element.substr(end));
        }
    }
    return named.value_or(any);
}

void add_security_headers(net::HttpResponse& response) {
    response.headers.emplace_back("Content-Security-Policy", content_security_policy);
    response.headers.emplace_back("X-Content-Type-Options", "nosniff");
    response.headers.emplace_back("Referrer-Policy", "no-referrer");
    response.headers.emplace_back("Cross-Origin-Opener-Policy", "same-origin");
    response.headers.emplace_back("Cross-Origin-Resource-Policy", "same-origin");
}

StaticFiles::StaticFiles(EmbeddedFiles files) {
    for (const EmbeddedFile& file : files) {
        files_.emplace(file.path, file.bytes);
    }
}

net::HttpResponse StaticFiles::reply(const net::HttpRequest& request) const {
    if (request.method != "GET" && request.method != "HEAD") {
        net::HttpResponse response = net::HttpResponse::text(405, "The panel is only to be read.\n");
        response.headers.emplace_back("Allow", "GET, HEAD");
        return response;
    }
    std::string_view path = std::string_view(request.path).substr(request.path.starts_with('/') ? 1 : 0);
    auto found = files_.find(path);
    // A .gz stands for its file and is none by itself.
    if (found == files_.end() || path.ends_with(".gz")) {
        // After an upgrade an open page may ask for a file that is gone: it must not get a page in its place, least of
        // all one that is kept for a year.
        if (path.starts_with("assets/")) {
            net::HttpResponse response = net::HttpResponse::text(404, "There is no such file.\n");
            response.headers.emplace_back("Cache-Control", "no-store");
            return response;
        }
        path = "index.html";
        found = files_.find(path);
        if (found == files_.end()) {
            return net::HttpResponse::text(503, "The panel is not part of this build; the REST interface is.\n");
        }
    }
    net::HttpResponse response;
    response.headers = {{"Content-Type", std::string(media_type_of(path))},
                        {"Cache-Control", std::string(caching_of(path))}};
    std::string_view bytes = found->second;
    if (const auto packed = files_.find(std::string(path) + ".gz"); packed != files_.end()) {
        response.headers.emplace_back("Vary", "Accept-Encoding");
        if (accepts_gzip(request.header("Accept-Encoding"))) {
            response.headers.emplace_back("Content-Encoding", "gzip");
            bytes = packed->second;
        }
    }
    response.body = bytes;
    return response;
}

}  // namespace postseal::console
