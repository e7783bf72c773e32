// What the jobs of this module stand on; all of it outlives them.
#pragma once

#include "base/log.h"
#include "base/time.h"
#include "hosting/publication.h"
#include "net/https_client.h"
#include "net/loop.h"
#include "net/resolver.h"
#include "store/store.h"

namespace postseal::hosting {

struct JobsParts {
    net::Loop& loop;  // of its own: the store blocks it
    store::Store& store;
    net::Resolver& resolver;
    net::HttpsClient& https;
    Publication& publication;
    const Clock& clock;
    Log& log;
};

}  // namespace postseal::hosting
