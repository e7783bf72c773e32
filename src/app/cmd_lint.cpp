#include "app/command.h"

namespace postseal::app {

void add_lint(CLI::App& /*root*/, int& /*status*/) {}

}  // namespace postseal::app
