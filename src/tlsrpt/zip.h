// The files in a zip, which no RFC asks for and senders use all the same.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "tlsrpt/read.h"

namespace postseal::tlsrpt {

bool looks_like_zip(ByteView bytes);

struct ZipEntry {
    std::string name;
    Result<Bytes> bytes;
};
// Files only, and not what macOS puts beside them. `bytes_left` bounds them together and goes down by what they inflate
// to. Errors: invalid_input (damaged from its start).
Result<std::vector<ZipEntry>> unzip(ByteView zip, const ReadLimits& limits, std::size_t& bytes_left);

}  // namespace postseal::tlsrpt
