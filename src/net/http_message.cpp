// Requests and responses as values.
#include "net/http_message.h"
#include "base/text.h"
#include "net/http_server.h"

namespace postseal::net {

namespace {

int hex_digit(char c) {
    if (is_digit(c)) {
        return c - '0';
    }
    const char lower = to_lower(c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_blank) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%') {
            const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
            const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
            if (high < 0 || low < 0) {
                return std::nullopt;
            }
            out.push_back(static_cast<char>(high * 16 + low));
            i += 2;
        } else {
            out.push_back(plus_is_blank && text[i] == '+' ? ' ' : text[i]);
        }
    }
    return out;
}

bool set_target(HttpRequest& request, std::string_view target) {
    request.target = std::string(target);
    if (target.find("://") != std::string_view::npos && !target.starts_with('/')) {  // absolute-form (RFC 9112 §3.2.2)
        const std::size_t path = target.find('/', target.find("://") + 3);
        target = path == std::string_view::npos ? "/" : target.substr(path);
    }
    if (!target.starts_with('/')) {
        return false;
    }
    const std::size_t question = target.find('?');
    if (question != std::string_view::npos) {
        request.query = std::string(target.substr(question + 1));
        target = target.substr(0, question);
    }
    auto path = percent_decoded(target, false);
    if (!path || path->find('\0') != std::string::npos) {
        return false;
    }
    for (const std::string_view segment : split(*path, '/')) {
        if (segment == "." || segment == "..") {
            return false;
        }
    }
    request.path = std::move(*path);
    return true;
}

std::string HttpRequest::host() const {
    const std::string_view value = header("Host");
    if (value.starts_with('[')) {
        return to_lower(value.substr(0, value.find(']') + 1));
    }
    std::string name = to_lower(value.substr(0, value.find(':')));
    if (name.ends_with('.')) {
        name.pop_back();
    }
    return name;
}

std::optional<std::string> HttpRequest::parameter(std::string_view name) const {
    for (const std::string_view pair : split(query, '&')) {
        const std::size_t equals = pair.find('=');
        if (percent_decoded(pair.substr(0, equals), true) == std::string(name)) {
            return percent_decoded(equals == std::string_view::npos ? "" : pair.substr(equals + 1), true);
        }
    }
    return std::nullopt;
}

HttpResponse HttpResponse::text(int status, std::string body) {
    HttpResponse response;
    response.status = status;
    response.headers = {{"Content-Type", "text/plain; charset=utf-8"}};
    response.body = std::move(body);
    return response;
}

HttpResponse HttpResponse::json(int status, std::string body) {
    HttpResponse response;
    response.status = status;
    response.headers = {{"Content-Type", "application/json"}};
    response.body = std::move(body);
    return response;
}

std::string_view reason_phrase(int status) {
    switch (status) {
        case 200:
            return "OK";
        case 201:
            return "Created";
        case 202:
            return "Accepted";
        case 204:
            return "No Content";
        case 301:
            return "Moved Permanently";
        case 302:
            return "Found";
        case 303:
            return "See Other";
        case 304:
            return "Not Modified";
        case 307:
            return "Temporary Redirect";
        case 308:
            return "Permanent Redirect";
        case 400:
            return "Bad Request";
        case 401:
            return "Unauthorized";
        case 403:
            return "Forbidden";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 408:
            return "Request Timeout";
        case 409:
            return "Conflict";
        case 410:
            return "Gone";
        case 412:
            return "Precondition Failed";
        case 413:
            return "Content Too Large";
        case 415:
            return "Unsupported Media Type";
        case 417:
            return "Expectation Failed";
        case 422:
            return "Unprocessable Content";
        case 428:
            return "Precondition Required";
        case 429:
            return "Too Many Requests";
        case 431:
            return "Request Header Fields Too Large";
        case 500:
            return "Internal Server Error";
        case 501:
            return "Not Implemented";
        case 503:
            return "Service Unavailable";
        case 505:
            return "HTTP Version Not Supported";
        default:
            return "Status";
    }
}

std::string response_head(const HttpResponse& response, std::string_view date, BodyFraming framing) {
    std::string head = "HTTP/1.1 " + std::to_string(response.status) + " ";
    head.append(reason_phrase(response.status)).append("\r\nDate: ").append(date).append("\r\n");
    for (const auto& [name, value] : response.headers) {
        // A line break would begin a header, or a response, of somebody else's making.
        if ((name + value).find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos) {
            head.append(name).append(": ").append(value).append("\r\n");
        }
    }
    const bool never_a_body = response.status == 204 || response.status == 304 || response.status < 200;
    if (framing == BodyFraming::chunked) {
        head += "Transfer-Encoding: chunked\r\n";
    } else if (framing == BodyFraming::length && !never_a_body) {
        head += "Content-Length: " + std::to_string(response.body.size()) + "\r\n";
    }
    return head + (response.close ? "Connection: close\r\n\r\n" : "\r\n");
}

}  // namespace postseal::net
