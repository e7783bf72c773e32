#include "console/router.h"

#include <algorithm>

#include "base/text.h"

namespace postseal::console {

namespace {

bool is_parameter(std::string_view part) {
    return part.size() > 2 && part.front() == '{' && part.back() == '}';
}

std::optional<std::vector<std::pair<std::string, std::string>>> matched(const std::vector<std::string>& pattern,
                                                                        const std::vector<std::string_view>& path) {
    if (pattern.size() != path.size()) {
        return std::nullopt;
    }
    std::vector<std::pair<std::string, std::string>> parameters;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        if (is_parameter(pattern[i])) {
            if (path[i].empty()) {
                return std::nullopt;
            }
            parameters.emplace_back(pattern[i].substr(1, pattern[i].size() - 2), path[i]);
        } else if (pattern[i] != path[i]) {
            return std::nullopt;
        }
    }
    return parameters;
}

}  // namespace

std::string Actor::text() const {
    switch (kind) {
        case Kind::user:
            return "user:" + (session ? session->user.name : std::string());
        case Kind::local:
            return "cli:local";
        case Kind::nobody:
            break;
    }
    return "nobody";
}

const std::string& Call::path(std::string_view name) const {
    static const std::string none;
    const auto found = std::ranges::find(path_parameters, name, [](const auto& pair) { return pair.first; });
    return found == path_parameters.end() ? none : found->second;
}

void Router::add(std::string method, std::string_view pattern, Access access, CallHandler handler) {
    std::vector<std::string> parts;
    for (const std::string_view part : split(pattern, '/')) {
        parts.emplace_back(part);
    }
    routes_.push_back({std::move(method), std::move(parts), access, std::move(handler)});
}

Router::Match Router::find(std::string_view method, std::string_view path) const {
    const std::string_view wanted = method == "HEAD" ? "GET" : method;
    const std::vector<std::string_view> parts = split(path, '/');
    Match match;
    for (const Route& route : routes_) {
        auto parameters = matched(route.parts, parts);
        if (!parameters) {
            continue;
        }
        if (route.method == wanted) {
            return {route.access, route.handler, std::move(*parameters), {}};
        }
        if (std::ranges::find(match.allowed, route.method) == match.allowed.end()) {
            match.allowed.push_back(route.method);
        }
    }
    return match;
}

}  // namespace postseal::console
