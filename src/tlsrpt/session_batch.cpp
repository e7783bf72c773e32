#include "tlsrpt/session_batch.h"

#include <fmt/format.h>

#include "base/text.h"
#include "tlsrpt/dom.h"
#include "tlsrpt/session_json.h"

namespace postseal::tlsrpt {

namespace {

Error too_many(const BatchLimits& limits) {
    return {Errc::limit_exceeded, "body", fmt::format("more than {} sessions", limits.sessions_max)};
}

bool take(Batch& batch, std::size_t index, Result<Session> session, const BatchLimits& limits) {
    if (session) {
        batch.sessions.push_back(std::move(*session));
        return true;
    }
    batch.refused.push_back({index, session.error().where, session.error().what});
    return batch.refused.size() < limits.refused_max;
}

Result<Batch> read_value(std::string_view body, const BatchLimits& limits) {
    SessionParser parser;
    POSTSEAL_TRY(const dom::element root, parser.parse(body));
    Batch batch;
    dom::array list;
    if (root.get_array().get(list)) {
        take(batch, 0, read_session(root), limits);
        return batch;
    }
    std::size_t index = 0;
    for (const dom::element item : list) {
        if (index == limits.sessions_max) {
            return too_many(limits);
        }
        if (!take(batch, index++, read_session(item), limits)) {
            break;
        }
    }
    return batch;
}

Result<Batch> read_lines(std::string_view body, const BatchLimits& limits) {
    SessionParser parser;
    Batch batch;
    std::size_t index = 0;
    while (!body.empty()) {
        const std::size_t end = std::min(body.find('\n'), body.size());
        std::string_view line = body.substr(0, end);
        body.remove_prefix(std::min(end + 1, body.size()));
        if (line.ends_with('\r')) {
            line.remove_suffix(1);
        }
        if (trim_wsp(line).empty()) {
            continue;
        }
        if (index == limits.sessions_max) {
            return too_many(limits);
        }
        const auto root = parser.parse(line);
        if (!take(batch, index++, root ? read_session(*root) : Result<Session>(root.error()), limits)) {
            break;
        }
    }
    return batch;
}

}  // namespace

Result<Batch> read_batch(std::string_view body, BatchFormat format, const BatchLimits& limits) {
    if (body.size() > limits.bytes_max) {
        return Error{Errc::limit_exceeded, "body", fmt::format("larger than {} bytes", limits.bytes_max)};
    }
    return format == BatchFormat::json ? read_value(body, limits) : read_lines(body, limits);
}

}  // namespace postseal::tlsrpt
