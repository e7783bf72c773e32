// `postseal demo`: see demo.h.
#include <memory>

#include "app/command.h"
#include "app/demo.h"

namespace postseal::app {

void add_demo(CLI::App& root, int& status) {
    const auto options = std::make_shared<DemoOptions>();
    CLI::App* command = root.add_subcommand("demo",
                                            "The product on loopback with an internet of its own: two domains, a "
                                            "sender, reports, the panel. Needs no root; "
                                            "Ctrl-C ends it");
    command->add_option("--port", options->port, "The panel's port on 127.0.0.1; 8460 or the next free one by default")
        ->check(CLI::Range(1, 65'535));
    command->add_option("--data", options->data,
                        "A folder to keep everything in; a temporary one, removed at the end, by default");
    command->add_flag(
        "--json", options->as_json,
        "When it runs, print one JSON object with the panel's address and the sign-in link; progress goes "
        "to standard error");
    command->callback([options, &status] { status = demo(*options); });
}

}  // namespace postseal::app
