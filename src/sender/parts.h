// What the parts of this module stand on; all of it outlives them.
#pragma once

#include "base/log.h"
#include "base/time.h"
#include "net/https_client.h"
#include "net/loop.h"
#include "net/resolver.h"
#include "store/store.h"

namespace postseal::sender {

struct SenderParts {
    net::Loop& loop;
    net::WorkPool& work;  // for the store: it may block
    net::Resolver& resolver;
    net::HttpsClient& https;
    store::Store& store;
    const Clock& clock;
    Log& log;
};

}  // namespace postseal::sender
