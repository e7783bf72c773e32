// A look at JSON from outside: where a text ends, and what in it a strict parser would refuse but a person understands.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace postseal::tlsrpt {

struct JsonExtent {
    std::size_t bytes = 0;  // from the opening bracket past its closing one; the whole text when unclosed
    std::size_t depth = 0;
    bool closed = false;
    bool raw_controls = false;       // a control character inside a string
    bool overlong_integers = false;  // an integer of 19 digits or more: not exact anywhere, too large for some parsers
};
// `text` begins with '{' or '['. One pass, no recursion: depth costs nothing.
JsonExtent scan_json(std::string_view text);

// The same JSON with control characters in strings escaped and overlong integers replaced by 2^53 (which a reader of
// counts clamps).
std::string repair_json(std::string_view text);

// What is wrong where, for people: "line 3: syntax error". `text` is JSON that a parser refused.
Error locate_json_error(std::string_view text, std::string_view fallback);

}  // namespace postseal::tlsrpt
