// What an MTA, or anybody on the policy daemon's socket, asks about.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "base/bytes.h"
#include "verdict/key.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace postseal;
    const verdict::Key key = verdict::parse_key(as_text({data, size}));
    // A key is what a cache files its answer under: its text must lead back to it.
    if (key.can_have_policy() ? verdict::parse_key(key.text()) != key : key.why.empty()) {
        std::abort();
    }
    return 0;
}
