// Fields of a server's JSON answer for printing: absent and null are "–", text is made fit for a terminal.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace postseal::app {

std::string text_field(const boost::json::object& object, std::string_view key);
std::int64_t number_field(const boost::json::object& object, std::string_view key);
bool flag_field(const boost::json::object& object, std::string_view key);
// Null when there is none.
const boost::json::object* object_field(const boost::json::object& object, std::string_view key);
std::vector<const boost::json::object*> objects_field(const boost::json::object& object, std::string_view key);

// RFC 3986 §2.1, for a value in a query.
std::string percent_encode(std::string_view text);

}  // namespace postseal::app
