// Evidence as JSON and back, without loss: a support case replays as a test. Text is text, DER and bodies that are not
// UTF-8 are base64, times RFC 3339, names A-labels.
#pragma once

#include <boost/json/object.hpp>
#include <string_view>

#include "base/result.h"
#include "verdict/evidence.h"

namespace postseal::verdict {

boost::json::object evidence_to_json(const Evidence& evidence);
// Unknown members are ignored, missing ones keep their defaults; a member of the wrong shape is an error that names it.
Result<Evidence> evidence_from_json(std::string_view text);

}  // namespace postseal::verdict
