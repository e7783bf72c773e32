#include "app/json_fields.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "base/text.h"

namespace postseal::app {

namespace json = boost::json;

std::string text_field(const json::object& object, std::string_view key) {
    const json::value* found = object.if_contains(key);
    return found != nullptr && found->is_string() ? printable(std::string(found->get_string())) : "–";
}

std::int64_t number_field(const json::object& object, std::string_view key) {
    const json::value* found = object.if_contains(key);
    return found != nullptr && found->is_int64() ? found->get_int64() : 0;
}

bool flag_field(const json::object& object, std::string_view key) {
    const json::value* found = object.if_contains(key);
    return found != nullptr && found->is_bool() && found->get_bool();
}

const json::object* object_field(const json::object& object, std::string_view key) {
    const json::value* found = object.if_contains(key);
    return found != nullptr ? found->if_object() : nullptr;
}

std::vector<const json::object*> objects_field(const json::object& object, std::string_view key) {
    std::vector<const json::object*> out;
    const json::value* found = object.if_contains(key);
    if (found != nullptr && found->is_array()) {
        for (const json::value& element : found->get_array()) {
            if (const json::object* each = element.if_object()) {
                out.push_back(each);
            }
        }
    }
    return out;
}

std::string percent_encode(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const bool unreserved = is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~';
        out += unreserved ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return out;
}

}  // namespace postseal::app
