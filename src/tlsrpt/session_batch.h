// Sessions that an MTA, or a plug-in of one, hands over many at a time: the JSON objects of libtlsrpt's datagrams
// (tlsrpt/datagram.h), one alone, an array of them, or one a line. Each is judged by itself, and all are taken or none,
// so that whoever sends them again counts none twice.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tlsrpt/datagram.h"

namespace postseal::tlsrpt {

enum class BatchFormat { json, ndjson };  // one value; one value a line, blank lines between them being nothing

struct BatchLimits {
    std::size_t bytes_max = std::size_t{8} << 20;
    std::size_t sessions_max = 10'000;
    std::size_t refused_max = 100;  // listed; the reading ends there
};

struct RefusedSession {
    std::size_t index = 0;  // from 0
    std::string field;      // "d", "policies[0].f"; "" for the object as a whole
    std::string why;
    friend bool operator==(const RefusedSession&, const RefusedSession&) = default;
};
struct Batch {
    std::vector<Session> sessions;
    std::vector<RefusedSession> refused;
};

// Errors: the body as a whole is too long (limit_exceeded), has too many sessions, or is no JSON, with the place.
Result<Batch> read_batch(std::string_view body, BatchFormat format, const BatchLimits& limits = {});

}  // namespace postseal::tlsrpt
