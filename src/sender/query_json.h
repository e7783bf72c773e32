// The JSON of `postseal query` (design §6): one decision with its replies, reasons and what the cache holds.
#pragma once

#include <boost/json/object.hpp>

#include "sender/policy_daemon.h"

namespace postseal::sender {

boost::json::object query_json(const PolicyDaemon::Explanation& explanation);

}  // namespace postseal::sender
