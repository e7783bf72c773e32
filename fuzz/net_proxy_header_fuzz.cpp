// The PROXY header, whole and in parts: a beginning never decides otherwise than the whole, and what is taken is there.
#include <cstdint>
#include <cstdlib>

#include "net/proxy_header.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const auto whole = postseal::net::parse_proxy_header(bytes);
    if (whole && *whole && ((*whole)->size > size || (*whole)->size > postseal::net::proxy_header_bytes_max)) {
        std::abort();
    }
    if (whole && !*whole && size >= postseal::net::proxy_header_bytes_max) {
        std::abort();  // it would be waited for without end
    }
    const auto half = postseal::net::parse_proxy_header(bytes.substr(0, size / 2));
    if (half && *half && (!whole || !*whole || (*whole)->size != (*half)->size)) {
        std::abort();
    }
    if (!half && whole) {
        std::abort();
    }
    return 0;
}
