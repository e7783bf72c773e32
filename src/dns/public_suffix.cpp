#include "dns/public_suffix.h"

#include <libpsl.h>

#include <memory>

namespace postseal::dns {

namespace {

struct FreeList {
    void operator()(psl_ctx_t* list) const { psl_free(list); }
};

// The system's list is newer than the one that was compiled in.
psl_ctx_t* list() {
    static const std::unique_ptr<psl_ctx_t, FreeList> latest(psl_latest(nullptr));
    return latest.get();
}

}  // namespace

bool is_public_suffix(const Name& name) {
    return list() != nullptr ? psl_is_public_suffix(list(), name.text().c_str()) == 1 : name.label_count() < 2;
}

Name registrable_domain(const Name& name) {
    const char* found = list() != nullptr ? psl_registrable_domain(list(), name.text().c_str()) : nullptr;
    const auto parsed = found != nullptr ? Name::parse_ascii(found) : Name();
    return parsed && !parsed->is_root() ? *parsed : name;
}

}  // namespace postseal::dns
