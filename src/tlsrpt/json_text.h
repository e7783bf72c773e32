// Finding and repairing the JSON text of a report in bytes that passed through gateways: byte-order marks, banners
// before, rubbish behind, bytes that are not UTF-8, raw control characters (facts of real mail; RFC 8460 §4 asks for
// I-JSON). What the text means is read_json's business.
#pragma once

#include <simdjson.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "tlsrpt/deviations.h"
#include "tlsrpt/json_scan.h"
#include "tlsrpt/read.h"

namespace postseal::tlsrpt {

// True when the bytes begin, after blanks and a byte-order mark, as a JSON object or array does.
bool looks_like_json(std::string_view bytes);

// One JSON text found; the elements live as long as the parser that it was parsed with.
struct JsonFound {
    simdjson::dom::element root;
    std::string_view text;  // its own bytes, as they came except for the character encoding
};

class JsonSource {
public:
    explicit JsonSource(std::string_view bytes, const ReadLimits& limits);

    // The next JSON text for which `wanted` holds. not_found: no more. invalid_input: there is JSON and it is broken,
    // or it is not I-JSON (RFC 7493 §2.3: duplicate names). limit_exceeded: too large or too deep. A text found is
    // valid until the next call.
    Result<JsonFound> next(const std::function<bool(simdjson::dom::element)>& wanted);

    // What next() had to overlook since it was last asked; takes it.
    Deviations take_deviations();

    // Bytes behind the last text found.
    [[nodiscard]] std::size_t left_over() const { return rest_.size(); }

private:
    Result<simdjson::dom::element> parse(std::string_view text, const JsonExtent& extent,
                                         const std::optional<Error>& first_error);
    Result<simdjson::dom::element> parse_strictly(std::string_view text);

    const ReadLimits& limits_;
    std::string owned_;      // after a repair of the encoding
    std::string_view rest_;  // not yet looked at
    std::string repaired_;   // of one JSON text
    simdjson::dom::parser parser_;
    Deviations deviations_;
    bool first_ = true;
    std::size_t scan_bytes_left_ = 0;  // openings that never close would otherwise cost a pass each, again and again
};

// Errors on any object of the tree that names a member twice (RFC 7493 §2.3; RPT-020).
Result<void> check_unique_names(simdjson::dom::element root);

}  // namespace postseal::tlsrpt
