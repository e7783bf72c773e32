#include "tlsrpt/gzip.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <new>

#include "tlsrpt/write.h"

namespace postseal::tlsrpt {

namespace {

constexpr int gzip_window_bits = 15 + 16;
constexpr std::size_t first_output_bytes = std::size_t{64} * 1024;
constexpr std::size_t ratio_matters_bytes = std::size_t{1024} * 1024;

class InflateStream {
public:
    InflateStream() {
        if (inflateInit2(&stream, gzip_window_bits) != Z_OK) {
            throw std::bad_alloc();
        }
    }
    InflateStream(const InflateStream&) = delete;
    InflateStream& operator=(const InflateStream&) = delete;
    ~InflateStream() { inflateEnd(&stream); }
    z_stream stream{};
};

Error damaged(const char* what) {
    return invalid_input("gzip", what);
}

}  // namespace

bool looks_like_gzip(ByteView bytes) {
    return bytes.size() >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
}

namespace {

// `used` is what was inflated, whatever comes of it.
Result<Inflated> inflate_up_to(ByteView compressed, const ReadLimits& limits, std::size_t bytes_max,
                               std::size_t& used) {
    InflateStream inflater;
    z_stream& stream = inflater.stream;
    stream.next_in = const_cast<Bytef*>(compressed.data());
    stream.avail_in = static_cast<uInt>(compressed.size());
    Inflated result;
    result.bytes.resize(std::min(bytes_max + 1, std::max(first_output_bytes, compressed.size() * 4)));
    while (true) {
        // One byte more than allowed is room to notice that there is more.
        if (used == result.bytes.size()) {
            if (used > bytes_max) {
                return Error{Errc::limit_exceeded, "gzip", fmt::format("inflates to more than {} bytes", bytes_max)};
            }
            result.bytes.resize(std::min(bytes_max + 1, result.bytes.size() * 2));
        }
        const std::size_t room = result.bytes.size() - used;
        stream.next_out = result.bytes.data() + used;
        stream.avail_out = static_cast<uInt>(room);
        const int status = inflate(&stream, Z_NO_FLUSH);
        used += room - stream.avail_out;
        const std::size_t consumed = compressed.size() - stream.avail_in;
        if (used > ratio_matters_bytes && used / std::max<std::size_t>(consumed, 1) > limits.inflate_ratio_max) {
            return Error{Errc::limit_exceeded, "gzip",
                         fmt::format("inflates to more than {} times its size", limits.inflate_ratio_max)};
        }
        if (status == Z_STREAM_END) {
            const ByteView rest = compressed.subspan(consumed);
            // RFC 1952 §2.2: members follow one another; the file is their concatenation.
            if (looks_like_gzip(rest) && inflateReset(&stream) == Z_OK) {
                continue;
            }
            const bool padding = std::all_of(rest.begin(), rest.end(), [](std::uint8_t b) { return b == 0; });
            result.trailing_bytes = padding ? 0 : rest.size();
            break;
        }
        if (status == Z_DATA_ERROR) {
            return damaged(stream.msg != nullptr ? stream.msg : "damaged");
        }
        if (status != Z_OK && status != Z_BUF_ERROR) {
            return damaged("needs a dictionary or more memory");
        }
        if (stream.avail_in == 0 && stream.avail_out > 0) {
            return damaged("ends in the middle");
        }
    }
    if (used > bytes_max) {
        return Error{Errc::limit_exceeded, "gzip", fmt::format("inflates to more than {} bytes", bytes_max)};
    }
    result.bytes.resize(used);
    return result;
}

}  // namespace

Result<Inflated> inflate_members(ByteView compressed, const ReadLimits& limits, std::size_t& bytes_left) {
    std::size_t used = 0;
    auto inflated = inflate_up_to(compressed, limits, std::min(bytes_left, limits.json_bytes_max), used);
    bytes_left -= std::min(used, bytes_left);
    return inflated;
}

Result<Bytes> gunzip(ByteView compressed, const ReadLimits& limits) {
    if (!looks_like_gzip(compressed)) {
        return damaged("does not begin with 1f 8b");
    }
    if (compressed.size() > limits.input_bytes_max) {
        return Error{Errc::limit_exceeded, "gzip", fmt::format("larger than {} bytes", limits.input_bytes_max)};
    }
    std::size_t bytes_left = limits.json_bytes_max;
    POSTSEAL_TRY(Inflated inflated, inflate_members(compressed, limits, bytes_left));
    return std::move(inflated.bytes);
}

Bytes gzip(ByteView bytes) {
    z_stream stream{};
    // The header that zlib writes by itself has no name and no time: equal bytes in, equal bytes out.
    if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, gzip_window_bits, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        throw std::bad_alloc();
    }
    Bytes out(deflateBound(&stream, static_cast<uLong>(bytes.size())));
    stream.next_in = const_cast<Bytef*>(bytes.data());
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = out.data();
    stream.avail_out = static_cast<uInt>(out.size());
    deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

}  // namespace postseal::tlsrpt
