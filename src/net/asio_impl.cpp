// The bodies of Asio and Beast (BOOST_ASIO_SEPARATE_COMPILATION), so that no other file compiles them.
#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
#include <boost/beast/src.hpp>
