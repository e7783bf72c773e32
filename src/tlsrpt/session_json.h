// The JSON of a session as libtlsrpt has it, behind datagrams and batches alike. Internal to this module.
#pragma once

#include <string>
#include <string_view>

#include "tlsrpt/datagram.h"
#include "tlsrpt/dom.h"

namespace postseal::tlsrpt {

class SessionParser {
public:
    // Valid until the next call. Invalid UTF-8 is repaired: libtlsrpt passes bytes from EHLO and TXT through as they
    // are. Errors say where in the text.
    Result<dom::element> parse(std::string_view text);

private:
    dom::parser parser_;
    std::string repaired_;
};

// Errors name the member: "d", "policies[2].f".
Result<Session> read_session(dom::element root);

}  // namespace postseal::tlsrpt
