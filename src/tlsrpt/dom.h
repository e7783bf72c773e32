// Elements of simdjson's tree whose type the caller has looked at.
#pragma once

#include <simdjson.h>

#include <string_view>
#include <tuple>

namespace postseal::tlsrpt {

namespace dom = simdjson::dom;

// Precondition of each: the element is of that type (an error would leave the default, which must not be walked).
inline dom::array array_in(dom::element element) {
    dom::array array;
    std::ignore = element.get_array().get(array);
    return array;
}
inline dom::object object_in(dom::element element) {
    dom::object object;
    std::ignore = element.get_object().get(object);
    return object;
}
inline std::string_view string_in(dom::element element) {
    std::string_view text;
    std::ignore = element.get_string().get(text);
    return text;
}
inline double double_in(dom::element element) {
    double value = 0;
    std::ignore = element.get_double().get(value);
    return value;
}

inline bool has_member(dom::object object, std::string_view name) {
    return object.at_key(name).error() == simdjson::SUCCESS;
}

}  // namespace postseal::tlsrpt
