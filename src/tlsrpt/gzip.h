// gzip as reports travel in it (RFC 8460 §5.2, RFC 1952): several members, file names in the header, rubbish behind.
#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "tlsrpt/read.h"

namespace postseal::tlsrpt {

bool looks_like_gzip(ByteView bytes);

struct Inflated {
    Bytes bytes;
    std::size_t trailing_bytes = 0;  // behind the last member, not zeros
};
// At most `bytes_left` bytes and limits.json_bytes_max. `bytes_left` goes down by what was inflated, also where it was
// in vain: a hundred broken members are as much work as a hundred good ones. Errors as gunzip().
Result<Inflated> inflate_members(ByteView compressed, const ReadLimits& limits, std::size_t& bytes_left);

}  // namespace postseal::tlsrpt
